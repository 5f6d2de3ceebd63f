//! The front-writers: idle workers claim items, the real `Work` says what to do, and this does it.

mod arriving;
pub(super) mod kinds;

use std::sync::Arc;

use calltrail_domain::ids::PartyId;
use calltrail_event_log::ports::Class;
use calltrail_front::{Ambiguous, Answer, Exchange, RateLimit, Reply, Request};
use calltrail_front_writer::command::Fetched;
use calltrail_front_writer::limits::GRACE_DEFAULT;
use calltrail_front_writer::{
    Came as WorkCame, Operation as WorkOperation, Place, Shared, Work, order_of_claim,
};

use super::front::marker_of;
use super::process::{Id, Process, Task};
use super::{Came, Engine, Event, Operation};
use crate::evidence;
use crate::fault::{Kind, Struck};
use crate::limits::EXTEND_EVERY_MS;
use crate::trace::Who;
use kinds::{kinds_of, left};

/// A front-writer process.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) process: Process,
    /// Of each account.
    shared: Vec<Shared>,
    /// Claims tried, for each account.
    turns: Vec<u64>,
    workers: Vec<Option<Busy>>,
    /// Claims ever made, over all its lives.
    claims: u64,
}

/// A worker at an item.
#[derive(Debug)]
struct Busy {
    party: PartyId,
    work: Work,
    held: Held,
    awaits: u64,
    /// Front has accepted an import, and the fence does not say so yet.
    has_accepted: bool,
}

/// The hold of a worker on its item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    account: usize,
    ticket: u64,
    claim: u64,
}

/// An operation, and for which hold.
#[derive(Debug)]
pub(super) struct Asked {
    held: Held,
    sent_ms: i64,
    operation: WorkOperation,
}

impl Writer {
    pub(super) fn awaits(&self, worker: usize) -> u64 {
        self.workers[worker].as_ref().map_or(0, |busy| busy.awaits)
    }

    pub(super) fn holds(&self, ticket: u64) -> bool {
        self.workers.iter().flatten().any(|busy| busy.held.ticket == ticket)
    }

    /// Whose item this worker has.
    fn party(&self, worker: usize) -> Option<PartyId> {
        self.workers[worker].as_ref().map(|busy| busy.party.clone())
    }

    pub(super) fn is_busy(&self) -> bool {
        self.workers.iter().any(Option::is_some)
    }

    pub(super) fn kill(&mut self) {
        self.workers.iter_mut().for_each(|worker| *worker = None);
        self.shared.iter_mut().for_each(|shared| *shared = Shared::default());
    }
}

impl Engine {
    pub(super) fn add_writer(&mut self) {
        let shared = self.offices.iter().map(|_| Shared::default()).collect();
        let turns = vec![0; self.offices.len()];
        let workers = (0..self.setting.workers).map(|_| None).collect();
        self.writers.push(Writer { process: Process::default(), shared, turns, workers, claims: 0 });
    }

    /// The outbox is looked into at this time.
    pub(super) fn note_claim(&mut self, at_ms: i64) {
        if self.claims_noted.insert(at_ms) {
            self.agenda.note(at_ms, Event::Claim);
        }
    }

    /// Every idle worker takes what may be claimed.
    pub(super) fn claim(&mut self) {
        let now_ms = self.now_ms();
        self.claims_noted.remove(&now_ms);
        let first = self.dice.place(self.writers.len());
        for place in 0..self.writers.len() {
            let writer = (first + place) % self.writers.len();
            let Process { is_down, paused_until_ms, .. } = self.writers[writer].process;
            if now_ms < paused_until_ms {
                self.note_claim(paused_until_ms);
            }
            if is_down || now_ms < paused_until_ms {
                continue;
            }
            for worker in 0..self.writers[writer].workers.len() {
                if self.writers[writer].workers[worker].is_none() {
                    self.claim_for(writer, worker);
                }
            }
        }
        if let Some(due_ms) = self.outbox.next_due_ms(now_ms) {
            self.note_claim(due_ms);
        }
    }

    fn claim_for(&mut self, writer: usize, worker: usize) {
        if self.is_leaderless() {
            return self.note_claim(self.leader_back_ms);
        }
        let now_ms = self.now_ms();
        let from = self.dice.place(self.offices.len());
        let mut accounts = (0..self.offices.len()).map(|place| (from + place) % self.offices.len());
        let claimed = accounts.find_map(|account| {
            let name = Arc::clone(&self.offices[account].name);
            if !self.outbox.has_due(now_ms, &name, Class::Live)
                && !self.outbox.has_due(now_ms, &name, Class::Bulk)
            {
                return None;
            }
            self.writers[writer].turns[account] += 1;
            let order = order_of_claim(self.writers[writer].turns[account]);
            let live_waits = self.outbox.has_due(now_ms, &name, Class::Live);
            let of = |class| self.outbox.claim(now_ms, &name, class).map(|claimed| (account, class, claimed));
            let claimed = order.into_iter().find_map(of);
            if let Some((_, class, _)) = &claimed {
                if *class == Class::Bulk {
                    *self.marks.entry("work: a bulk item").or_default() += 1;
                }
                self.claims.push(evidence::Claimed {
                    writer,
                    account,
                    is_bulk: *class == Class::Bulk,
                    live_waits,
                });
            }
            claimed
        });
        let Some((account, class, claimed)) = claimed else { return };
        if let Some(number) = self.handed_out_again.remove(&claimed.ticket) {
            self.faults.count(Kind::DeliveredTwice, number);
        }
        let process = &mut self.writers[writer];
        process.claims += 1;
        let name = format!("writer{writer}-{}", process.claims);
        let settings = Arc::clone(&self.offices[account].settings);
        let work = Work::new(settings, name, class, (*claimed.body).clone());
        let (ticket, claim) = (claimed.ticket, claimed.claim);
        let party = claimed.body.party.clone();
        process.workers[worker] =
            Some(Busy { party, work, held: Held { account, ticket, claim }, awaits: 0, has_accepted: false });
        let line = format_args!("{} of {}", claimed.id, self.offices[account].name);
        self.trace.note(now_ms, Who::Worker(writer, worker), "claims", ticket, line);
        self.agenda.note(now_ms + EXTEND_EVERY_MS, Event::Extend { writer, worker, claim });
        self.work_goes_on(writer, worker, WorkCame::Claimed);
    }

    /// A paused process extends nothing.
    pub(super) fn extend(&mut self, writer: usize, worker: usize, claim: u64) {
        let now_ms = self.now_ms();
        let Writer { process, workers, .. } = &self.writers[writer];
        let Some(busy) = workers[worker].as_ref().filter(|busy| busy.held.claim == claim) else { return };
        let (ticket, resumes_ms) = (busy.held.ticket, process.paused_until_ms);
        if now_ms < resumes_ms {
            return self.agenda.note(resumes_ms, Event::Extend { writer, worker, claim });
        }
        if !self.is_leaderless() {
            self.outbox.extend(now_ms, ticket, claim);
        }
        self.agenda.note(now_ms + EXTEND_EVERY_MS, Event::Extend { writer, worker, claim });
    }

    pub(super) fn work_goes_on(&mut self, writer: usize, worker: usize, came: WorkCame) {
        let now = self.clock(Id::Writer(writer));
        let line = format_args!("{came:?}");
        let now_ms = self.agenda.now_ms();
        self.trace.note(now_ms, Who::Worker(writer, worker), "told", now.as_millis().unsigned_abs(), line);
        let Writer { shared, workers, .. } = &mut self.writers[writer];
        let Some(busy) = &mut workers[worker] else { return };
        busy.has_accepted |= is_acceptance(&came);
        let operation = busy.work.next(now, &mut shared[busy.held.account], came);
        let (takeovers, conflicts) = (busy.work.machine().takeovers(), busy.work.machine().conflicts());
        let notes_fence = matches!(&operation, WorkOperation::Put { place: Place::Fence(_), .. });
        let notes_acceptance = notes_fence && std::mem::take(&mut busy.has_accepted);
        self.mark_end(&operation, takeovers, conflicts);
        self.issue_work(writer, worker, operation);
        if notes_acceptance {
            self.set_clock_right(writer);
        }
    }

    fn mark_end(&mut self, operation: &WorkOperation, takeovers: u32, conflicts: u32) {
        let mut mark = |name: &'static str, count: u32| {
            if count > 0 {
                *self.marks.entry(name).or_default() += u64::from(count);
            }
        };
        match operation {
            WorkOperation::Release { why: Some(why), .. } => mark(left(*why), 1),
            WorkOperation::Release { why: None, .. } => mark("left: a port refused", 1),
            WorkOperation::Done => {}
            _ => return,
        }
        mark("work: an attempt taken over", takeovers);
        mark("work: a compare-and-set lost", conflicts);
    }

    fn issue_work(&mut self, writer: usize, worker: usize, operation: WorkOperation) {
        let (task, token, now_ms) = (Task::Worker { writer, worker }, self.token(), self.now_ms());
        let Some(busy) = &mut self.writers[writer].workers[worker] else { return };
        busy.awaits = token;
        let asked = Asked { held: busy.held, sent_ms: now_ms, operation };
        let struck = self.faults.draw(now_ms, kinds_of(&asked.operation));
        let mut delay_ms = match asked.operation {
            WorkOperation::Send { .. } => self.dice.between(10, 120),
            _ => self.dice.between(1, 4),
        };
        match struck {
            Some(struck @ Struck { kind: Kind::WriterPaused, number }) => {
                delay_ms +=
                    self.by_own_chance(number, |engine| engine.pause_around(Id::Writer(writer), struck));
                self.send_work(task, token, asked, delay_ms, None);
            }
            Some(Struck { kind: Kind::LandsLate, number }) => {
                self.faults.count(Kind::LandsLate, number);
                delay_ms += self.by_own_chance(number, Self::lands_after_ms);
                self.send_work(task, token, asked, delay_ms, None);
            }
            Some(Struck { kind: Kind::WriterKilled, number }) => {
                self.faults.count(Kind::WriterKilled, number);
                if self.by_own_chance(number, |engine| engine.dice.percent(50)) {
                    self.send_work(task, token, asked, delay_ms, None);
                }
                self.by_own_chance(number, |engine| engine.kill(Id::Writer(writer)));
            }
            struck => self.send_work(task, token, asked, delay_ms, struck),
        }
    }

    /// Most within the grace, some after it.
    fn lands_after_ms(&mut self) -> i64 {
        if self.dice.percent(90) {
            self.dice.between(15_000, 60_000)
        } else {
            self.dice.between(80_000, 200_000)
        }
    }

    fn send_work(&mut self, task: Task, token: u64, asked: Asked, delay_ms: i64, struck: Option<Struck>) {
        let now_ms = self.now_ms();
        match &asked.operation {
            WorkOperation::Sleep(span) => {
                return self.answer(millis(*span), task, token, Came::Work(WorkCame::Slept));
            }
            WorkOperation::FetchAudio { .. } => {
                return self.answer(delay_ms, task, token, Came::Work(WorkCame::Audio(Fetched::Never)));
            }
            WorkOperation::Send { request, timeout } => {
                self.sends_under_way += 1;
                self.note_late(asked.held.account, request, delay_ms, millis(*timeout));
                let answer = Answer::Ambiguous { reason: Ambiguous::Timeout };
                let gone = WorkCame::Exchanged(Exchange { answer, rate: RateLimit::default() });
                // A paused process sends when it goes on, and waits from then on.
                let sent_ms = self.process(task.process()).paused_until_ms.max(now_ms);
                let gives_up = Event::Step { task, token, came: Came::Work(gone) };
                self.agenda.note(sent_ms + millis(*timeout), gives_up);
            }
            _ => {}
        }
        let operation = Operation::Work(asked);
        self.agenda.note(now_ms + delay_ms, Event::Arrive { task, token, operation, struck });
    }

    /// Nobody waits for a comment that comes later than its deadline and the grace.
    fn note_late(&mut self, account: usize, request: &Request, delay_ms: i64, timeout_ms: i64) {
        let waited_ms = timeout_ms + millis(GRACE_DEFAULT);
        if let Some(marker) = marker_of(request).filter(|_| delay_ms > waited_ms) {
            self.offices[account].late_comments.insert(marker.to_owned());
        }
    }
}

/// Front has accepted an import, and does not show it yet.
fn is_acceptance(came: &WorkCame) -> bool {
    matches!(came, WorkCame::Exchanged(Exchange { answer: Answer::Done(Reply::Accepted(_)), .. }))
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).expect("a short span")
}
