//! What the simulated Aircall company is made of.

use crate::aircall::cast::{AGENTS, Agent, LINES, Line};

/// The company as it stands before the first request.
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
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            api_id: "aircall-api-id".into(),
            api_token: "aircall-api-token".into(),
            users: AGENTS.into(),
            lines: LINES.into(),
        }
    }
}
