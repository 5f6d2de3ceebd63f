//! What a reader is told about its account.

use std::time::Duration;

use calltrail_domain::ids::AccountId;

/// The settings of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub account: AccountId,
    pub rate: Rate,
    /// Nobody else reads: a claim of another reader is that of a process that has ended.
    pub alone: bool,
    /// What is done about a gap.
    pub recovery: Recovery,
    /// The webhook is checked this often. `None`: never.
    pub check_every: Option<Duration>,
    /// Recovered calls that ended longer ago are history.
    pub history_after: Duration,
    /// Where Aircall's webhook is meant to post to. `None` where nobody has said.
    pub webhook_url: Option<String>,
}

/// How many requests a minute this account may send, all readers together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    RequestsPerMinute(u32),
    /// This share of what Aircall reports as the company's limit.
    Share(f64),
}

/// What is done when webhooks were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The webhook is switched on again and the gap is recovered.
    Automatic,
    /// The operator is told what to run.
    Ask,
}
