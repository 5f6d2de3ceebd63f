//! What an answer of Front says about the rate, noted in the budget. The answer counts all the same when that fails.

use std::time::Duration;

use calltrail_domain::time::Timestamp;
use calltrail_front::{Answer, Exchange, NotApplied, RateLimit};

use crate::budget::Budget;
use crate::limits::{BUDGET_CONFLICTS_MAX, TOO_MANY_DELAY};
use crate::operation::{Came, Operation, Place, Value, Written};
use crate::work::reservation::budget_in;

/// How far the note is.
#[derive(Debug)]
pub(super) struct Learning {
    rate: RateLimit,
    /// How long Front asks everybody to wait.
    refused: Option<Duration>,
    tries: u32,
    read: Option<(Box<Budget>, Option<u64>)>,
}

impl Learning {
    pub(super) fn new(exchange: &Exchange) -> Self {
        let refused = match &exchange.answer {
            Answer::NotApplied { reason: NotApplied::TooMany, retry_after } => {
                Some(retry_after.unwrap_or(TOO_MANY_DELAY))
            }
            _ => None,
        };
        Self { rate: exchange.rate, refused, tries: 0, read: None }
    }

    /// The next operation; none when it is noted, or will not be.
    pub(super) fn next(&mut self, now: Timestamp, came: Came) -> Option<Operation> {
        match (self.read.take(), came) {
            (None, Came::Found(found)) => {
                self.read = Some(budget_in(found));
                Some(Operation::ReadStoreTime)
            }
            (Some((mut budget, expected)), Came::StoreTime(now_ms)) => {
                let is_news = budget.learn(now_ms, &self.rate, self.refused, now);
                let (place, value) = (Place::Budget, Value::Budget(budget));
                is_news.then_some(Operation::Put { place, value, expected })
            }
            (None, Came::Put(Written::Conflict)) => {
                self.tries += 1;
                (self.tries < BUDGET_CONFLICTS_MAX).then_some(Operation::Get(Place::Budget))
            }
            (None, Came::Put(Written::Revision(_) | Written::Unknown))
            | (_, Came::Failed | Came::TooLarge) => None,
            (read, came) => panic!("{came:?} does not answer, with a budget read: {}", read.is_some()),
        }
    }
}
