//! The rate budget: one value per account that all readers reserve their slots in. Pure.

use std::time::Duration;

use calltrail_aircall::rest::RateLimit;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_rate::{earliest, insert};
use serde::{Deserialize, Serialize};

use crate::limits::{
    KEPT_FOR_CHECKS_MIN, KEPT_FOR_CHECKS_ONE_IN, RATE_LIMIT_ASSUMED, RATE_MARGIN, RATE_WINDOW,
    REQUESTS_PER_MINUTE_MAX, RETRY_AFTER_MAX, SLOT_WAIT_MAX,
};
use crate::settings::Rate;

/// The reservations of the last minute, in milliseconds of the store's clock, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Budget {
    slots_ms: Vec<i64>,
    /// Aircall said to wait until then.
    not_before_ms: i64,
    /// What Aircall reported last, requests a minute of the whole company.
    reported_limit: Option<u32>,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A job. It leaves a share of the limit to checks, which would else wait behind it for as long as it lasts.
    Job,
    /// A check of the webhook.
    Check,
}

impl Budget {
    /// When the next request may be sent. What was reserved before the clock was set back does not count.
    #[must_use]
    pub fn next_slot_ms(&self, now_ms: i64, rate: Rate, by: Use) -> i64 {
        let ahead_ms = now_ms + millis(SLOT_WAIT_MAX);
        let credible = &self.slots_ms[..self.slots_ms.partition_point(|at| *at <= ahead_ms)];
        let from_ms = now_ms.max(self.not_before_ms.min(now_ms + millis(RETRY_AFTER_MAX)));
        earliest(credible, self.limit_of(rate, by), WINDOW_MS, from_ms)
    }

    /// Reserves a slot that was offered.
    pub fn reserve(&mut self, now_ms: i64, slot_ms: i64) {
        let ahead_ms = now_ms + millis(SLOT_WAIT_MAX);
        self.slots_ms.retain(|at| (now_ms - WINDOW_MS..=ahead_ms).contains(at));
        insert(&mut self.slots_ms, slot_ms);
    }

    /// Learns what an answer says about the rate, and how long Aircall asks to wait where it `refused` the request. `now` is
    /// the reader's own time. True when there is news.
    pub fn learn(
        &mut self,
        now_ms: i64,
        rate: &RateLimit,
        refused: Option<Duration>,
        now: Timestamp,
    ) -> bool {
        let before = self.clone();
        if let Some(limit) = rate.limit.filter(|limit| *limit > 0) {
            self.reported_limit = Some(limit);
        }
        // Others of the company use the limit too: when nothing is left, everybody waits for the reset.
        let reset = rate.reset.filter(|_| rate.remaining == Some(0)).map(|reset| reset.since(now));
        if let Some(pause) = refused.max(reset) {
            let until_ms = now_ms.saturating_add(millis(pause.min(RETRY_AFTER_MAX)));
            self.not_before_ms = self.not_before_ms.max(until_ms);
        }
        *self != before
    }

    fn limit_of(&self, rate: Rate, by: Use) -> usize {
        let limit = self.limit(rate);
        match by {
            Use::Job if rule::holds(Rule::ChecksKeepAShare) => {
                let kept = limit.div_ceil(KEPT_FOR_CHECKS_ONE_IN).max(KEPT_FOR_CHECKS_MIN);
                limit.saturating_sub(kept).max(1)
            }
            Use::Job | Use::Check => limit,
        }
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
        limit.clamp(1, REQUESTS_PER_MINUTE_MAX) as usize
    }
}

/// The window, its margin included.
const WINDOW_MS: i64 = (RATE_WINDOW.as_millis() + RATE_MARGIN.as_millis()) as i64;

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Budget, Duration, Rate, RateLimit, Timestamp, Use, WINDOW_MS};

    const THREE: Rate = Rate::RequestsPerMinute(3);

    fn used(times: u32) -> Budget {
        let mut budget = Budget::default();
        for _ in 0..times {
            let slot_ms = budget.next_slot_ms(1_000, THREE, Use::Check);
            budget.reserve(1_000, slot_ms);
        }
        budget
    }

    #[test]
    fn no_window_holds_more_than_the_limit() {
        assert_eq!(used(2).next_slot_ms(2_000, THREE, Use::Check), 2_000);
        assert_eq!(used(3).next_slot_ms(2_000, THREE, Use::Check), 1_000 + WINDOW_MS);
    }

    #[test]
    fn a_job_leaves_a_share_to_checks() {
        let mut budget = Budget::default();
        let slot_ms = |budget: &Budget, by| budget.next_slot_ms(1_000, Rate::RequestsPerMinute(20), by);
        while slot_ms(&budget, Use::Job) == 1_000 {
            budget.reserve(1_000, 1_000);
        }
        let left = (0..20).take_while(|_| {
            let is_free = slot_ms(&budget, Use::Check) == 1_000;
            budget.reserve(1_000, 1_000);
            is_free
        });
        assert_eq!(left.count(), 2);
        assert_eq!(Budget::default().limit_of(Rate::RequestsPerMinute(1), Use::Job), 1, "jobs go on");
    }

    #[test]
    fn the_share_is_of_what_aircall_reports() {
        let mut budget = Budget::default();
        assert_eq!(budget.limit(Rate::Share(0.5)), 60);
        let rate = RateLimit { limit: Some(60), ..RateLimit::default() };
        assert!(budget.learn(0, &rate, None, Timestamp::from_millis(0)));
        assert!(!budget.learn(0, &rate, None, Timestamp::from_millis(0)), "no news");
        assert_eq!(budget.limit(Rate::Share(0.5)), 30);
    }

    #[test]
    fn a_refusal_and_an_empty_minute_hold_everybody_back() {
        let now = Timestamp::from_seconds(100);
        let mut budget = Budget::default();
        budget.learn(5_000, &RateLimit::default(), Some(Duration::from_secs(20)), now);
        assert_eq!(budget.next_slot_ms(6_000, THREE, Use::Check), 25_000);
        let empty = RateLimit { limit: None, remaining: Some(0), reset: Some(Timestamp::from_seconds(130)) };
        budget.learn(5_000, &empty, None, now);
        assert_eq!(budget.next_slot_ms(6_000, THREE, Use::Check), 35_000);
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up() {
        let mut budget = Budget::default();
        (0..3).for_each(|_| budget.reserve(90_000_000, 90_000_000));
        assert_eq!(budget.next_slot_ms(5_000_000, THREE, Use::Check), 5_000_000);
        budget.not_before_ms = 90_000_000;
        assert!(budget.next_slot_ms(5_000_000, THREE, Use::Check) < 6_000_000);
    }
}
