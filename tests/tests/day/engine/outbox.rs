//! The outbox in memory: work items that wait for a writer, the first that may be claimed first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::time::Timestamp;

/// The items by the time from which they may be claimed. A claim does not lapse: its worker never stops.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<(Timestamp, u64), Vec<u8>>,
    published: BTreeSet<String>,
    tickets: u64,
}

impl Outbox {
    /// An item with a message id that was published before is dropped.
    pub(crate) fn publish(&mut self, now: Timestamp, item: &WorkItem) {
        if self.published.insert(item.message_id()) {
            self.put(now, item);
        }
    }

    pub(crate) fn claim(&mut self, now: Timestamp) -> Option<WorkItem> {
        let first = self.waiting.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(serde_json::from_slice(&first.remove()).expect("a work item reads back"))
    }

    /// Gives a claimed item back; returns when it may be claimed again.
    pub(crate) fn release(&mut self, now: Timestamp, item: &WorkItem, after: Duration) -> Timestamp {
        self.put(now.plus(after), item);
        now.plus(after)
    }

    fn put(&mut self, from: Timestamp, item: &WorkItem) {
        self.tickets += 1;
        let body = serde_json::to_vec(item).expect("a work item has a JSON form");
        self.waiting.insert((from, self.tickets), body);
    }
}
