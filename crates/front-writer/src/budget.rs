//! The rate budget: one value per account that all replicas reserve their slots in. Pure.
//!
//! Live claims reserve ahead and wait. Bulk ones take what is free now, so that no live claim comes after a bulk one that
//! only waits. Bulk leaves a part of the limit alone, and all but a small part as long as live claims have to wait; that
//! part is left to it as long as it waits.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::Class;
use calltrail_front::{RateLimit, Resource};
use calltrail_rate::{earliest, insert, without};
use serde::{Deserialize, Serialize};

use crate::limits::{
    ASK_AGAIN_MAX, ASK_AGAIN_MIN, BULK_KEPT_PERCENT, BURST_REQUESTS, BURST_WINDOW, LIVE_KEPT_PERCENT,
    PATIENT_WAIT_MAX, RATE_LIMIT_ASSUMED, RATE_MARGIN, RATE_WINDOW, REQUESTS_PER_MINUTE_MAX,
    RESERVATIONS_MAX, RETRY_AFTER_MAX, SHORT_WINDOW, SLOT_WAIT_MAX, WAIT_NOTED_MARGIN,
};
use crate::settings::Rate;

/// The bucket that holds the budgets; the key is the account.
pub const BUCKET: &str = "budget";

/// Who asks for a slot, and what for. A `patient` claim has sent a request already, or waited for an attempt in doubt:
/// what it has learned would be lost with it, and asked of Front, or waited for, once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    pub class: Class,
    pub resource: Resource,
    pub patient: bool,
}

/// What is offered to a claim that asks for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The slot, in milliseconds, to be reserved and waited for.
    Slot { at_ms: i64 },
    /// None yet; to be asked for again after this time, with the claim in hand.
    Again { wait: Duration },
    /// None soon; worth asking again after this time.
    Later { wait: Duration },
}

/// The reservations of the last minute and those ahead, in milliseconds of the store's clock, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Budget {
    slots_ms: Vec<i64>,
    bursts_ms: BTreeMap<Resource, Vec<i64>>,
    /// Front said to wait until then.
    not_before_ms: i64,
    /// What Front reported last, requests a minute of the whole company.
    reported_limit: Option<u32>,
    /// Those of `slots_ms` that were taken for bulk. What came later has a default: an older release did not write it.
    #[serde(default)]
    bulk_ms: Vec<i64>,
    /// Until when a claim of the class waits for a slot, as far as was noted.
    #[serde(default)]
    live_waits_until_ms: i64,
    #[serde(default)]
    bulk_waits_until_ms: i64,
    /// Front reported last that the company has no request left.
    #[serde(default)]
    is_short: bool,
}

impl Budget {
    /// The next slot, or when to ask again. A patient claim is offered one that is further away.
    #[must_use]
    pub fn offer(&self, now_ms: i64, ask: Ask, rate: Rate) -> Offer {
        let mut at_ms = self.next_slot_ms(now_ms, ask.class, ask.resource, rate);
        if ask.class == Class::Bulk && is_ahead(self.live_waits_until_ms, now_ms) {
            // There may be more for bulk by then.
            at_ms = at_ms.min(self.live_waits_until_ms);
        }
        let wait = Duration::from_millis(u64::try_from(at_ms - now_ms).unwrap_or(0));
        let longest = if ask.patient { PATIENT_WAIT_MAX } else { SLOT_WAIT_MAX };
        if wait > longest {
            // Back in time to reserve it.
            return Offer::Later { wait: wait - SLOT_WAIT_MAX / 2 };
        }
        match ask.class {
            Class::Bulk if !wait.is_zero() => Offer::Again { wait: wait.clamp(ASK_AGAIN_MIN, ASK_AGAIN_MAX) },
            Class::Live | Class::Bulk => Offer::Slot { at_ms },
        }
    }

    /// When the next request to `resource` may be sent, in milliseconds; not before `now_ms`.
    #[must_use]
    pub fn next_slot_ms(&self, now_ms: i64, class: Class, resource: Resource, rate: Rate) -> i64 {
        let slots = credible(&self.slots_ms, now_ms);
        let bulk = credible(&self.bulk_ms, now_ms);
        let bursts = self.bursts_ms.get(&resource).map_or(&[][..], |bursts| credible(bursts, now_ms));
        let live = without(slots, bulk);
        let limit = self.limit(rate);
        let (own, most) = match class {
            Class::Live => (&live[..], self.most_of_live(now_ms, limit)),
            Class::Bulk => (bulk, self.most_of_bulk(now_ms, limit)),
        };
        let short = if self.is_short { slots } else { &[] };
        let bounds = [
            (slots, limit, WINDOW_MS),
            (own, most, WINDOW_MS),
            (bursts, BURST_REQUESTS, millis(BURST_WINDOW)),
            (short, 1, millis(SHORT_WINDOW)),
        ];
        let mut at_ms = now_ms.max(self.not_before_ms.min(now_ms + millis(RETRY_AFTER_MAX)));
        loop {
            let fits = |at_ms, (times, most, window_ms)| earliest(times, most, window_ms, at_ms);
            let later_ms = bounds.into_iter().fold(at_ms, fits);
            if later_ms == at_ms {
                return at_ms;
            }
            at_ms = later_ms;
        }
    }

    fn most_of_live(&self, now_ms: i64, limit: usize) -> usize {
        if is_ahead(self.bulk_waits_until_ms, now_ms) {
            limit - kept(limit, BULK_KEPT_PERCENT)
        } else {
            limit
        }
    }

    fn most_of_bulk(&self, now_ms: i64, limit: usize) -> usize {
        if is_ahead(self.live_waits_until_ms, now_ms) {
            kept(limit, BULK_KEPT_PERCENT).max(1)
        } else {
            limit - kept(limit, LIVE_KEPT_PERCENT)
        }
    }

    /// Takes the slot that was offered, and notes who waits. True when the value is to be stored.
    pub fn take(&mut self, now_ms: i64, ask: Ask, offer: Offer) -> bool {
        let is_news = self.note(now_ms, ask.class, offer);
        match offer {
            Offer::Slot { at_ms } => {
                self.reserve(now_ms, at_ms, ask);
                true
            }
            Offer::Again { .. } | Offer::Later { .. } => is_news,
        }
    }

    /// Notes until when this claim waits. Not that it waits for the burst limit, as everybody does at times.
    fn note(&mut self, now_ms: i64, class: Class, offer: Offer) -> bool {
        let wait_ms = match offer {
            Offer::Slot { at_ms } => at_ms - now_ms,
            Offer::Again { wait } | Offer::Later { wait } => millis(wait),
        };
        let until_ms = match class {
            Class::Live => &mut self.live_waits_until_ms,
            Class::Bulk => &mut self.bulk_waits_until_ms,
        };
        // Noted anew in good time, so that nobody slips in between.
        let noted_ms = now_ms + wait_ms + millis(WAIT_NOTED_MARGIN);
        let is_noted = is_ahead(*until_ms, now_ms) && *until_ms >= noted_ms - millis(WAIT_NOTED_MARGIN) / 2;
        let is_news = wait_ms > millis(BURST_WINDOW) && !is_noted;
        if is_news {
            *until_ms = noted_ms;
        }
        is_news
    }

    fn reserve(&mut self, now_ms: i64, slot_ms: i64, ask: Ask) {
        for times in [&mut self.slots_ms, &mut self.bulk_ms] {
            forget(times, now_ms, WINDOW_MS);
        }
        insert(&mut self.slots_ms, slot_ms);
        if ask.class == Class::Bulk {
            insert(&mut self.bulk_ms, slot_ms);
        }
        let bursts = self.bursts_ms.entry(ask.resource).or_default();
        forget(bursts, now_ms, millis(BURST_WINDOW));
        insert(bursts, slot_ms);
        // The limit's worth of the last minute, and one ahead for each claim in work: more are there only for a while
        // after the clock was set back.
        if self.slots_ms.len() > RESERVATIONS_MAX {
            self.slots_ms.remove(0);
        }
        assert!(self.slots_ms.len() <= RESERVATIONS_MAX, "reservations are bounded");
    }

    /// True when Front said, after this slot was reserved, to wait for longer.
    #[must_use]
    pub fn is_pushed_back(&self, slot_ms: i64) -> bool {
        self.not_before_ms > slot_ms
    }

    /// Learns what an answer of Front says about the rate: how it stands, and how long Front asks to wait where it
    /// `refused` the request. `now` is the replica's own time. True when there is news.
    pub fn learn(
        &mut self,
        now_ms: i64,
        rate: &RateLimit,
        refused: Option<Duration>,
        now: Timestamp,
    ) -> bool {
        let mut news = rate.limit.is_some_and(|limit| self.correct(limit));
        news |= rate.remaining.is_some_and(|remaining| self.count_left(now_ms, remaining));
        let short = if self.is_short { rate.pause(now) } else { None };
        if let Some(pause) = refused.max(short) {
            news |= self.push_back(now_ms.saturating_add(millis(pause.min(RETRY_AFTER_MAX))));
        }
        news
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

    /// Front reported how many requests the company has left. Where there are none and not all were ours, others of the
    /// company send too, and nobody knows how many: then one after the other asks, until there are some. True when
    /// that is news.
    pub fn count_left(&mut self, now_ms: i64, remaining: u32) -> bool {
        let is_short = remaining == 0 && !self.is_all_ours(now_ms);
        std::mem::replace(&mut self.is_short, is_short) != is_short
    }

    /// What was reserved here explains that nothing is left, and this budget says itself when there will be.
    fn is_all_ours(&self, now_ms: i64) -> bool {
        let ours = self.slots_ms.iter().filter(|at| (now_ms - WINDOW_MS..=now_ms).contains(*at)).count();
        self.reported_limit.is_some_and(|limit| ours >= limit as usize)
    }

    /// Takes back a reservation that was not used.
    pub fn give_back(&mut self, slot_ms: i64, ask: Ask) {
        let lists = [&mut self.slots_ms, self.bursts_ms.entry(ask.resource).or_default()];
        let bulk = (ask.class == Class::Bulk).then_some(&mut self.bulk_ms);
        for times in lists.into_iter().chain(bulk) {
            if let Ok(index) = times.binary_search(&slot_ms) {
                times.remove(index);
            }
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

/// The reservations that may be true. Nobody reserves further ahead than a patient claim waits: a later one was made
/// before the clock was set back.
fn credible(times: &[i64], now_ms: i64) -> &[i64] {
    &times[..times.partition_point(|at| *at <= now_ms + millis(PATIENT_WAIT_MAX))]
}

/// Nobody waits further ahead than a patient claim does: such a time was noted before the clock was set back.
fn is_ahead(until_ms: i64, now_ms: i64) -> bool {
    (1..=millis(PATIENT_WAIT_MAX + WAIT_NOTED_MARGIN)).contains(&(until_ms - now_ms))
}

/// Drops what counts no more, and what was reserved before the clock was set back.
fn forget(times: &mut Vec<i64>, now_ms: i64, window_ms: i64) {
    times.retain(|at| (now_ms - window_ms..=now_ms + millis(PATIENT_WAIT_MAX)).contains(at));
}

/// A part of the limit, at least one request where somebody else has another.
fn kept(limit: usize, percent: usize) -> usize {
    if limit > 1 { (limit * percent / 100).max(1) } else { 0 }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
