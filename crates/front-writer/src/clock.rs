//! The clocks: the writer's own, which may be set back, and the key-value store's, which all writers share.
//!
//! What was recorded by a clock that was set back since lies in the future. It must not hold a party until that future
//! comes, so it is moved to where it would be if the clock had always been right.

use std::time::Duration;

use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;

use crate::command::Command;
use crate::fence::{Entry, State};
use crate::machine::{Awaiting, Machine};

/// What the store's clock said, and when by the writer's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreTime {
    pub(crate) ms: i64,
    pub(crate) at: Timestamp,
}

impl StoreTime {
    /// The store's time so much after `now`.
    fn after(self, now: Timestamp, span: Duration) -> i64 {
        self.ms.saturating_add(millis(now.since(self.at))).saturating_add(millis(span))
    }
}

/// True for a time that was recorded before the clock was set back.
pub(crate) fn is_ahead(recorded: Timestamp, now: Timestamp) -> bool {
    recorded > now && rule::holds(Rule::ClockSetBackHoldsNothing)
}

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Machine {
    /// Notes the time, and moves what this claim has recorded when its clock was set back since the last step.
    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        let last = std::mem::replace(&mut self.last_now, now);
        if !is_ahead(last, now) {
            return;
        }
        let back = last.since(now);
        self.fence.entries.iter_mut().for_each(|entry| set_back(entry, back));
        let scratch = &mut self.scratch;
        let read_at = scratch.read.as_mut().map(|read| &mut read.at);
        let asked_at = scratch.store_asked.as_mut().map(|asked| &mut asked.at);
        let sent_at = self.pending.as_mut().map(|pending| &mut pending.sent_at);
        let times = [Some(&mut self.first_seen), Some(&mut self.sent_at), scratch.not_before.as_mut()];
        for time in times.into_iter().chain([read_at, asked_at, sent_at]).flatten() {
            *time = earlier(*time, back);
        }
        // How much of the store's time has passed since it was asked for is not known any more.
        self.store_time = None;
    }

    /// What the fence recorded and is yet to come was recorded by a clock that was set back, or by another machine's that
    /// is ahead: it counts from when this process first saw it.
    pub(crate) fn distrust_times_ahead(&mut self, now: Timestamp) {
        let (seen, attempt) = (self.first_seen.min(now), self.settings.timing.attempt);
        for entry in &mut self.fence.entries {
            if let Some(first) = entry.first_tried_at.as_mut().filter(|first| is_ahead(**first, now)) {
                *first = seen;
            }
            match &mut entry.state {
                State::Accepted { since: at } | State::Refused { at, .. } if is_ahead(*at, now) => *at = seen,
                State::InFlight { deadline, .. } if is_ahead(*deadline, now.plus(attempt)) => {
                    *deadline = seen.plus(attempt);
                }
                State::Planned
                | State::InFlight { .. }
                | State::Accepted { .. }
                | State::Refused { .. }
                | State::Settled { .. } => {}
            }
        }
    }

    pub(crate) fn ask_store_time(&mut self, now: Timestamp) -> Command {
        self.expect(Awaiting::StoreTime { asked_at: now }, Command::ReadStoreTime)
    }

    pub(crate) fn store_time_read(&mut self, now: Timestamp, asked_at: Timestamp, now_ms: i64) -> Command {
        // The store's clock has gone on while its answer was on its way. Waits count from the earliest time that it can
        // show, deadlines from the latest.
        self.scratch.store_asked = Some(StoreTime { ms: now_ms, at: now });
        let ms = now_ms.saturating_add(millis(now.since(asked_at)));
        self.store_time = Some(StoreTime { ms, at: now });
        self.advance(now)
    }

    /// The store's time so much from now; unknown before it was asked for.
    pub(crate) fn by_store(&self, now: Timestamp, span: Duration) -> Option<i64> {
        self.store_time.map(|time| time.after(now, span))
    }
}

fn set_back(entry: &mut Entry, back: Duration) {
    if let Some(first) = &mut entry.first_tried_at {
        *first = earlier(*first, back);
    }
    match &mut entry.state {
        State::InFlight { deadline: at, .. } | State::Accepted { since: at } | State::Refused { at, .. } => {
            *at = earlier(*at, back);
        }
        State::Planned | State::Settled { .. } => {}
    }
}

fn earlier(time: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_millis(time.as_millis().saturating_sub(millis(span)))
}
