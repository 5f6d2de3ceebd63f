//! What others ask a running projector: how far it is, what it has counted, and a digest of every piece.

use std::collections::BTreeMap;
use std::path::Path;

use calltrail_domain::hash::StateHash;
use calltrail_domain::party::Party;
use calltrail_domain::policy::Policy;
use calltrail_domain::state::{Account, Backing, State, StateError};
use calltrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::limits::PUBLICATIONS_MAX;
use crate::pieces::{Pieces, PiecesError, Scan as _};
use crate::projection::Projection;
use crate::projector::ProjectorError;
use crate::rebuild::Swap;
use crate::store::{Store, StoreError, unpanicked};

/// How far the projector is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sequence of the last record folded.
    pub checkpoint: u64,
    /// It has folded everything that was in the log when it started.
    pub caught_up: bool,
}

/// The hash of every piece at one position, by account and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub checkpoint: u64,
    pub pieces: BTreeMap<(String, String), String>,
}

impl Digest {
    fn add(&mut self, account: &str, key: String, stored: &[u8]) {
        let hash = piece_hash(&key, stored);
        self.pieces.insert((account.to_owned(), key), hash);
    }

    /// One hash over all pieces, in key order.
    #[must_use]
    pub fn state_hash(&self) -> String {
        let mut hash = StateHash::default();
        for ((account, key), piece) in &self.pieces {
            hash.add(&format!("{account}/{key}"), piece.as_bytes());
        }
        hash.finish()
    }
}

/// What each account shows for the operator.
pub(crate) type Totals = BTreeMap<String, Account>;

/// What waits, over all parties of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Calls that wait for a decision: settled ones, and those that something came late for.
    pub calls: usize,
    /// When the latest record came of the call that has waited longest; history, which waits for everybody else, aside.
    pub waiting_since: Option<Timestamp>,
    /// Decided effects that are not settled in Front.
    pub effects: usize,
    /// Work items that were published so often ([`PUBLICATIONS_MAX`]) that something must acknowledge them and not do them.
    pub lost_items: usize,
    pub troubles: Troubles,
}

/// What a running projector has met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Troubles {
    /// Work items that the outbox refuses for now; each is tried again at every tick.
    pub refused_publications: usize,
    /// Work items and decisions that are too large to pass.
    pub too_large: usize,
    /// Records of decisions that were made on another log, and not folded.
    pub stale_decisions: u64,
}

impl Pending {
    /// Counts one more party of this state.
    ///
    /// # Errors
    /// When the pieces cannot be read.
    pub fn add<B: Backing>(&mut self, state: &State<B>, party: &Party) -> Result<(), StateError<B::Error>> {
        self.calls += party.queue.len();
        let first = party.queue.front().map(|waiting| state.call(waiting.call)).transpose()?.flatten();
        let first = first.filter(|call| call.settled.as_ref().is_none_or(|settled| !settled.history));
        let since = first.map(|call| call.last_received_at);
        self.waiting_since = self.waiting_since.into_iter().chain(since).min();
        self.effects += party.pending_effects();
        let publication = party.outstanding.as_ref().map_or(0, |outstanding| outstanding.item.publication);
        self.lost_items += usize::from(publication >= PUBLICATIONS_MAX);
        Ok(())
    }
}

impl std::iter::Sum for Troubles {
    fn sum<I: Iterator<Item = Self>>(troubles: I) -> Self {
        troubles.fold(Self::default(), |sum, one| Self {
            refused_publications: sum.refused_publications + one.refused_publications,
            too_large: sum.too_large + one.too_large,
            stale_decisions: sum.stale_decisions + one.stale_decisions,
        })
    }
}

/// A question, and where the answer goes.
#[derive(Debug)]
pub(crate) enum Query {
    Totals(oneshot::Sender<Result<Totals, StateError<StoreError>>>),
    Pending(oneshot::Sender<Result<BTreeMap<String, Pending>, StateError<StoreError>>>),
    Policies(oneshot::Sender<Result<BTreeMap<String, Policy>, StateError<StoreError>>>),
    Digest(oneshot::Sender<Result<Digest, StateError<StoreError>>>),
    /// Not answered here: the machine's store changes.
    Swap(Box<Swap>),
}

impl Query {
    /// Whoever asked may be gone; that is no error. Returns what only the shell can do.
    pub(crate) fn answer(self, projection: &Projection<Store>) -> Option<Box<Swap>> {
        match self {
            Self::Swap(swap) => return Some(swap),
            Self::Totals(to) => drop(to.send(totals(projection))),
            Self::Pending(to) => drop(to.send(pending(projection))),
            Self::Policies(to) => drop(to.send(policies(projection))),
            Self::Digest(to) => drop(to.send(digest(projection))),
        }
        None
    }
}

fn totals(projection: &Projection<Store>) -> Result<Totals, StateError<StoreError>> {
    let accounts = projection.accounts().iter();
    accounts.map(|(name, account)| Ok((name.clone(), account.state.account()?))).collect()
}

fn pending(projection: &Projection<Store>) -> Result<BTreeMap<String, Pending>, StateError<StoreError>> {
    let accounts = projection.accounts().iter();
    accounts
        .map(|(name, account)| {
            let mut pending = Pending { troubles: account.troubles(), ..Pending::default() };
            for party in account.parties() {
                let (_, party) = party?;
                pending.add(&account.state, &party)?;
            }
            Ok((name.clone(), pending))
        })
        .collect()
}

/// Of the accounts that have one.
fn policies(projection: &Projection<Store>) -> Result<BTreeMap<String, Policy>, StateError<StoreError>> {
    let accounts = projection.accounts().iter();
    let policies = accounts.map(|(name, account)| Ok((name.clone(), account.state.policy()?)));
    policies.filter_map(|named| named.map(|(name, policy)| Some((name, policy?))).transpose()).collect()
}

/// The digest of the store at `path`, which no running projector has open. Its records are `tail` long.
pub fn stored_digest(path: &Path, tail: u64) -> Result<Digest, ProjectorError> {
    let store = Store::open_unchanged(path, tail)?;
    let read = unpanicked(|| {
        let mut digest = Digest { checkpoint: store.checkpoint()?, pieces: BTreeMap::new() };
        for name in store.accounts()? {
            for entry in store.account(&name).scan_stored("", None) {
                let (key, bytes) = entry?;
                digest.add(&name, key, &bytes);
            }
        }
        Ok(digest)
    });
    store.close();
    Ok(read?)
}

/// The hash of the store at `path`, which no running projector has open. Its records are `tail` long.
pub(crate) fn stored_hash(path: &Path, tail: u64) -> Result<String, ProjectorError> {
    let store = Store::open_unchanged(path, tail)?;
    let read = unpanicked(|| {
        let mut hash = StateHash::default();
        for name in store.accounts()? {
            for entry in store.account(&name).scan_stored("", None) {
                let (key, bytes) = entry?;
                add_piece(&mut hash, &name, &key, &bytes);
            }
        }
        Ok(hash.finish())
    });
    store.close();
    Ok(read?)
}

/// The hash of what is committed, as [`Digest::state_hash`] gives it, in memory that does not grow with the state.
pub(crate) fn state_hash<P: Pieces>(projection: &Projection<P>) -> Result<String, PiecesError<P>> {
    let mut hash = StateHash::default();
    for (name, account) in projection.accounts() {
        for entry in account.state.backing().scan("", None) {
            let (key, piece) = entry?;
            add_piece(&mut hash, name, &key, &piece.encode());
        }
    }
    Ok(hash.finish())
}

/// Takes a stored piece into the hash over a whole state ([`Digest::state_hash`]).
pub fn add_piece(hash: &mut StateHash, account: &str, key: &str, stored: &[u8]) {
    hash.add(&format!("{account}/{key}"), piece_hash(key, stored).as_bytes());
}

fn piece_hash(key: &str, stored: &[u8]) -> String {
    let mut hash = StateHash::default();
    hash.add(key, stored);
    hash.finish()
}

/// The digest of what is committed.
pub(crate) fn digest<P: Pieces>(projection: &Projection<P>) -> Result<Digest, PiecesError<P>> {
    let mut digest = Digest { checkpoint: projection.checkpoint(), pieces: BTreeMap::new() };
    for (name, account) in projection.accounts() {
        for entry in account.state.backing().scan("", None) {
            let (key, piece) = entry?;
            digest.add(name, key, &piece.encode());
        }
    }
    Ok(digest)
}
