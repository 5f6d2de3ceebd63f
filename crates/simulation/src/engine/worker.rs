//! The front-writers: idle workers claim items, the real `Work` says what to do, and this does it.

use std::sync::Arc;

use calltrail_event_log::ports::Class;
use calltrail_front::{Ambiguous, Answer, Exchange, RateLimit, Request};
use calltrail_front_writer::command::{Fetched, Why};
use calltrail_front_writer::limits::GRACE_DEFAULT;
use calltrail_front_writer::{Came as WorkCame, Operation as WorkOperation, Shared, Work, Written};

use super::front::marker_of;
use super::process::{Id, Process, Task};
use super::projector::meaning;
use super::{Came, Engine, Entry, Event, Meeting, Operation};
use crate::fault::{Kind, Struck};
use crate::limits::EXTEND_EVERY_MS;
use crate::trace::Who;

/// What becomes of a request while Front is away; the absence itself is counted.
const AWAY: Struck = Struck { kind: Kind::FrontAway, number: 0 };

/// A front-writer process.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) process: Process,
    /// Of each account.
    shared: Vec<Shared>,
    workers: Vec<Option<Busy>>,
    /// Claims ever made, over all its lives.
    claims: u64,
}

/// A worker at an item.
#[derive(Debug)]
struct Busy {
    work: Work,
    held: Held,
    awaits: u64,
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

    pub(super) fn kill(&mut self) {
        self.workers.iter_mut().for_each(|worker| *worker = None);
        self.shared.iter_mut().for_each(|shared| *shared = Shared::default());
    }
}

impl Engine {
    pub(super) fn add_writer(&mut self) {
        let shared = self.offices.iter().map(|_| Shared::default()).collect();
        let workers = (0..self.setting.workers).map(|_| None).collect();
        self.writers.push(Writer { process: Process::default(), shared, workers, claims: 0 });
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
            self.outbox.claim(now_ms, &name, Class::Live).map(|claimed| (account, claimed))
        });
        let Some((account, claimed)) = claimed else { return };
        if let Some(number) = self.handed_out_again.remove(&claimed.ticket) {
            self.faults.count(Kind::DeliveredTwice, number);
        }
        let process = &mut self.writers[writer];
        process.claims += 1;
        let name = format!("writer{writer}-{}", process.claims);
        let settings = Arc::clone(&self.offices[account].settings);
        let work = Work::new(settings, name, Class::Live, (*claimed.body).clone());
        let (ticket, claim) = (claimed.ticket, claimed.claim);
        process.workers[worker] = Some(Busy { work, held: Held { account, ticket, claim }, awaits: 0 });
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
        let operation = busy.work.next(now, &mut shared[busy.held.account], came);
        let (takeovers, conflicts) = (busy.work.machine().takeovers(), busy.work.machine().conflicts());
        self.mark_end(&operation, takeovers, conflicts);
        self.issue_work(writer, worker, operation);
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
            Some(Struck { kind: kind @ (Kind::WriterPaused | Kind::LandsLate), number }) => {
                self.faults.count(kind, number);
                delay_ms += match kind {
                    Kind::WriterPaused => self.pause_around(Id::Writer(writer)),
                    _ => self.lands_after_ms(),
                };
                self.send_work(task, token, asked, delay_ms, None);
            }
            Some(Struck { kind: Kind::WriterKilled, number }) => {
                self.faults.count(Kind::WriterKilled, number);
                if self.dice.percent(50) {
                    self.send_work(task, token, asked, delay_ms, None);
                }
                self.kill(Id::Writer(writer));
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

    /// The operation reaches its port. Who issued it may be gone.
    pub(super) fn work_arrives(&mut self, task: Task, token: u64, asked: Asked, struck: Option<Struck>) {
        let Asked { held, sent_ms, operation } = asked;
        if let WorkOperation::Send { request, .. } = &operation {
            self.offices[held.account].note_sent(self.agenda.now_ms(), sent_ms);
            return self.request_arrives(task, token, held.account, request, struck);
        }
        let meeting = self.meet(struck);
        let came = match operation {
            WorkOperation::Release { after, .. } => {
                return self.claim_ends(task, token, held, Some(millis(after)), meeting);
            }
            WorkOperation::Done => return self.claim_ends(task, token, held, None, meeting),
            operation => self.stored(task, held.account, operation, meeting),
        };
        let after_ms = self.dice.between(1, 4);
        self.answer(after_ms, task, token, Came::Work(came));
    }

    fn stored(&mut self, task: Task, account: usize, operation: WorkOperation, meeting: Meeting) -> WorkCame {
        let (refused, unheard) = (meeting == Meeting::Refused, meeting == Meeting::Unheard);
        match operation {
            WorkOperation::Get(_) | WorkOperation::ReadStoreTime | WorkOperation::Append(_) if refused => {
                WorkCame::Failed
            }
            WorkOperation::Put { .. } if refused => WorkCame::Put(Written::Unknown),
            WorkOperation::Get(place) => {
                let found = self.store.get(&(account, place));
                WorkCame::Found(found.map(|(value, revision)| (value.clone(), revision)))
            }
            WorkOperation::Put { place, value, expected } => {
                let key = (account, place);
                let written = match expected {
                    None => self.store.create(key.clone(), value),
                    Some(revision) => self.store.update(&key, value, revision),
                };
                let line = format_args!("{:?}, expected {expected:?}: {written:?}", key.1);
                self.trace.note(self.agenda.now_ms(), task.who(), "put", expected.unwrap_or_default(), line);
                match written {
                    _ if unheard => WorkCame::Put(Written::Unknown),
                    Ok(revision) => WorkCame::Put(Written::Revision(revision)),
                    Err(_) => WorkCame::Put(Written::Conflict),
                }
            }
            WorkOperation::ReadStoreTime => WorkCame::StoreTime(self.now_ms()),
            WorkOperation::Append(records) => {
                let appended_ms = self.now_ms();
                let entries =
                    records.into_iter().map(|record| Entry { appended_ms, fact: meaning(&record), record });
                self.append(task.who(), account, entries.collect());
                if unheard { WorkCame::Failed } else { WorkCame::Appended }
            }
            operation => panic!("{operation:?} is done elsewhere"),
        }
    }

    fn request_arrives(
        &mut self,
        task: Task,
        token: u64,
        account: usize,
        request: &Request,
        struck: Option<Struck>,
    ) {
        let now_ms = self.now_ms();
        // Nothing else can go wrong with a Front that is away.
        let struck = if self.is_away(account) { Some(AWAY) } else { struck };
        let fault = struck.map(|struck| struck.kind);
        let before = self.offices[account].front.imports_accepted();
        let exchange = self.offices[account].exchange(now_ms, request, fault);
        let is_accepted = self.offices[account].front.imports_accepted() > before;
        match struck {
            // Only what was accepted can be shown late, or never.
            Some(Struck { kind: Kind::ShownLate | Kind::Forgotten, .. }) if !is_accepted => {}
            Some(Struck { kind: Kind::FrontAway, .. }) => {}
            Some(Struck { kind, number }) => self.faults.count(kind, number),
            None => {}
        }
        let line = format_args!("{:?} {fault:?}", request.kind());
        self.trace.note(
            now_ms,
            task.who(),
            "sends",
            u64::from(is_accepted) << 8 | request.kind() as u64,
            line,
        );
        self.watch_front(account);
        let slow_ms = if fault == Some(Kind::SlowAnswer) { self.dice.between(15_000, 40_000) } else { 0 };
        let after_ms = self.dice.between(10, 120) + slow_ms;
        self.answer(after_ms, task, token, Came::Work(WorkCame::Exchanged(exchange)));
    }

    /// The worker is free; the outbox has heard of it, or has not.
    fn claim_ends(&mut self, task: Task, token: u64, held: Held, after_ms: Option<i64>, meeting: Meeting) {
        let now_ms = self.now_ms();
        let is_heard = meeting == Meeting::Fine;
        match after_ms {
            _ if !is_heard => {}
            Some(after_ms) => drop(self.outbox.release(now_ms, held.ticket, held.claim, after_ms)),
            None => self.outbox.done(held.ticket),
        }
        let line = format_args!("ticket {}, again after {after_ms:?} ms, heard {is_heard}", held.ticket);
        self.trace.note(now_ms, task.who(), "leaves", held.ticket, line);
        if let Task::Worker { writer, worker } = task
            && self.writers[writer].awaits(worker) == token
        {
            self.writers[writer].workers[worker] = None;
        }
        self.note_claim(now_ms);
    }

    /// Nobody waits for a comment that comes later than its deadline and the grace.
    fn note_late(&mut self, account: usize, request: &Request, delay_ms: i64, timeout_ms: i64) {
        let waited_ms = timeout_ms + millis(GRACE_DEFAULT);
        if let Some(marker) = marker_of(request).filter(|_| delay_ms > waited_ms) {
            self.offices[account].late_comments.insert(marker.to_owned());
        }
    }
}

/// Tells answers apart, as far as they lead to something else.
pub(super) fn number_of(came: &WorkCame) -> u64 {
    match came {
        WorkCame::Claimed => 1,
        WorkCame::Found(found) => found.as_ref().map_or(0, |(_, revision)| *revision) << 8 | 2,
        WorkCame::Put(Written::Revision(revision)) => revision << 8 | 3,
        WorkCame::Put(Written::Conflict) => 4,
        WorkCame::Put(Written::Unknown) => 5,
        WorkCame::StoreTime(_) => 6,
        WorkCame::Appended => 7,
        WorkCame::Exchanged(exchange) => (1 + class_of(&exchange.answer)) << 8 | 8,
        WorkCame::Slept => 9,
        WorkCame::Audio(_) => 10,
        WorkCame::Failed => 11,
    }
}

fn class_of(answer: &Answer) -> u64 {
    match answer {
        Answer::Done(_) => 0,
        Answer::NotApplied { .. } => 1,
        Answer::BadToken => 2,
        Answer::Rejected(refusal) => 1000 + u64::from(refusal.status),
        Answer::Ambiguous { .. } => 3,
        Answer::Moved(_) => 4,
    }
}

fn left(why: Why) -> &'static str {
    match why {
        Why::Budget => "left: budget",
        Why::BadToken => "left: bad_token",
        Why::Trouble => "left: trouble",
        Why::InDoubt => "left: in_doubt",
        Why::Invisible => "left: invisible",
        Why::Conflict => "left: conflict",
    }
}

/// What may go wrong with an operation.
fn kinds_of(operation: &WorkOperation) -> &'static [Kind] {
    const GET: &[Kind] = &[Kind::StoreRefused, Kind::WriterKilled, Kind::WriterPaused];
    const PUT: &[Kind] = &[Kind::StoreRefused, Kind::StoreAnswerLost, Kind::WriterKilled, Kind::WriterPaused];
    const APPEND: &[Kind] = &[Kind::LogRefused, Kind::LogAnswerLost, Kind::WriterKilled, Kind::WriterPaused];
    const END: &[Kind] = &[Kind::OutboxRefused, Kind::WriterKilled, Kind::WriterPaused];
    const READ: &[Kind] = &[
        Kind::RequestLost,
        Kind::AnswerLost,
        Kind::ErrorBefore,
        Kind::TooMany,
        Kind::SlowAnswer,
        Kind::WriterKilled,
        Kind::WriterPaused,
    ];
    const WRITE: &[Kind] = &[
        Kind::RequestLost,
        Kind::AnswerLost,
        Kind::ErrorBefore,
        Kind::ErrorAfter,
        Kind::TooMany,
        Kind::SlowAnswer,
        Kind::LandsLate,
        Kind::WriterKilled,
        Kind::WriterPaused,
    ];
    const COMMENT: &[Kind] = &[
        Kind::RequestLost,
        Kind::AnswerLost,
        Kind::ErrorBefore,
        Kind::ErrorAfter,
        Kind::TooMany,
        Kind::SlowAnswer,
        Kind::LandsLate,
        Kind::RefusedForGood,
        Kind::WriterKilled,
        Kind::WriterPaused,
    ];
    const IMPORT: &[Kind] = &[
        Kind::RequestLost,
        Kind::AnswerLost,
        Kind::ErrorBefore,
        Kind::ErrorAfter,
        Kind::TooMany,
        Kind::SlowAnswer,
        Kind::LandsLate,
        Kind::RefusedForGood,
        Kind::ShownLate,
        Kind::Forgotten,
        Kind::WriterKilled,
        Kind::WriterPaused,
    ];
    match operation {
        WorkOperation::Get(_) | WorkOperation::ReadStoreTime => GET,
        WorkOperation::Put { .. } => PUT,
        WorkOperation::Append(_) => APPEND,
        WorkOperation::Release { .. } | WorkOperation::Done => END,
        WorkOperation::Send { request, .. } => match request {
            Request::ImportMessage(_) => IMPORT,
            Request::AddComment { .. } => COMMENT,
            request if request.kind().is_write() => WRITE,
            _ => READ,
        },
        WorkOperation::Sleep(_) | WorkOperation::FetchAudio { .. } => &[],
    }
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).expect("a short span")
}
