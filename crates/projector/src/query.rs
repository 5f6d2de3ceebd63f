//! What others ask a running projector: how far it is, what it has counted, and a digest of every piece.

use std::collections::BTreeMap;
use std::path::Path;

use calltrail_domain::hash::StateHash;
use calltrail_domain::party::Party;
use calltrail_domain::state::StateError;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::projection::{Projection, ProjectionError};
use crate::projector::{ProjectorError, Totals};
use crate::store::{Store, unpanicked};

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

/// What waits, over all parties of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Calls that wait for a decision: settled ones, and those that something came late for.
    pub calls: usize,
    /// Decided effects that are not settled in Front.
    pub effects: usize,
}

impl Pending {
    /// Counts one more party.
    pub fn add(&mut self, party: &Party) {
        self.calls += party.queue.len();
        self.effects += party.pending_effects();
    }
}

/// A question, and where the answer goes.
#[derive(Debug)]
pub(crate) enum Query {
    Totals(oneshot::Sender<Result<Totals, ProjectionError>>),
    Pending(oneshot::Sender<Result<BTreeMap<String, Pending>, ProjectionError>>),
    Digest(oneshot::Sender<Result<Digest, ProjectionError>>),
}

impl Query {
    /// Whoever asked may be gone; that is no error.
    pub(crate) fn answer(self, projection: &mut Projection) {
        match self {
            Self::Totals(to) => drop(to.send(totals(projection))),
            Self::Pending(to) => drop(to.send(pending(projection))),
            Self::Digest(to) => drop(to.send(digest(projection))),
        }
    }
}

fn totals(projection: &mut Projection) -> Result<Totals, ProjectionError> {
    let names = projection.names();
    names.into_iter().map(|name| Ok((name.clone(), projection.account(&name).state.account()?))).collect()
}

fn pending(projection: &mut Projection) -> Result<BTreeMap<String, Pending>, ProjectionError> {
    let names = projection.names();
    names
        .into_iter()
        .map(|name| {
            let mut pending = Pending::default();
            for party in projection.account(&name).parties() {
                let (_, party) = party?;
                pending.add(&party);
            }
            Ok((name, pending))
        })
        .collect()
}

/// The digest of the store at `path`, which no running projector has open. Its records are `tail` long.
pub fn stored_digest(path: &Path, tail: u64) -> Result<Digest, ProjectorError> {
    let store = Store::open_unchanged(path, tail)?;
    let read = || Ok(Projection::new(store.clone()).and_then(|mut projection| digest(&mut projection)));
    let read = unpanicked(read);
    store.close();
    Ok(read??)
}

/// The digest of what is committed; the loop commits before it looks at questions.
pub(crate) fn digest(projection: &mut Projection) -> Result<Digest, ProjectionError> {
    let mut pieces = BTreeMap::new();
    for name in projection.names() {
        for entry in projection.account(&name).state.backing().scan_stored("", None) {
            let (key, piece) = entry.map_err(StateError::Backing)?;
            let mut hash = StateHash::default();
            hash.add(&key, &piece);
            pieces.insert((name.clone(), key), hash.finish());
        }
    }
    Ok(Digest { checkpoint: projection.checkpoint(), pieces })
}
