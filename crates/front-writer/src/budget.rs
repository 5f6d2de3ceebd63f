//! The rate budget: one value per account that all replicas reserve their slots in. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_front::Resource;
use serde::{Deserialize, Serialize};

use crate::limits::{
    BURST_REQUESTS, BURST_WINDOW, PATIENT_WAIT_MAX, RATE_LIMIT_ASSUMED, RATE_MARGIN, RATE_WINDOW,
    RESERVATIONS_MAX, RETRY_AFTER_MAX, SLOT_WAIT_MAX,
};
use crate::settings::Rate;

/// The bucket that holds the budgets; the key is the account.
pub const BUCKET: &str = "budget";

/// What is offered to a claim that asks for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The slot, in milliseconds, to be reserved and waited for.
    Slot { at_ms: i64 },
    /// None soon; worth asking again after this time.
    Later { wait: Duration },
}

/// The reservations of the last minute, in milliseconds of the store's clock, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Budget {
    slots_ms: Vec<i64>,
    bursts_ms: BTreeMap<Resource, Vec<i64>>,
    /// Front said to wait until then.
    not_before_ms: i64,
    /// What Front reported last, requests a minute of the whole company.
    reported_limit: Option<u32>,
}

impl Budget {
    /// The next slot, or when to ask again. A `patient` claim, one that has sent a request already, is offered a slot
    /// that is further away: what it has learned would be lost with it, and asked of Front once more.
    #[must_use]
    pub fn offer(&self, now_ms: i64, resource: Resource, rate: Rate, patient: bool) -> Offer {
        let at_ms = self.next_slot_ms(now_ms, resource, rate);
        let wait = Duration::from_millis(u64::try_from(at_ms - now_ms).unwrap_or(0));
        let longest = if patient { PATIENT_WAIT_MAX } else { SLOT_WAIT_MAX };
        if wait <= longest {
            return Offer::Slot { at_ms };
        }
        // Back in time to reserve it.
        Offer::Later { wait: wait - SLOT_WAIT_MAX / 2 }
    }

    /// When the next request to `resource` may be sent, in milliseconds; not before `now_ms`.
    #[must_use]
    pub fn next_slot_ms(&self, now_ms: i64, resource: Resource, rate: Rate) -> i64 {
        let slots = credible(&self.slots_ms, now_ms);
        let whole = nth_last(slots, self.limit(rate)).map_or(now_ms, |oldest| oldest + WINDOW_MS);
        let bursts = self.bursts_ms.get(&resource).map_or(&[][..], |bursts| credible(bursts, now_ms));
        let burst = nth_last(bursts, BURST_REQUESTS).map_or(now_ms, |oldest| oldest + millis(BURST_WINDOW));
        // Slots never go back in time, so that the lists stay in order.
        let last = slots.last().copied().unwrap_or(now_ms);
        let not_before = self.not_before_ms.min(now_ms + millis(RETRY_AFTER_MAX));
        now_ms.max(whole).max(burst).max(not_before).max(last)
    }

    /// Takes the slot.
    pub fn reserve(&mut self, slot_ms: i64, resource: Resource) {
        self.slots_ms.retain(|at| (0..=WINDOW_MS).contains(&(slot_ms - at)));
        self.slots_ms.push(slot_ms);
        if self.slots_ms.len() > RESERVATIONS_MAX {
            self.slots_ms.remove(0);
        }
        let bursts = self.bursts_ms.entry(resource).or_default();
        bursts.retain(|at| (0..=millis(BURST_WINDOW)).contains(&(slot_ms - at)));
        bursts.push(slot_ms);
        assert!(self.slots_ms.len() <= RESERVATIONS_MAX, "reservations are bounded");
    }

    /// Front refused a request for being too many: nobody sends before `until_ms`. True when that is news.
    pub fn push_back(&mut self, until_ms: i64) -> bool {
        let news = until_ms > self.not_before_ms;
        self.not_before_ms = self.not_before_ms.max(until_ms);
        news
    }

    /// Front reported the company's limit. True when that is news.
    pub fn correct(&mut self, limit: u32) -> bool {
        let news = limit > 0 && self.reported_limit != Some(limit);
        if news {
            self.reported_limit = Some(limit);
        }
        news
    }

    /// Requests that may be sent in any 60 seconds.
    #[must_use]
    pub fn limit(&self, rate: Rate) -> usize {
        let limit = match rate {
            Rate::RequestsPerMinute(limit) => limit,
            Rate::Share(share) => {
                let reported = self.reported_limit.unwrap_or(RATE_LIMIT_ASSUMED);
                // A cast to an integer saturates; the share is between 0 and 1.
                (f64::from(reported) * share).floor() as u32
            }
        };
        (limit.max(1) as usize).min(RESERVATIONS_MAX)
    }
}

/// The window, its margin included.
const WINDOW_MS: i64 = (RATE_WINDOW.as_millis() + RATE_MARGIN.as_millis()) as i64;

/// The reservations that may be true. Nobody reserves further ahead than a patient claim waits: a later one was made
/// before the clock was set back.
fn credible(times: &[i64], now_ms: i64) -> &[i64] {
    &times[..times.partition_point(|at| *at <= now_ms + millis(PATIENT_WAIT_MAX))]
}

fn nth_last(times: &[i64], n: usize) -> Option<i64> {
    times.len().checked_sub(n).map(|index| times[index])
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
