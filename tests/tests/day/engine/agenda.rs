//! The virtual clock, and everything that will happen by it.

use std::collections::BTreeMap;

use calltrail_domain::time::Timestamp;

/// What is to happen, by time; what is due in the same millisecond happens in the order in which it was noted down.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    now_ms: i64,
    noted: u64,
    entries: BTreeMap<(i64, u64), E>,
}

impl<E> Agenda<E> {
    pub(crate) fn starting_at(now_ms: i64) -> Self {
        Self { now_ms, noted: 0, entries: BTreeMap::new() }
    }

    /// Unix time in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    /// Notes down what happens at `at_ms`, or now when that has passed.
    pub(crate) fn note(&mut self, at_ms: i64, entry: E) {
        self.noted += 1;
        self.entries.insert((at_ms.max(self.now_ms), self.noted), entry);
    }

    /// What is due next, if it is due by `until_ms`; the clock shows its time then. With nothing left the clock goes on
    /// to `until_ms`, unless there is no such time.
    pub(crate) fn next(&mut self, until_ms: Option<i64>) -> Option<E> {
        let due =
            self.entries.first_entry().filter(|entry| until_ms.is_none_or(|until| entry.key().0 <= until));
        match due {
            Some(entry) => {
                self.now_ms = entry.key().0;
                Some(entry.remove())
            }
            None => {
                self.now_ms = self.now_ms.max(until_ms.unwrap_or(self.now_ms));
                None
            }
        }
    }
}
