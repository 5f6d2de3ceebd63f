//! The parts of a call that are shown beside its own activity, and when each is to be (M12 to M15).

use std::collections::BTreeMap;

use serde_json::Value;

use super::calls::{Agent, Heard, Kind, agent, last, tags, text};
use crate::day::company::Rules;
use crate::day::limits::VOICEMAIL_WAIT_S;

/// One part, in the order in which those that are known at one time are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Duration,
    /// With the link that lasts; without one it is being processed.
    Recording(Option<String>),
    Voicemail(Option<String>),
    Comment(Note),
    /// Put on the conversation.
    Tag(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    posted_at_s: i64,
    pub(crate) id: i64,
    pub(crate) by: Option<Agent>,
    pub(crate) text: String,
}

/// Every part with its time, the first one first. What is known before the call settles is shown with it.
pub(super) fn parts(
    heard: &Heard,
    kind: Kind,
    over_at_ms: i64,
    settled_at_ms: i64,
    rules: Rules,
) -> Vec<(i64, Part)> {
    let overdue_ms = over_at_ms + i64::try_from(VOICEMAIL_WAIT_S).expect("a short wait") * 1000;
    let mut parts = Vec::new();
    if kind.is_answered() {
        parts.push((settled_at_ms, Part::Duration));
    }
    let media =
        |kind, part: fn(_) -> _| media(heard, kind, overdue_ms).map(move |(at_ms, link)| (at_ms, part(link)));
    parts.extend(media("recording", Part::Recording));
    parts.extend(media("voicemail", Part::Voicemail));
    if kind.is_answered() || rules.comments_on_unanswered {
        parts.extend(notes(heard).into_iter().map(|(note, at_ms)| (at_ms, Part::Comment(note))));
    }
    if rules.front_tags {
        parts.extend(tagged(heard, settled_at_ms).into_iter().map(|(tag, at_ms)| (at_ms, Part::Tag(tag))));
    }
    for (at_ms, _) in &mut parts {
        *at_ms = settled_at_ms.max(*at_ms);
    }
    parts.sort();
    parts
}

/// M14: the link when it is there, and that it is awaited when that takes too long.
fn media(heard: &Heard, kind: &str, overdue_ms: i64) -> impl Iterator<Item = (i64, Option<String>)> {
    let told = heard.iter().find(|(_, webhook)| !webhook["data"][kind].is_null());
    let link = |webhook: &Value| Some(text(&webhook["data"]["asset"])).filter(|link| link.ends_with(kind));
    let linked = heard.iter().find_map(|(at_ms, webhook)| Some((*at_ms, Some(link(webhook)?))));
    let awaited = told.map(|(at_ms, _)| ((*at_ms).max(overdue_ms), None));
    let awaited = awaited.filter(|(at_ms, _)| linked.as_ref().is_none_or(|(linked_ms, _)| at_ms < linked_ms));
    awaited.into_iter().chain(linked)
}

/// Every comment, and when it was first heard of.
fn notes(heard: &Heard) -> BTreeMap<Note, i64> {
    let mut notes = BTreeMap::new();
    for (at_ms, webhook) in heard {
        for comment in webhook["data"]["comments"].as_array().into_iter().flatten() {
            notes.entry(note(comment)).or_insert(*at_ms);
        }
    }
    notes
}

fn note(comment: &Value) -> Note {
    Note {
        posted_at_s: comment["posted_at"].as_i64().expect("a comment has its time"),
        id: comment["id"].as_i64().expect("a comment has an id"),
        by: agent(&comment["posted_by"]),
        text: text(&comment["content"]),
    }
}

/// Every tag that the call had when it settled or later, and since when.
fn tagged(heard: &Heard, settled_at_ms: i64) -> BTreeMap<String, i64> {
    let later = heard.iter().map(|(at_ms, _)| *at_ms).filter(|at_ms| *at_ms > settled_at_ms);
    let mut tagged = BTreeMap::new();
    for at_ms in std::iter::once(settled_at_ms).chain(later) {
        for tag in tags(last(heard, at_ms)) {
            tagged.entry(tag).or_insert(at_ms);
        }
    }
    tagged
}
