//! One request to Aircall: a slot of the budget is reserved and met, the request is sent, and what its answer says of the
//! rate is learned. One result in, one step out.

use std::time::Duration;

use calltrail_aircall::rest::{RateLimit, RestError};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;

use crate::budget::{Budget, Use};
use crate::limits::{CONFLICTS_MAX, RATE_MARGIN, SLOT_WAIT_MAX, STORE_TROUBLE_PAUSE};
use crate::operation::{Came, Operation, Place, Question, Reply, Value, Written, budget_in};
use crate::settings::Rate;

/// How far a request is.
#[derive(Debug)]
pub(crate) struct Asking {
    rate: Rate,
    by: Use,
    question: Question,
    lost: u32,
    /// The store's time when the slot was met.
    now_ms: i64,
    /// The reader's own time when it asked for the store's.
    asked_at: Timestamp,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Budget,
    Time(Box<Budget>, Option<u64>),
    Reserved {
        slot_ms: i64,
    },
    /// By the reader's own clock, when the slot is.
    Slot {
        at: Timestamp,
    },
    Answer,
    Learning(Box<Answer>, RateLimit),
    Learned(Box<Answer>),
}

/// What Aircall said to the question.
pub(crate) type Answer = Result<Reply, RestError>;

/// What is to be done next.
pub(crate) enum Step {
    Do(Operation),
    /// The answer, and the store's time when the request was sent.
    Answered {
        answer: Answer,
        now_ms: i64,
    },
    /// The budget has no slot soon, or a store failed: to be asked again after this.
    Later(Duration),
}

impl Asking {
    /// Begins with `Get(Place::Budget)`.
    pub(crate) fn new(rate: Rate, by: Use, question: Question) -> (Self, Operation) {
        let asked_at = Timestamp::from_millis(0);
        let asking = Self { rate, by, question, lost: 0, now_ms: 0, asked_at, stage: Stage::Budget };
        (asking, Operation::Get(Place::Budget))
    }

    pub(crate) fn next(&mut self, now: Timestamp, came: Came) -> Step {
        match (std::mem::replace(&mut self.stage, Stage::Budget), came) {
            // The answer is worth more than what it says of the rate.
            (Stage::Learning(answer, _) | Stage::Learned(answer), Came::Failed) => self.answered(*answer),
            (_, Came::Failed | Came::TooLarge) => Step::Later(STORE_TROUBLE_PAUSE),
            (Stage::Budget, Came::Found(found)) => {
                let (budget, revision) = budget_in(found);
                self.asked_at = now;
                self.wait(Stage::Time(budget, revision), Operation::ReadStoreTime)
            }
            (Stage::Time(budget, revision), Came::StoreTime(now_ms)) => {
                self.reserve(budget, revision, now_ms)
            }
            (Stage::Reserved { slot_ms }, Came::Put(Written::Revision(_))) => self.sleep(slot_ms),
            (Stage::Reserved { .. }, Came::Put(Written::Conflict))
                if rule::holds(Rule::ReadersShareTheirBudget) =>
            {
                self.again()
            }
            (Stage::Reserved { slot_ms }, Came::Put(Written::Conflict)) => self.sleep(slot_ms),
            (Stage::Slot { at }, Came::Slept) if is_slept_through(now, at) => self.again(),
            (Stage::Slot { .. }, Came::Slept) => {
                self.wait(Stage::Answer, Operation::Send(self.question.clone()))
            }
            (Stage::Answer, Came::Answered { result, rate }) => {
                self.wait(Stage::Learning(Box::new(result), rate), Operation::Get(Place::Budget))
            }
            (Stage::Learning(answer, rate), Came::Found(found)) => self.learn(now, *answer, rate, found),
            (Stage::Learned(answer), Came::Put(_)) => self.answered(*answer),
            (stage, came) => panic!("{came:?} does not answer {stage:?}"),
        }
    }

    fn reserve(&mut self, mut budget: Box<Budget>, expected: Option<u64>, now_ms: i64) -> Step {
        let slot_ms = budget.next_slot_ms(now_ms, self.rate, self.by);
        let wait = Duration::from_millis(u64::try_from(slot_ms - now_ms).unwrap_or(0));
        if wait > SLOT_WAIT_MAX {
            return Step::Later(wait - SLOT_WAIT_MAX / 2);
        }
        self.now_ms = now_ms;
        budget.reserve(now_ms, slot_ms);
        self.wait(Stage::Reserved { slot_ms }, Operation::Put { value: Value::Budget(budget), expected })
    }

    fn sleep(&mut self, slot_ms: i64) -> Step {
        let wait = Duration::from_millis(u64::try_from(slot_ms - self.now_ms).unwrap_or(0));
        self.now_ms = slot_ms;
        self.wait(Stage::Slot { at: self.asked_at.plus(wait) }, Operation::Sleep(wait))
    }

    /// What is lost here to another reader is learned from the next answer.
    fn learn(
        &mut self,
        now: Timestamp,
        answer: Answer,
        rate: RateLimit,
        found: Option<(Value, u64)>,
    ) -> Step {
        let (mut budget, expected) = budget_in(found);
        let refused = match &answer {
            Err(RestError::TooMany { retry_after }) => Some(*retry_after),
            Ok(_) | Err(_) => None,
        };
        if !budget.learn(self.now_ms, &rate, refused, now) {
            return self.answered(answer);
        }
        let put = Operation::Put { value: Value::Budget(budget), expected };
        self.wait(Stage::Learned(Box::new(answer)), put)
    }

    fn answered(&self, answer: Answer) -> Step {
        Step::Answered { answer, now_ms: self.now_ms }
    }

    fn again(&mut self) -> Step {
        self.lost += 1;
        if self.lost >= CONFLICTS_MAX {
            return Step::Later(SLOT_WAIT_MAX);
        }
        self.wait(Stage::Budget, Operation::Get(Place::Budget))
    }

    fn wait(&mut self, stage: Stage, operation: Operation) -> Step {
        self.stage = stage;
        Step::Do(operation)
    }
}

/// A process that was paused meets its slot too late, when others have theirs: it is lost.
fn is_slept_through(now: Timestamp, slot: Timestamp) -> bool {
    now.since(slot) > RATE_MARGIN && rule::holds(Rule::ReadersSleptSlotIsLost)
}
