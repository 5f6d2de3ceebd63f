//! What MAPPING says about a day: what happens in the order of its time, and what each leaves in Front.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::Call;
use super::conversations::Conversations;
use super::counts::Counts;
use super::parts::Part;
use super::picture::{Activity, Picture};
use super::says::{contacts, logged, says_of_call, says_of_part, written};
use crate::day::company::{Caller, Rules, WITHHELD_NAME};
use crate::day::people::Deed;
use crate::day::who::Who;

enum Happening<'a> {
    /// The call is logged.
    Settles(&'a Call),
    /// It is known by then, with the call or later.
    Known(&'a Call, &'a Part),
    Deed(&'a Deed),
}

/// An activity by the place of its conversation, until it is known which were merged.
struct Entry {
    call: i64,
    kind: String,
    who: Who,
    place: usize,
    activity: Activity,
}

struct Oracle<'a> {
    callers: &'a [Caller],
    conversations: Conversations,
    entries: Vec<Entry>,
    /// The subject that each call was logged under.
    subjects: BTreeMap<i64, String>,
    /// The numbers that everybody's calls came from.
    numbers: BTreeMap<Who, BTreeSet<usize>>,
    picture: Picture,
    counts: Counts,
}

/// What must stand in Front after these calls, in the order in which they settle, and these deeds.
pub(crate) fn expect(callers: &[Caller], rules: Rules, calls: &[Call], deeds: &[Deed]) -> (Picture, Counts) {
    let mut oracle = Oracle {
        callers,
        conversations: Conversations::new(rules),
        entries: Vec::new(),
        subjects: BTreeMap::new(),
        numbers: BTreeMap::new(),
        picture: Picture::default(),
        counts: Counts::default(),
    };
    for (at_ms, happening) in timeline(calls, deeds) {
        match happening {
            Happening::Settles(call) => oracle.settle(call),
            Happening::Known(call, part) => oracle.add(at_ms, call, part),
            Happening::Deed(deed) => oracle.conversations.take_deed(deed),
        }
    }
    oracle.finish()
}

/// What has the same time happens in the order in which it stands here: a call before its parts.
fn timeline<'a>(calls: &'a [Call], deeds: &'a [Deed]) -> Vec<(i64, Happening<'a>)> {
    let mut timeline = Vec::new();
    for call in calls {
        timeline.push((call.settled_at_ms, Happening::Settles(call)));
        timeline.extend(call.parts.iter().map(|(at_ms, part)| (*at_ms, Happening::Known(call, part))));
    }
    timeline.extend(deeds.iter().map(|deed| (deed.at_ms, Happening::Deed(deed))));
    timeline.sort_by_key(|(at_ms, _)| *at_ms);
    timeline
}

impl Oracle<'_> {
    /// A call settles: where it goes, under which subject, and what it does to the conversation.
    fn settle(&mut self, call: &Call) {
        self.counts.add_if(self.conversations.is_merged(call.who), "calls after a merger");
        let (place, met) = self.conversations.settle(call);
        self.counts.add_call(call, met);
        self.take_number(call);
        let (logged, text) = (logged(call, false), says_of_call(call, self.callers));
        let activity = Activity { logged, created_at_ms: call.started_at_ms, text, ..Activity::default() };
        self.log(call, place, "call", activity);
    }

    /// A part goes where the calls of its caller go now, under the subject of the segment, and changes neither (M8).
    fn add(&mut self, at_ms: i64, call: &Call, part: &Part) {
        const SECOND_MS: i64 = 1000;
        let (place, met) = self.conversations.find(call.who, at_ms).expect("its call was logged");
        self.counts.add_part(call, part, (at_ms > call.settled_at_ms).then_some(met));
        let (kind, after_ms) = match part {
            Part::Duration => ("duration", 0),
            Part::Recording(None) => ("recording_pending", SECOND_MS),
            Part::Recording(Some(_)) => ("recording", 2 * SECOND_MS),
            Part::Voicemail(None) => ("voicemail_pending", SECOND_MS),
            Part::Voicemail(Some(_)) => ("voicemail", 2 * SECOND_MS),
            Part::Tag(name) => return self.conversations.tag(place, name),
            Part::Comment(note) => {
                let kind = format!("comment:{}", note.id);
                self.picture.order_of(&format!("comments on {}", call.id), &kind);
                let (logged, text) = (written(call, note), says_of_part(call, part));
                return self.keep(call, place, &kind, Activity { logged, text, ..Activity::default() });
            }
        };
        let (logged, text) = (logged(call, matches!(part, Part::Voicemail(_))), says_of_part(call, part));
        let created_at_ms = call.ended_at_ms + after_ms;
        self.log(call, place, kind, Activity { logged, created_at_ms, text, ..Activity::default() });
    }

    /// An activity that is imported, under the subject of the segment.
    fn log(&mut self, call: &Call, place: usize, kind: &str, activity: Activity) {
        self.picture.order_of(&call.who.name(self.callers), &format!("{}:{kind}", call.id));
        let subject = self.conversations.subject(call.who).to_owned();
        let own = self.subjects.entry(call.id).or_insert_with(|| subject.clone());
        self.counts.add_if(*own != subject, "late under a later subject");
        self.keep(call, place, kind, Activity { subject, ..activity });
    }

    fn keep(&mut self, call: &Call, place: usize, kind: &str, activity: Activity) {
        self.entries.push(Entry { call: call.id, kind: kind.to_owned(), who: call.who, place, activity });
    }

    fn take_number(&mut self, call: &Call) {
        let Some(number) = call.number else { return };
        let numbers = self.numbers.entry(call.who).or_default();
        let is_second = numbers.insert(number) && numbers.len() == 2;
        self.counts.add_if(is_second, "callers with two numbers");
    }

    /// Names conversations by the first call that went into them, and adds what does not depend on the order of things.
    fn finish(mut self) -> (Picture, Counts) {
        let mut smallest: BTreeMap<usize, i64> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.kind == "call") {
            let name = smallest.entry(self.conversations.survivor(entry.place)).or_insert(entry.call);
            *name = (*name).min(entry.call);
        }
        for Entry { call, kind, who, place, activity } in self.entries {
            let conversation = smallest[&self.conversations.survivor(place)].to_string();
            let name = format!("{} {call}:{kind}", who.name(self.callers));
            self.picture.activities.push((name, Activity { conversation, ..activity }));
        }
        for (place, call) in &smallest {
            let (who, text) = self.conversations.shown(*place);
            let with = match who {
                Who::Caller(_) => who.name(self.callers),
                Who::Withheld(_) => WITHHELD_NAME.to_owned(),
            };
            self.picture.conversations.insert(call.to_string(), format!("with {with}, {text}"));
        }
        let any_withheld = self.counts.0.get("without a number").is_some_and(|calls| *calls > 0);
        self.picture.contacts = contacts(self.callers, &self.numbers, any_withheld);
        (self.picture, self.counts)
    }
}
