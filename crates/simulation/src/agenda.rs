//! The virtual clock, and everything that will happen by it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is to happen, by time; what is due in the same millisecond happens in the order in which it was noted down.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    now_ms: i64,
    noted: u64,
    due: BinaryHeap<Reverse<Entry<E>>>,
}

#[derive(Debug)]
struct Entry<E> {
    at: (i64, u64),
    event: E,
}

impl<E> Agenda<E> {
    pub(crate) fn starting_at(now_ms: i64) -> Self {
        Self { now_ms, noted: 0, due: BinaryHeap::new() }
    }

    /// Unix time in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Notes down what happens at `at_ms`, or now when that has passed.
    pub(crate) fn note(&mut self, at_ms: i64, event: E) {
        self.noted += 1;
        self.due.push(Reverse(Entry { at: (at_ms.max(self.now_ms), self.noted), event }));
    }

    /// What is due next, if it is due by `until_ms`; the clock shows its time then.
    pub(crate) fn next(&mut self, until_ms: i64) -> Option<E> {
        if self.due.peek().is_none_or(|Reverse(first)| first.at.0 > until_ms) {
            self.now_ms = self.now_ms.max(until_ms);
            return None;
        }
        let Reverse(first) = self.due.pop()?;
        self.now_ms = first.at.0;
        Some(first.event)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
