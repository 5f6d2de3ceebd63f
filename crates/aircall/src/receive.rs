//! A webhook at receipt: as little as is needed to know whose it is and which party it belongs to.

use std::fmt;

use calltrail_domain::ids::PhoneNumber;
use calltrail_domain::record::AircallEvent;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bounds::bounded_text;
use crate::token::Tokens;
use crate::{facts, lenient, number};

/// Why a body is no webhook of Aircall. The messages name places and bounds, never content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    #[error("the body is {size_bytes} bytes; at most {limit_bytes} are taken")]
    TooLarge { size_bytes: usize, limit_bytes: usize },
    #[error("the body is not UTF-8 from byte {offset_bytes} on; send JSON in UTF-8")]
    NotUtf8 { offset_bytes: usize },
    #[error("a NUL character at byte {offset_bytes}; send the body without it")]
    Nul { offset_bytes: usize },
    #[error("more than {limit_levels} levels of nesting; no webhook has so many, send it as it came")]
    TooDeep { limit_levels: usize },
    #[error("no JSON object: line {line}, column {column}; send one object")]
    NotJson { line: usize, column: usize },
    #[error("a key stands twice: line {line}, column {column}; send each key once")]
    Duplicate { line: usize, column: usize },
    #[error("`event` is missing or no text; name the event, such as call.ended")]
    NoEvent,
}

/// A webhook that kept the bounds. Nobody has said yet that it is Aircall's: ask [`Received::is_from`].
pub struct Received {
    token: Option<String>,
    event: String,
    record: AircallEvent,
}

impl Received {
    /// True when the body's token is one of `tokens`; false when there is none in it.
    #[must_use]
    pub fn is_from(&self, tokens: &Tokens) -> bool {
        self.token.as_deref().is_some_and(|token| tokens.matches(token))
    }

    /// True when this release finds a call in such an event.
    #[must_use]
    pub fn is_about_a_call(&self) -> bool {
        facts::is_call_event(&self.event)
    }

    /// What goes into the log: the body with its token's value blanked, and the outside number.
    #[must_use]
    pub fn into_event(self) -> AircallEvent {
        self.record
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("record", &self.record).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Outside {
    #[serde(default, deserialize_with = "lenient::text")]
    raw_digits: Option<String>,
    #[serde(default, deserialize_with = "lenient::object")]
    number: Option<Country>,
}

#[derive(Deserialize)]
struct Country {
    #[serde(default, deserialize_with = "lenient::text")]
    country: Option<String>,
}

/// Reads the token, the event's name and the outside number of a webhook body. Nothing else is parsed or lost: the body
/// that is kept differs from the received one by the token's value only.
pub fn receive(body: &[u8]) -> Result<Received, Malformed> {
    let text = bounded_text(body)?;
    let envelope = envelope(text)?;
    let event: String =
        envelope.event.and_then(|raw| serde_json::from_str(raw.get()).ok()).ok_or(Malformed::NoEvent)?;
    // Trimmed as it is read later: what counts as a call then must have its number now.
    let event = event.trim().to_owned();
    let number = envelope.data.filter(|_| event.starts_with("call.")).and_then(outside_number);
    let token = envelope.token.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let body = blanked(text, envelope.token);
    Ok(Received { token, event, record: AircallEvent { number, body } })
}

fn envelope(text: &str) -> Result<Envelope<'_>, Malformed> {
    if !text.trim_start().starts_with('{') {
        return Err(Malformed::NotJson { line: 1, column: 1 });
    }
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        // The fields take any value, so that a wrong one can only be a second one.
        if error.is_data() {
            Malformed::Duplicate { line, column }
        } else {
            Malformed::NotJson { line, column }
        }
    })
}

fn outside_number(data: &RawValue) -> Option<PhoneNumber> {
    let outside: Outside = serde_json::from_str(data.get()).ok()?;
    let country = outside.number.and_then(|number| number.country);
    number::e164(&outside.raw_digits?, country.as_deref())
}

fn blanked(text: &str, token: Option<&RawValue>) -> String {
    let Some(token) = token.map(RawValue::get) else { return text.to_owned() };
    // `token` is a part of `text`: serde_json borrowed it from there.
    let start = token.as_ptr() as usize - text.as_ptr() as usize;
    format!("{}\"\"{}", &text[..start], &text[start + token.len()..])
}
