//! What a projector has asked for reaches its port. Who asked may be gone.

use std::sync::Arc;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::size::encoded_bytes;
use calltrail_projector::limits::TIMER_TICK;
use calltrail_projector::{Came as ProjectorCame, Operation as ProjectorOperation, Seen, class_of};

use super::super::process::{Id, Task};
use super::super::snapshots::base;
use super::super::{Came, Engine, Entry, Event, Meeting};
use super::again::folding;
use super::words::{meaning, reworded};
use crate::fault::{Kind, Struck};
use crate::limits::{LOOK_EVERY, RECORDS_AT_ONCE_MAX};
use crate::ports::Log;
use crate::setting::Release;

impl Engine {
    /// The operation reaches its port. Who issued it may be gone.
    pub(in crate::engine) fn projector_arrives(
        &mut self,
        task: Task,
        token: u64,
        operation: ProjectorOperation,
        struck: Option<Struck>,
    ) {
        let meeting = self.meet(struck);
        let came = match operation {
            _ if meeting == Meeting::Refused => ProjectorCame::Refused,
            ProjectorOperation::ReadTail => ProjectorCame::Tail(self.log.tail()),
            ProjectorOperation::Read { after, max } => return self.read(task, token, after, max),
            ProjectorOperation::Publish { account, item } => self.publish(task, &account, item),
            ProjectorOperation::Holds { account, class, ticket } => {
                ProjectorCame::Holds(self.outbox.holds(&account, class, ticket))
            }
            ProjectorOperation::Append { account, records } => self.append_records(task, &account, records),
            ProjectorOperation::Identify { sequence } => identity(&self.log, sequence),
            ProjectorOperation::Sleep(_) | ProjectorOperation::FoldAgain(_) => ProjectorCame::Slept,
        };
        let came = if meeting == Meeting::Unheard { ProjectorCame::Refused } else { came };
        let after_ms = self.dice.between(1, 4);
        self.answer(after_ms, task, token, Came::Projector(came));
    }

    fn append_records(&mut self, task: Task, account: &str, records: Vec<Record>) -> ProjectorCame {
        let place = self.setting.companies.iter().position(|company| company.id == account);
        let Some(account) = place else { return ProjectorCame::Refused };
        let release = match task {
            Task::Projector(place) => self.projectors[place].release,
            Task::Delivery { .. } | Task::Worker { .. } | Task::Turn { .. } => Release::Present,
        };
        if records.iter().any(|record| is_decision(&record.body)) {
            self.lose_tail_below_decisions();
        }
        let appended_ms = self.now_ms();
        let entry = |record: Record| {
            let record = if release == Release::Later { reworded(record) } else { record };
            let fact = meaning(&record);
            Entry::new(appended_ms, record, fact)
        };
        let entries = records.into_iter().map(entry).collect();
        if self.append(task.who(), account, entries) {
            ProjectorCame::Appended
        } else {
            ProjectorCame::TooLarge
        }
    }

    fn publish(&mut self, task: Task, account: &str, item: WorkItem) -> ProjectorCame {
        let now_ms = self.now_ms();
        let id = item.message_id();
        if self.is_too_large(encoded_bytes(&item), "port: the outbox refused what is too large") {
            return ProjectorCame::TooLarge;
        }
        let published = self.outbox.publish(now_ms, account, class_of(&item), &id, Arc::new(item));
        let line = format_args!("{id} of {account}, new {}", published.is_new);
        self.trace.note(now_ms, task.who(), "publishes", published.ticket, line);
        if published.is_new {
            self.lose_or_hand_out_again(published.ticket);
        }
        self.note_claim(now_ms + 1);
        ProjectorCame::Published { ticket: published.ticket }
    }

    fn lose_or_hand_out_again(&mut self, ticket: u64) {
        match self.faults.draw(self.now_ms(), &[Kind::ItemLost, Kind::DeliveredTwice]) {
            Some(Struck { kind: Kind::ItemLost, number }) => {
                self.outbox.lose(ticket);
                self.faults.count(Kind::ItemLost, number);
            }
            Some(Struck { number, .. }) => {
                let after_ms = self.by_own_chance(number, |engine| engine.dice.between(5, 20_000));
                let at_ms = self.now_ms() + after_ms;
                self.agenda.note(at_ms, Event::HandOutAgain { ticket, number });
            }
            None => {}
        }
    }

    pub(in crate::engine) fn hand_out_again(&mut self, ticket: u64, number: u64) {
        // An item that nobody holds is handed out anyway.
        if self.writers.iter().any(|writer| writer.holds(ticket)) && self.outbox.deliver_again(ticket) {
            self.handed_out_again.insert(ticket, number);
            self.note_claim(self.now_ms());
        }
    }

    /// Records at once, else when there are some, or at a tick.
    fn read(&mut self, task: Task, token: u64, after: u64, max: usize) {
        let Task::Projector(place) = task else { return };
        if self.projectors[place].awaits != token {
            return;
        }
        self.projectors[place].reads_after = Some((after, max));
        self.watch_timers(place);
        self.hand_records(place);
    }

    pub(in crate::engine) fn wake_projectors(&mut self) {
        for place in 0..self.projectors.len() {
            self.hand_records(place);
        }
    }

    fn hand_records(&mut self, place: usize) {
        let Some((after, max)) = self.projectors[place].reads_after else { return };
        if self.log.tail() <= after {
            return;
        }
        let at_once = usize::try_from(self.dice.between(1, RECORDS_AT_ONCE_MAX)).unwrap_or(1);
        let records: Vec<_> = self.log.read_after(after, max.min(at_once)).iter().map(folding).collect();
        let before = hash_at(&self.log, after);
        let token = self.projectors[place].awaits;
        self.projectors[place].reads_after = None;
        let after_ms = self.dice.between(1, 6);
        let came = ProjectorCame::Records { before, first: first(&self.log), records };
        self.answer(after_ms, Task::Projector(place), token, Came::Projector(came));
    }

    /// The next tick at which there is something to do: those between change nothing.
    pub(in crate::engine) fn watch_timers(&mut self, place: usize) {
        let now = self.clock(Id::Projector(place));
        let now_ms = self.now_ms();
        let projector = &self.projectors[place];
        // Ticks at which nothing is due change nothing, except that they show whether the log is still the same.
        let looks = (self.tails_lost > 0).then(|| now.plus(LOOK_EVERY));
        let Some(due) = projector.next_due(now).into_iter().chain(looks).min() else { return };
        let wait_ms =
            (due.as_millis() - now.as_millis()).max(i64::try_from(TIMER_TICK.as_millis()).unwrap_or(0));
        let at_ms = now_ms + wait_ms;
        if projector.tick_ms.is_none_or(|noted_ms| noted_ms <= now_ms || at_ms < noted_ms) {
            self.projectors[place].tick_ms = Some(at_ms);
            self.agenda.note(at_ms, Event::Tick(place));
        }
    }

    pub(in crate::engine) fn tick(&mut self, place: usize) {
        let now_ms = self.now_ms();
        let projector = &mut self.projectors[place];
        if projector.tick_ms != Some(now_ms) || projector.reads_after.take().is_none() {
            return;
        }
        projector.tick_ms = None;
        let token = projector.awaits;
        self.answer(0, Task::Projector(place), token, Came::Projector(ProjectorCame::Tick));
    }
}

pub(super) fn identity(log: &Log<Arc<Entry>>, sequence: u64) -> ProjectorCame {
    let first = log.read_after(0, 1).first();
    let first = first.map(|logged| Seen { sequence: logged.sequence, hash: logged.body.hash });
    let begins_later = first.is_some_and(|first| first.sequence > sequence);
    let base = if begins_later { base(log) } else { None };
    ProjectorCame::Identity { at: hash_at(log, sequence), first, base: base.map(|base| base.through) }
}

pub(super) fn first(log: &Log<Arc<Entry>>) -> Option<u64> {
    log.read_after(0, 1).first().map(|logged| logged.sequence)
}

/// The hash of the record at this sequence, if the log has one there.
pub(super) fn hash_at(log: &Log<Arc<Entry>>, sequence: u64) -> Option<u64> {
    let logged = log.read_after(sequence.checked_sub(1)?, 1).first()?;
    (logged.sequence == sequence).then_some(logged.body.hash)
}

fn is_decision(body: &RecordBody) -> bool {
    matches!(body, RecordBody::EffectsDecided(decided) if !decided.decisions.is_empty())
}
