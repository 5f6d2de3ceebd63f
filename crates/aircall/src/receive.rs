//! A webhook at receipt: as little as is needed to know whose it is and which party it belongs to.

use std::fmt;

use calltrail_domain::ids::PhoneNumber;
use calltrail_domain::record::AircallEvent;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::bounds::bounded_text;
use crate::facts;
use crate::number::{Home, Outside, outside_at};
use crate::payload::{Call, Number, Payload};
use crate::surrogate::repaired;
use crate::token::Tokens;

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
    #[error("`event` is missing or no text; name the event, such as call.ended")]
    NoEvent,
}

/// What this release makes of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A call.
    Call,
    /// An event about a call that cannot be named: it is kept, and shows nowhere.
    UnreadableCall,
    /// Another event.
    Other,
}

/// A webhook that kept the bounds. Nobody has said yet that it is Aircall's: ask [`Received::is_from`].
pub struct Received {
    token: Option<String>,
    event: String,
    meaning: Meaning,
    has_unreadable_time: bool,
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

    /// What this release makes of it.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// True when a time of the call is there that cannot be read.
    #[must_use]
    pub fn has_unreadable_time(&self) -> bool {
        self.has_unreadable_time
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

/// The object's keys in order, also doubled ones, each with its value unchanged.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(InOrder).map(Entries)
    }
}

impl<'a> Entries<'a> {
    /// The last one counts.
    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value)
    }
}

/// Reads the token, the event's name and the outside number of a webhook body. The body that is kept differs from the
/// received one by the token's value only, and by a byte order mark.
pub fn receive(body: &[u8]) -> Result<Received, Malformed> {
    let text = bounded_text(body)?;
    let repaired = repaired(text);
    let entries = entries(&repaired)?;
    let event = entries.get("event").and_then(text_of).ok_or(Malformed::NoEvent)?;
    // Trimmed as it is read later: what counts as a call then must have its number now.
    let event = event.trim().to_owned();
    let payload = Payload::of(&repaired).filter(|_| event.starts_with("call."));
    let call = payload.as_ref().and_then(|payload| payload.call.as_ref());
    let number = call.and_then(outside_number);
    let meaning = match call {
        _ if !facts::is_call_event(&event) => Meaning::Other,
        Some(call) if call.id().is_some() => Meaning::Call,
        Some(_) | None => Meaning::UnreadableCall,
    };
    let has_unreadable_time = payload.as_ref().is_some_and(Payload::has_unreadable_time);
    let token = entries.get("token").and_then(text_of);
    let body = blanked(text, &repaired, &entries);
    Ok(Received { token, event, meaning, has_unreadable_time, record: AircallEvent { number, body } })
}

fn entries(text: &str) -> Result<Entries<'_>, Malformed> {
    if !text.trim_start().starts_with('{') {
        return Err(Malformed::NotJson { line: 1, column: 1 });
    }
    serde_json::from_str(text)
        .map_err(|error| Malformed::NotJson { line: error.line(), column: error.column() })
}

fn text_of(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// What is shown of the outside number of a call over this line.
pub(crate) fn outside_over(shown: &str, line: Option<&Number>) -> Outside {
    let country = line.and_then(|line| line.country.as_deref());
    let digits = line.and_then(|line| line.e164_digits.as_deref().or(line.digits.as_deref()));
    outside_at(shown, Home::of_line(country, digits))
}

pub(crate) fn outside_number(call: &Call) -> Option<PhoneNumber> {
    match outside_over(call.raw_digits.as_ref()?, call.number.as_ref()) {
        Outside::Number(number) => Some(number),
        Outside::Withheld | Outside::Unreadable => None,
    }
}

/// The text with every token blanked, also one that does not count.
fn blanked(text: &str, repaired: &str, entries: &Entries<'_>) -> String {
    let (mut kept, mut rest_from) = (String::with_capacity(text.len()), 0);
    for (_, token) in entries.0.iter().filter(|(key, _)| key == "token") {
        // It is a part of the repaired text, serde_json borrowed it from there; both texts have the same places.
        let start = token.get().as_ptr() as usize - repaired.as_ptr() as usize;
        kept.push_str(&text[rest_from..start]);
        kept.push_str("\"\"");
        rest_from = start + token.get().len();
    }
    kept + &text[rest_from..]
}
