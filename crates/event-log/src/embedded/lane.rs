//! Which items of one account and class can be claimed. Pure: the caller brings the time.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

/// A claim that was given; the number tells it from later claims of the same item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) ticket: u64,
    pub(super) number: u64,
}

#[derive(Debug)]
struct Item {
    published_at_ms: i64,
    /// The claim that may extend, release or give up the item.
    claim: Option<u64>,
    /// Not handed out before; `None` when the item is ready.
    until: Option<Instant>,
}

/// The held items. Every item is either in `ready` or, with its time, in `waiting`.
#[derive(Debug, Default)]
pub(super) struct Lane {
    items: BTreeMap<u64, Item>,
    ready: BTreeSet<u64>,
    waiting: BTreeSet<(Instant, u64)>,
    claims_given: u64,
}

impl Lane {
    pub(super) fn publish(&mut self, ticket: u64, published_at_ms: i64) {
        self.items.insert(ticket, Item { published_at_ms, claim: None, until: None });
        self.ready.insert(ticket);
    }

    pub(super) fn remove(&mut self, ticket: u64) {
        match self.items.remove(&ticket).map(|item| item.until) {
            Some(Some(until)) => drop(self.waiting.remove(&(until, ticket))),
            Some(None) => drop(self.ready.remove(&ticket)),
            None => {}
        }
    }

    /// Removes the items whose ticket is not kept.
    pub(super) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        let gone: Vec<_> = self.items.keys().copied().filter(|ticket| !keep(*ticket)).collect();
        for ticket in gone {
            self.remove(ticket);
        }
    }

    /// Hands out the item that was published first among those that nobody holds at `now`, until `until`.
    pub(super) fn claim(&mut self, now: Instant, until: Instant) -> Option<Given> {
        while let Some(&(due, ticket)) = self.waiting.first()
            && due <= now
        {
            self.put(ticket, None);
        }
        let ticket = *self.ready.first()?;
        self.claims_given += 1;
        let number = self.claims_given;
        self.put(ticket, Some(until));
        self.items.get_mut(&ticket)?.claim = Some(number);
        Some(Given { ticket, number })
    }

    /// Starts the claim's time anew; false when it is no longer the item's latest claim.
    pub(super) fn extend(&mut self, given: Given, until: Instant) -> bool {
        let current = self.is_current(given);
        if current {
            self.put(given.ticket, Some(until));
        }
        current
    }

    /// Ends the claim; nobody is handed the item before `until`. False when it is no longer the item's latest claim.
    pub(super) fn release(&mut self, given: Given, until: Option<Instant>) -> bool {
        let current = self.is_current(given);
        if current {
            self.put(given.ticket, until);
            if let Some(item) = self.items.get_mut(&given.ticket) {
                item.claim = None;
            }
        }
        current
    }

    /// When the next claim lapses or the next delay ends.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.first().map(|(due, _)| *due)
    }

    pub(super) fn holds(&self, ticket: u64) -> bool {
        self.items.contains_key(&ticket)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Items whose claim or delay has not been seen to end.
    pub(super) fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn oldest_published_at_ms(&self) -> Option<i64> {
        self.items.first_key_value().map(|(_, item)| item.published_at_ms)
    }

    fn is_current(&self, given: Given) -> bool {
        self.items.get(&given.ticket).is_some_and(|item| item.claim == Some(given.number))
    }

    /// Moves the item to where its new time belongs.
    fn put(&mut self, ticket: u64, until: Option<Instant>) {
        let Some(item) = self.items.get_mut(&ticket) else { return };
        if let Some(before) = item.until {
            self.waiting.remove(&(before, ticket));
        } else {
            self.ready.remove(&ticket);
        }
        item.until = until;
        if let Some(until) = until {
            self.waiting.insert((until, ticket));
        } else {
            self.ready.insert(ticket);
        }
    }
}
