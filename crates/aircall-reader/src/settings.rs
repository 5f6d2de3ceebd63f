//! The settings of a reader.

use std::time::Duration;

use calltrail_domain::ids::AccountId;

/// The settings of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub account: AccountId,
    pub rate: Rate,
    /// This is the only reader: any other claim belongs to a process that has ended.
    pub alone: bool,
    /// What is done about a gap.
    pub recovery: Recovery,
    /// The webhook is checked this often. `None`: never.
    pub check_every: Option<Duration>,
    /// Recovered calls that ended longer ago are history.
    pub history_after: Duration,
    /// Where Aircall's webhook is meant to post to. `None` when it is not configured.
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
    /// `status`, health and the log say which command to run.
    Ask,
}
