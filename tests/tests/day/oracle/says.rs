//! What an activity has to say, who logs it, and what its contact has.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::{Agent, Call};
use super::parts::{Note, Part};
use super::picture::Text;
use crate::day::company::{Caller, WITHHELD_HANDLE, WITHHELD_NAME};
use crate::day::who::Who;

/// Agents whom Front knows, by e-mail (M23).
const TEAMMATES: [(&str, &str); 2] =
    [("noor.haddad@example.com", "tea_1"), ("iris.lindqvist@example.com", "tea_2")];

/// What a text says only where it happened.
const STORY: [(&str, &str); 6] = [
    ("somebody rung", "Rang:"),
    ("a wait", "Waited:"),
    ("a menu", "Menu:"),
    ("a first agent", "Answered by:"),
    ("a transfer", "Transferred"),
    ("a failed transfer", "Transfer failed"),
];

/// M1, M6: each caller is one contact, and so are all who withheld their number together.
pub(super) fn contacts(
    callers: &[Caller],
    numbers: &BTreeMap<Who, BTreeSet<usize>>,
    any_withheld: bool,
) -> BTreeMap<String, String> {
    let none = BTreeSet::new();
    let contact = |(place, caller): (usize, &Caller)| {
        let met = numbers.get(&Who::Caller(place)).unwrap_or(&none);
        (caller.name.clone(), handles(caller, met))
    };
    let known = callers.iter().enumerate().map(contact).filter(|(_, handles)| !handles.is_empty());
    let withheld = any_withheld.then(|| (WITHHELD_NAME.to_owned(), format!("custom {WITHHELD_HANDLE}")));
    known.chain(withheld).collect()
}

/// The phone and the handle that imports use for each number that was met; what Front knew before stays.
fn handles(caller: &Caller, met: &BTreeSet<usize>) -> String {
    let known = |place: &usize| caller.is_known() || met.contains(place);
    let custom =
        (0..caller.numbers.len()).filter(|place| met.contains(place)).map(|place| format!("custom {place}"));
    let phones = (0..caller.numbers.len()).filter(known).map(|place| format!("phone {place}"));
    custom.chain(phones).collect::<Vec<_>>().join(", ")
}

pub(super) fn teammate_of(agent: &Agent) -> Option<&'static str> {
    let known = TEAMMATES.iter().find(|(email, _)| *email == agent.email.to_lowercase());
    known.map(|(_, teammate)| *teammate)
}

/// M19 to M21, and the addresses. A voicemail is the customer's, whoever has its call.
pub(super) fn logged(call: &Call, by_customer: bool) -> String {
    let customer =
        call.number.map_or_else(|| WITHHELD_HANDLE.to_owned(), |number| format!("number {number}"));
    let line = &call.line.digits;
    if by_customer || call.kind.is_by_the_customer() {
        return format!("inbound by nobody, from {customer} to {line}");
    }
    let author = call.agent.as_ref().and_then(teammate_of).unwrap_or("nobody");
    format!("outbound by {author}, from {line} to {customer}")
}

/// M15, M23: by the agent if the call was answered and Front knows the agent.
pub(super) fn written(call: &Call, note: &Note) -> String {
    format!("comment by {}", author_of(call, note).unwrap_or("nobody"))
}

fn author_of(call: &Call, note: &Note) -> Option<&'static str> {
    note.by.as_ref().filter(|_| call.kind.is_answered()).and_then(teammate_of)
}

/// M11: what the text names, and the marker at its end.
pub(super) fn says_of_call(call: &Call, callers: &[Caller]) -> Text {
    let customer = match (call.who, call.number) {
        (Who::Caller(caller), Some(number)) => callers[caller].numbers[number].clone(),
        _ => WITHHELD_NAME.to_owned(),
    };
    let agent = call.agent.as_ref().filter(|_| !call.kind.is_by_the_customer());
    let agent = agent.map(|agent| ("the agent", agent.name.clone()));
    let told = [
        ("the type", call.kind.words().to_owned()),
        ("the line", call.line.name.clone()),
        ("the line's number", call.line.digits.clone()),
        ("the customer", customer),
    ];
    let tagged = !call.tags.is_empty();
    let tags = tagged.then(|| ("the tags", format!("\nTags: {}  \n", call.tags.join(", "))));
    let marker = ("the marker", format!("  \nAircall #{}", call.id));
    let says = told.into_iter().chain(agent).chain(call.story.clone()).chain(tags).chain([marker]).collect();
    let told = |label: &str| call.story.iter().any(|(_, line)| line.contains(label));
    let untold = STORY.into_iter().filter(|(_, label)| !told(label));
    let untagged = (!tagged).then_some(("tags", "Tags:"));
    let never = untold.chain(untagged).map(|(what, label)| (what, label.to_owned())).collect();
    Text { says, never, ..Text::default() }
}

/// M12 to M15: what the text says, and the marker at its end.
pub(super) fn says_of_part(call: &Call, part: &Part) -> Text {
    let media = |what: &str, link: &Option<String>| {
        let link = link.as_ref().map_or("being processed", |link| link.as_str());
        ("the link", format!("{what}: {link}  \n"))
    };
    let (mut says, marker) = match part {
        Part::Duration => (says_of_duration(call), "duration".to_owned()),
        Part::Recording(link) => (vec![media("Recording", link)], marker("recording", link)),
        Part::Voicemail(link) => (vec![media("Voicemail", link)], marker("voicemail", link)),
        Part::Comment(note) => {
            (vec![("the comment", said_by(call, note) + "\n")], format!("note {}", note.id))
        }
        Part::Tag(_) => return Text::default(),
    };
    says.push(("the marker", format!("\nAircall #{}, {marker}", call.id)));
    Text::says(says)
}

fn marker(kind: &str, link: &Option<String>) -> String {
    if link.is_some() { kind.to_owned() } else { format!("{kind} pending") }
}

/// M12: talk time and total time, in words.
fn says_of_duration(call: &Call) -> Vec<(&'static str, String)> {
    let talk = span(call.ended_at_ms - call.answered_at_ms);
    let total = span(call.ended_at_ms - call.started_at_ms);
    vec![
        ("the talk time", format!("Talk time: {talk}  \n")),
        ("the total time", format!("Total time: {total}  \n")),
    ]
}

/// M15, M23: what was written, after the agent's name where Front does not show it.
fn said_by(call: &Call, note: &Note) -> String {
    // Nobody is notified (M18), and all else stays as it was written.
    let text = note.text.replace(" @", " ＠");
    match note.by.as_ref().filter(|_| author_of(call, note).is_none()) {
        Some(agent) => format!("{}: {text}", agent.name),
        None => text,
    }
}

pub(super) fn span(millis: i64) -> String {
    let (minutes, seconds) = (millis / 60_000, millis / 1000 % 60);
    if minutes == 0 { format!("{seconds} s") } else { format!("{minutes} min {seconds} s") }
}
