//! A snapshot of the folded state, as records of the log: where the older records were trimmed off, folding begins with it.
//!
//! **Invariants:** a snapshot counts only when all its parts are there and their pieces have the hash that its end names. Who
//! folds the log from its first record passes it over.

use std::collections::BTreeMap;
use std::sync::Arc;

use calltrail_domain::hash::StateHash;
use calltrail_domain::record::{SNAPSHOT_FORMAT, SnapshotEnd, StateSnapshot};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::state::{Changes, Piece};
use calltrail_event_log::ports::LogError;

use crate::lineage::Seen;
pub use crate::query::add_piece;

mod cut;
mod read;
mod write;

pub use cut::Cutter;
pub use read::{base, load, parts};
pub use write::{Taken, take};

/// Where the folding of a trimmed log begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The last record that is folded into the snapshot.
    pub through: u64,
    /// The records of its parts, in their order.
    pub parts: Vec<u64>,
}

/// Why the folding of a trimmed log cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error(
        "the log begins with record {first}, and no whole snapshot of what was before is in it; put the archived records \
         back with `calltrail log import`"
    )]
    Missing { first: u64 },
    #[error(
        "the snapshot with which the log begins has the format {format}, and this release reads {SNAPSHOT_FORMAT}; use the \
         release that wrote it, or a newer one"
    )]
    OtherFormat { format: u32 },
    #[error(
        "the snapshot with which the log begins is damaged at record {sequence}; restore the log from a backup"
    )]
    Damaged { sequence: u64 },
    #[error(
        "the snapshot with which the log begins does not have the hash that it names; restore the log from a backup"
    )]
    OtherHash,
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The parts of snapshots, as they are found in a log.
#[derive(Debug, Default)]
pub struct Parts(BTreeMap<String, Found>);

#[derive(Debug)]
struct Found {
    through: u64,
    began: u64,
    /// Where the parts stand, by their numbers.
    parts: BTreeMap<u64, u64>,
    last: Option<u64>,
}

impl Parts {
    /// Takes in the part that stands at `sequence`. Returns the snapshot that is whole with it.
    pub fn take(&mut self, sequence: u64, part: &StateSnapshot) -> Option<Base> {
        if sequence <= part.through {
            // It was written on records that the log has lost since.
            return None;
        }
        let found = self.0.entry(part.id.clone()).or_insert_with(|| Found {
            through: part.through,
            began: part.began,
            parts: BTreeMap::new(),
            last: None,
        });
        found.parts.insert(part.part, sequence);
        if part.end.is_some() {
            found.last = Some(part.part);
        }
        let counts = found.is_whole() || !rule::holds(Rule::SnapshotsCountWhenWhole);
        counts.then(|| Base { through: found.through, parts: found.parts.values().copied().collect() })
    }

    /// Where all parts of all snapshots stand.
    #[must_use]
    pub fn all(&self) -> Vec<u64> {
        self.0.values().flat_map(|found| found.parts.values().copied()).collect()
    }

    /// Fails where a log that begins with the record `first`, and has no other parts, should have a whole snapshot. Records are
    /// trimmed only after one is whole, and it goes only after the next one is: so one that was begun on the same first
    /// record has none before it.
    ///
    /// # Errors
    /// [`SnapshotError::Missing`].
    pub fn allow_none(&self, first: u64) -> Result<(), SnapshotError> {
        let is_whole_log = self.0.values().all(|found| found.began == first);
        if is_whole_log { Ok(()) } else { Err(SnapshotError::Missing { first }) }
    }
}

impl Found {
    fn is_whole(&self) -> bool {
        let last = self.parts.last_key_value().map(|(part, _)| *part);
        self.last.is_some() && self.last == last && self.last == Some(self.parts.len() as u64)
    }
}

/// A snapshot that is loaded, part by part.
#[derive(Debug, Default)]
pub struct Loading {
    hash: StateHash,
    /// Account, key and stored form of the piece that may go on in the next part.
    open: Option<(String, String, String)>,
    end: Option<SnapshotEnd>,
}

impl Loading {
    /// Takes in the next part, which stands at `sequence`. Returns the pieces that are whole with it, by account.
    ///
    /// # Errors
    /// When it is of another format, or damaged.
    pub fn take(
        &mut self,
        sequence: u64,
        account: &str,
        part: StateSnapshot,
    ) -> Result<BTreeMap<String, Changes>, SnapshotError> {
        if part.format != SNAPSHOT_FORMAT {
            return Err(SnapshotError::OtherFormat { format: part.format });
        }
        let mut whole = BTreeMap::new();
        let damaged = |_| SnapshotError::Damaged { sequence };
        for (key, stored) in part.pieces {
            match &mut self.open {
                Some((of, open, so_far)) if *of == account && *open == key => so_far.push_str(&stored),
                _ => {
                    self.close(&mut whole).map_err(damaged)?;
                    self.open = Some((account.to_owned(), key, stored));
                }
            }
        }
        if part.end.is_some() {
            self.close(&mut whole).map_err(damaged)?;
            self.end = part.end;
        }
        Ok(whole)
    }

    fn close(&mut self, whole: &mut BTreeMap<String, Changes>) -> Result<(), serde_json::Error> {
        let Some((account, key, stored)) = self.open.take() else { return Ok(()) };
        add_piece(&mut self.hash, &account, &key, stored.as_bytes());
        let piece = Piece::decode(&key, stored.as_bytes())?;
        whole.entry(account).or_default().insert(key, Some(Arc::new(piece)));
        Ok(())
    }

    /// Once all parts of `base` were taken in: the records that had been folded, the first and then the last ones. The folding
    /// goes on after `base.through`.
    ///
    /// # Errors
    /// When the pieces are not what was written.
    pub fn finish(self, base: &Base) -> Result<Vec<Seen>, SnapshotError> {
        let hash = self.hash.finish();
        let is_whole = self.end.as_ref().is_some_and(|end| end.state_hash == hash);
        if !is_whole && rule::holds(Rule::SnapshotsCountWhenWhole) {
            return Err(SnapshotError::OtherHash);
        }
        let brings_it = rule::holds(Rule::SnapshotsBringTheLineage);
        let is_last = |seen: &&(u64, u64)| seen.0 == base.through || brings_it;
        let folded =
            self.end.iter().flat_map(|end| end.first.iter().chain(end.recent.iter().filter(is_last)));
        let folded = folded.map(|(sequence, hash)| Seen { sequence: *sequence, hash: *hash });
        Ok(folded.collect())
    }
}
