//! What a writer is told about its account.

use std::time::Duration;

use calltrail_domain::ids::AccountId;

use crate::limits::{ATTEMPT_DEFAULT, GRACE_DEFAULT};

/// The settings of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub account: AccountId,
    pub confirm: Confirm,
    pub rate: Rate,
    pub timing: Timing,
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
