//! Crash loops, clocks that are set back, and logs that lose their last records.

use calltrail_domain::record::RecordBody;

use super::process::Id;
use super::{Engine, Event};
use crate::fault::Kind;
use crate::limits::{
    CRASH_DOWN_MS, CRASH_EVERY_MS, CRASHES_LAST_MS, SET_BACK_MS, SET_RIGHT_PERCENT, TAIL_LOST_MS,
};
use crate::trace::Who;

impl Engine {
    /// One machine with a store of its own: every writer is gone at once, and so is every claim. `until_ms` is 0 the first time.
    pub(super) fn crash(&mut self, number: u64, until_ms: i64) {
        let now_ms = self.now_ms();
        if until_ms == 0 && now_ms < self.crashes_until_ms {
            return;
        }
        let until_ms = if until_ms == 0 {
            let (min, max) = CRASHES_LAST_MS;
            now_ms + self.by_own_chance(number, |engine| engine.dice.between(min, max))
        } else {
            until_ms
        };
        if self.writers.iter().any(super::worker::Writer::is_busy) && self.crashes_shown.insert(number) {
            self.faults.count(Kind::CrashLoop, number);
        }
        self.crashes_until_ms = until_ms;
        self.trace.say(now_ms, Who::World, "crash", format_args!("all writers, until {until_ms}"));
        for place in 0..self.writers.len() {
            self.writers[place].process.is_down = true;
            self.writers[place].kill();
            self.agenda.note(now_ms + CRASH_DOWN_MS, Event::Restart(Id::Writer(place)));
        }
        self.outbox.forget_claims();
        if now_ms + CRASH_EVERY_MS < until_ms {
            self.agenda.note(now_ms + CRASH_EVERY_MS, Event::Crash { number, until_ms });
        }
    }

    pub(super) fn clock_is_set_back(&mut self, number: u64) {
        let writers = self.writers.len();
        let (place, ran_ahead) = self.by_own_chance(number, |engine| {
            (engine.dice.place(writers), engine.dice.percent(SET_RIGHT_PERCENT))
        });
        if ran_ahead {
            return self.clock_runs_ahead(place, number);
        }
        let process = &mut self.writers[place].process;
        // Set right again, the next time.
        let by_ms = if process.ahead_ms < -SET_BACK_MS / 2 { -SET_BACK_MS } else { SET_BACK_MS };
        process.set_back(by_ms, number);
        self.trace.say(
            self.agenda.now_ms(),
            Who::World,
            "clock",
            format_args!("of writer {place} is set back"),
        );
    }

    /// The clock is an hour ahead, until it is set right at the worst moment: the writer has just noted when Front accepted an
    /// import that it has not seen there yet. To all writers that time lies ahead.
    fn clock_runs_ahead(&mut self, place: usize, number: u64) {
        if self.set_right_due.is_some() {
            return;
        }
        self.set_right_due = Some((place, number));
        self.writers[place].process.ahead_ms += SET_BACK_MS;
        let line = format_args!("of writer {place} is an hour ahead");
        self.trace.say(self.agenda.now_ms(), Who::World, "clock", line);
    }

    /// The writer has noted that an import was accepted.
    pub(super) fn set_clock_right(&mut self, writer: usize) {
        let Some((place, number)) = self.set_right_due.take_if(|(place, _)| *place == writer) else { return };
        self.writers[place].process.set_back(SET_BACK_MS, number);
        self.trace.say(
            self.agenda.now_ms(),
            Who::World,
            "clock",
            format_args!("of writer {place} is set right"),
        );
    }

    /// A power cut without a sync, or a restore while receivers forward. What is lost is delivered again, as by a backfill;
    /// fences and outbox keep what they have.
    pub(super) fn tail_is_lost(&mut self, number: u64) {
        if self.by_own_chance(number, |engine| engine.dice.percent(60)) {
            // Right before what was decided on it is appended.
            self.tail_loss_due = Some(number);
        } else {
            self.lose_tail(number);
        }
    }

    /// What is about to be appended was decided on records that are gone.
    pub(super) fn lose_tail_below_decisions(&mut self) {
        if let Some(number) = self.tail_loss_due.take() {
            self.lose_tail(number);
        }
    }

    fn lose_tail(&mut self, number: u64) {
        let now_ms = self.now_ms();
        let (min, max) = TAIL_LOST_MS;
        let since_ms = now_ms - self.by_own_chance(number, |engine| engine.dice.between(min, max));
        let records = self.log.read_after(0, usize::MAX);
        let is_first =
            |body: &RecordBody| matches!(body, RecordBody::AccountCreated(_) | RecordBody::PolicyChanged(_));
        let kept = records
            .iter()
            .rposition(|logged| logged.body.appended_ms < since_ms || is_first(&logged.body.record.body));
        let Some(kept) = kept.filter(|kept| kept + 1 < records.len()) else { return };
        let through = records[kept].sequence;
        let lost: Vec<usize> = records[kept + 1..].iter().filter_map(|logged| logged.body.delivery).collect();
        let line = format_args!("{} records after {through}", records.len() - kept - 1);
        self.trace.say(now_ms, Who::World, "log loses", line);
        self.log.lose_after(through);
        self.faults.count(Kind::TailLost, number);
        self.publications.clear();
        self.decided.clear();
        (self.tails_lost, self.tail_lost_ms) = (self.tails_lost + 1, now_ms);
        for projector in &mut self.projectors {
            projector.forget_tail(through);
        }
        for delivery in lost {
            let at_ms = now_ms
                + self.by_own_chance(number ^ delivery as u64, |engine| engine.dice.between(1_000, 60_000));
            self.lose_delivery(delivery, at_ms);
        }
        (0..self.projectors.len()).for_each(|place| self.watch_timers(place));
        if self.by_own_chance(number, |engine| engine.dice.percent(50)) {
            for place in 0..self.projectors.len() {
                if !self.projectors[place].process.is_down {
                    self.by_own_chance(number, |engine| engine.kill(Id::Projector(place)));
                }
            }
        }
    }
}
