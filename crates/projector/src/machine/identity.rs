//! Whether the log is the one that was folded: one that lost its last records, or was restored, is folded again.

use calltrail_domain::rule::{self, Rule};

use super::{Asked, Machine, Step};
use crate::limits::LOOKS_BEHIND_MAX;
use crate::lineage::Seen;
use crate::operation::WhyAgain;
use crate::pieces::Pieces;

impl<P: Pieces> Machine<P> {
    /// True when the log ends before the checkpoint. Then `asked` is asked again a few times, because a new leader of
    /// the servers may lack the last records for a moment.
    pub(super) fn is_behind(&mut self, asked: Asked, tail: u64) -> bool {
        let checkpoint = self.projection.checkpoint();
        if tail >= checkpoint || !compares() {
            return false;
        }
        (self.identified, self.looks_behind) = (false, self.looks_behind + 1);
        if self.looks_behind < LOOKS_BEHIND_MAX {
            self.ask(Asked::Sleep);
            self.ask(asked);
        } else {
            self.over = Some(WhyAgain::Behind { checkpoint, tail });
        }
        true
    }

    /// Asks the log for the record at the checkpoint, unless it is known; true when what follows waits for the answer.
    pub(super) fn identifies(&mut self) -> bool {
        if self.identified || !compares() {
            return false;
        }
        let Some(seen) = self.projection.lineage().at(self.projection.checkpoint()) else {
            self.identified = true;
            return false;
        };
        self.agenda.push_front(Step::Ask(Asked::Identify { seen, resumes: true }));
        true
    }

    /// The record that was folded as `seen`, and the first one, as the log has them now.
    pub(super) fn compare(&mut self, seen: Seen, at: Option<u64>, first: Option<u64>) {
        let began = self.projection.lineage().first.map(|first| first.hash);
        (self.identified, self.looks_behind) = (true, 0);
        if !compares() {
            return;
        }
        if at != Some(seen.hash) {
            self.over = Some(WhyAgain::OtherRecord { sequence: seen.sequence });
        } else if first != began {
            self.over = Some(WhyAgain::OtherFirst);
        }
    }

    /// True when records that were read follow on those that were folded: `before` is the hash of the record that the
    /// log has at the checkpoint.
    pub(super) fn follow_on(&mut self, before: Option<u64>) -> bool {
        let sequence = self.projection.checkpoint();
        let folded = self.projection.lineage().hash_at(sequence);
        if before == folded || !compares() {
            return true;
        }
        self.over = Some(WhyAgain::OtherRecord { sequence });
        false
    }
}

fn compares() -> bool {
    rule::holds(Rule::LogIdentityIsChecked)
}
