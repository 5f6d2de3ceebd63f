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

    /// The record that was folded as `seen`, and the first one, as the log has them now. A record that is not there, and has
    /// later ones, was erased: returns the one before it, to be asked for. `base` is how far the snapshot goes with which a
    /// trimmed log begins.
    pub(super) fn compare(
        &mut self,
        seen: Seen,
        at: Option<u64>,
        first: Option<Seen>,
        base: Option<u64>,
    ) -> Option<Seen> {
        let began = self.projection.lineage().first;
        (self.identified, self.looks_behind) = (true, 0);
        if !compares() {
            return None;
        }
        let checkpoint = self.projection.checkpoint();
        let checked = first.map(|first| (checkpoint, first.sequence));
        let is_trimmed = at.is_none() && first.is_some_and(|first| first.sequence > seen.sequence);
        let tells_gaps = rule::holds(Rule::ErasedRecordIsNoOtherLog);
        let earlier = || self.projection.lineage().before(seen.sequence).filter(|_| tells_gaps);
        match at {
            // Between two looks at the log it may have been trimmed.
            Some(hash) if hash == seen.hash => {
                self.gone_at = checked.filter(|(_, first)| *first <= seen.sequence);
            }
            // What was trimmed off is in the snapshot, and a store that reaches as far has missed nothing.
            None if base.filter(|_| is_trimmed).is_some_and(|base| misses_nothing(checkpoint, base)) => {
                self.gone_at = checked;
            }
            // Its first records were erased.
            None if seen.sequence == 0 && base.is_none() => self.gone_at = checked,
            None if is_trimmed && base.is_some() => self.over = Some(WhyAgain::Trimmed { checkpoint }),
            None if let Some(earlier) = earlier() => return Some(earlier),
            Some(_) | None => self.over = Some(WhyAgain::OtherRecord { sequence: seen.sequence }),
        }
        // Its first records may be erased or trimmed off too. They never come again.
        let moved_on = |(first, began): (Seen, Seen)| first.sequence > began.sequence;
        if self.over.is_none() && began.is_some() && first != began && !first.zip(began).is_some_and(moved_on)
        {
            self.over = Some(WhyAgain::OtherFirst);
        }
        None
    }

    /// True when records that were read follow on those that were folded: `before` is the hash of the record that the
    /// log has at the checkpoint; where that one is gone, the log begins with `first`.
    pub(super) fn follow_on(&mut self, before: Option<u64>, first: Option<u64>) -> bool {
        let sequence = self.projection.checkpoint();
        let is_checked = self.gone_at.is_some_and(|(gone, began)| gone == sequence && Some(began) == first);
        if sequence == 0 && first.is_some_and(|first| first > 1) && !is_checked && compares() {
            // It may have been trimmed since this store was empty and the log was whole.
            let seen = Seen { sequence, hash: 0 };
            self.agenda.push_front(Step::Ask(Asked::Identify { seen, resumes: true }));
            return false;
        }
        let folded = self.projection.lineage().at(sequence);
        if before == folded.map(|folded| folded.hash) || !compares() {
            return true;
        }
        if let (None, Some(seen)) = (before, folded) {
            // Trimmed once more, it may lack what was to come next.
            if is_checked {
                return true;
            }
            self.agenda.push_front(Step::Ask(Asked::Identify { seen, resumes: true }));
            return false;
        }
        self.over = Some(WhyAgain::OtherRecord { sequence });
        false
    }
}

fn misses_nothing(checkpoint: u64, base: u64) -> bool {
    checkpoint >= base || !rule::holds(Rule::TrimmedRecordsAreNotMissed)
}

fn compares() -> bool {
    rule::holds(Rule::LogIdentityIsChecked)
}
