//! What a writer is told about its account.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_domain::ids::{AccountId, InboxId, LineId};
use calltrail_domain::policy::Locale;

use crate::limits::{ATTEMPT_DEFAULT, GRACE_DEFAULT};

/// The settings of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub account: AccountId,
    pub confirm: Confirm,
    pub rate: Rate,
    pub timing: Timing,
    /// The inboxes as they are configured now: a decision may name one that Front does not have.
    pub inboxes: Inboxes,
    /// The language of notes in texts.
    pub locale: Locale,
}

/// Which inbox the calls of a line go into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inboxes {
    pub default: InboxId,
    pub by_line: BTreeMap<LineId, InboxId>,
}

impl Inboxes {
    pub(crate) fn of(&self, line: Option<LineId>) -> &InboxId {
        line.and_then(|line| self.by_line.get(&line)).unwrap_or(&self.default)
    }
}

/// Whether every import is looked for after Front accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirm {
    /// At the latest at the end of its work item.
    Item,
    /// Only the first import of a conversation, because the next ones need the conversation's id.
    Never,
}

/// How many requests a minute this account may send, all replicas together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    RequestsPerMinute(u32),
    /// This share of what Front reports as the company's limit.
    Share(f64),
}

/// The spans that the fence's rules are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub attempt: Duration,
    pub grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { attempt: ATTEMPT_DEFAULT, grace: GRACE_DEFAULT }
    }
}
