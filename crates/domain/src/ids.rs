//! Names of things: accounts, calls, parties, effects, and what Front calls its own.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::rule::{self, Rule};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the name as it stands.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
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
    /// A tag in Front, `tag_…`.
    TagId
}
text_id! {
    /// A comment in Front, `com_…`.
    CommentId
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

/// A number that was shown or dialled: a phone number in E.164 (`+` and digits), or the digits of a short code or an
/// extension, which has no such form. Its `Debug` shows nothing of it.
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

    /// Wraps the digits of a number without an E.164 form. Front knows it as a custom handle, never as a phone.
    pub fn from_code(digits: impl Into<String>) -> Self {
        let digits = digits.into();
        debug_assert!(!digits.starts_with('+'), "a plus sign begins a number in E.164");
        Self(digits)
    }

    /// True for a phone number; false for a short code or an extension.
    #[must_use]
    pub fn is_e164(&self) -> bool {
        self.0.starts_with('+')
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

/// A link to a recording or a voicemail that lasts. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaLink(String);

impl MediaLink {
    /// The link, when it may be shown as one: https, short enough, and made of nothing that ends or dresses it up.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/?&=%+#".contains(&byte);
        let fits = text.len() <= limits::MEDIA_LINK_BYTES_MAX && text.bytes().all(plain);
        (fits && text.starts_with("https://")).then(|| Self(text.to_owned()))
    }

    /// The link as text, for Front.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that it leads to, as it is written there. No user stands before it: a link has no `@`.
    pub(crate) fn host(&self) -> &str {
        let rest = self.0.strip_prefix("https://").unwrap_or_default();
        rest.split(['/', '?', '#', ':']).next().unwrap_or_default()
    }
}

impl fmt::Debug for MediaLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaLink(…)")
    }
}

/// What an effect does, as it stands in its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKind {
    Contact,
    Observe,
    Call,
    Duration,
    /// The recording with its link.
    Recording,
    /// The recording whose link has not come yet.
    RecordingPending,
    /// The voicemail with its link.
    Voicemail,
    /// The voicemail whose link has not come yet.
    VoicemailPending,
    /// The comment with this id in Aircall.
    Comment(u64),
    /// The tag whose name has this hash.
    Tag(u64),
    Assign,
    Reopen,
    /// The status is read once more for what came late, in this step of the party.
    ObserveAgain(u64),
}

impl EffectKind {
    /// The kinds that an effect key names by their word alone.
    const PLAIN: [Self; 10] = [
        Self::Contact,
        Self::Observe,
        Self::Call,
        Self::Duration,
        Self::Recording,
        Self::RecordingPending,
        Self::Voicemail,
        Self::VoicemailPending,
        Self::Assign,
        Self::Reopen,
    ];

    /// The word that stands in keys, in external ids and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Observe => "observe",
            Self::Call => "call",
            Self::Duration => "duration",
            Self::Recording => "recording",
            Self::RecordingPending => "recording_pending",
            Self::Voicemail => "voicemail",
            Self::VoicemailPending => "voicemail_pending",
            Self::Comment(_) => "comment",
            Self::Tag(_) => "tag",
            Self::Assign => "assign",
            Self::Reopen => "reopen",
            Self::ObserveAgain(_) => "observe_again",
        }
    }

    /// True for what only looks into Front, or prepares a contact: it is done again whenever it is needed.
    #[must_use]
    pub fn is_read(self) -> bool {
        matches!(self, Self::Contact | Self::Observe | Self::ObserveAgain(_))
    }

    /// True for what is shown in the conversation besides the call's own activity.
    #[must_use]
    pub fn is_part(self) -> bool {
        match self {
            Self::Duration
            | Self::Recording
            | Self::RecordingPending
            | Self::Voicemail
            | Self::VoicemailPending
            | Self::Comment(_)
            | Self::Tag(_) => true,
            Self::Contact
            | Self::Observe
            | Self::Call
            | Self::Assign
            | Self::Reopen
            | Self::ObserveAgain(_) => false,
        }
    }

    /// The number behind the word, of the kinds that a call may have several of.
    fn item(self) -> Option<u64> {
        match self {
            Self::Comment(item) | Self::Tag(item) | Self::ObserveAgain(item) => Some(item),
            Self::Contact
            | Self::Observe
            | Self::Call
            | Self::Duration
            | Self::Recording
            | Self::RecordingPending
            | Self::Voicemail
            | Self::VoicemailPending
            | Self::Assign
            | Self::Reopen => None,
        }
    }

    fn named(text: &str) -> Option<Self> {
        let Some((word, item)) = text.split_once(':') else {
            return Self::PLAIN.into_iter().find(|known| known.as_str() == text);
        };
        let item = item.parse().ok()?;
        let numbered = [Self::Comment(item), Self::Tag(item), Self::ObserveAgain(item)];
        numbered.into_iter().find(|known| known.as_str() == word)
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

    /// The last line of what the effect writes into Front, in every language: shown to people, and found again by the
    /// front-writer.
    #[must_use]
    pub fn marker(self) -> String {
        self.marked("Aircall #")
    }

    /// True for the marker, and for that of earlier releases, whose texts are in Front and in the outbox.
    #[must_use]
    pub fn is_marker(self, line: &str) -> bool {
        let is_earlier =
            || rule::holds(Rule::EarlierMarkersAreAccepted) && line == self.marked("Aircall call ");
        line == self.marker() || is_earlier()
    }

    fn marked(self, call: &str) -> String {
        let call = format!("{call}{}", self.call);
        match self.kind {
            EffectKind::Duration => format!("{call}, duration"),
            EffectKind::Recording => format!("{call}, recording"),
            EffectKind::RecordingPending => format!("{call}, recording pending"),
            EffectKind::Voicemail => format!("{call}, voicemail"),
            EffectKind::VoicemailPending => format!("{call}, voicemail pending"),
            EffectKind::Comment(note) => format!("{call}, note {note}"),
            EffectKind::Contact
            | EffectKind::Observe
            | EffectKind::Call
            | EffectKind::Tag(_)
            | EffectKind::Assign
            | EffectKind::Reopen
            | EffectKind::ObserveAgain(_) => call,
        }
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.call, self.kind.as_str())?;
        self.kind.item().map_or(Ok(()), |item| write!(f, ":{item}"))
    }
}

/// A text that is no effect key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no effect key: it reads like 812:duration or 812:comment:99")]
pub struct BadEffectKey {
    given: String,
}

impl FromStr for EffectKey {
    type Err = BadEffectKey;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (call, kind) = given.split_once(':')?;
            Some(Self { call: CallId(call.parse().ok()?), kind: EffectKind::named(kind)? })
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
