//! What others ask a running projector: how far it is, what it has counted, and a digest of every piece.

use std::collections::BTreeMap;

use calltrail_domain::hash::StateHash;
use tokio::sync::oneshot;

use crate::projection::{Projection, ProjectionError};
use crate::projector::Totals;

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

/// A question, and where the answer goes.
#[derive(Debug)]
pub(crate) enum Query {
    Totals(oneshot::Sender<Result<Totals, ProjectionError>>),
    Digest(oneshot::Sender<Result<Digest, ProjectionError>>),
}

impl Query {
    /// Whoever asked may be gone; that is no error.
    pub(crate) fn answer(self, projection: &mut Projection) {
        match self {
            Self::Totals(to) => drop(to.send(totals(projection))),
            Self::Digest(to) => drop(to.send(digest(projection))),
        }
    }
}

fn totals(projection: &mut Projection) -> Result<Totals, ProjectionError> {
    let names = projection.names();
    names.into_iter().map(|name| Ok((name.clone(), projection.account(&name).state.account()?))).collect()
}

/// The digest of what is committed; the loop commits before it looks at questions.
pub(crate) fn digest(projection: &mut Projection) -> Result<Digest, ProjectionError> {
    let mut pieces = BTreeMap::new();
    for name in projection.names() {
        for entry in projection.account(&name).state.backing().scan("", None) {
            let (key, piece) = entry.map_err(calltrail_domain::state::StateError::Backing)?;
            let mut hash = StateHash::default();
            hash.add(&key, &piece);
            pieces.insert((name.clone(), key), hash.finish());
        }
    }
    Ok(Digest { checkpoint: projection.checkpoint(), pieces })
}
