//! Where calls go: conversations, what people and calls do to them, and the subjects of their segments (M2 to M4, M8).

use std::collections::{BTreeMap, BTreeSet};

use super::calls::Call;
use super::says::teammate_of;
use crate::day::company::{Rules, inbox_of};
use crate::day::people::{Deed, Done};
use crate::day::who::Who;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Archived,
    Trashed,
}

/// What a call, or what comes late for one, finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    Nothing,
    Open,
    Archived,
    Snoozed,
    Trashed,
}

/// A conversation; it is of whoever was there first.
#[derive(Debug)]
struct Conversation {
    who: Who,
    status: Status,
    snoozed_until_ms: Option<i64>,
    inbox: &'static str,
    assignee: Option<&'static str>,
    tags: BTreeSet<String>,
    merged_into: Option<usize>,
}

/// Where somebody's calls go, and the subject of the segment.
#[derive(Debug)]
struct Course {
    conversation: usize,
    subject: String,
}

/// Every conversation, and where everybody's calls go.
#[derive(Debug)]
pub(super) struct Conversations {
    rules: Rules,
    all: Vec<Conversation>,
    courses: BTreeMap<Who, Course>,
}

impl Conversations {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, all: Vec::new(), courses: BTreeMap::new() }
    }

    /// A call settles: returns where it goes and what it met.
    pub(super) fn settle(&mut self, call: &Call) -> (usize, Met) {
        let found = self.find(call.who, call.settled_at_ms);
        let met = found.map_or(Met::Nothing, |(_, met)| met);
        let subject = format!("{} - {}", call.kind.words(), call.line.name);
        let place = match found {
            None | Some((_, Met::Trashed)) => self.open(call, subject),
            Some((place, met)) => {
                self.join(call.who, place, met, subject);
                place
            }
        };
        // M19, M22, M23: only who answered gets it, and only whom Front knows.
        let agent = call.agent.as_ref().filter(|_| call.kind.is_answered());
        if let Some(teammate) = agent.and_then(teammate_of) {
            self.all[place].assignee = Some(teammate);
        }
        (place, met)
    }

    /// M2, M4: the first call opens the conversation, in the inbox of its line.
    fn open(&mut self, call: &Call, subject: String) -> usize {
        self.all.push(Conversation {
            who: call.who,
            status: Status::Open,
            snoozed_until_ms: None,
            inbox: inbox_of(call.line.id),
            assignee: None,
            tags: BTreeSet::new(),
            merged_into: None,
        });
        let conversation = self.all.len() - 1;
        self.courses.insert(call.who, Course { conversation, subject });
        conversation
    }

    /// M3, M8: archived, it is opened and the call begins a segment. Snoozed is not archived; what a call does to the
    /// snooze is Front's affair.
    fn join(&mut self, who: Who, place: usize, met: Met, subject: String) {
        if met == Met::Archived
            && let Some(course) = self.courses.get_mut(&who)
        {
            course.subject = subject;
        }
        if met == Met::Archived || self.rules.import_reopens {
            let conversation = &mut self.all[place];
            (conversation.status, conversation.snoozed_until_ms) = (Status::Open, None);
        }
    }

    pub(super) fn take_deed(&mut self, deed: &Deed) {
        let (place, _) = self.find(deed.who, deed.at_ms).expect("a person found a conversation");
        let into = match &deed.done {
            Done::Merged(other) => self.find(*other, deed.at_ms).map(|(place, _)| place),
            _ => None,
        };
        let conversation = &mut self.all[place];
        let before = (conversation.status, conversation.snoozed_until_ms);
        (conversation.status, conversation.snoozed_until_ms) = match &deed.done {
            Done::Archived => (Status::Archived, None),
            Done::Reopened | Done::Restored => (Status::Open, None),
            Done::Trashed => (Status::Trashed, None),
            Done::SnoozedUntil(until_ms) => (Status::Archived, Some(*until_ms)),
            Done::Moved(_) | Done::Assigned(_) | Done::Unassigned | Done::Merged(_) => before,
        };
        match &deed.done {
            Done::Moved(inbox) => conversation.inbox = inbox,
            Done::Assigned(teammate) => conversation.assignee = Some(teammate),
            Done::Unassigned => conversation.assignee = None,
            Done::Merged(_) => conversation.merged_into = into,
            _ => {}
        }
    }

    /// Where somebody's calls go after all mergers, as it is at this time: a snooze may have ended.
    pub(super) fn find(&mut self, who: Who, at_ms: i64) -> Option<(usize, Met)> {
        let place = self.survivor(self.courses.get(&who)?.conversation);
        let conversation = &mut self.all[place];
        if conversation.snoozed_until_ms.is_some_and(|until_ms| until_ms <= at_ms) {
            (conversation.status, conversation.snoozed_until_ms) = (Status::Open, None);
        }
        let met = match (conversation.status, conversation.snoozed_until_ms) {
            (Status::Open, _) => Met::Open,
            (Status::Archived, None) => Met::Archived,
            (Status::Archived, Some(_)) => Met::Snoozed,
            (Status::Trashed, _) => Met::Trashed,
        };
        Some((place, met))
    }

    /// Whether the conversation that somebody's calls went into was merged into another.
    pub(super) fn is_merged(&self, who: Who) -> bool {
        self.courses.get(&who).is_some_and(|course| self.all[course.conversation].merged_into.is_some())
    }

    pub(super) fn survivor(&self, mut place: usize) -> usize {
        while let Some(next) = self.all[place].merged_into {
            place = next;
        }
        place
    }

    /// The subject of the segment, for whatever goes there now.
    pub(super) fn subject(&self, who: Who) -> &str {
        &self.courses[&who].subject
    }

    pub(super) fn tag(&mut self, place: usize, tag: &str) {
        self.all[place].tags.insert(tag.to_owned());
    }

    /// Whom it is with, and how it is in the end.
    pub(super) fn shown(&self, place: usize) -> (Who, String) {
        let conversation = &self.all[place];
        let status = match (conversation.status, conversation.snoozed_until_ms) {
            // Played to the end, every snooze has run out.
            (Status::Open, _) | (Status::Archived, Some(_)) => "open",
            (Status::Archived, None) => "archived",
            (Status::Trashed, _) => "deleted",
        };
        let assignee = conversation.assignee.unwrap_or("nobody");
        let tags: Vec<_> = conversation.tags.iter().map(String::as_str).collect();
        let text =
            format!("{status} in {}, for {assignee}, tagged [{}]", conversation.inbox, tags.join(", "));
        (conversation.who, text)
    }
}
