//! Segments: the life of a conversation from being open until it is archived. A subject belongs to a segment.
//!
//! Which segment a call belongs to is decided by its place in the log when it settles, however late it is decided. Two orders
//! meet here: of the acts known at that place, the latest by Front's time says whether the conversation was archived; and
//! the archiving ends the segment only if it comes after the call that opened it.

use serde::{Deserialize, Serialize};

use crate::effect::Act;
use crate::limits::MARKS_MAX;
use crate::rule::{self, Rule};
use crate::time::Timestamp;

/// When a call settled: its place in the log, and the receive time of the record that settled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub sequence: u64,
    pub at: Timestamp,
    /// The call was read from Aircall's API after its end: among what people did, its place goes by `at`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_time: bool,
}

/// A segment, from the call that opened it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub subject: String,
    /// When the call that opened it settled. An archiving before that ended the segment before this one.
    pub opened: Moment,
    /// The call that opened it is history: its conversation was archived from the start, so the segment has ended unless a
    /// person reopens the conversation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
}

impl Segment {
    /// True when it has ended, `latest` being the latest mark that counts.
    fn has_ended(&self, latest: Option<&Mark>) -> bool {
        let own = latest.filter(|mark| !mark.is_before(self.opened));
        own.map_or(self.history, |mark| mark.act.archived)
    }
}

/// That people archived the conversation or brought it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    #[serde(flatten)]
    pub act: Act,
    /// Where it became known in the log. `None`: a read found it, so its place among the calls goes by its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}

impl Mark {
    /// True when a call that settled at `moment` settled after this.
    fn is_before(&self, moment: Moment) -> bool {
        let goes_by_time = moment.by_time && rule::holds(Rule::ReadCallsGoByTheirTime);
        match self.sequence {
            Some(sequence) if !goes_by_time => sequence <= moment.sequence,
            Some(_) | None => self.act.at <= moment.at,
        }
    }
}

/// What people did to one conversation, in the order in which it became known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marks(Vec<Mark>);

impl Marks {
    /// Takes in a mark. One that is known already keeps its first place; beyond the bound the earliest by Front's time goes.
    pub(crate) fn add(&mut self, mark: Mark) {
        if self.0.iter().any(|known| known.act == mark.act) {
            return;
        }
        self.0.push(mark);
        if self.0.len() > MARKS_MAX {
            let earliest = self.0.iter().enumerate().min_by_key(|(_, mark)| mark.act.at);
            if let Some((place, _)) = earliest {
                self.0.remove(place);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when `segment` had ended by the time a call settled at `moment`: that call opens the next one.
    #[must_use]
    pub(crate) fn had_ended(&self, segment: &Segment, moment: Moment) -> bool {
        if !rule::holds(Rule::SegmentsGoByTheLog) {
            return self.has_ended(segment);
        }
        let known = self.0.iter().filter(|mark| mark.is_before(moment));
        segment.has_ended(latest(known))
    }

    /// True when `segment` has ended by what is known now.
    #[must_use]
    pub(crate) fn has_ended(&self, segment: &Segment) -> bool {
        segment.has_ended(latest(self.0.iter()))
    }

    /// True when people archived the conversation after a call settled at `moment`, and left it so.
    #[must_use]
    pub(crate) fn archived_after(&self, moment: Moment) -> bool {
        let archived = latest(self.0.iter()).is_some_and(|mark| mark.act.archived && !mark.is_before(moment));
        archived && rule::holds(Rule::SegmentsGoByTheLog)
    }

    /// Drops what no later call can depend on: all that came before `segment` was opened but the latest of it, which a
    /// webhook that is late must not overrule.
    pub(crate) fn forget_before(&mut self, segment: &Segment) {
        let is_before = |mark: &&Mark| mark.is_before(segment.opened);
        let kept = latest(self.0.iter().filter(is_before)).copied();
        self.0.retain(|mark| !mark.is_before(segment.opened) || Some(*mark) == kept);
    }
}

/// The latest by Front's time; of two at one time the one that became known first.
fn latest<'a>(marks: impl Iterator<Item = &'a Mark>) -> Option<&'a Mark> {
    marks.reduce(|latest, mark| {
        let is_news = mark.act.at > latest.act.at || !rule::holds(Rule::AStatusGoesByFrontsTime);
        if is_news { mark } else { latest }
    })
}

/// An archiving or a return at this time of Front's that became known at `sequence`.
pub(crate) fn mark(archived: bool, at: Timestamp, sequence: u64) -> Mark {
    Mark { act: Act { at, archived }, sequence: Some(sequence) }
}

#[cfg(test)]
mod tests {
    use super::{Act, MARKS_MAX, Mark, Marks, Moment, Segment, Timestamp, mark};

    fn moment(sequence: u64) -> Moment {
        let at = Timestamp::from_seconds(i64::try_from(sequence).expect("small"));
        Moment { sequence, at, by_time: false }
    }

    fn segment(opened: u64) -> Segment {
        Segment { subject: "Missed call".to_owned(), opened: moment(opened), history: false }
    }

    fn marks(of: &[Mark]) -> Marks {
        let mut marks = Marks::default();
        of.iter().for_each(|mark| marks.add(*mark));
        marks
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_call_that_settled_before_the_archiving_belongs_to_the_ended_segment() {
        let archived = marks(&[mark(true, at(8), 20)]);
        for settled in [11, 19] {
            assert!(!archived.had_ended(&segment(10), moment(settled)), "{settled}");
            assert!(archived.archived_after(moment(settled)), "{settled}");
        }
        for settled in [20, 21] {
            assert!(archived.had_ended(&segment(10), moment(settled)), "{settled}");
            assert!(!archived.archived_after(moment(settled)), "{settled}");
        }
        assert!(archived.has_ended(&segment(10)));
    }

    #[test]
    fn an_archiving_before_the_opener_ends_nothing_again() {
        let archived = marks(&[mark(true, at(8), 5)]);
        assert!(!archived.has_ended(&segment(10)));
        assert!(!archived.had_ended(&segment(10), moment(30)));
    }

    #[test]
    fn the_latest_by_fronts_time_decides_whatever_arrives_last() {
        let late_archiving = marks(&[mark(false, at(9), 12), mark(true, at(8), 14)]);
        assert!(!late_archiving.has_ended(&segment(10)));
        let overruled_before_the_opener = marks(&[mark(false, at(9), 5), mark(true, at(8), 14)]);
        assert!(!overruled_before_the_opener.has_ended(&segment(10)));
        let between = marks(&[mark(true, at(8), 12), mark(false, at(9), 14)]);
        assert!(between.had_ended(&segment(10), moment(13)), "the return was not known yet");
        assert!(!between.had_ended(&segment(10), moment(15)));
    }

    #[test]
    fn what_a_read_found_goes_by_its_time() {
        let read = Mark { act: Act { at: at(15), archived: true }, sequence: None };
        let found = marks(&[read]);
        assert!(!found.had_ended(&segment(10), moment(14)));
        assert!(found.archived_after(moment(14)));
        assert!(found.had_ended(&segment(10), moment(15)));
        assert!(!found.has_ended(&segment(15)));
    }

    #[test]
    fn a_call_that_was_read_goes_by_the_time_of_its_end() {
        let archived = marks(&[mark(true, at(15), 5)]);
        let read = |seconds| Moment { by_time: true, at: at(seconds), ..moment(20) };
        assert!(!archived.had_ended(&segment(3), read(14)), "it ended before the archiving");
        assert!(archived.archived_after(read(14)));
        assert!(archived.had_ended(&segment(3), read(16)));
        assert!(archived.had_ended(&segment(3), moment(20)), "a webhook goes by the log");
    }

    #[test]
    fn a_segment_of_history_has_ended_until_a_person_reopens_it() {
        let of_history = Segment { history: true, ..segment(10) };
        assert!(marks(&[]).has_ended(&of_history));
        assert!(marks(&[mark(false, at(8), 8)]).has_ended(&of_history), "a return before it");
        let reopened = marks(&[mark(false, at(12), 12)]);
        assert!(!reopened.has_ended(&of_history));
        assert!(reopened.had_ended(&of_history, moment(11)));
        assert!(!reopened.had_ended(&of_history, moment(13)));
    }

    #[test]
    fn marks_before_the_opener_go_except_the_latest() {
        let mut many = marks(&[mark(true, at(3), 3), mark(false, at(4), 4), mark(true, at(20), 20)]);
        many.forget_before(&segment(10));
        assert_eq!(many, marks(&[mark(false, at(4), 4), mark(true, at(20), 20)]));
    }

    #[test]
    fn marks_are_bounded_and_the_earliest_goes() {
        let mut many = Marks::default();
        for number in (1..=MARKS_MAX as u64 + 5).rev() {
            let seconds = i64::try_from(number).expect("small");
            many.add(mark(true, at(seconds), 100 - number));
            many.add(mark(true, at(seconds), 200));
        }
        assert_eq!(many.0.len(), MARKS_MAX);
        assert_eq!(many.0.iter().map(|mark| mark.act.at).min(), Some(at(6)));
    }
}
