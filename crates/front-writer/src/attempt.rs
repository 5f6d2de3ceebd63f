//! One attempt: its slot, its entry in the fence, its deadline, and the waits around it.

use std::time::Duration;

use calltrail_domain::effect::Action;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::Request;

use crate::clock::millis;
use crate::command::{Command, Why};
use crate::delays;
use crate::fence::State;
use crate::limits::{HELD_WAIT_MAX, READ_FRESH_MAX, RETRY_AFTER_MAX};
use crate::machine::{Awaiting, Machine, Pending, Purpose};

impl Machine {
    /// Reserves a slot for the request; it is sent when the slot has come.
    pub(crate) fn ask(
        &mut self,
        now: Timestamp,
        index: usize,
        purpose: Purpose,
        request: Request,
    ) -> Command {
        let resource = request.kind().resource();
        self.pending = Some(Pending { index, purpose, request, sent_at: now });
        // What was learned, or waited for, is lost with the claim: the next one would wait for the doubt once more.
        let patient = self.has_sent || self.scratch.taken_over;
        self.expect(Awaiting::Slot, Command::Reserve { resource, patient })
    }

    /// Before a write is sent, the fence says so. Reads change nothing and may be repeated at any time.
    pub(crate) fn use_slot(&mut self, now: Timestamp) -> Command {
        self.refresh_stale_read(now);
        let Some(pending) = &self.pending else { return self.advance(now) };
        let (index, is_write) = (pending.index, pending.request.kind().is_write());
        if !is_write {
            return self.send(now);
        }
        let attempt = self.settings.timing.attempt;
        let (claim, deadline) = (self.claim.clone(), now.plus(attempt));
        let store_deadline_ms = self.by_store(now, attempt);
        let entry = self.entry_mut(index);
        let in_flight = matches!(entry.state, State::InFlight { .. });
        let taken = in_flight && entry.claim != claim;
        entry.ambiguous |= in_flight;
        entry.generation += 1;
        entry.claim = claim;
        if !matches!(entry.state, State::Refused { .. }) {
            entry.state = State::InFlight { deadline, store_deadline_ms };
        }
        self.takeovers += u32::from(taken);
        if !rule::holds(Rule::AnAttemptIsArmedBeforeItIsSent) {
            return self.send(now);
        }
        self.write(Awaiting::Armed)
    }

    /// A person may have acted while the slot for a change was waited for: it is used to read once more.
    fn refresh_stale_read(&mut self, now: Timestamp) {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.purpose == Purpose::Change) else {
            return;
        };
        let Some(read) = self.scratch.read.take() else { return };
        self.scratch.events_read = false;
        if now.since(read.at) > READ_FRESH_MAX && !self.scratch.read_again {
            self.scratch.read_again = true;
            pending.purpose = Purpose::ReadBefore;
            pending.request = Request::GetConversation(read.conversation.id);
        }
    }

    pub(crate) fn send(&mut self, now: Timestamp) -> Command {
        let Some(pending) = &mut self.pending else { return self.advance(now) };
        pending.sent_at = now;
        let (index, request) = (pending.index, pending.request.clone());
        (self.has_sent, self.sent_at) = (true, now);
        let entry = self.entry_mut(index);
        entry.first_tried_at.get_or_insert(now);
        let deadline = match entry.state {
            State::InFlight { deadline, .. } if request.kind().is_write() => deadline,
            _ => now.plus(self.settings.timing.attempt),
        };
        self.expect(Awaiting::Answer, Command::Send { request, deadline })
    }

    /// The first save of a take-over: only after it may Front be read. The deadline stays: it is that of a request that may
    /// have been sent, and a take-over sends none. So a writer that is killed after this leaves no wait behind.
    pub(crate) fn take_over(&mut self, index: usize) -> Command {
        let claim = self.claim.clone();
        let entry = self.entry_mut(index);
        let taken = entry.claim != claim;
        entry.generation += 1;
        entry.claim = claim;
        entry.ambiguous = true;
        self.takeovers += u32::from(taken);
        self.write(Awaiting::TakenOver)
    }

    /// Until when an attempt of unknown outcome, or a refusal in doubt, has to be waited for.
    pub(crate) fn doubt_ends(&self, index: usize, grace: Duration) -> Option<Timestamp> {
        let entry = self.entry(index)?;
        let span = self.settings.timing.attempt;
        let by_own_clock = match entry.state {
            State::InFlight { .. } if self.is_safe_to_repeat(index) => return None,
            State::InFlight { deadline, .. } => deadline.plus(grace),
            State::Refused { at, .. } => at.plus(span + grace),
            State::Planned | State::Accepted { .. } | State::Settled { .. } => return None,
        };
        if self.scratch.taken_over {
            return None;
        }
        if !rule::holds(Rule::AnAttemptInDoubtIsWaitedFor) {
            return Some(self.first_seen);
        }
        if entry.claim == self.claim {
            return Some(by_own_clock);
        }
        // Another machine's clock may be wrong: its deadline is counted from when this process saw it first. A process that
        // is restarted sees it for the first time again, hence the store's clock.
        let by_sighting = self.first_seen.plus(span + grace);
        Some(self.doubt_ends_by_store(index, grace).map_or(by_sighting, |until| until.min(by_sighting)))
    }

    /// The same by the store's clock, once that was asked for.
    fn doubt_ends_by_store(&self, index: usize, grace: Duration) -> Option<Timestamp> {
        let asked = self.scratch.store_asked?;
        let until_ms = self.store_deadline_ms(index)?.saturating_add(millis(grace));
        let left_ms = u64::try_from(until_ms.saturating_sub(asked.ms)).unwrap_or(0);
        Some(asked.at.plus(Duration::from_millis(left_ms)))
    }

    /// The end of an attempt, or of a refusal's doubt, by the store's clock.
    fn store_deadline_ms(&self, index: usize) -> Option<i64> {
        match self.entry(index)?.state {
            State::InFlight { store_deadline_ms, .. } => store_deadline_ms,
            State::Refused { store_at_ms, .. } => {
                store_at_ms.map(|at_ms| at_ms.saturating_add(millis(self.settings.timing.attempt)))
            }
            State::Planned | State::Accepted { .. } | State::Settled { .. } => None,
        }
    }

    /// Waits for the end of a doubt. Where another claim's attempt may be over by the store's clock, that is asked for first.
    pub(crate) fn wait_in_doubt(&mut self, now: Timestamp, index: usize, until: Timestamp) -> Command {
        let is_own = self.entry(index).is_some_and(|entry| entry.claim == self.claim);
        let is_known =
            is_own || self.scratch.store_asked.is_some() || self.store_deadline_ms(index).is_none();
        if !is_known && rule::holds(Rule::DoubtIsTimedByTheStore) {
            return self.ask_store_time(now);
        }
        self.hold(now, until, Why::InDoubt)
    }

    /// Front takes a handle once and names the contact that has it, and a tag that is there is not set again: whatever became
    /// of the attempt, the steps may simply be taken again.
    fn is_safe_to_repeat(&self, index: usize) -> bool {
        let is_safe = match self.item.effects[index].effect.action {
            Action::LookUpContact(_) | Action::ObserveConversation(_) | Action::TagConversation(_) => true,
            Action::ImportActivity(_)
            | Action::AssignConversation(_)
            | Action::ReopenConversation(_)
            | Action::AddComment(_) => false,
        };
        is_safe && rule::holds(Rule::SafeStepsAreRepeatedAtOnce)
    }

    /// True while the effect has to be waited for.
    pub(crate) fn is_held(&self, now: Timestamp, index: usize) -> bool {
        let not_before = self.scratch.not_before.filter(|_| self.scratch.index == index);
        let until = self.doubt_ends(index, self.settings.timing.grace).max(not_before);
        until.is_some_and(|until| now < until)
    }

    /// Waits here when it is not for long, else gives the claim back.
    pub(crate) fn hold(&mut self, now: Timestamp, until: Timestamp, why: Why) -> Command {
        let left = until.since(now);
        let longest = self.settings.timing.attempt + self.settings.timing.grace;
        if left > longest {
            // The clock was set back meanwhile. The next claim counts from when the fence was seen by the clock it has.
            return self.release(now, longest, why);
        }
        if left <= HELD_WAIT_MAX {
            return self.expect(Awaiting::Woke, Command::WaitUntil(until));
        }
        self.release(now, left, why)
    }

    /// Gives the claim back. What nobody has to wait for any more is saved first.
    pub(crate) fn release(&mut self, now: Timestamp, after: Duration, why: Why) -> Command {
        if self.landed {
            return self.leave_after(now, after, why);
        }
        self.expect(Awaiting::Nothing, Command::Release { after, why })
    }

    /// Gives the claim back once the fence is saved.
    pub(crate) fn leave_after(&mut self, now: Timestamp, after: Duration, why: Why) -> Command {
        self.unsaved = true;
        self.leave = Some((after, why));
        self.advance(now)
    }

    /// An attempt failed without harm: again, later and later.
    pub(crate) fn trouble(&mut self, now: Timestamp, index: usize, retry_after: Option<Duration>) -> Command {
        let seed = self.seed;
        let entry = self.entry_mut(index);
        entry.failures += 1;
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        let delay = delays::retry(entry.failures, seed).max(asked);
        if delay > HELD_WAIT_MAX {
            return self.leave_after(now, delay, Why::Trouble);
        }
        self.scratch.not_before = Some(now.plus(delay));
        self.advance(now)
    }
}
