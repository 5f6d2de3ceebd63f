//! The reservation of one slot of the account's budget: offered, stored by compare-and-set, waited for, and met or not.

use std::time::Duration;

use calltrail_domain::rule::{self, Rule};

use crate::budget::{Ask, Budget, Offer};
use crate::command::Input;
use crate::limits::{BUDGET_CONFLICTS_MAX, PATIENT_WAIT_MAX, SLOT_LATE_MAX, SLOT_WAIT_MAX};
use crate::operation::{Came, Operation, Place, Value, Written};
use crate::settings::Rate;
use crate::work::{Step, interrupted};

/// How far a reservation is.
#[derive(Debug)]
pub(super) struct Reservation {
    ask: Ask,
    rate: Rate,
    /// Compare-and-sets that were lost, and slots that were not met.
    lost: u32,
    /// How long it was waited before asking again.
    waited: Duration,
    /// A slot that was reserved and is not used.
    unused_ms: Option<i64>,
    stage: Stage,
}

/// What the reservation waits for.
#[derive(Debug)]
enum Stage {
    Budget,
    Time { budget: Box<Budget>, revision: Option<u64> },
    Stored { offer: Offer, now_ms: i64 },
    Slot { slot_ms: i64 },
    BudgetAtSlot { slot_ms: i64 },
    TimeAtSlot { slot_ms: i64 },
    Again,
}

impl Reservation {
    pub(super) fn new(ask: Ask, rate: Rate) -> Self {
        Self { ask, rate, lost: 0, waited: Duration::ZERO, unused_ms: None, stage: Stage::Budget }
    }

    pub(super) fn next(&mut self, came: Came) -> Step {
        match (std::mem::replace(&mut self.stage, Stage::Budget), came) {
            (Stage::Budget, Came::Found(found)) => {
                let (budget, revision) = budget_in(found);
                self.await_with(Stage::Time { budget, revision }, Operation::ReadStoreTime)
            }
            (Stage::Time { budget, revision }, Came::StoreTime(now_ms)) => {
                self.reserve(budget, revision, now_ms)
            }
            (Stage::Stored { offer, now_ms }, Came::Put(written)) => match written {
                Written::Conflict if rule::holds(Rule::TheBudgetIsComparedAndSet) => {
                    self.lost += 1;
                    self.again()
                }
                Written::Revision(_) | Written::Conflict => self.stored(offer, now_ms),
                Written::Unknown => Step::Do(interrupted()),
            },
            (Stage::Slot { slot_ms }, Came::Slept) => {
                self.await_with(Stage::BudgetAtSlot { slot_ms }, Operation::Get(Place::Budget))
            }
            (Stage::BudgetAtSlot { slot_ms }, Came::Found(found)) => {
                if budget_in(found).0.is_pushed_back(slot_ms) {
                    return self.not_met(slot_ms);
                }
                self.await_with(Stage::TimeAtSlot { slot_ms }, Operation::ReadStoreTime)
            }
            (Stage::TimeAtSlot { slot_ms }, Came::StoreTime(now_ms)) => {
                if is_slept_through(now_ms, slot_ms) {
                    return self.not_met(slot_ms);
                }
                Step::Tell(Input::Slot { store_now_ms: now_ms })
            }
            (Stage::Again, Came::Slept) => self.again(),
            (stage, came) => panic!("{came:?} does not answer {stage:?}"),
        }
    }

    /// Takes what the budget offers. A budget without news is not written.
    fn reserve(&mut self, mut budget: Box<Budget>, revision: Option<u64>, now_ms: i64) -> Step {
        if let Some(slot_ms) = self.unused_ms {
            budget.give_back(slot_ms, self.ask);
        }
        let offer = budget.offer(now_ms, self.ask, self.rate);
        if budget.take(now_ms, self.ask, offer) || self.unused_ms.is_some() {
            let put =
                Operation::Put { place: Place::Budget, value: Value::Budget(budget), expected: revision };
            return self.await_with(Stage::Stored { offer, now_ms }, put);
        }
        self.stored(offer, now_ms)
    }

    fn stored(&mut self, offer: Offer, now_ms: i64) -> Step {
        self.unused_ms = None;
        match offer {
            Offer::Slot { at_ms: slot_ms } => match u64::try_from(slot_ms - now_ms) {
                Ok(wait_ms @ 1..) => {
                    let wait = Duration::from_millis(wait_ms);
                    self.await_with(Stage::Slot { slot_ms }, Operation::Sleep(wait))
                }
                _ => self.await_with(Stage::TimeAtSlot { slot_ms }, Operation::ReadStoreTime),
            },
            Offer::Again { wait } => {
                self.waited += wait;
                self.await_with(Stage::Again, Operation::Sleep(wait))
            }
            Offer::Later { wait } => Step::Tell(Input::NoSlot { wait }),
        }
    }

    /// A slot that was slept through is lost, a request sent now would be one too many; and so is one that Front has said
    /// to wait beyond.
    fn not_met(&mut self, slot_ms: i64) -> Step {
        self.lost += 1;
        self.unused_ms = Some(slot_ms);
        self.again()
    }

    fn again(&mut self) -> Step {
        if self.lost >= BUDGET_CONFLICTS_MAX || self.waited > PATIENT_WAIT_MAX {
            return Step::Tell(Input::NoSlot { wait: SLOT_WAIT_MAX });
        }
        self.await_with(Stage::Budget, Operation::Get(Place::Budget))
    }

    fn await_with(&mut self, stage: Stage, operation: Operation) -> Step {
        self.stage = stage;
        Step::Do(operation)
    }
}

fn is_slept_through(now_ms: i64, slot_ms: i64) -> bool {
    let late = Duration::from_millis(u64::try_from(now_ms - slot_ms).unwrap_or(0));
    late > SLOT_LATE_MAX && rule::holds(Rule::ASlotSleptThroughIsLost)
}

/// The budget that was found; an account without one has used nothing.
pub(super) fn budget_in(found: Option<(Value, u64)>) -> (Box<Budget>, Option<u64>) {
    match found {
        Some((Value::Budget(budget), revision)) => (budget, Some(revision)),
        Some((value, _)) => panic!("{value:?} is no budget"),
        None => (Box::default(), None),
    }
}
