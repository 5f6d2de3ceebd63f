//! The rate budget: one value per account that all replicas reserve their slots in. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_front::Resource;
use serde::{Deserialize, Serialize};

use crate::limits::{
    BURST_REQUESTS, BURST_WINDOW, RATE_LIMIT_ASSUMED, RATE_MARGIN, RATE_WINDOW, RESERVATIONS_MAX,
};
use crate::settings::Rate;

/// The bucket that holds the budgets; the key is the account.
pub const BUCKET: &str = "budget";

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
    /// When the next request to `resource` may be sent, in milliseconds; not before `now_ms`.
    #[must_use]
    pub fn next_slot_ms(&self, now_ms: i64, resource: Resource, rate: Rate) -> i64 {
        let limit = self.limit(rate);
        let window = millis(RATE_WINDOW + RATE_MARGIN);
        let whole = nth_last(&self.slots_ms, limit).map_or(now_ms, |oldest| oldest + window);
        let bursts = self.bursts_ms.get(&resource).map_or(&[][..], Vec::as_slice);
        let burst = nth_last(bursts, BURST_REQUESTS).map_or(now_ms, |oldest| oldest + millis(BURST_WINDOW));
        // Slots never go back in time, so that the lists stay in order.
        let last = self.slots_ms.last().copied().unwrap_or(now_ms);
        let last = if last - now_ms > window { now_ms } else { last };
        now_ms.max(whole).max(burst).max(self.not_before_ms).max(last)
    }

    /// Takes the slot.
    pub fn reserve(&mut self, slot_ms: i64, resource: Resource) {
        let window = millis(RATE_WINDOW + RATE_MARGIN);
        self.slots_ms.retain(|at| (slot_ms - at).abs() <= window);
        self.slots_ms.push(slot_ms);
        if self.slots_ms.len() > RESERVATIONS_MAX {
            self.slots_ms.remove(0);
        }
        let bursts = self.bursts_ms.entry(resource).or_default();
        bursts.retain(|at| (slot_ms - at).abs() <= millis(BURST_WINDOW));
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

fn nth_last(times: &[i64], n: usize) -> Option<i64> {
    times.len().checked_sub(n).map(|index| times[index])
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
