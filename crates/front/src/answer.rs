//! What one attempt came to: the outcome classes.

use std::time::{Duration, SystemTime};

use calltrail_domain::ids::{ContactId, ConversationId};
use calltrail_domain::redact::redact;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use crate::client::Exchange;
use crate::id::is_id;
use crate::limits::DETAILS_MAX;
use crate::reply::{RateLimit, Reply, conversation_in, null_as_default, parse};
use crate::request::{Request, RequestKind};

/// The outcome of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Front did it, or will (202).
    Done(Reply),
    /// Front has certainly not done it, and a retry may succeed: nothing was written to the socket, or 429.
    NotApplied { reason: NotApplied, retry_after: Option<Duration> },
    /// Front has not done it, and the same request will never succeed.
    Rejected(Refusal),
    /// Front does not know the token (401): that says nothing about the request. A right that it lacks (403) is a refusal.
    BadToken,
    /// It is not known whether Front did it: 5xx, a page of a proxy, a timeout, a reset, an answer that cannot be read.
    Ambiguous { reason: Ambiguous },
    /// The conversation was merged into this one (301); nothing was done.
    Moved(ConversationId),
}

/// Why a request was certainly not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotApplied {
    /// No connection, so nothing was written.
    NoConnection,
    /// 429.
    TooMany,
    /// The time for it had passed before it was sent.
    TooLate,
}

/// Why nobody knows whether a request was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ambiguous {
    /// 5xx, or another status that Front does not document.
    Status(u16),
    /// A refusal without Front's JSON form: a proxy or a firewall wrote it, and the request may have reached Front or not.
    Page { status: u16, retry_after: Option<Duration> },
    /// No whole answer in time.
    Timeout,
    /// The connection ended before the answer did.
    ConnectionLost,
    /// A 2xx whose body is not what it should be.
    Malformed,
}

/// A refusal that a retry would not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// Front's own words without personal data; empty when there are none.
    pub message: String,
    /// The contacts that a conflict (409) names.
    pub contacts: Vec<ContactId>,
}

/// The meaning of an answer that came whole. Only Front speaks for Front: a refusal counts when it has Front's JSON form.
#[must_use]
pub fn classify(request: &Request, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    let code = status.as_u16();
    let error = front_error(body);
    match code {
        200..=299 => done(request.kind(), body),
        301 | 308 => {
            moved(headers).map_or(Answer::Ambiguous { reason: Ambiguous::Status(code) }, Answer::Moved)
        }
        408 => Answer::Ambiguous { reason: Ambiguous::Status(code) },
        400..=499 if error.is_none() && rule::holds(Rule::OnlyFrontRefuses) => {
            let retry_after = retry_after(headers, "");
            Answer::Ambiguous { reason: Ambiguous::Page { status: code, retry_after } }
        }
        401 => Answer::BadToken,
        429 => {
            let retry_after = retry_after(headers, &words(error));
            Answer::NotApplied { reason: NotApplied::TooMany, retry_after }
        }
        400..=499 => Answer::Rejected(refusal(code, &words(error))),
        _ => Answer::Ambiguous { reason: Ambiguous::Status(code) },
    }
}

/// The answer with the rate that Front reports; a page of a proxy reports none of Front's.
#[must_use]
pub fn exchange(request: &Request, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Exchange {
    let answer = classify(request, status, headers, body);
    let is_page = matches!(answer, Answer::Ambiguous { reason: Ambiguous::Page { .. } });
    let rate = if is_page { RateLimit::default() } else { rate_limit(headers) };
    Exchange { answer, rate }
}

/// The rate that Front reports; what is absent stays unknown.
#[must_use]
pub fn rate_limit(headers: &HeaderMap) -> RateLimit {
    RateLimit {
        limit: number(headers, "x-ratelimit-limit"),
        remaining: number(headers, "x-ratelimit-remaining"),
        reset_at: number(headers, "x-ratelimit-reset").map(Timestamp::from_seconds),
        answered_at: sent_at(headers),
    }
}

/// When Front sent the answer, by its own clock (`Date`), in whole seconds.
fn sent_at(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_secs()).ok().map(Timestamp::from_seconds)
}

/// Requests that are answered without a body are done whatever the body holds.
fn done(kind: RequestKind, body: &[u8]) -> Answer {
    parse(kind, body).map_or(Answer::Ambiguous { reason: Ambiguous::Malformed }, Answer::Done)
}

fn moved(headers: &HeaderMap) -> Option<ConversationId> {
    conversation_in(headers.get(header::LOCATION)?.to_str().ok()?)
}

/// Whole seconds, at least one: Front's pages say seconds, others milliseconds. Without the header the words of a 429
/// say it, "Please retry in 341 milliseconds".
fn retry_after(headers: &HeaderMap, words: &str) -> Option<Duration> {
    let header = number::<u64>(headers, "retry-after").map(|seconds| Duration::from_secs(seconds.max(1)));
    header.or_else(|| {
        let (_, rest) = words.split_once("retry in ")?;
        let (count, unit) = rest.split_once(' ')?;
        let count = count.parse().ok()?;
        unit.starts_with("millisecond").then(|| Duration::from_millis(count))
    })
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "_error")]
    error: FrontError,
}

#[derive(Deserialize)]
struct FrontError {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    details: Vec<Value>,
}

/// The error in Front's form; `None` for anything that Front did not write.
fn front_error(body: &[u8]) -> Option<FrontError> {
    serde_json::from_slice::<ErrorBody>(body).ok().map(|body| body.error)
}

/// The words of an error for people: "Body did not satisfy requirements" alone says nothing without its details.
fn words(error: Option<FrontError>) -> String {
    let Some(FrontError { title, message, details }) = error else { return String::new() };
    let words = message.or(title).unwrap_or_default();
    let details: Vec<_> = details.iter().filter_map(Value::as_str).take(DETAILS_MAX).collect();
    if details.is_empty() { words } else { format!("{words}: {}", details.join("; ")) }
}

fn refusal(status: u16, words: &str) -> Refusal {
    Refusal { status, message: redact(words), contacts: contacts_in(words) }
}

fn contacts_in(words: &str) -> Vec<ContactId> {
    words
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("crd_") && is_id(word))
        .map(ContactId::new)
        .collect()
}
