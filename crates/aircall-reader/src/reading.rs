//! A turn at the jobs: one is taken, and read page by page until it is over or the rate has no room. One result in, one
//! operation out; it never awaits and reads no clock.
//!
//! A page is in the log before the job says so. A reader that dies in between leaves the page to be read again, and the
//! fold takes a call that it knows for what it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use calltrail_aircall::rest::{CallsAsk, CallsPage, NextPage, ReadCall, RestError};
use calltrail_domain::record::{AircallRead, Record, RecordBody};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;

use crate::asking::{Answer, Asking, Step};
use crate::budget::{Use, millis};
use crate::job::{Job, Kind};
use crate::limits::{
    CONFLICTS_MAX, FAILED_PAUSE_MAX, FAILED_PAUSE_MIN, FRONT_PAUSE, FRONT_WAIT_MAX, IDLE_PAUSE, LISTED_MAX,
    STORE_TROUBLE_PAUSE,
};
use crate::operation::{Came, Operation, Place, Question, Reply, Value, Written, jobs_in};
use crate::settings::Settings;

/// A turn of one reader.
#[derive(Debug)]
pub struct Reading {
    settings: Arc<Settings>,
    reader: String,
    job: Option<Box<Job>>,
    /// The store's time, as it was last read.
    now_ms: i64,
    lost: u32,
    stage: Stage,
}

/// What the turn waits for.
#[derive(Debug)]
enum Stage {
    Jobs,
    Time {
        found: Option<(Value, u64)>,
    },
    Taken,
    FrontKnown,
    Asking(Asking),
    /// Groups of records, the first of which is on its way into the log.
    Appending(VecDeque<Vec<Record>>),
    Noting(Then),
    Noted(Then),
}

/// What is done when the job's progress is stored.
#[derive(Debug, Clone, Copy)]
enum Then {
    GoOn,
    Rest(Duration),
}

impl Reading {
    /// A turn that begins with [`Came::Begun`]. `reader` is this reader's name, not given twice.
    #[must_use]
    pub fn new(settings: Arc<Settings>, reader: String) -> Self {
        Self { settings, reader, job: None, now_ms: 0, lost: 0, stage: Stage::Jobs }
    }

    /// The job in hand.
    #[must_use]
    pub fn job(&self) -> Option<&Job> {
        self.job.as_deref()
    }

    /// The next operation; [`Operation::Rest`] ends the turn.
    pub fn next(&mut self, now: Timestamp, came: Came) -> Operation {
        match (std::mem::replace(&mut self.stage, Stage::Jobs), came) {
            (Stage::Asking(mut asking), came) => {
                let step = asking.next(now, came);
                self.asked(now, asking, step)
            }
            (Stage::Appending(groups), Came::TooLarge) => self.cut(groups),
            (Stage::Appending(groups), Came::Failed) if !rule::holds(Rule::RefusedPageIsReadAgain) => {
                self.appended(groups)
            }
            (_, Came::Failed | Came::TooLarge) => Operation::Rest(STORE_TROUBLE_PAUSE),
            (Stage::Jobs, Came::Begun) => Operation::Get(Place::Jobs),
            (Stage::Jobs, Came::Found(found)) => self.wait(Stage::Time { found }, Operation::ReadStoreTime),
            (Stage::Time { found }, Came::StoreTime(now_ms)) => self.take(found, now_ms),
            (Stage::Taken, Came::Put(Written::Revision(_))) => self.begin(),
            (Stage::Taken, Came::Put(Written::Conflict)) => self.again(Stage::Jobs),
            (Stage::FrontKnown, Came::FrontKnown(known_ms)) => self.front_known(known_ms),
            (Stage::Appending(groups), Came::Appended) => self.appended(groups),
            (Stage::Noting(then), Came::Found(found)) => self.put(then, found),
            (Stage::Noted(then), Came::Put(Written::Revision(_))) => self.noted(then),
            (Stage::Noted(then), Came::Put(Written::Conflict)) => self.again(Stage::Noting(then)),
            (stage, came) => panic!("{came:?} does not answer {stage:?}"),
        }
    }

    fn take(&mut self, found: Option<(Value, u64)>, now_ms: i64) -> Operation {
        self.now_ms = now_ms;
        let (mut jobs, expected) = jobs_in(found);
        let Some(job) = jobs.take(&self.reader, now_ms, self.settings.alone) else {
            return Operation::Rest(IDLE_PAUSE);
        };
        self.job = Some(Box::new(job));
        self.wait(Stage::Taken, Operation::Put { value: Value::Jobs(jobs), expected })
    }

    /// What people did in Front is in the log before the calls are, so that a subject is decided against the right status.
    fn begin(&mut self) -> Operation {
        let is_recovery = self.held().asked.kind == Kind::Recover;
        if is_recovery && rule::holds(Rule::FrontIsRecoveredFirst) {
            return self.wait(Stage::FrontKnown, Operation::ReadFrontKnown);
        }
        self.ask()
    }

    fn front_known(&mut self, known_ms: Option<i64>) -> Operation {
        let asked_at_ms = self.held().asked_at_ms;
        let is_known = known_ms.is_none_or(|known_ms| known_ms >= asked_at_ms);
        let has_waited = self.now_ms - asked_at_ms > millis(FRONT_WAIT_MAX);
        if is_known || has_waited { self.ask() } else { Operation::Rest(FRONT_PAUSE) }
    }

    fn ask(&mut self) -> Operation {
        let Some(question) = self.held().question() else { return self.note(Then::GoOn) };
        let (asking, operation) = Asking::new(self.settings.rate, Use::Job, question);
        self.wait(Stage::Asking(asking), operation)
    }

    fn asked(&mut self, now: Timestamp, asking: Asking, step: Step) -> Operation {
        match step {
            Step::Do(operation) => self.wait(Stage::Asking(asking), operation),
            Step::Later(wait) => Operation::Rest(wait),
            Step::Answered { answer, now_ms } => {
                self.now_ms = now_ms;
                self.answered(now, answer)
            }
        }
    }

    fn answered(&mut self, now: Timestamp, answer: Answer) -> Operation {
        let (reader, now_ms) = (self.reader.clone(), self.now_ms);
        let job = self.held();
        job.requests += 1;
        job.hold(&reader, now_ms);
        match answer {
            Ok(Reply::Calls(page)) => {
                job.trouble = None;
                self.page(now, page)
            }
            Ok(Reply::Call(call)) => {
                job.trouble = None;
                job.calls.pop_front();
                job.read += 1;
                let records = vec![record(now, &job.asked, *call, false)];
                self.append([records].into())
            }
            Err(RestError::NotFound) if job.calls.pop_front().is_some() => {
                job.unreadable += 1;
                self.note(Then::GoOn)
            }
            // The budget knows until when.
            Err(RestError::TooMany { .. }) => self.note(Then::GoOn),
            Ok(_) => panic!("calls were asked for"),
            Err(error) => {
                let wait = job.fail(now_ms, error.to_string(), FAILED_PAUSE_MIN, FAILED_PAUSE_MAX);
                self.note(Then::Rest(wait))
            }
        }
    }

    fn page(&mut self, now: Timestamp, page: CallsPage) -> Operation {
        let job = self.held();
        let Some(window) = job.windows.front_mut() else { return self.note(Then::GoOn) };
        let total = page.total.unwrap_or(0);
        if window.page.is_none() {
            if !std::mem::replace(&mut window.counted, true) {
                job.expected += total;
            }
            // Only the first are listed, and the total may end there too: the rest is found by shorter windows.
            if total >= LISTED_MAX && rule::holds(Rule::LongWindowsAreSplit) {
                if job.split() {
                    return self.note(Then::GoOn);
                }
                job.unreadable += total.saturating_sub(LISTED_MAX);
            }
        }
        job.read += page.calls.len() as u64;
        job.unreadable += page.unreadable;
        let records = records(now, job, page.calls);
        match (page.next, job.windows.front_mut()) {
            (Some(next), Some(window)) => window.page = Some(next.as_str().to_owned()),
            (None, _) | (_, None) => drop(job.windows.pop_front()),
        }
        self.append([records].into())
    }

    fn append(&mut self, groups: VecDeque<Vec<Record>>) -> Operation {
        match groups.front().filter(|group| !group.is_empty()) {
            Some(group) => {
                let append = Operation::Append(group.clone());
                self.wait(Stage::Appending(groups), append)
            }
            None => self.note(Then::GoOn),
        }
    }

    fn appended(&mut self, mut groups: VecDeque<Vec<Record>>) -> Operation {
        groups.pop_front();
        self.append(groups)
    }

    /// The log takes no group that is so large: halves are tried, and a record that is too large alone is left out.
    fn cut(&mut self, mut groups: VecDeque<Vec<Record>>) -> Operation {
        let mut group = groups.pop_front().unwrap_or_default();
        if group.len() > 1 {
            let second = group.split_off(group.len() / 2);
            groups.push_front(second);
            groups.push_front(group);
        } else {
            let job = self.held();
            job.read = job.read.saturating_sub(1);
            job.unreadable += 1;
        }
        self.append(groups)
    }

    fn note(&mut self, then: Then) -> Operation {
        let now_ms = self.now_ms;
        let job = self.held();
        if job.is_read() {
            job.over_at_ms = Some(now_ms);
        }
        self.wait(Stage::Noting(then), Operation::Get(Place::Jobs))
    }

    /// Others may have added jobs, or called this one off.
    fn put(&mut self, then: Then, found: Option<(Value, u64)>) -> Operation {
        let (mut jobs, expected) = jobs_in(found);
        if !jobs.put(self.held()) {
            self.job = None;
            return Operation::Rest(Duration::ZERO);
        }
        self.wait(Stage::Noted(then), Operation::Put { value: Value::Jobs(jobs), expected })
    }

    fn noted(&mut self, then: Then) -> Operation {
        self.lost = 0;
        match then {
            Then::Rest(wait) => Operation::Rest(wait),
            Then::GoOn if self.held().over_at_ms.is_some() => Operation::Rest(Duration::ZERO),
            Then::GoOn => self.ask(),
        }
    }

    /// A compare-and-set was lost.
    fn again(&mut self, stage: Stage) -> Operation {
        self.lost += 1;
        if self.lost >= CONFLICTS_MAX {
            return Operation::Rest(STORE_TROUBLE_PAUSE);
        }
        self.wait(stage, Operation::Get(Place::Jobs))
    }

    fn held(&mut self) -> &mut Job {
        #[expect(clippy::expect_used, reason = "every stage after the first two has taken a job")]
        self.job.as_mut().expect("a job was taken")
    }

    fn wait(&mut self, stage: Stage, operation: Operation) -> Operation {
        self.stage = stage;
        operation
    }
}

impl Job {
    /// What is asked next; nothing when all is read.
    fn question(&self) -> Option<Question> {
        if let Some(call) = self.calls.front() {
            return Some(Question::Call(*call));
        }
        let window = self.windows.front()?;
        Some(Question::Calls(CallsAsk {
            from: Timestamp::from_seconds(window.from_s),
            to: Timestamp::from_seconds(window.to_s),
            page: window.page.clone().map(NextPage::new),
        }))
    }
}

/// The calls of a page, in the order in which they ended: so they would have settled.
fn records(now: Timestamp, job: &Job, mut calls: Vec<ReadCall>) -> Vec<Record> {
    let is_late = job.windows.front().is_some_and(|window| window.update);
    let was_over = |call: &ReadCall| {
        let ended = call.ended_at.map(Timestamp::as_seconds);
        ended.zip(job.asked.ended_from_s).is_some_and(|(ended_s, from_s)| ended_s < from_s)
    };
    calls.sort_by_key(|call| (call.ended_at.or(call.started_at), call.id));
    let update = |call: &ReadCall| (is_late || was_over(call)) && rule::holds(Rule::OverlapAddsNoCalls);
    let records = calls.into_iter().map(|call| (update(&call), call));
    records.map(|(update, call)| record(now, &job.asked, call, update)).collect()
}

fn record(now: Timestamp, asked: &crate::job::Asked, call: ReadCall, update: bool) -> Record {
    let ended = call.ended_at.or(call.started_at);
    let age_s = ended.map_or(0, |ended| millis(now.since(ended)) / 1000);
    let history = asked.history_after_s.is_none_or(|after_s| age_s > after_s);
    let body = AircallRead { number: call.number, body: call.body, history, update };
    Record { received_at: now, body: RecordBody::AircallRead(body) }
}
