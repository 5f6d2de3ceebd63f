//! Aircall: its credential and its lines; what it says of webhooks and users is kept for the other checks.

use std::collections::BTreeSet;

use calltrail_aircall::rest::{Line, RestError, User, Webhook};
use calltrail_domain::ids::LineId;
use tokio::join;

use super::finding::Finding;
use super::limits::NAMED_MAX;
use super::webhook;
use crate::aircall::client_of;
use crate::config::{AccountConfig, Config};
use crate::output::OneLine;

/// How Aircall can be asked at all.
pub(super) const SET_CREDENTIAL: &str = "set `api_id` and `api_token` under `[account.aircall]`: in Aircall, \
                                         Integrations & API > API keys";

/// Why something is not known.
#[derive(Debug, Clone)]
pub(super) enum Unknown {
    /// There is no credential.
    NotConfigured,
    Failed(RestError),
    /// As the question about the credential.
    FailedAlike,
    BadAddress(String),
}

/// What Aircall answered, question by question.
pub(super) struct AircallSeen {
    ping: Result<(), Unknown>,
    lines: Result<Vec<Line>, Unknown>,
    webhooks: Result<Vec<Webhook>, Unknown>,
    pub(super) users: Result<Vec<User>, Unknown>,
}

impl Unknown {
    /// The finding of a check that needs what is not known.
    pub(super) fn skip(&self, check: &'static str) -> Finding {
        match self {
            Self::NotConfigured => Finding::skipped(check, "Aircall is not asked", SET_CREDENTIAL),
            Self::FailedAlike => {
                Finding::skipped(check, "Aircall gave no answer of use", "fix the credential first")
            }
            Self::Failed(error) => {
                Finding::skipped(check, error.to_string(), "run `calltrail doctor` again in a minute")
            }
            Self::BadAddress(why) => Finding::skipped(check, why, "fix `account.aircall.base_url`"),
        }
    }
}

/// Asks everything at once, so that one silence costs no more than one deadline.
pub(super) async fn look(account: &AccountConfig) -> AircallSeen {
    let nothing = |unknown: Unknown| AircallSeen {
        ping: Err(unknown.clone()),
        lines: Err(unknown.clone()),
        webhooks: Err(unknown.clone()),
        users: Err(unknown),
    };
    let client = match client_of(account) {
        Ok(Some(client)) => client,
        Ok(None) => return nothing(Unknown::NotConfigured),
        Err(error) => return nothing(Unknown::BadAddress(format!("{error:#}"))),
    };
    let (ping, lines, webhooks, users) =
        join!(client.ping(), client.lines(), client.webhooks(), client.users());
    let failed = ping.as_ref().err().cloned();
    let unknown = |error: RestError| match &failed {
        Some(first) if *first == error => Unknown::FailedAlike,
        Some(_) | None => Unknown::Failed(error),
    };
    AircallSeen {
        lines: lines.map_err(&unknown),
        webhooks: webhooks.map_err(&unknown),
        users: users.map_err(&unknown),
        ping: ping.map_err(Unknown::Failed),
    }
}

impl AircallSeen {
    /// What they say about the credential, the lines and the webhook.
    pub(super) fn findings(&self, config: &Config, account: &AccountConfig) -> Vec<Finding> {
        vec![self.credential(), self.lines(account), self.webhook(config, account)]
    }

    fn credential(&self) -> Finding {
        const CHECK: &str = "aircall credential";
        match &self.ping {
            Ok(()) => Finding::ok(CHECK, "Aircall takes it"),
            Err(unknown @ (Unknown::NotConfigured | Unknown::FailedAlike)) => unknown.skip(CHECK),
            Err(Unknown::BadAddress(why)) => Finding::problem(CHECK, why, "fix `account.aircall.base_url`"),
            // The error itself says what to do; the mend names the keys.
            Err(Unknown::Failed(error)) if error.is_retryable() => {
                Finding::problem(CHECK, error.to_string(), "run `calltrail doctor` again later")
            }
            Err(Unknown::Failed(error)) => Finding::problem(CHECK, error.to_string(), SET_CREDENTIAL),
        }
    }

    fn lines(&self, account: &AccountConfig) -> Finding {
        const CHECK: &str = "aircall lines";
        let lines = match &self.lines {
            Ok(lines) => lines,
            Err(unknown) => return unknown.skip(CHECK),
        };
        let configured: BTreeSet<LineId> =
            account.inboxes.keys().chain(&account.calls.skip_lines).copied().collect();
        let seen: BTreeSet<LineId> = lines.iter().map(|line| line.id).collect();
        let missing: Vec<_> = configured.difference(&seen).map(ToString::to_string).collect();
        if missing.is_empty() {
            let what = format!("{} in Aircall, {} named here", lines.len(), configured.len());
            return Finding::ok(CHECK, what);
        }
        let what = format!(
            "Aircall has no line {}, named in `[account.inboxes]` or `skip_lines`",
            missing.join(", ")
        );
        Finding::problem(CHECK, what, format!("take it out, or name one of these: {}", names(lines)))
    }

    fn webhook(&self, config: &Config, account: &AccountConfig) -> Finding {
        match &self.webhooks {
            Ok(webhooks) => webhook::check(config, account, webhooks),
            Err(unknown) => unknown.skip(webhook::CHECK),
        }
    }
}

fn names(lines: &[Line]) -> String {
    let named = |line: &Line| match &line.name {
        Some(name) if !name.chars().any(|c| c.is_ascii_digit()) => format!("{} ({})", line.id, OneLine(name)),
        // A name with digits in it may be the phone number itself.
        Some(_) | None => line.id.to_string(),
    };
    let named: Vec<_> = lines.iter().take(NAMED_MAX).map(named).collect();
    match lines.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
