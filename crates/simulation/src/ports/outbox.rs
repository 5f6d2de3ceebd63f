//! The outbox in memory: work items by account and class, claimed for a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use calltrail_event_log::ports::Class;

/// What came of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The ticket of the new item, or of the one that has the id; that one may be done, or lost, for a while.
    pub ticket: u64,
    pub is_new: bool,
}

/// A hold on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed<B> {
    pub ticket: u64,
    /// Tells this hold from every other.
    pub claim: u64,
    pub id: Arc<str>,
    pub body: B,
    /// From 1; how often the item was handed out, as far as the outbox knows.
    pub delivery: u32,
}

/// The items of all accounts and classes.
#[derive(Debug, Clone)]
pub struct Outbox<B> {
    ack_wait_ms: i64,
    dedupe_window_ms: i64,
    lanes: BTreeMap<(Arc<str>, Class), Lane<B>>,
    tickets: u64,
    claims: u64,
}

#[derive(Debug, Clone)]
struct Lane<B> {
    held: BTreeMap<u64, Item<B>>,
    /// Every id that was ever published, with its last ticket and when that was given.
    ids: BTreeMap<Arc<str>, (u64, i64)>,
}

#[derive(Debug, Clone)]
struct Item<B> {
    id: Arc<str>,
    body: B,
    delivery: u32,
    /// Who may extend and release: the last claim, and after `deliver_again` those before it too.
    claims: Vec<u64>,
    /// When the claim lapses or the delay ends.
    free_from_ms: i64,
    /// A second delivery is under way, whatever the holders do; its claim leaves theirs as they are.
    again: bool,
}

impl<B: Clone> Outbox<B> {
    /// A claim lasts `ack_wait_ms`. An id is not taken again while its item is held, nor within `dedupe_window_ms` of
    /// its publishing, even if the item is long done or lost: JetStream's window knows nothing of the item.
    #[must_use]
    pub fn new(ack_wait_ms: i64, dedupe_window_ms: i64) -> Self {
        assert!(ack_wait_ms > 0 && dedupe_window_ms >= 0, "{ack_wait_ms} ms, {dedupe_window_ms} ms");
        Self { ack_wait_ms, dedupe_window_ms, lanes: BTreeMap::new(), tickets: 0, claims: 0 }
    }

    /// Holds the item, unless its id is not taken again.
    pub fn publish(&mut self, now_ms: i64, account: &str, class: Class, id: &str, body: B) -> Published {
        let lane = self
            .lanes
            .entry((Arc::from(account), class))
            .or_insert_with(|| Lane { held: BTreeMap::new(), ids: BTreeMap::new() });
        if let Some(&(ticket, at_ms)) = lane.ids.get(id)
            && (lane.held.contains_key(&ticket) || now_ms < at_ms + self.dedupe_window_ms)
        {
            return Published { ticket, is_new: false };
        }
        self.tickets += 1;
        let id: Arc<str> = Arc::from(id);
        lane.ids.insert(Arc::clone(&id), (self.tickets, now_ms));
        let item = Item { id, body, delivery: 0, claims: Vec::new(), free_from_ms: i64::MIN, again: false };
        lane.held.insert(self.tickets, item);
        Published { ticket: self.tickets, is_new: true }
    }

    /// True while the item is neither done nor lost.
    #[must_use]
    pub fn holds(&self, account: &str, class: Class, ticket: u64) -> bool {
        self.lanes.get(&(Arc::from(account), class)).is_some_and(|lane| lane.held.contains_key(&ticket))
    }

    /// True while there is an item that nobody has claimed or delayed.
    #[must_use]
    pub fn has_due(&self, now_ms: i64, account: &str, class: Class) -> bool {
        let lane = self.lanes.get(&(Arc::from(account), class));
        lane.is_some_and(|lane| lane.held.values().any(|item| item.free_from_ms <= now_ms))
    }

    /// Of the items that nobody has claimed or delayed, the one that was published first.
    pub fn claim(&mut self, now_ms: i64, account: &str, class: Class) -> Option<Claimed<B>> {
        let lane = self.lanes.get_mut(&(Arc::from(account), class))?;
        let (&ticket, item) = lane.held.iter_mut().find(|(_, item)| item.free_from_ms <= now_ms)?;
        if !std::mem::take(&mut item.again) {
            item.claims.clear();
        }
        self.claims += 1;
        item.claims.push(self.claims);
        item.free_from_ms = now_ms + self.ack_wait_ms;
        item.delivery += 1;
        let (id, body) = (Arc::clone(&item.id), item.body.clone());
        Some(Claimed { ticket, claim: self.claims, id, body, delivery: item.delivery })
    }

    /// Starts the claim's time anew; false when the item is done or lost, or was claimed by another since.
    pub fn extend(&mut self, now_ms: i64, ticket: u64, claim: u64) -> bool {
        let until_ms = now_ms + self.ack_wait_ms;
        let Some(item) = self.claimed(ticket, claim) else { return false };
        if !item.again {
            item.free_from_ms = until_ms;
        }
        true
    }

    /// Removes the item for good, whoever holds it.
    pub fn done(&mut self, ticket: u64) {
        self.remove(ticket);
    }

    /// Gives the item back, also under another holder's hands; nobody is handed it before `after_ms` have passed. False
    /// when the item is done or lost, or was claimed by another since.
    pub fn release(&mut self, now_ms: i64, ticket: u64, claim: u64, after_ms: i64) -> bool {
        let Some(item) = self.claimed(ticket, claim) else { return false };
        item.claims.retain(|other| *other != claim);
        if !item.again {
            item.free_from_ms = now_ms + after_ms;
        }
        true
    }

    /// When after `now_ms` the next claim lapses or the next delay ends; what can be claimed already is not counted.
    #[must_use]
    pub fn next_due_ms(&self, now_ms: i64) -> Option<i64> {
        let items = self.lanes.values().flat_map(|lane| lane.held.values());
        items.map(|item| item.free_from_ms).filter(|due_ms| *due_ms > now_ms).min()
    }

    /// How many items are held.
    #[must_use]
    pub fn held_count(&self) -> usize {
        self.lanes.values().map(|lane| lane.held.len()).sum()
    }
}

/// What goes wrong.
impl<B> Outbox<B> {
    /// Hands the item out once more while the claim of it lives, and counts from 1, as JetStream does after a crash of
    /// the server. False when the item is not held.
    pub fn deliver_again(&mut self, ticket: u64) -> bool {
        let Some(item) = self.item(ticket) else { return false };
        (item.again, item.free_from_ms, item.delivery) = (true, i64::MIN, 0);
        true
    }

    /// The item is gone, by its age or by an accident. Its id stays known. False when the item is not held.
    pub fn lose(&mut self, ticket: u64) -> bool {
        self.remove(ticket)
    }

    /// Released items can be claimed at once, as after a restart of the server; claims go on.
    pub fn forget_delays(&mut self) {
        for item in self.items().filter(|item| item.claims.is_empty()) {
            item.free_from_ms = i64::MIN;
        }
    }

    /// Claimed items can be claimed at once, as after the end of the process that has an embedded store.
    pub fn forget_claims(&mut self) {
        for item in self.items().filter(|item| !item.claims.is_empty()) {
            item.claims.clear();
            item.free_from_ms = i64::MIN;
        }
    }

    fn items(&mut self) -> impl Iterator<Item = &mut Item<B>> {
        self.lanes.values_mut().flat_map(|lane| lane.held.values_mut())
    }

    fn item(&mut self, ticket: u64) -> Option<&mut Item<B>> {
        self.lanes.values_mut().find_map(|lane| lane.held.get_mut(&ticket))
    }

    /// The item, if this claim of it counts.
    fn claimed(&mut self, ticket: u64, claim: u64) -> Option<&mut Item<B>> {
        self.item(ticket).filter(|item| item.claims.contains(&claim))
    }

    fn remove(&mut self, ticket: u64) -> bool {
        self.lanes.values_mut().any(|lane| lane.held.remove(&ticket).is_some())
    }
}
