//! What an activity has to say, who logs it, and what its contact has.

use super::calls::{Agent, Call};
use crate::day::company::Caller;

/// Agents whom Front knows, by e-mail (M23).
const TEAMMATES: [(&str, &str); 2] =
    [("noor.haddad@example.com", "tea_1"), ("iris.lindqvist@example.com", "tea_2")];

/// M1: one contact, with the phone and the handle that imports use for each number that was met; what Front knew before
/// stays.
pub(super) fn handles(caller: &Caller, met: &[usize]) -> String {
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

/// M19 to M21, and the addresses.
pub(super) fn logged(call: &Call) -> String {
    let (customer, line) = (format!("number {}", call.number), &call.line.digits);
    if call.kind.is_by_the_customer() {
        return format!("inbound by nobody, from {customer} to {line}");
    }
    let author = call.agent.as_ref().and_then(teammate_of).unwrap_or("nobody");
    format!("outbound by {author}, from {line} to {customer}")
}

/// M11: what the text names, and the marker at its end.
pub(super) fn says_of_call(call: &Call, caller: &Caller) -> Vec<(&'static str, String)> {
    let agent = call.agent.as_ref().filter(|_| !call.kind.is_by_the_customer());
    let agent = agent.map(|agent| ("the agent", agent.name.clone()));
    let told = [
        ("the type", call.kind.words().to_owned()),
        ("the line", call.line.name.clone()),
        ("the line's number", call.line.digits.clone()),
        ("the customer's number", caller.numbers[call.number].clone()),
    ];
    let marker = ("the marker", format!("Aircall call {}", call.id));
    told.into_iter().chain(agent).chain([marker]).collect()
}

/// M12: talk time and total time, in words.
pub(super) fn says_of_duration(call: &Call) -> Vec<(&'static str, String)> {
    let talk = span(call.ended_at_ms - call.answered_at_ms);
    let total = span(call.ended_at_ms - call.started_at_ms);
    let marker = format!("Aircall call {}, duration", call.id);
    vec![
        ("the talk time", format!("Talk time: {talk}\n")),
        ("the total time", format!("Total time: {total}\n")),
        ("the marker", marker),
    ]
}

fn span(millis: i64) -> String {
    let (minutes, seconds) = (millis / 60_000, millis / 1000 % 60);
    if minutes == 0 { format!("{seconds} s") } else { format!("{minutes} min {seconds} s") }
}
