//! Whose turn it is: live items before bulk ones, but for a share that bulk is given.

use calltrail_domain::rule::{self, Rule};
use calltrail_event_log::ports::Class;

use crate::limits::BULK_EVERY;

/// The classes in the order in which the outbox is asked for them at a writer's claim of this number, from 1.
#[must_use]
pub fn order_of_claim(turn: u64) -> [Class; 2] {
    if turn.is_multiple_of(BULK_EVERY) || !rule::holds(Rule::LiveGoesBeforeBulk) {
        [Class::Bulk, Class::Live]
    } else {
        [Class::Live, Class::Bulk]
    }
}
