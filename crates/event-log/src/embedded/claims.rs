//! The claims of all accounts and classes. They live in memory: one process owns the file, so its end frees them all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::change::LaneName;
use super::lane::{Given, Lane};
use super::store::OutboxStats;
use super::tables::Published;
use crate::limits::{ACK_WAIT_MIN, HOLD_MAX};

pub(super) struct Claims {
    ack_wait: Duration,
    lanes: Mutex<HashMap<LaneName, Entry>>,
}

#[derive(Default)]
struct Entry {
    lane: Lane,
    /// Wakes those who wait for an item.
    changed: Arc<Notify>,
}

impl Claims {
    pub(super) fn new(ack_wait: Duration) -> Self {
        Self { ack_wait: ack_wait.clamp(ACK_WAIT_MIN, HOLD_MAX), lanes: Mutex::default() }
    }

    pub(super) fn publish(&self, item: &Published) {
        let mut lanes = self.lock();
        let entry = lanes.entry(item.lane.clone()).or_default();
        entry.lane.publish(item.ticket, item.at_ms);
        entry.changed.notify_waiters();
    }

    /// Makes the lanes hold `items` and nothing else; the claims and delays of those that stay go on.
    pub(super) fn reconcile(&self, items: &[Published]) {
        let held: HashSet<_> = items.iter().map(|item| (&item.lane, item.ticket)).collect();
        let mut lanes = self.lock();
        for (name, entry) in lanes.iter_mut() {
            entry.lane.retain(|ticket| held.contains(&(name, ticket)));
        }
        for item in items {
            let entry = lanes.entry(item.lane.clone()).or_default();
            if !entry.lane.holds(item.ticket) {
                entry.lane.publish(item.ticket, item.at_ms);
            }
        }
        // Also those who could not read an item meanwhile look again.
        for entry in lanes.values() {
            entry.changed.notify_waiters();
        }
    }

    pub(super) fn remove(&self, lane: &LaneName, ticket: u64) {
        if let Some(entry) = self.lock().get_mut(lane) {
            entry.lane.remove(ticket);
        }
    }

    /// What wakes those who wait for an item of this lane.
    pub(super) fn changed(&self, lane: &LaneName) -> Arc<Notify> {
        Arc::clone(&self.lock().entry(lane.clone()).or_default().changed)
    }

    /// The next item that nobody holds, or else when it is worth asking again.
    pub(super) fn claim(&self, lane: &LaneName) -> Result<Given, Option<Instant>> {
        let mut lanes = self.lock();
        let lane = &mut lanes.entry(lane.clone()).or_default().lane;
        let now = Instant::now();
        lane.claim(now, now + self.ack_wait).ok_or_else(|| lane.next_due())
    }

    /// False when the claim has lapsed and somebody else holds the item, or it is done.
    pub(super) fn extend(&self, lane: &LaneName, given: Given) -> bool {
        let until = Instant::now() + self.ack_wait;
        self.lock().get_mut(lane).is_some_and(|entry| entry.lane.extend(given, until))
    }

    /// False when the claim has lapsed and somebody else holds the item, or it is done.
    pub(super) fn release(&self, lane: &LaneName, given: Given, after: Duration) -> bool {
        let until = (!after.is_zero()).then(|| Instant::now() + after.min(HOLD_MAX));
        self.lock().get_mut(lane).is_some_and(|entry| {
            let released = entry.lane.release(given, until);
            entry.changed.notify_waiters();
            released
        })
    }

    pub(super) fn holds(&self, lane: &LaneName, ticket: u64) -> bool {
        self.lock().get(lane).is_some_and(|entry| entry.lane.holds(ticket))
    }

    pub(super) fn stats(&self, now_ms: i64) -> Vec<OutboxStats> {
        let lanes = self.lock();
        let mut stats: Vec<_> = lanes
            .iter()
            .filter_map(|(name, entry)| {
                let oldest_ms = now_ms.saturating_sub(entry.lane.oldest_published_at_ms()?);
                Some(OutboxStats {
                    account: name.account.to_string(),
                    class: name.class,
                    items: entry.lane.len(),
                    claimed: entry.lane.waiting_len(),
                    oldest_age: Duration::from_millis(u64::try_from(oldest_ms).unwrap_or(0)),
                })
            })
            .collect();
        stats.sort_by(|a, b| (&a.account, a.class).cmp(&(&b.account, b.class)));
        stats
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LaneName, Entry>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
