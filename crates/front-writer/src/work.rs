//! One claim's work on one item: the machine, and how its commands are done by the ports. One result in, one operation
//! out; it never awaits and reads no clock. So a crash, or a pause, fits between any two operations.

mod fencing;
mod keeping;
mod learning;
mod polling;
mod reservation;
mod shared;

use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::Class;
use calltrail_front::{Answer, Exchange, NotApplied, Reply, RequestKind};

pub(crate) use self::polling::Polling;
pub use self::polling::{Polled, front_known_ms};
pub use self::shared::Shared;
use crate::answered::goes_without;
use crate::budget::Ask;
use crate::clock::millis;
use crate::command::{Command, Fetched, Input};
use crate::limits::{
    DEADLINE_MARGIN, HELD_WAIT_MAX, SLOT_LATE_MAX, SLOTS_PASSED_MAX, STORE_TROUBLE_DELAY, TOO_LARGE_DELAY,
};
use crate::machine::{Machine, Purpose};
use crate::operation::{Came, Operation, Place, Value, Written};
use crate::settings::Settings;
use crate::work::keeping::Keeping;
use crate::work::learning::Learning;
use crate::work::reservation::Reservation;

/// One claim's work on one item.
pub struct Work {
    class: Class,
    machine: Machine,
    doing: Doing,
    /// When the store's time was asked for last, by this process's own clock.
    time_asked: Timestamp,
    /// Requests that were not sent because their slot had passed.
    slots_passed: u32,
}

/// Shows nothing personal: an answer may hold what Front said.
impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("machine", &self.machine).finish_non_exhaustive()
    }
}

/// The command that is being done.
#[derive(Debug)]
enum Doing {
    Claiming,
    ReadingFence,
    WritingFence,
    /// The fence of somebody who was faster is read, to be written over.
    OverwritingFence,
    Reserving(Reservation),
    AskingTime,
    Sending(RequestKind),
    Learning(Learning, Box<Answer>),
    Appending,
    Keeping(Keeping),
    FetchingAudio,
    Waiting,
    Nothing,
}

/// What follows: an operation, or at once an input of the machine.
enum Step {
    Do(Operation),
    Tell(Input),
}

/// The claim is given back, and the fence knows what was done.
fn interrupted() -> Operation {
    Operation::Release { after: STORE_TROUBLE_DELAY, why: None }
}

impl Work {
    /// Work of a claim named `claim`, a name that no other claim has ever had.
    #[must_use]
    pub fn new(settings: Arc<Settings>, claim: String, class: Class, item: WorkItem) -> Self {
        let machine = Machine::new(settings, claim, item);
        let time_asked = Timestamp::from_millis(0);
        Self { class, machine, doing: Doing::Claiming, time_asked, slots_passed: 0 }
    }

    /// The machine, for what it has counted.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// True while a slot of the budget is being reserved or waited for.
    #[must_use]
    pub fn is_reserving(&self) -> bool {
        matches!(self.doing, Doing::Reserving(_))
    }

    /// True while nothing is under way that a writer that is to stop would have to finish.
    #[must_use]
    pub fn may_be_left(&self) -> bool {
        match self.doing {
            Doing::ReadingFence
            | Doing::Reserving(_)
            | Doing::AskingTime
            | Doing::FetchingAudio
            | Doing::Waiting => true,
            Doing::Claiming
            | Doing::WritingFence
            | Doing::OverwritingFence
            | Doing::Sending(_)
            | Doing::Learning(..)
            | Doing::Appending
            | Doing::Keeping(_)
            | Doing::Nothing => false,
        }
    }

    /// What to do next, after `came` at `now`, by this process's own clock. Whatever fails ends the claim, but for a note
    /// of Front's rate: the answer that it came with counts all the same.
    ///
    /// # Panics
    /// When `came` does not answer the last operation.
    pub fn next(&mut self, now: Timestamp, shared: &mut Shared, came: Came) -> Operation {
        let mut step = self.done(now, shared, came);
        loop {
            match step {
                Step::Do(operation) => {
                    if matches!(operation, Operation::ReadStoreTime) {
                        self.time_asked = now;
                    }
                    return operation;
                }
                Step::Tell(input) => {
                    let command = self.machine.step(now, input);
                    step = self.begin(now, shared, command);
                }
            }
        }
    }

    fn done(&mut self, now: Timestamp, shared: &mut Shared, came: Came) -> Step {
        match (std::mem::replace(&mut self.doing, Doing::Nothing), came) {
            (Doing::Learning(learning, answer), came) => self.learn(now, learning, answer, came),
            (_, Came::Failed) => Step::Do(interrupted()),
            (_, Came::TooLarge) => Step::Do(Operation::Release { after: TOO_LARGE_DELAY, why: None }),
            (Doing::Claiming, Came::Claimed) => Step::Tell(Input::Claimed),
            (Doing::ReadingFence, Came::Found(found)) => Step::Tell(self.fence_read(now, shared, found)),
            (Doing::WritingFence, Came::Put(Written::Conflict))
                if !rule::holds(Rule::AFenceIsComparedAndSet) =>
            {
                self.doing(Doing::OverwritingFence, Operation::Get(self.fence_place()))
            }
            (Doing::OverwritingFence, Came::Found(found)) => {
                let value = Value::Fence(Box::new(self.machine.fence.clone()));
                self.put_fence(value, found.map(|(_, revision)| revision))
            }
            (Doing::WritingFence, Came::Put(written)) => Step::Tell(self.fence_written(now, shared, written)),
            (Doing::Reserving(mut reservation), came) => {
                let step = reservation.next(came);
                self.doing = Doing::Reserving(reservation);
                self.timed(now, step)
            }
            (Doing::AskingTime, Came::StoreTime(now_ms)) => Step::Tell(Input::StoreTime { now_ms }),
            (Doing::Sending(kind), Came::Exchanged(exchange)) => self.answered(now, shared, kind, exchange),
            (Doing::Appending, Came::Appended) => Step::Tell(Input::Appended),
            (Doing::Keeping(mut keeping), came) => {
                let step = keeping.next(came);
                self.doing = Doing::Keeping(keeping);
                step
            }
            (Doing::FetchingAudio, Came::Audio(fetched)) => {
                if matches!(fetched, Fetched::Audio(_)) {
                    shared.conditions.aircall_answered(now);
                }
                Step::Tell(Input::Audio(fetched))
            }
            (Doing::Waiting, Came::Slept) => Step::Tell(Input::Woke),
            (doing, came) => panic!("{came:?} does not answer {doing:?}"),
        }
    }

    fn begin(&mut self, now: Timestamp, shared: &mut Shared, command: Command) -> Step {
        let (doing, operation) = match command {
            Command::ReadFence => (Doing::ReadingFence, Operation::Get(self.fence_place())),
            Command::WriteFence { fence, expected } => {
                return self.put_fence(Value::Fence(fence), expected);
            }
            Command::Reserve { resource, patient } => {
                let request = self.machine.pending.as_ref().map(|pending| &pending.request);
                if let Some(wait) = request.and_then(|request| shared.conditions.bars(now, request)) {
                    return Step::Tell(Input::Barred { wait });
                }
                let ask = Ask { class: self.class, resource, patient };
                let reservation = Reservation::new(ask, self.machine.settings.rate);
                (Doing::Reserving(reservation), Operation::Get(Place::Budget))
            }
            Command::Send { request, deadline } => {
                let timeout = self.time_to_answer(now, deadline);
                if timeout.is_zero() || self.has_passed_its_slot(now) {
                    let (reason, retry_after) = (NotApplied::TooLate, None);
                    return Step::Tell(Input::Answered(Answer::NotApplied { reason, retry_after }));
                }
                (Doing::Sending(request.kind()), Operation::Send { request, timeout })
            }
            Command::ReadStoreTime => (Doing::AskingTime, Operation::ReadStoreTime),
            Command::FindTeammate { email } => {
                return Step::Tell(Input::Teammate(shared.directory.find(&email, now)));
            }
            Command::FetchAudio { call } => (Doing::FetchingAudio, Operation::FetchAudio { call }),
            Command::Append(records) => (Doing::Appending, Operation::Append(records)),
            Command::KeepDeadLetter(letter) => {
                let keeping = Keeping::new(letter);
                let place = keeping.place();
                (Doing::Keeping(keeping), Operation::Get(place))
            }
            Command::WaitUntil(at) => {
                // Not longer, should the clock have been set back meanwhile.
                (Doing::Waiting, Operation::Sleep(at.since(now).min(HELD_WAIT_MAX)))
            }
            Command::Release { after, why } => {
                let condition = self.machine.waits_for.take();
                let after = condition.map_or(after, |condition| shared.conditions.meet(now, condition));
                (Doing::Nothing, Operation::Release { after, why: Some(why) })
            }
            Command::Done => {
                shared.sightings.forget(&self.machine.item.party);
                (Doing::Nothing, Operation::Done)
            }
        };
        self.doing(doing, operation)
    }

    /// The store's clock has gone on since it was asked for the slot: a deadline counts from the latest it can show.
    fn timed(&self, now: Timestamp, step: Step) -> Step {
        match step {
            Step::Tell(Input::Slot { store_now_ms }) => {
                let store_now_ms = store_now_ms.saturating_add(millis(now.since(self.time_asked)));
                Step::Tell(Input::Slot { store_now_ms })
            }
            step => step,
        }
    }

    fn doing(&mut self, doing: Doing, operation: Operation) -> Step {
        self.doing = doing;
        Step::Do(operation)
    }

    /// The slot was met by a time of the store that was asked for long ago: this process has slept since.
    fn has_passed_its_slot(&mut self, now: Timestamp) -> bool {
        let has_passed = now.since(self.time_asked) > SLOT_LATE_MAX && self.slots_passed < SLOTS_PASSED_MAX;
        self.slots_passed += u32::from(has_passed);
        let is_checked = rule::holds(Rule::TheDeadlineIsCheckedBeforeSending);
        has_passed && is_checked && rule::holds(Rule::ASlotSleptThroughIsLost)
    }

    /// The deadline is checked right before the request, and the request's own time ends before it. Zero when it is too
    /// late.
    fn time_to_answer(&self, now: Timestamp, deadline: Timestamp) -> Duration {
        let attempt = self.machine.settings.timing.attempt;
        // A deadline further away than an attempt lasts was written before the clock was set back.
        let is_checked = rule::holds(Rule::TheDeadlineIsCheckedBeforeSending);
        let left = if is_checked { deadline.since(now).min(attempt) } else { attempt };
        left.saturating_sub(DEADLINE_MARGIN)
    }

    /// What the answer says of the teammates and of the rate is for all; then the machine gets it.
    fn answered(
        &mut self,
        now: Timestamp,
        shared: &mut Shared,
        kind: RequestKind,
        exchange: Exchange,
    ) -> Step {
        if let Some(pending) = &self.machine.pending {
            shared.conditions.answered(now, &pending.request, &exchange.answer);
        }
        match &exchange.answer {
            Answer::Done(Reply::Teammates(teammates)) => shared.directory.replace(teammates, now),
            Answer::Rejected(refusal)
                if kind == RequestKind::ListTeammates && goes_without(Purpose::Teammates, refusal) =>
            {
                shared.directory.keep(now);
            }
            _ => {}
        }
        let learning = Learning::new(&exchange);
        self.doing(Doing::Learning(learning, Box::new(exchange.answer)), Operation::Get(Place::Budget))
    }

    fn learn(&mut self, now: Timestamp, mut learning: Learning, answer: Box<Answer>, came: Came) -> Step {
        match learning.next(now, came) {
            Some(operation) => self.doing(Doing::Learning(learning, answer), operation),
            None => Step::Tell(Input::Answered(*answer)),
        }
    }
}
