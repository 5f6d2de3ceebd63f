//! The call event log in memory: records in the order of their sequences, with the gaps that erasure leaves.

use std::sync::Arc;

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord<B> {
    pub account: Arc<str>,
    pub kind: Arc<str>,
    pub body: B,
}

/// A record in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged<B> {
    /// From 1, strictly increasing.
    pub sequence: u64,
    pub account: Arc<str>,
    pub kind: Arc<str>,
    pub body: B,
}

/// The log, and how much of it would outlast a loss of power.
///
/// Readers see a record once it is appended. Who keeps the contract calls `sync` before anybody else has a turn; who
/// does not has records that are read, answered and then gone.
#[derive(Debug, Clone)]
pub struct Log<B> {
    records: Vec<Logged<B>>,
    /// The last sequence given, also when its record is erased.
    last: u64,
    synced: u64,
}

impl<B> Default for Log<B> {
    fn default() -> Self {
        Self { records: Vec::new(), last: 0, synced: 0 }
    }
}

impl<B> Log<B> {
    /// Appends the group, next to each other, and returns the sequences; they are durable after the next `sync`.
    pub fn append(&mut self, group: impl IntoIterator<Item = NewRecord<B>>) -> Vec<u64> {
        let from = self.records.len();
        for NewRecord { account, kind, body } in group {
            self.last += 1;
            self.records.push(Logged { sequence: self.last, account, kind, body });
        }
        self.records[from..].iter().map(|record| record.sequence).collect()
    }

    /// Makes everything that was appended durable.
    pub fn sync(&mut self) {
        self.synced = self.last;
    }

    /// The last sequence that is durable, also when its record is erased.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.synced
    }

    /// Up to `max` records after `sequence`, in order.
    #[must_use]
    pub fn read_after(&self, sequence: u64, max: usize) -> &[Logged<B>] {
        let after = &self.records[self.place_after(sequence)..];
        &after[..after.len().min(max)]
    }

    /// The log with these records before its own, as they were before they were trimmed.
    #[must_use]
    pub fn after(&self, trimmed: &[Logged<B>]) -> Self
    where
        B: Clone,
    {
        Self { records: trimmed.iter().chain(&self.records).cloned().collect(), ..*self }
    }

    /// All records, in order.
    #[must_use]
    pub fn into_records(self) -> Vec<Logged<B>> {
        self.records
    }

    /// The sequence of the last record, 0 for an empty log.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.records.last().map_or(0, |record| record.sequence)
    }

    /// The last sequence that was given, also to a record that was erased since.
    #[must_use]
    pub fn last_given(&self) -> u64 {
        self.last
    }

    /// Removes the records for good, and returns them. Sequences that are not there are ignored.
    pub fn erase(&mut self, sequences: &[u64]) -> Vec<Logged<B>> {
        let mut erased = Vec::new();
        for sequence in sequences {
            if let Ok(place) = self.records.binary_search_by_key(sequence, |record| record.sequence) {
                erased.push(self.records.remove(place));
            }
        }
        erased
    }

    /// Removes every record before `sequence` for good, and returns them.
    pub fn trim(&mut self, before: u64) -> Vec<Logged<B>> {
        let place = self.records.partition_point(|record| record.sequence < before);
        self.records.drain(..place).collect()
    }

    /// Drops every record after `sequence`, as a loss of power does with those after `synced`. The log goes on from
    /// there, so a sequence that was lost is given to another record: its readers must not have seen it.
    pub fn lose_after(&mut self, sequence: u64) {
        self.records.truncate(self.place_after(sequence));
        self.last = self.last.min(sequence);
        self.synced = self.synced.min(sequence);
    }

    fn place_after(&self, sequence: u64) -> usize {
        self.records.partition_point(|record| record.sequence <= sequence)
    }
}
