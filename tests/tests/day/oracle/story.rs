//! M11: when a call began, whom it rang, what the caller chose, and who had it, as its webhooks tell it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::calls::{Heard, Kind, text};
use super::says::span;

/// A line of the text, under a name that may be printed.
type Line = (&'static str, String);

/// Midnight of the day, in UTC.
const DATE: &str = "2026-01-05";
const MIDNIGHT_S: i64 = 1_767_571_200;

/// The lines that a call's text must have, by what was heard by then.
pub(super) fn story(heard: &Heard, by_ms: i64, kind: Kind, data: &Value) -> Vec<Line> {
    let mut known: Vec<&Value> = heard.iter().filter(|(at_ms, _)| *at_ms <= by_ms).map(|(_, w)| w).collect();
    known.sort_by_key(|webhook| webhook["timestamp"].as_i64());
    let mut seen = BTreeSet::new();
    known.retain(|webhook| seen.insert(webhook.to_string()));
    let mut lines = vec![("the start", format!("Started: {}", started(data)))];
    if kind.is_by_the_customer() {
        lines.extend(rung(&known));
    }
    if kind == Kind::Missed {
        lines.push(("the wait", format!("Waited: {}", span(seconds(&data["ended_at"], data) * 1000))));
    }
    lines.extend(menu(&known));
    if !kind.is_by_the_customer() {
        lines.extend(hands(&known, &text(&data["user"]["name"])));
    }
    lines.into_iter().map(|(what, line)| (what, format!("\n{line}  \n"))).collect()
}

fn seconds(moment: &Value, data: &Value) -> i64 {
    moment.as_i64().unwrap_or_default() - data["started_at"].as_i64().unwrap_or_default()
}

/// The clock of the line's country, in winter.
fn started(data: &Value) -> String {
    let zone = text(&data["number"]["time_zone"]);
    let ahead_s = if zone == "Europe/London" { 0 } else { 3_600 };
    let at_s = data["started_at"].as_i64().unwrap_or_default() + ahead_s - MIDNIGHT_S;
    assert!((0..86_400).contains(&at_s), "the day of the calls is {DATE}");
    format!("{DATE} {:02}:{:02}:{:02} ({zone})", at_s / 3_600, at_s / 60 % 60, at_s % 60)
}

/// Each agent once, in the order in which the call rang; who declined it is told.
fn rung(known: &[&Value]) -> Option<Line> {
    let of = |event: &str| {
        let named = known.iter().filter(|webhook| webhook["event"] == event);
        named.map(|webhook| text(&webhook["data"]["user"]["name"])).collect::<Vec<_>>()
    };
    let declined = of("call.agent_declined");
    let mut agents = of("call.ringing_on_agent");
    agents.dedup();
    let shown = |name: &String| {
        if declined.contains(name) { format!("{name} (declined)") } else { name.clone() }
    };
    let shown: Vec<_> = agents.iter().map(shown).collect();
    (!shown.is_empty()).then(|| ("whom it rang", format!("Rang: {}", shown.join(", "))))
}

fn menu(known: &[&Value]) -> Option<Line> {
    let options = known.iter().flat_map(|webhook| webhook["data"]["ivr_options_selected"].as_array());
    let shown =
        options.flatten().map(|option| format!("{} ({})", text(&option["title"]), text(&option["key"])));
    let shown: Vec<_> = shown.collect();
    (!shown.is_empty()).then(|| ("the menu", format!("Menu: {}", shown.join(", "))))
}

/// Who answered, and the last word on each transfer.
fn hands(known: &[&Value], last: &str) -> Vec<Line> {
    let named = |event: &str, field: &str| {
        let found = known.iter().find(|webhook| webhook["event"] == event);
        found.map(|webhook| text(&webhook["data"][field]["name"]))
    };
    let (worked, failed) =
        (named("call.transferred", "transferred_to"), named("call.unsuccessful_transfer", "transferred_to"));
    let mut lines = Vec::new();
    let first = named("call.answered", "user").filter(|first| first != last);
    lines.extend(first.map(|first| ("who answered", format!("Answered by: {first}"))));
    let worked = worked.filter(|worked| failed.as_ref() != Some(worked));
    lines.extend(worked.map(|to| ("the transfer", format!("Transferred to: {to}"))));
    lines.extend(failed.map(|to| ("the failed transfer", format!("Transfer failed to: {to}"))));
    lines
}
