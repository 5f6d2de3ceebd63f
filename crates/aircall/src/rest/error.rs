//! Why Aircall's REST API gave no answer of use.

use std::time::Duration;

use calltrail_domain::redact::redact;
use calltrail_domain::rule::{self, Rule};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use crate::limits::RETRY_AFTER_MAX;

/// Why a request came to nothing. Nothing of what was sent is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestError {
    /// 401 and 403: Aircall answers 403 to a wrong credential too.
    #[error(
        "Aircall does not take the credential ({status}); compare `api_id` and `api_token` with Integrations & API > \
         API keys in Aircall"
    )]
    BadCredential { status: u16 },
    #[error("Aircall has no such thing (404); look for it in Aircall, it may have been deleted")]
    NotFound,
    #[error("Aircall takes no more requests this minute (429); try again in {} s", retry_after.as_secs())]
    TooMany { retry_after: Duration },
    #[error("Aircall refused the request ({status}): {}", or_no_reason(reason))]
    Refused { status: u16, reason: String },
    /// A proxy or a firewall wrote it: that says nothing about what was asked.
    #[error(
        "something between this machine and Aircall answered with {status}; check its way out, and \
         `account.aircall.base_url`"
    )]
    NotAircall { status: u16 },
    #[error("Aircall cannot answer now ({status}); try again later, and see status.aircall.com")]
    Failing { status: u16 },
    #[error("Aircall cannot be reached: {0}; check `account.aircall.base_url` and this machine's way out")]
    Unreachable(Unreachable),
    #[error("Aircall's answer is not what its reference describes: {what}")]
    Malformed { what: &'static str },
}

/// How a request failed on its way. Unless there was no connection, Aircall may have done what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    #[error("no connection")]
    NoConnection,
    #[error("no whole answer in time")]
    Timeout,
    #[error("the connection ended early")]
    ConnectionLost,
}

impl RestError {
    /// True when the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::NotAircall { .. } | Self::Failing { .. } | Self::Unreachable(_) => {
                true
            }
            Self::BadCredential { .. } | Self::NotFound | Self::Refused { .. } | Self::Malformed { .. } => {
                false
            }
        }
    }

    /// What an answer that is no 2xx means.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let code = status.as_u16();
        match code {
            429 => Self::TooMany { retry_after: retry_after(headers) },
            // Aircall's refusals are JSON with words; an HTML page is from a proxy.
            400..=499 if reason(body).is_none() && rule::holds(Rule::OnlyFrontRefuses) => {
                Self::NotAircall { status: code }
            }
            401 | 403 => Self::BadCredential { status: code },
            404 => Self::NotFound,
            400..=499 => Self::Refused { status: code, reason: reason(body).unwrap_or_default() },
            500..=599 => Self::Failing { status: code },
            _ => Self::Malformed { what: "a status that it does not use" },
        }
    }

    pub(super) fn of_transport(error: &reqwest::Error) -> Self {
        Self::Unreachable(if error.is_connect() || error.is_builder() {
            Unreachable::NoConnection
        } else if error.is_timeout() {
            Unreachable::Timeout
        } else {
            Unreachable::ConnectionLost
        })
    }
}

/// Aircall documents no `Retry-After`. Where there is none, its minute is waited for.
fn retry_after(headers: &HeaderMap) -> Duration {
    let given = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(given.unwrap_or(60)).clamp(Duration::from_secs(1), RETRY_AFTER_MAX)
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    troubleshoot: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

/// Aircall's own words, without anything that may be a number or an address.
fn reason(body: &[u8]) -> Option<String> {
    let body: ErrorBody = serde_json::from_slice(body).ok()?;
    body.troubleshoot.or(body.message).or(body.error).map(|words| redact(&words))
}

fn or_no_reason(reason: &str) -> &str {
    if reason.is_empty() { "it gave no reason" } else { reason }
}
