//! The readers of Aircall's API: the real machines say what to do, and this does it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use calltrail_aircall::rest::{RateLimit, RawAnswer, RestError, Unreachable};
use calltrail_aircall_reader::{
    Came as ReadingCame, Keeping, Operation as ReadingOperation, Place, Question, Reading, Value, Written,
    ended_in,
};
use calltrail_domain::time::Timestamp;
use http::{HeaderMap, StatusCode};

use super::process::{Id, Process, Task};
use super::projector::words::meaning;
use super::{Came, Engine, Entry, Event, Meeting, Operation};
use crate::fault::{Kind, Struck};
use crate::limits::{ACCOUNT_LOOKED_FOR_EVERY_MS, CHECK_PAUSE_MS_MIN};
use crate::trace::Who;

/// A reader process. Of each account it has a turn at the jobs, and one at the webhook.
pub(super) struct Reader {
    pub(super) process: Process,
    lives: u64,
    turns: Vec<Turn>,
}

#[derive(Default)]
struct Turn {
    machine: Option<Machine>,
    awaits: u64,
}

enum Machine {
    Reading(Box<Reading>),
    Keeping(Box<Keeping>),
}

impl Machine {
    fn next(&mut self, now: Timestamp, came: ReadingCame) -> ReadingOperation {
        match self {
            Self::Reading(reading) => reading.next(now, came),
            Self::Keeping(keeping) => keeping.next(now, came),
        }
    }
}

impl Reader {
    pub(super) fn kill(&mut self) {
        self.turns.iter_mut().for_each(|turn| *turn = Turn::default());
    }

    pub(super) fn awaits(&self, turn: usize) -> u64 {
        self.turns[turn].awaits
    }
}

/// The account of a turn, and whether it looks after the webhook.
fn is_about(turn: usize) -> (usize, bool) {
    (turn / 2, turn % 2 == 1)
}

impl Engine {
    pub(super) fn add_reader(&mut self) {
        let turns = (0..2 * self.aircalls.len()).map(|_| Turn::default()).collect();
        self.readers.push(Reader { process: Process::default(), lives: 0, turns });
        self.start_reader(self.readers.len() - 1);
    }

    pub(super) fn start_reader(&mut self, reader: usize) {
        self.readers[reader].lives += 1;
        for turn in 0..self.readers[reader].turns.len() {
            let after_ms = self.dice.between(1, 200);
            self.begin_turn(reader, turn, after_ms);
        }
    }

    /// There is something to be read: turns that wait for it go on.
    pub(super) fn wake_readers(&mut self, account: usize) {
        for reader in 0..self.readers.len() {
            let is_idle = self.readers[reader].awaits(2 * account) == 0;
            if is_idle && !self.readers[reader].process.is_down {
                let after_ms = self.dice.between(1, 1_000);
                self.begin_turn(reader, 2 * account, after_ms);
            }
        }
    }

    fn begin_turn(&mut self, reader: usize, turn: usize, after_ms: i64) {
        let token = self.token();
        self.readers[reader].turns[turn] = Turn { machine: None, awaits: token };
        let task = Task::Turn { reader, turn };
        let came = Came::Reading(ReadingCame::Begun);
        self.agenda.note(self.now_ms() + after_ms, Event::Step { task, token, came });
    }

    pub(super) fn turn_goes_on(&mut self, reader: usize, turn: usize, came: ReadingCame) {
        let (account, keeps) = is_about(turn);
        let is_begin = matches!(came, ReadingCame::Begun);
        if is_begin && !(self.offices[account].is_open && self.is_installed(account)) {
            return self.begin_turn(reader, turn, ACCOUNT_LOOKED_FOR_EVERY_MS);
        }
        let now = self.clock(Id::Reader(reader));
        let now_ms = self.agenda.now_ms();
        self.trace.note(
            now_ms,
            Who::Reader(reader, turn),
            "told",
            now.as_millis().unsigned_abs(),
            Word(&came),
        );
        let lives = self.readers[reader].lives;
        let aircall = &self.aircalls[account];
        let fresh = || {
            let settings = Arc::clone(&aircall.settings);
            if keeps {
                Machine::Keeping(Box::new(Keeping::new(settings, aircall.check_every())))
            } else {
                Machine::Reading(Box::new(Reading::new(settings, format!("reader{reader}-{lives}"))))
            }
        };
        let machine = self.readers[reader].turns[turn].machine.get_or_insert_with(fresh);
        let operation = machine.next(now, came);
        self.issue_reading(reader, turn, operation);
    }

    fn issue_reading(&mut self, reader: usize, turn: usize, operation: ReadingOperation) {
        let (account, keeps) = is_about(turn);
        let (task, token, now_ms) = (Task::Turn { reader, turn }, self.token(), self.now_ms());
        match operation {
            // Looks at a list without open jobs change nothing.
            ReadingOperation::Rest(_) if !keeps && !self.has_open_jobs(account) => {
                self.readers[reader].turns[turn] = Turn::default();
                return;
            }
            ReadingOperation::Rest(pause) => {
                let least_ms = if keeps { CHECK_PAUSE_MS_MIN } else { 1 };
                return self.begin_turn(reader, turn, millis(pause).max(least_ms));
            }
            _ => self.readers[reader].turns[turn].awaits = token,
        }
        let struck = self.faults.draw(now_ms, kinds_of(&operation));
        let mut delay_ms = match operation {
            ReadingOperation::Send(_) => self.dice.between(10, 120),
            _ => self.dice.between(1, 4),
        };
        match struck {
            Some(struck @ Struck { kind: Kind::ReaderPaused, number }) => {
                delay_ms +=
                    self.by_own_chance(number, |engine| engine.pause_around(Id::Reader(reader), struck));
                self.send_reading(task, token, operation, delay_ms, None);
            }
            Some(Struck { kind: Kind::ReaderKilled, number }) => {
                self.faults.count(Kind::ReaderKilled, number);
                if self.by_own_chance(number, |engine| engine.dice.percent(50)) {
                    self.send_reading(task, token, operation, delay_ms, None);
                }
                self.by_own_chance(number, |engine| engine.kill(Id::Reader(reader)));
            }
            struck => self.send_reading(task, token, operation, delay_ms, struck),
        }
    }

    fn send_reading(
        &mut self,
        task: Task,
        token: u64,
        operation: ReadingOperation,
        delay_ms: i64,
        struck: Option<Struck>,
    ) {
        let now_ms = self.now_ms();
        match operation {
            ReadingOperation::Sleep(span) => {
                return self.answer(millis(span), task, token, Came::Reading(ReadingCame::Slept));
            }
            ReadingOperation::Send(_) => self.aircalls[account_of(task)].sent_ms.push(now_ms),
            _ => {}
        }
        let operation = Operation::Reading(operation);
        self.agenda.note(now_ms + delay_ms, Event::Arrive { task, token, operation, struck });
    }

    /// The operation reaches its port, or Aircall. Who issued it may be gone.
    pub(super) fn reading_arrives(
        &mut self,
        task: Task,
        token: u64,
        operation: ReadingOperation,
        struck: Option<Struck>,
    ) {
        let account = account_of(task);
        if let ReadingOperation::Send(question) = &operation {
            let came = self.ask_aircall(task, account, question, struck);
            let after_ms = self.dice.between(10, 120);
            return self.answer(after_ms, task, token, Came::Reading(came));
        }
        let meeting = self.meet(struck);
        let came = match meeting {
            Meeting::Refused => ReadingCame::Failed,
            Meeting::Fine | Meeting::Unheard => self.perform_reading(task, account, operation, meeting),
        };
        let after_ms = self.dice.between(1, 4);
        self.answer(after_ms, task, token, Came::Reading(came));
    }

    fn perform_reading(
        &mut self,
        task: Task,
        account: usize,
        operation: ReadingOperation,
        meeting: Meeting,
    ) -> ReadingCame {
        let is_unheard = meeting == Meeting::Unheard;
        match operation {
            ReadingOperation::Get(place) => {
                let found = self.jobs.get(&(account, place));
                ReadingCame::Found(found.map(|(value, revision)| (value.clone(), revision)))
            }
            ReadingOperation::Put { value, expected } => {
                self.put_reading(task, account, value, expected, is_unheard)
            }
            ReadingOperation::ReadStoreTime => ReadingCame::StoreTime(self.now_ms()),
            ReadingOperation::Append(records) => {
                let appended_ms = self.now_ms();
                let entry = |record| {
                    let fact = meaning(&record);
                    Entry::new(appended_ms, record, fact)
                };
                if !self.append(task.who(), account, records.into_iter().map(entry).collect()) {
                    return ReadingCame::TooLarge;
                }
                if is_unheard { ReadingCame::Failed } else { ReadingCame::Appended }
            }
            ReadingOperation::ReadTail => ReadingCame::Tail(self.log.tail()),
            ReadingOperation::ReadHeard { after } => {
                let name = &self.offices[account].name;
                let own =
                    self.log.read_after(after, usize::MAX).iter().filter(|logged| logged.account == *name);
                let heard: BTreeSet<_> =
                    own.filter_map(|logged| ended_in(&logged.body.record.body)).collect();
                ReadingCame::Heard(heard)
            }
            // Front's webhooks come all the time: its events are not polled here.
            ReadingOperation::ReadFrontKnown => ReadingCame::FrontKnown(None),
            operation @ (ReadingOperation::Send(_)
            | ReadingOperation::Sleep(_)
            | ReadingOperation::Rest(_)) => {
                panic!("{operation:?} is done elsewhere")
            }
        }
    }

    /// What becomes of a write is unknown when its answer is lost: to the reader that is a compare-and-set that it lost.
    fn put_reading(
        &mut self,
        task: Task,
        account: usize,
        value: Value,
        expected: Option<u64>,
        is_unheard: bool,
    ) -> ReadingCame {
        let place = value.place();
        let key = (account, place);
        let written = match expected {
            None => self.jobs.create(key, value),
            Some(revision) => self.jobs.update(&key, value, revision),
        };
        let line = format_args!("{place:?}, expected {expected:?}: {written:?}");
        self.trace.note(self.agenda.now_ms(), task.who(), "put", expected.unwrap_or_default(), line);
        if written.is_ok() && place == Place::Jobs {
            self.wake_readers(account);
        }
        match written {
            Ok(revision) if !is_unheard => ReadingCame::Put(Written::Revision(revision)),
            Ok(_) => ReadingCame::Put(Written::Conflict),
            Err(_) => {
                *self.marks.entry("reader: a compare-and-set lost").or_default() += 1;
                ReadingCame::Put(Written::Conflict)
            }
        }
    }

    fn ask_aircall(
        &mut self,
        task: Task,
        account: usize,
        question: &Question,
        struck: Option<Struck>,
    ) -> ReadingCame {
        if let Some(Struck { kind, number }) = struck {
            self.faults.count(kind, number);
        }
        let (now_ms, kind) = (self.now_ms(), struck.map(|struck| struck.kind));
        self.trace.note(now_ms, task.who(), "asks", 0, format_args!("{question:?} {kind:?}"));
        let lost = ReadingCame::Answered {
            result: Err(RestError::Unreachable(Unreachable::Timeout)),
            rate: RateLimit::default(),
        };
        let raw = match kind {
            Some(Kind::AircallRequestLost) => return lost,
            Some(Kind::AircallFails) => RawAnswer {
                status: StatusCode::SERVICE_UNAVAILABLE,
                headers: HeaderMap::new(),
                body: Vec::new(),
            },
            _ => self.aircalls[account].answer(now_ms, question),
        };
        if kind == Some(Kind::AircallAnswerLost) {
            return lost;
        }
        let (result, rate) = question.read(raw);
        ReadingCame::Answered { result, rate }
    }
}

fn account_of(task: Task) -> usize {
    match task {
        Task::Turn { turn, .. } => is_about(turn).0,
        task => panic!("{task:?} is no turn of a reader"),
    }
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).expect("a short span")
}

/// What may go wrong with an operation.
fn kinds_of(operation: &ReadingOperation) -> &'static [Kind] {
    const GET: &[Kind] = &[Kind::StoreRefused, Kind::ReaderKilled, Kind::ReaderPaused];
    const PUT: &[Kind] = &[Kind::StoreRefused, Kind::StoreAnswerLost, Kind::ReaderKilled, Kind::ReaderPaused];
    const APPEND: &[Kind] = &[Kind::LogRefused, Kind::LogAnswerLost, Kind::ReaderKilled, Kind::ReaderPaused];
    const READ: &[Kind] = &[Kind::LogRefused, Kind::ReaderKilled, Kind::ReaderPaused];
    const SEND: &[Kind] = &[
        Kind::AircallRequestLost,
        Kind::AircallAnswerLost,
        Kind::AircallFails,
        Kind::ReaderKilled,
        Kind::ReaderPaused,
    ];
    match operation {
        ReadingOperation::Get(_) | ReadingOperation::ReadStoreTime => GET,
        ReadingOperation::Put { .. } => PUT,
        ReadingOperation::Append(_) => APPEND,
        ReadingOperation::ReadTail | ReadingOperation::ReadHeard { .. } => READ,
        ReadingOperation::Send(_) => SEND,
        ReadingOperation::Sleep(_) => &[Kind::ReaderPaused],
        ReadingOperation::ReadFrontKnown | ReadingOperation::Rest(_) => &[],
    }
}

/// What came, for a line of the trace: no number of a caller stands there.
pub(super) struct Word<'a>(pub(super) &'a ReadingCame);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ReadingCame::Found(found) => {
                write!(f, "found {:?}", found.as_ref().map(|(_, revision)| revision))
            }
            ReadingCame::Answered { result: Ok(_), .. } => f.write_str("answered"),
            ReadingCame::Answered { result: Err(error), .. } => write!(f, "{error}"),
            came => write!(f, "{came:?}"),
        }
    }
}

/// Tells answers apart, as far as they lead to something else.
pub(super) fn number_of(came: &ReadingCame) -> u64 {
    match came {
        ReadingCame::Begun => 1,
        ReadingCame::Found(found) => found.as_ref().map_or(0, |(_, revision)| *revision) << 8 | 2,
        ReadingCame::Put(Written::Revision(revision)) => revision << 8 | 3,
        ReadingCame::Put(Written::Conflict) => 4,
        ReadingCame::StoreTime(_) => 5,
        ReadingCame::Answered { result, .. } => u64::from(result.is_ok()) << 8 | 6,
        ReadingCame::Appended => 7,
        ReadingCame::Tail(tail) => tail << 8 | 8,
        ReadingCame::Heard(heard) => (heard.len() as u64) << 8 | 9,
        ReadingCame::FrontKnown(_) => 10,
        ReadingCame::Slept => 11,
        ReadingCame::Failed => 12,
        ReadingCame::TooLarge => 13,
    }
}
