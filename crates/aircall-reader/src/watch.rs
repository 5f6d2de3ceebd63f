//! What the keeper of the webhook knows. One value per account, shared by all readers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::budget::millis;
use crate::limits::{LOOKS_MAX, TOLD_AFTER};

/// What the checks have found so far. Times are the store's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Watch {
    /// When the webhook was created or, if Aircall does not say, when the first check began. Calls that ended before are
    /// history, which is only read on request.
    #[serde(default)]
    pub since_ms: i64,
    /// When the last check began.
    pub at_ms: i64,
    /// Calls that ended before this are in the log, or a job brings them.
    pub known_ms: i64,
    /// Where the log ended at the last checks.
    looks: Vec<Look>,
    /// It was off, or missing, since `known_ms`: what came late then is missing too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_off: bool,
    /// What is wrong with the webhook.
    pub fault: Option<Fault>,
    /// The gap that waits for an operator, with `Recovery::Ask`.
    pub gap: Option<Gap>,
    /// Times that the webhook was switched on again.
    pub switched_on: u64,
    /// Ended calls that no webhook reported.
    pub missed: u64,
    /// Jobs that were made for gaps.
    pub recoveries: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Look {
    at_ms: i64,
    tail: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub what: What,
    pub since_ms: i64,
}

/// What may be wrong with the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Aircall has no webhook to our address.
    Missing,
    /// Aircall, or a person, has switched it off.
    SwitchedOff,
    /// It lacks events that are wanted.
    Changed,
}

/// Calls that began from one second until another may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from_s: i64,
    pub to_s: i64,
    pub found_ms: i64,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "Aircall has no webhook to this address",
            Self::SwitchedOff => "Aircall's webhook is switched off",
            Self::Changed => "Aircall's webhook lacks events that are needed",
        })
    }
}

impl Watch {
    /// Notes where the log ended when a check began.
    pub(crate) fn look(&mut self, at_ms: i64, tail: u64) {
        self.looks.retain(|look| look.at_ms <= at_ms);
        self.looks.push(Look { at_ms, tail });
        let excess = self.looks.len().saturating_sub(LOOKS_MAX);
        self.looks.drain(..excess);
    }

    /// The log position after which the end of every call since the last check is recorded, if its webhook was on time.
    pub(crate) fn heard_from(&self) -> u64 {
        let before_ms = self.known_ms - 2 * millis(TOLD_AFTER);
        let known = self.looks.iter().rev().find(|look| look.at_ms <= before_ms);
        known.or(self.looks.first()).map_or(0, |look| look.tail)
    }

    /// Takes in what is wrong with the webhook now; true when that is news.
    pub(crate) fn set_fault(&mut self, what: Option<What>, now_ms: i64) -> bool {
        let news = self.fault.as_ref().map(|fault| fault.what) != what;
        if news {
            self.fault = what.map(|what| Fault { what, since_ms: now_ms });
        }
        news
    }

    /// Widens what the operator is asked to recover.
    pub(crate) fn add_gap(&mut self, from_s: i64, to_s: i64, now_ms: i64) {
        let gap = self.gap.get_or_insert(Gap { from_s, to_s, found_ms: now_ms });
        gap.from_s = gap.from_s.min(from_s);
        gap.to_s = gap.to_s.max(to_s);
    }
}
