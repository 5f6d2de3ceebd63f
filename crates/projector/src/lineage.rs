//! Which log it is: the records that were folded, by their hashes.
//!
//! **Invariant:** a lineage is a function of the records alone, in the order of the log: a rebuild has the same one.

use std::collections::BTreeMap;

use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::fact::Fact;
use calltrail_domain::rule::{self, Rule};

use crate::limits::RECENT_RECORDS;
use crate::translate::Folding;

/// A record as it is known again: its place in the log, and the hash of its stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub sequence: u64,
    pub hash: u64,
}

/// The first record of the log and the last ones.
///
/// The first record stands for the creation of the log. A log that was made again begins with another one:
/// `account.created` holds a random key, and a webhook that came before it holds a call's id and its times. So no date
/// of creation is kept, which only one of the two backends could give.
///
/// Each record has a slot, which the record [`RECENT_RECORDS`] sequences later takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    pub(crate) first: Option<Seen>,
    pub(crate) recent: BTreeMap<u64, Seen>,
}

impl Lineage {
    /// The record that was folded at this sequence, while it is remembered.
    #[must_use]
    pub fn at(&self, sequence: u64) -> Option<Seen> {
        self.recent.get(&slot(sequence)).copied().filter(|seen| seen.sequence == sequence)
    }

    /// The last record that was folded before this sequence, while it is remembered.
    #[must_use]
    pub(crate) fn before(&self, sequence: u64) -> Option<Seen> {
        let before = self.recent.values().filter(|seen| seen.sequence < sequence);
        before.max_by_key(|seen| seen.sequence).copied()
    }

    /// The hash of the record at this sequence, while it is remembered.
    #[must_use]
    pub fn hash_at(&self, sequence: u64) -> Option<u64> {
        self.at(sequence).map(|seen| seen.hash)
    }

    /// All records that are remembered, the first one first.
    pub fn all(&self) -> impl Iterator<Item = Seen> {
        let mut recent: Vec<_> = self.recent.values().copied().collect();
        recent.sort_unstable_by_key(|seen| seen.sequence);
        self.first.into_iter().chain(recent)
    }

    /// Takes in the next record.
    pub fn add(&mut self, seen: Seen) {
        self.first.get_or_insert(seen);
        self.recent.insert(slot(seen.sequence), seen);
    }

    /// The decisions of this record, if they were made on a state that this log does not have: the projector that made
    /// them was ahead of a log that went backwards. They must not be folded.
    ///
    /// Where the record that they rest on is no longer remembered, or was erased, they count.
    #[must_use]
    pub fn stale<'r>(&self, record: &'r Folding) -> Option<&'r EffectsDecided> {
        let (_, fact) = record.meaning.as_ref()?;
        let Fact::EffectsDecided(decided) = &**fact else { return None };
        let differs = |basis| self.hash_at(decided.through).is_some_and(|hash| hash != basis);
        let is_stale = decided.through >= record.sequence || decided.basis.is_some_and(differs);
        (is_stale && rule::holds(Rule::StaleDecisionsAreDropped)).then_some(decided)
    }
}

pub(crate) fn slot(sequence: u64) -> u64 {
    sequence % RECENT_RECORDS
}
