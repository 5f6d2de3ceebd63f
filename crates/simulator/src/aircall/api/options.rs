//! The simulated Aircall company, and the switches for what Aircall does not document.

use super::patience::Patience;
use crate::aircall::cast::{AGENTS, Agent, LINES, Line};
use crate::limits::{AIRCALL_LISTED_DAYS, AIRCALL_PAGE_ENTRIES_MAX, AIRCALL_REQUESTS_PER_MINUTE};

/// The company before the first request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiOptions {
    /// The user of the only credential that is let in.
    pub api_id: String,
    /// Its password.
    pub api_token: String,
    /// The people who make and take calls.
    pub users: Vec<Agent>,
    /// The numbers.
    pub lines: Vec<Line>,
    /// Requests in a sliding minute, for the whole company. Aircall allows 120; a test that raises it should say so.
    pub requests_per_minute: usize,
    /// The unit of `X-AircallApi-Reset`.
    pub reset_unit: ResetUnit,
    /// A 429 has `Retry-After`.
    pub retry_after: bool,
    /// `GET /v1/calls` lists calls that started in the last so many days.
    pub listed_days: i64,
    /// Entries of one page of a list at most, whatever `per_page` asks for.
    pub page_entries_max: usize,
    /// `meta.total` of a list never exceeds 10,000, as from a search index.
    pub total_is_capped: bool,
    /// How long deliveries are retried, and when a webhook is switched off.
    pub patience: Patience,
}

/// The unit of a Unix time in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetUnit {
    /// As three clients of Aircall read it.
    Seconds,
    /// As one client reads it.
    Milliseconds,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            api_id: "aircall-api-id".into(),
            api_token: "aircall-api-token".into(),
            users: AGENTS.into(),
            lines: LINES.into(),
            requests_per_minute: AIRCALL_REQUESTS_PER_MINUTE,
            reset_unit: ResetUnit::Seconds,
            retry_after: true,
            listed_days: AIRCALL_LISTED_DAYS,
            page_entries_max: AIRCALL_PAGE_ENTRIES_MAX,
            total_is_capped: false,
            patience: Patience::default(),
        }
    }
}
