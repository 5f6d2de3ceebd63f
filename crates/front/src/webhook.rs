//! Front's webhooks: who sent them, and the echo that Front asks for.
//!
//! Source: Front's `/docs/application-webhooks`. Rule webhooks are not taken: their signature covers no time, so that
//! anybody who saw one could send it again.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use calltrail_domain::record::FrontEvent;
use calltrail_domain::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use crate::limits;

/// base64 of HMAC-SHA256 over `{timestamp}:{raw body}`.
pub const SIGNATURE_HEADER: &str = "x-front-signature";
/// Milliseconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "x-front-request-timestamp";
/// Present when Front wants to know whether somebody is here.
pub const CHALLENGE_HEADER: &str = "x-front-challenge";

/// The live signing keys of an account. More than one while a key is being replaced.
pub struct SigningKeys(Vec<SecretString>);

/// A webhook with a good signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// To be stored.
    Event(FrontEvent),
    /// To be answered with 200 and the [`Challenge::body`]; there is nothing to store.
    Challenge(Challenge),
}

/// What Front sends when a webhook is saved, and wants back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

/// Why a webhook is not taken. The messages never repeat content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    #[error("the header {header} is missing or unreadable; send it as Front does")]
    Unsigned { header: &'static str },
    #[error("signed {skew_ms} ms away from our time; at most {limit_ms} are taken, check the clocks")]
    OutsideWindow { skew_ms: u64, limit_ms: u64 },
    #[error(
        "no live key gives this signature; compare the signing key with that of the application in Front"
    )]
    WrongSignature,
    #[error("no JSON object: line {line}, column {column}; send one object")]
    NotJson { line: usize, column: usize },
    #[error("the challenge is empty or longer than {limit_bytes} bytes, or holds more than visible ASCII")]
    BadChallenge { limit_bytes: usize },
}

impl SigningKeys {
    /// Keeps the keys. An empty one is left out: everybody knows it.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = SecretString>) -> Self {
        Self(keys.into_iter().filter(|key| !key.expose_secret().is_empty()).collect())
    }

    /// Tries every key, also after the right one, and compares in constant time.
    fn signed(&self, timestamp: &str, body: &[u8], signature: &[u8]) -> bool {
        self.0.iter().fold(false, |found, key| found | verifies(key, timestamp, body, signature))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({})", self.0.len())
    }
}

impl Challenge {
    /// The body of the answer, `application/json`.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::json!({ "challenge": self.0 }).to_string()
    }
}

impl Rejected {
    /// True when it is not known to be Front's; false when Front (or who has its key) sent something odd.
    #[must_use]
    pub fn is_unauthentic(&self) -> bool {
        match self {
            Self::Unsigned { .. } | Self::OutsideWindow { .. } | Self::WrongSignature => true,
            Self::NotJson { .. } | Self::BadChallenge { .. } => false,
        }
    }
}

/// Checks the signature over the raw body and the time in it against `now`, then tells an event from the validation
/// request (`{"type":"sync"}` with a challenge).
pub fn receive(
    keys: &SigningKeys,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Received, Rejected> {
    let timestamp = text(headers, TIMESTAMP_HEADER)?;
    check_window(timestamp, now)?;
    let signature = STANDARD
        .decode(text(headers, SIGNATURE_HEADER)?)
        .map_err(|_| Rejected::Unsigned { header: SIGNATURE_HEADER })?;
    if !keys.signed(timestamp, body, &signature) {
        return Err(Rejected::WrongSignature);
    }
    let (body, kind) = object(body)?;
    match headers.get(CHALLENGE_HEADER) {
        Some(challenge) if kind.as_deref() == Some("sync") => {
            echo(challenge.as_bytes()).map(Received::Challenge)
        }
        Some(_) | None => Ok(Received::Event(FrontEvent { body: body.to_owned() })),
    }
}

fn text<'h>(headers: &'h HeaderMap, header: &'static str) -> Result<&'h str, Rejected> {
    let value = headers.get(header).and_then(|value| value.to_str().ok());
    value.ok_or(Rejected::Unsigned { header })
}

fn check_window(timestamp: &str, now: Timestamp) -> Result<(), Rejected> {
    let signed_ms: i64 = timestamp.parse().map_err(|_| Rejected::Unsigned { header: TIMESTAMP_HEADER })?;
    let skew_ms = now.as_millis().abs_diff(signed_ms);
    let limit_ms = u64::try_from(limits::WEBHOOK_WINDOW.as_millis()).unwrap_or(u64::MAX);
    if skew_ms > limit_ms { Err(Rejected::OutsideWindow { skew_ms, limit_ms }) } else { Ok(()) }
}

fn verifies(key: &SecretString, timestamp: &str, body: &[u8], signature: &[u8]) -> bool {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).expect("any key length fits");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

#[derive(Deserialize)]
struct Head {
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// The body as text, and its `type`.
fn object(body: &[u8]) -> Result<(&str, Option<String>), Rejected> {
    let not_json = |line, column| Rejected::NotJson { line, column };
    let text = std::str::from_utf8(body).map_err(|_| not_json(1, 1))?;
    if !text.trim_start().starts_with('{') {
        return Err(not_json(1, 1));
    }
    let head: Head = serde_json::from_str(text).map_err(|error| not_json(error.line(), error.column()))?;
    Ok((text, head.kind))
}

fn echo(challenge: &[u8]) -> Result<Challenge, Rejected> {
    let limit_bytes = limits::CHALLENGE_BYTES_MAX;
    let fits = (1..=limit_bytes).contains(&challenge.len());
    let challenge = String::from_utf8(challenge.to_vec())
        .ok()
        .filter(|text| fits && text.bytes().all(|byte| byte.is_ascii_graphic()));
    challenge.map(Challenge).ok_or(Rejected::BadChallenge { limit_bytes })
}
