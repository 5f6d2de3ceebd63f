//! Names of things: accounts, calls, parties, effects, and what Front calls its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the name as it stands.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// The outside side of calls: a keyed hash of its first number, so that it may appear in keys and log lines.
    PartyId
}
text_id! {
    /// A conversation in Front, `cnv_…`.
    ConversationId
}
text_id! {
    /// A contact in Front, `crd_…`.
    ContactId
}
text_id! {
    /// An inbox in Front, `inb_…`.
    InboxId
}
text_id! {
    /// A teammate in Front, `tea_…`.
    TeammateId
}
text_id! {
    /// What Front answers an import with; names the message before it exists.
    MessageUid
}
text_id! {
    /// What the imports of one conversation have in common until its id is known (Front's `thread_ref`).
    ThreadRef
}

/// One Aircall company paired with one Front company.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AccountId(String);

/// An account id that cannot be a subject token and part of an `external_id`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no account id: use 1 to {} lower-case letters, digits, '-' or '_'",
    limits::ACCOUNT_ID_BYTES_MAX
)]
pub struct BadAccountId {
    given: String,
}

impl AccountId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = BadAccountId;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let fits = (1..=limits::ACCOUNT_ID_BYTES_MAX).contains(&given.len());
        let plain =
            given.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if fits && plain { Ok(Self(given.to_owned())) } else { Err(BadAccountId { given: given.to_owned() }) }
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A call in Aircall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number (line) in Aircall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub u64);

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LineId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// As text, because it is also a key of maps, and keys of JSON objects are text.
impl Serialize for LineId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LineId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A phone number in E.164. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Wraps digits that were normalised to E.164 (`+` and digits).
    pub fn from_e164(digits: impl Into<String>) -> Self {
        let digits = digits.into();
        debug_assert!(digits.starts_with('+'), "a normalised number starts with a plus sign");
        Self(digits)
    }

    /// The digits, for Front and for people; never for a log line, a key or a metric.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(…)")
    }
}

/// What an effect does, as it stands in its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKind {
    Contact,
    Observe,
    Call,
    Duration,
    Assign,
    Reopen,
}

impl EffectKind {
    const ALL: [Self; 6] =
        [Self::Contact, Self::Observe, Self::Call, Self::Duration, Self::Assign, Self::Reopen];

    /// The word that stands in keys, in external ids and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Observe => "observe",
            Self::Call => "call",
            Self::Duration => "duration",
            Self::Assign => "assign",
            Self::Reopen => "reopen",
        }
    }
}

/// What makes an effect the same effect: the call and what is done for it. Decided once, ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectKey {
    pub call: CallId,
    pub kind: EffectKind,
}

impl EffectKey {
    /// Front's `external_id` of an import: independent of log, party and ordinal, at most
    /// [`limits::EXTERNAL_ID_BYTES_MAX`] bytes.
    #[must_use]
    pub fn external_id(self, account: &AccountId) -> String {
        let id = format!("calltrail:{account}:{self}");
        assert!(
            id.len() <= limits::EXTERNAL_ID_BYTES_MAX,
            "account ids are bounded so that external ids are"
        );
        id
    }

    /// The last line of what the effect writes into Front: shown to people, and found again by the front-writer.
    #[must_use]
    pub fn marker(self) -> String {
        match self.kind {
            EffectKind::Duration => format!("Aircall call {}, duration", self.call),
            EffectKind::Contact
            | EffectKind::Observe
            | EffectKind::Call
            | EffectKind::Assign
            | EffectKind::Reopen => format!("Aircall call {}", self.call),
        }
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.call, self.kind.as_str())
    }
}

/// A text that is no effect key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no effect key: it reads like 812:duration")]
pub struct BadEffectKey {
    given: String,
}

impl FromStr for EffectKey {
    type Err = BadEffectKey;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (call, kind) = given.split_once(':')?;
            let kind = EffectKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
            Some(Self { call: CallId(call.parse().ok()?), kind })
        };
        parse().ok_or_else(|| BadEffectKey { given: given.to_owned() })
    }
}

impl Serialize for EffectKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EffectKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
