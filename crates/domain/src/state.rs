//! The state of one account, in small pieces: a header per party, one entry per call, loaded by key.

mod piece;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::decision::LeftOut;
use crate::fact::ConversationChange;
use crate::hash::StateHash;
use crate::ids::{CallId, ContactId, ConversationId, PartyId};
use crate::party::{Party, PartyEntry};
use crate::policy::{CallType, Policy};
use crate::record::PartyKey;
use crate::time::Timestamp;

pub use piece::Piece;
pub(crate) use piece::Stored;

/// Where the pieces come from that are not in memory: a projection store, or a map.
pub trait Backing {
    type Error: std::error::Error;

    /// The piece last committed under `key`.
    fn read(&self, key: &str) -> Result<Option<Arc<Piece>>, StateError<Self::Error>>;
}

/// Pieces in memory, for tests and simulation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory(pub BTreeMap<String, Arc<Piece>>);

impl Memory {
    /// Takes in what has changed.
    pub fn change(&mut self, changes: &Changes) {
        for (key, piece) in changes {
            match piece {
                Some(piece) => self.0.insert(key.clone(), Arc::clone(piece)),
                None => self.0.remove(key),
            };
        }
    }
}

impl Backing for Memory {
    type Error = std::convert::Infallible;

    fn read(&self, key: &str) -> Result<Option<Arc<Piece>>, StateError<Self::Error>> {
        Ok(self.0.get(key).cloned())
    }
}

/// What changed since the last commit: a piece as it is now, or `None` for one that is gone.
pub type Changes = BTreeMap<String, Option<Arc<Piece>>>;

/// The committed pieces and, on top, what has changed since.
#[derive(Debug)]
pub struct State<B> {
    backing: B,
    changes: Changes,
}

/// Why a piece of state could not be had.
#[derive(Debug, thiserror::Error)]
pub enum StateError<E: std::error::Error> {
    #[error("the projection store did not answer: {0}")]
    Backing(E),
    #[error("piece {key} of the projection is damaged: {source}; run `calltrail replay --verify`")]
    Damaged { key: String, source: serde_json::Error },
}

/// What an account knows as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub party_key: Option<PartyKey>,
    /// The receive time of the last record from Front.
    pub front_heard_at: Option<Timestamp>,
    /// The contact of all callers without a number, once one was looked up.
    pub anonymous: Option<ContactId>,
    /// Nothing up to this position is left to be decided.
    pub covered_through: u64,
    /// Calls logged, by type.
    pub logged: BTreeMap<CallType, u64>,
    /// Calls left out, by reason.
    pub left_out: BTreeMap<LeftOut, u64>,
    /// Activities and changes that Front refused for good, without those that an operator has had retried or dropped.
    pub rejected: u64,
    /// What stands in the log that this release cannot read: nothing is decided while there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<LaterRecords>,
}

/// Records of a later release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaterRecords {
    pub count: u64,
    /// The sequence of the last one.
    pub last: u64,
    /// The vocabulary of a release that can read all of them.
    pub needs: u32,
}

/// Events about conversations that no party has yet: the import that opened one may not be confirmed when a person
/// already acts on it. Most are about conversations that never have a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strays {
    pub events: Vec<Stray>,
    /// The last record whose event was dropped for want of room: who opened a conversation before it may have missed one.
    pub dropped_through: u64,
}

impl Strays {
    /// Those of other conversations; nothing where none were ever kept.
    pub(crate) fn without(mut self, conversations: &BTreeSet<ConversationId>) -> Option<Self> {
        self.events.retain(|stray| !conversations.contains(&stray.conversation));
        (self != Self::default()).then_some(self)
    }
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    pub conversation: ConversationId,
    pub at: Timestamp,
    pub change: ConversationChange,
    /// Where it stands in the log.
    pub sequence: u64,
}

/// A call that was erased, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub at: Timestamp,
}

/// The names of pieces. Keys sort by kind; timers by time within theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key<'a> {
    Account,
    Policy,
    Strays,
    Party(&'a PartyId),
    Call(CallId),
    Conversation(&'a ConversationId),
    Contact(&'a ContactId),
    /// By the keyed hash of the number.
    Number(&'a PartyId),
    Timer(Timestamp, CallId),
    Erased(CallId),
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("account"),
            Self::Policy => f.write_str("policy"),
            Self::Strays => f.write_str("strays"),
            Self::Party(id) => write!(f, "party/{id}"),
            Self::Call(id) => write!(f, "call/{id}"),
            Self::Conversation(id) => write!(f, "conversation/{id}"),
            Self::Contact(id) => write!(f, "contact/{id}"),
            Self::Number(hash) => write!(f, "number/{hash}"),
            Self::Erased(call) => write!(f, "erased/{call}"),
            Self::Timer(due, call) => write!(f, "timer/{:015}/{call}", due.as_millis()),
        }
    }
}

/// The key of the first timer piece that is due later than `now`: timers sort by their due time.
#[must_use]
pub fn timer_bound(now: Timestamp) -> String {
    format!("timer/{:015}/", now.as_millis() + 1)
}

/// The start of every key of a timer piece, and of every key of a party piece.
pub const TIMER_PREFIX: &str = "timer/";
pub const PARTY_PREFIX: &str = "party/";

impl<B: Backing> State<B> {
    /// The state that `backing` holds.
    pub fn new(backing: B) -> Self {
        Self { backing, changes: Changes::new() }
    }

    /// What has to be committed. The changes stay visible until [`State::committed`].
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Forgets the changes: the backing has them now.
    pub fn committed(&mut self) {
        self.changes.clear();
    }

    /// The committed pieces.
    pub fn backing(&self) -> &B {
        &self.backing
    }

    pub fn account(&self) -> Result<Account, StateError<B::Error>> {
        Ok(self.read(&Key::Account)?.unwrap_or_default())
    }

    pub fn policy(&self) -> Result<Option<Policy>, StateError<B::Error>> {
        self.read(&Key::Policy)
    }

    pub fn call(&self, call: CallId) -> Result<Option<Call>, StateError<B::Error>> {
        self.read(&Key::Call(call))
    }

    /// The party with its present id: an id that was joined into another leads there.
    pub fn party(&self, party: &PartyId) -> Result<Option<(PartyId, Party)>, StateError<B::Error>> {
        let mut id = party.clone();
        loop {
            let piece = self.piece(&Key::Party(&id))?;
            match piece.as_deref().and_then(PartyEntry::of) {
                None => return Ok(None),
                Some(PartyEntry::Party(party)) => return Ok(Some((id, party.as_ref().clone()))),
                Some(PartyEntry::JoinedInto(older)) => id = older.clone(),
            }
        }
    }

    /// The party with exactly this id, unless it was joined into another.
    pub(crate) fn party_itself(&self, party: &PartyId) -> Result<Option<Party>, StateError<B::Error>> {
        Ok(self.piece(&Key::Party(party))?.as_deref().and_then(Piece::party).cloned())
    }

    pub(crate) fn put_party(&mut self, id: &PartyId, party: Party) {
        self.write(&Key::Party(id), PartyEntry::Party(Box::new(party)));
    }

    /// The piece as it is kept, to be looked at where it is.
    pub(crate) fn piece(&self, key: &Key<'_>) -> Result<Option<Arc<Piece>>, StateError<B::Error>> {
        let key = key.to_string();
        match self.changes.get(&key) {
            Some(changed) => Ok(changed.clone()),
            None => self.backing.read(&key),
        }
    }

    pub(crate) fn read<T: Stored>(&self, key: &Key<'_>) -> Result<Option<T>, StateError<B::Error>> {
        Ok(self.piece(key)?.as_deref().and_then(T::of).cloned())
    }

    pub(crate) fn write(&mut self, key: &Key<'_>, piece: impl Into<Piece>) {
        self.changes.insert(key.to_string(), Some(Arc::new(piece.into())));
    }

    /// Replaces a piece as it is kept, or takes it away.
    pub(crate) fn put(&mut self, key: &str, piece: Option<Piece>) {
        self.changes.insert(key.to_owned(), piece.map(Arc::new));
    }

    pub(crate) fn remove(&mut self, key: &Key<'_>) {
        self.changes.insert(key.to_string(), None);
    }
}

impl State<Memory> {
    /// Moves the changes into the map.
    pub fn commit(&mut self) {
        self.backing.change(&self.changes);
        self.changes.clear();
    }

    /// A stable hash over everything that is committed, as hex: equal for equal states, on any machine.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = StateHash::default();
        self.backing.0.iter().for_each(|(key, piece)| hash.add(key, &piece.encode()));
        hash.finish()
    }
}
