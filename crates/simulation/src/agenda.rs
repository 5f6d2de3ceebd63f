//! The virtual clock, and everything that will happen by it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is to happen, by time; what is due in the same millisecond happens in the order in which it was noted down.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    now_ms: i64,
    noted: u64,
    /// Time, number and place of the event: the heap moves these, and not the events.
    due: BinaryHeap<Reverse<(i64, u64, usize)>>,
    events: Vec<Option<E>>,
    free: Vec<usize>,
}

impl<E> Agenda<E> {
    pub(crate) fn starting_at(now_ms: i64) -> Self {
        Self { now_ms, noted: 0, due: BinaryHeap::new(), events: Vec::new(), free: Vec::new() }
    }

    /// Unix time in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Notes down what happens at `at_ms`, or now when that has passed.
    pub(crate) fn note(&mut self, at_ms: i64, event: E) {
        self.noted += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[place] = Some(event);
        self.due.push(Reverse((at_ms.max(self.now_ms), self.noted, place)));
    }

    /// What is due next, if it is due by `until_ms`; the clock shows its time then.
    pub(crate) fn next(&mut self, until_ms: i64) -> Option<E> {
        if self.due.peek().is_none_or(|Reverse((at_ms, ..))| *at_ms > until_ms) {
            self.now_ms = self.now_ms.max(until_ms);
            return None;
        }
        let Reverse((at_ms, _, place)) = self.due.pop()?;
        self.now_ms = at_ms;
        self.free.push(place);
        self.events[place].take()
    }
}
