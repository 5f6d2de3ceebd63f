//! What MAPPING says about a day: calls and deeds in the order of their times, and what each leaves in Front.

use std::collections::BTreeMap;

use super::calls::Call;
use super::counts::Counts;
use super::picture::{Activity, Picture, Text};
use super::says::{handles, logged, says_of_call, says_of_duration, teammate_of};
use crate::day::company::{ACCOUNT, Caller, Rules, inbox_of};
use crate::day::people::{Deed, Done};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Archived,
    Trashed,
}

/// A conversation; it is of the caller who was there first.
#[derive(Debug)]
struct Conversation {
    caller: usize,
    status: Status,
    snoozed_until_ms: Option<i64>,
    inbox: &'static str,
    assignee: Option<&'static str>,
    merged_into: Option<usize>,
}

/// Where a caller's calls go, and the subject of the segment.
#[derive(Debug, Clone, Default)]
struct Course {
    conversation: Option<usize>,
    subject: String,
    numbers: Vec<usize>,
    order: Vec<String>,
}

struct Oracle<'a> {
    callers: &'a [Caller],
    rules: Rules,
    conversations: Vec<Conversation>,
    courses: Vec<Course>,
    /// By the place of their conversation, until it is known which were merged.
    activities: Vec<(String, usize, i64, Activity)>,
    picture: Picture,
    counts: Counts,
}

/// What must stand in Front after these calls, in the order in which they settle, and these deeds.
pub(crate) fn expect(callers: &[Caller], rules: Rules, calls: &[Call], deeds: &[Deed]) -> (Picture, Counts) {
    let mut oracle = Oracle {
        callers,
        rules,
        conversations: Vec::new(),
        courses: vec![Course::default(); callers.len()],
        activities: Vec::new(),
        picture: Picture::default(),
        counts: Counts::default(),
    };
    let mut deeds = deeds.iter().peekable();
    for call in calls {
        while let Some(deed) = deeds.next_if(|deed| deed.at_ms < call.settled_at_ms) {
            oracle.take_deed(deed);
        }
        oracle.take_call(call);
    }
    deeds.for_each(|deed| oracle.take_deed(deed));
    oracle.finish()
}

impl Oracle<'_> {
    /// A call settles: where it goes, under which subject, and what it does to the conversation.
    fn take_call(&mut self, call: &Call) {
        let own_subject = format!("{} - {}", call.kind.words(), call.line.name);
        let place = self.current(call.caller, call.settled_at_ms);
        self.counts.after_merger += usize::from(place != self.courses[call.caller].conversation);
        let place = match place.map(|place| (place, self.conversations[place].status)) {
            None => self.open(call, own_subject),
            Some((_, Status::Trashed)) => {
                self.counts.after_trash += 1;
                self.open(call, own_subject)
            }
            Some((place, Status::Open)) => {
                self.counts.continued += 1;
                place
            }
            Some((place, Status::Archived)) => {
                self.call_archived(call.caller, place, own_subject);
                place
            }
        };
        let agent = call.agent.as_ref().filter(|_| call.kind.is_answered());
        if let Some(teammate) = agent.and_then(teammate_of) {
            self.conversations[place].assignee = Some(teammate);
        }
        self.log(call, place);
        self.count(call);
    }

    /// M2, M4: the first call opens the conversation, in the inbox of its line.
    fn open(&mut self, call: &Call, subject: String) -> usize {
        self.conversations.push(Conversation {
            caller: call.caller,
            status: Status::Open,
            snoozed_until_ms: None,
            inbox: inbox_of(call.line.id),
            assignee: None,
            merged_into: None,
        });
        let place = self.conversations.len() - 1;
        let course = &mut self.courses[call.caller];
        (course.conversation, course.subject) = (Some(place), subject);
        place
    }

    /// M3, M8: archived, it is opened and the call begins a segment. Snoozed is not archived; what a call does to the
    /// snooze is Front's affair.
    fn call_archived(&mut self, caller: usize, place: usize, subject: String) {
        let conversation = &mut self.conversations[place];
        if conversation.snoozed_until_ms.is_none() {
            conversation.status = Status::Open;
            self.courses[caller].subject = subject;
            self.counts.changed += 1;
            return;
        }
        self.counts.after_snooze += 1;
        if self.rules.import_reopens {
            (conversation.status, conversation.snoozed_until_ms) = (Status::Open, None);
        }
    }

    /// The activities that a call leaves. Comments, recordings and voicemail links are to be added to this list.
    fn log(&mut self, call: &Call, place: usize) {
        let mut expected = vec![("call", call.started_at_ms, says_of_call(call, &self.callers[call.caller]))];
        if call.kind.is_answered() {
            expected.push(("duration", call.ended_at_ms, says_of_duration(call)));
        }
        for (kind, created_at_ms, says) in expected {
            let key = format!("{}:{kind}", call.id);
            let course = &mut self.courses[call.caller];
            course.order.push(key.clone());
            let activity = Activity {
                conversation: String::new(),
                subject: course.subject.clone(),
                logged: logged(call),
                created_at_ms,
                text: Text::Says(says),
            };
            let name = format!("{} {key}", self.callers[call.caller].name);
            self.activities.push((name, place, call.id, activity));
        }
        // An agent whom Front does not know cannot be given the conversation by a request of its own.
        let unknown = call.agent.as_ref().filter(|agent| teammate_of(agent).is_none());
        if !self.rules.import_assigns && call.kind.is_answered() && unknown.is_some() {
            self.picture
                .refused
                .insert(format!("{ACCOUNT}.calltrail.{ACCOUNT}.{}.assign", call.id), String::new());
        }
    }

    fn take_deed(&mut self, deed: &Deed) {
        let place = self.current(deed.caller, deed.at_ms).expect("a person found a conversation");
        let into = match &deed.done {
            Done::Merged(other) => self.current(*other, deed.at_ms),
            _ => None,
        };
        let conversation = &mut self.conversations[place];
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

    /// The caller's conversation after all mergers, as it is at this time: a snooze may have ended.
    fn current(&mut self, caller: usize, at_ms: i64) -> Option<usize> {
        let mut place = self.courses[caller].conversation?;
        while let Some(survivor) = self.conversations[place].merged_into {
            place = survivor;
        }
        let conversation = &mut self.conversations[place];
        if conversation.snoozed_until_ms.is_some_and(|until_ms| until_ms <= at_ms) {
            (conversation.status, conversation.snoozed_until_ms) = (Status::Open, None);
        }
        Some(place)
    }

    fn count(&mut self, call: &Call) {
        let course = &mut self.courses[call.caller];
        if !course.numbers.contains(&call.number) {
            course.numbers.push(call.number);
            self.counts.joined += usize::from(course.numbers.len() == 2);
        }
        self.counts.add(call);
    }

    /// Names conversations by the smallest call in them, and adds what does not depend on the order of things.
    fn finish(mut self) -> (Picture, Counts) {
        let survivor = |mut place: usize| {
            while let Some(next) = self.conversations[place].merged_into {
                place = next;
            }
            place
        };
        let mut smallest: BTreeMap<usize, i64> = BTreeMap::new();
        for (_, place, call, _) in &self.activities {
            let name = smallest.entry(survivor(*place)).or_insert(*call);
            *name = (*name).min(*call);
        }
        for (name, place, _, activity) in &self.activities {
            let conversation = smallest[&survivor(*place)].to_string();
            let activity = Activity { conversation, ..activity.clone() };
            self.picture.activities.push((name.clone(), activity));
        }
        for (place, call) in &smallest {
            let text = self.text_of(&self.conversations[*place]);
            self.picture.conversations.insert(call.to_string(), text);
        }
        for (caller, course) in self.callers.iter().zip(&self.courses) {
            let handles = handles(caller, &course.numbers);
            if !handles.is_empty() {
                self.picture.contacts.insert(caller.name.clone(), handles);
            }
            if !course.order.is_empty() {
                self.picture.orders.insert(caller.name.clone(), course.order.clone());
            }
        }
        (self.picture, self.counts)
    }

    fn text_of(&self, conversation: &Conversation) -> String {
        let status = match (conversation.status, conversation.snoozed_until_ms) {
            // Played to the end, every snooze has run out.
            (Status::Open, _) | (Status::Archived, Some(_)) => "open",
            (Status::Archived, None) => "archived",
            (Status::Trashed, _) => "deleted",
        };
        let assignee = conversation.assignee.unwrap_or("nobody");
        let caller = &self.callers[conversation.caller].name;
        format!("with {caller}, {status} in {}, for {assignee}", conversation.inbox)
    }
}
