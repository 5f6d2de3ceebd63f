//! What stands in the call event log: the stored formats. They are frozen; golden files of every version are decoded for ever.
//!
//! A record is JSON: `{"v":1,"kind":"aircall.event","received_at":1646389739123,"data":{…}}`. The account is not in it:
//! the log keeps it beside the record. `v` is the vocabulary that a reader needs ([`crate::vocabulary`]). A record that needs
//! a later one than this release has, and a kind that this release does not know, are kept as they are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::decision::EffectsDecided;
use crate::effect::EffectSettled;
use crate::ids::{CallId, ContactId, ConversationId, EffectKey, PartyId, PhoneNumber};
use crate::policy::Policy;
use crate::time::Timestamp;
use crate::timer::Timer;
use crate::vocabulary::Vocabulary;

/// One record of the call event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was received or made, by the clock of the machine that did so.
    pub received_at: Timestamp,
    pub body: RecordBody,
}

/// The record kinds, by where they come from: webhooks, decisions, the front-writer, timers, the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum RecordBody {
    #[serde(rename = "account.created")]
    AccountCreated(AccountCreated),
    #[serde(rename = "policy.changed")]
    PolicyChanged(Policy),
    #[serde(rename = "aircall.event")]
    AircallEvent(AircallEvent),
    #[serde(rename = "aircall.read")]
    AircallRead(AircallRead),
    #[serde(rename = "front.event")]
    FrontEvent(FrontEvent),
    #[serde(rename = "front.polled")]
    FrontPolled(FrontEvent),
    #[serde(rename = "effects.decided")]
    EffectsDecided(EffectsDecided),
    #[serde(rename = "effect.settled")]
    EffectSettled(EffectSettled),
    #[serde(rename = "conversation.merged")]
    ConversationMerged(ConversationMerged),
    #[serde(rename = "timer.elapsed")]
    TimerElapsed(Timer),
    #[serde(rename = "party.erased")]
    PartyErased(PartyErased),
    #[serde(rename = "state.snapshot")]
    StateSnapshot(StateSnapshot),
    #[serde(rename = "calls.reconsidered")]
    CallsReconsidered(CallsReconsidered),
    #[serde(rename = "effects.retried")]
    EffectsRetried(EffectsRetried),
    #[serde(rename = "effects.dropped")]
    EffectsDropped(EffectsDropped),
    /// Written by a later release: kept, and without meaning here. `needs` is the vocabulary that would give it one.
    #[serde(skip)]
    Unknown { kind: String, needs: u32 },
}

/// The first record of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCreated {
    pub party_key: PartyKey,
}

/// The random key (hex) of the hash that names parties. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartyKey(String);

impl PartyKey {
    /// Wraps random bytes; the caller draws them.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(crate::hash::hex(&bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for PartyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartyKey(…)")
    }
}

/// A webhook of Aircall with a good token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AircallEvent {
    /// The outside number as normalised at receipt: a later release's opinion must not move a call to another party.
    pub number: Option<PhoneNumber>,
    /// The body as received, with the token's value blanked.
    pub body: String,
}

/// A call as Aircall's REST API showed it to the reader.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AircallRead {
    /// The outside number as normalised when the call was read, see [`AircallEvent::number`].
    pub number: Option<PhoneNumber>,
    /// The call object as received.
    pub body: String,
    /// The call is history: it is logged without disturbing anyone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    /// The call was read again for what came late. If the log does not know it, this means nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub update: bool,
}

/// A webhook of Front with a good signature, or an event that was asked for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontEvent {
    /// The body as received; of an event that was asked for, the parts that are read.
    pub body: String,
}

impl std::fmt::Debug for AircallEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AircallEvent({} bytes)", self.body.len())
    }
}

impl std::fmt::Debug for AircallRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AircallRead({} bytes)", self.body.len())
    }
}

impl std::fmt::Debug for FrontEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrontEvent({} bytes)", self.body.len())
    }
}

/// Front answered 301: the conversation lives on in another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationMerged {
    pub from: ConversationId,
    pub into: ConversationId,
}

/// A person's records are erased from the log: what the state is from here on without them. An erasure is a group of such
/// records, each with a part of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyErased {
    /// The last record before the group. At another place than right after it the group means nothing: `pieces` are of a state
    /// that is gone.
    pub through: u64,
    /// 1, 2, 3, … in the group.
    pub part: u64,
    /// The person's party, and those that had joined it.
    pub parties: BTreeSet<PartyId>,
    /// What comes late of these calls means nothing.
    pub calls: BTreeSet<CallId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub conversations: BTreeSet<ConversationId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub contacts: BTreeSet<ContactId>,
    /// The sequences of the records that are erased.
    pub records: Vec<u64>,
    /// Pieces of state by their keys, as they are from here on; `null` for one that is gone. Those of others are among them, which
    /// the log would not give any more without the erased records.
    pub pieces: BTreeMap<String, Option<serde_json::Value>>,
}

/// Shows nothing personal: the pieces of others hold names and numbers.
impl std::fmt::Debug for PartyErased {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartyErased")
            .field("through", &self.through)
            .field("part", &self.part)
            .field("parties", &self.parties)
            .finish_non_exhaustive()
    }
}

/// The format of the pieces in a snapshot that this release writes. Once the records before a snapshot are removed, nothing else
/// gives its pieces: golden files of every format are loaded for ever.
pub const SNAPSHOT_FORMAT: u32 = 1;

/// A part of the state of all accounts, as it was folded up to a record. Where the older records were removed, folding begins
/// with the snapshot; it means nothing to who has folded them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSnapshot {
    /// [`SNAPSHOT_FORMAT`] of the release that wrote it.
    pub format: u32,
    /// The same in all parts of one snapshot, and in no other's.
    pub id: String,
    /// The last record that is folded into it.
    pub through: u64,
    /// The first record that the log had then.
    pub began: u64,
    /// 1, 2, 3, … over all accounts.
    pub part: u64,
    /// Pieces of the record's account, in the order of their keys, as they are stored. One that is too long for a part goes on
    /// under the same key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<(String, String)>,
    /// In the last part alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<SnapshotEnd>,
}

/// What a snapshot ends with: without it, it is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEnd {
    /// The hash over all pieces of all accounts.
    pub state_hash: String,
    /// The first record that was folded, by its sequence and hash.
    pub first: Option<(u64, u64)>,
    /// Likewise the last ones: decisions name the hash of the record that they rest on.
    pub recent: Vec<(u64, u64)>,
}

/// Shows nothing personal: pieces hold names and numbers.
impl std::fmt::Debug for StateSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateSnapshot")
            .field("id", &self.id)
            .field("through", &self.through)
            .field("part", &self.part)
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}

/// An operator has calls decided again that the rules left out. Of any other call this means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsReconsidered {
    /// Up to [`RECONSIDERED_CALLS_MAX`](crate::limits::RECONSIDERED_CALLS_MAX); the fold reads no more.
    pub calls: BTreeSet<CallId>,
    /// The calls are history: they are logged without disturbing anyone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
}

/// An operator has effects that Front refused decided again. Of any other effect this means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectsRetried {
    /// With the ordinal under which each was refused, so that a later refusal of the same effect is not meant. Up to
    /// [`RETRIED_EFFECTS_MAX`](crate::limits::RETRIED_EFFECTS_MAX); the fold reads no more.
    pub effects: BTreeMap<EffectKey, u64>,
    /// Their calls are history: they are logged without disturbing anyone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
}

/// An operator gives up effects that Front refused. Of any other effect this means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectsDropped {
    /// As in [`EffectsRetried`].
    pub effects: BTreeMap<EffectKey, u64>,
}

/// Bytes that are no record of any version.
#[derive(Debug, thiserror::Error)]
#[error("not a record of this log: {0}")]
pub struct BadRecord(#[from] serde_json::Error);

#[derive(Serialize, Deserialize)]
struct Stored<B> {
    v: u32,
    received_at: Timestamp,
    #[serde(flatten)]
    body: B,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl RecordBody {
    /// The kind as it stands in the record and in the log's subject.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::AccountCreated(_) => "account.created",
            Self::PolicyChanged(_) => "policy.changed",
            Self::AircallEvent(_) => "aircall.event",
            Self::AircallRead(_) => "aircall.read",
            Self::FrontEvent(_) => "front.event",
            Self::FrontPolled(_) => "front.polled",
            Self::EffectsDecided(_) => "effects.decided",
            Self::EffectSettled(_) => "effect.settled",
            Self::ConversationMerged(_) => "conversation.merged",
            Self::TimerElapsed(_) => "timer.elapsed",
            Self::PartyErased(_) => "party.erased",
            Self::StateSnapshot(_) => "state.snapshot",
            Self::CallsReconsidered(_) => "calls.reconsidered",
            Self::EffectsRetried(_) => "effects.retried",
            Self::EffectsDropped(_) => "effects.dropped",
            Self::Unknown { kind, .. } => kind,
        }
    }
}

/// The kinds that this release knows.
pub const KNOWN_KINDS: [&str; 15] = [
    "account.created",
    "policy.changed",
    "aircall.event",
    "aircall.read",
    "front.event",
    "front.polled",
    "effects.decided",
    "effect.settled",
    "conversation.merged",
    "timer.elapsed",
    "party.erased",
    "state.snapshot",
    "calls.reconsidered",
    "effects.retried",
    "effects.dropped",
];

impl Record {
    /// The bytes to append.
    ///
    /// # Panics
    /// Never: every field of a record has a JSON form, and nobody writes a kind he does not know.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_in(&Vocabulary::THIS)
    }

    /// The bytes that a release with this vocabulary appends.
    ///
    /// # Panics
    /// As [`Record::encode`]. A debug build also panics for a word that the release must not write yet.
    #[must_use]
    pub fn encode_in(&self, vocabulary: &Vocabulary) -> Vec<u8> {
        debug_assert_eq!(vocabulary.unwritten(&self.body), None, "a word is written after it is known");
        let v = vocabulary.needed(&self.body);
        let stored = Stored { v, received_at: self.received_at, body: &self.body };
        #[expect(clippy::expect_used, reason = "records hold text, numbers and lists only")]
        serde_json::to_vec(&stored).expect("a record has a JSON form")
    }

    /// Reads a record of any release up to this one; what needs a later vocabulary comes back as `Unknown`.
    ///
    /// # Errors
    /// For bytes that no release wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadRecord> {
        Self::decode_in(&Vocabulary::THIS, bytes)
    }

    /// Reads a record as a release with this vocabulary does.
    ///
    /// # Errors
    /// As [`Record::decode`].
    pub fn decode_in(vocabulary: &Vocabulary, bytes: &[u8]) -> Result<Self, BadRecord> {
        let Stored { v, received_at, body } = serde_json::from_slice::<Stored<Kind>>(bytes)?;
        // Also where the rest could be read: a word that is not known here changes what it means.
        if !vocabulary.knows(v) || !KNOWN_KINDS.contains(&body.kind.as_str()) {
            let body = RecordBody::Unknown { kind: body.kind, needs: v };
            return Ok(Self { received_at, body });
        }
        let stored: Stored<RecordBody> = serde_json::from_slice(bytes)?;
        Ok(Self { received_at: stored.received_at, body: stored.body })
    }
}
