//! The calls of a day, as their webhooks tell them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::parts::{Part, parts};
use super::story::story;
use crate::day::company::{Caller, Rules};
use crate::day::limits::ENDED_WAIT_S;
use crate::day::script::Delivery;
use crate::day::who::Who;

/// The five kinds of calls (M5), in the words of their subjects (M7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    InboundAnswered,
    OutboundAnswered,
    OutboundUnanswered,
    Missed,
    Voicemail,
}

/// A call as it was known when it settled.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: i64,
    pub(crate) who: Who,
    /// The caller's number by its place, if it has one.
    pub(crate) number: Option<usize>,
    pub(crate) line: Line,
    pub(crate) kind: Kind,
    /// Who ended with the call, or dialled.
    pub(crate) agent: Option<Agent>,
    pub(crate) started_at_ms: i64,
    pub(crate) answered_at_ms: i64,
    pub(crate) ended_at_ms: i64,
    pub(crate) settled_at_ms: i64,
    /// It was never told to have ended.
    pub(crate) is_silent: bool,
    /// In the order of their names.
    pub(crate) tags: Vec<String>,
    /// Lines of its text, each under a name that may be printed.
    pub(crate) story: Vec<(&'static str, String)>,
    /// What follows the call's own activity, and when: not before it settles.
    pub(crate) parts: Vec<(i64, Part)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) digits: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) email: String,
}

impl Kind {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::InboundAnswered => "Inbound call",
            Self::OutboundAnswered => "Outbound call",
            Self::OutboundUnanswered => "Unanswered outbound call",
            Self::Missed => "Missed call",
            Self::Voicemail => "Voicemail",
        }
    }

    pub(crate) fn is_answered(self) -> bool {
        matches!(self, Self::InboundAnswered | Self::OutboundAnswered)
    }

    /// Missed calls and voicemails are logged by the customer (M19 to M21).
    pub(crate) fn is_by_the_customer(self) -> bool {
        matches!(self, Self::Missed | Self::Voicemail)
    }
}

/// The webhooks of one call that have arrived, with their times.
pub(super) type Heard = Vec<(i64, Value)>;

/// Every call, in the order in which they settle.
pub(crate) fn calls(deliveries: &[Delivery], callers: &[Caller], rules: Rules) -> Vec<Call> {
    let mut heard: BTreeMap<i64, Heard> = BTreeMap::new();
    for delivery in deliveries {
        let webhook: Value = serde_json::from_str(&delivery.body).expect("a webhook is JSON");
        let id = webhook["data"]["id"].as_i64().expect("a call has an id");
        heard.entry(id).or_default().push((delivery.at_ms, webhook));
    }
    let mut calls: Vec<_> = heard.into_iter().map(|(id, heard)| call(id, &heard, callers, rules)).collect();
    calls.sort_by_key(|call| (call.settled_at_ms, call.id));
    calls
}

/// When something becomes known of the calls of each: that they settle, or what comes late for them.
pub(crate) fn happens_ms(calls: &[Call]) -> BTreeMap<Who, Vec<i64>> {
    let mut happens: BTreeMap<Who, Vec<i64>> = BTreeMap::new();
    for call in calls {
        let own = happens.entry(call.who).or_default();
        own.push(call.settled_at_ms);
        own.extend(call.parts.iter().map(|(at_ms, _)| *at_ms));
    }
    happens
}

fn call(id: i64, heard: &Heard, callers: &[Caller], rules: Rules) -> Call {
    let first =
        |is: &dyn Fn(&Value) -> bool| heard.iter().find(|(_, webhook)| is(webhook)).map(|(at_ms, _)| *at_ms);
    let ended = first(&|webhook| webhook["event"] == "call.ended");
    let over_at_ms =
        first(&|webhook| webhook["data"]["status"] == "done").expect("every call is told to be over");
    let settled_at_ms =
        ended.unwrap_or(over_at_ms + i64::try_from(ENDED_WAIT_S).expect("a short wait") * 1000);
    let data = last(heard, settled_at_ms);
    let known = heard.iter().filter(|(at_ms, _)| *at_ms <= settled_at_ms);
    // The voicemail may be told before the end of the call is.
    let has_voicemail =
        known.map(|(_, webhook)| webhook).any(|webhook| !webhook["data"]["voicemail"].is_null());
    let kind = kind(data, has_voicemail);
    let (who, number) = who(id, data, callers);
    Call {
        id,
        who,
        number,
        line: line(data),
        kind,
        agent: agent(&data["user"]),
        started_at_ms: millis(&data["started_at"]),
        answered_at_ms: millis(&data["answered_at"]),
        ended_at_ms: millis(&data["ended_at"]),
        settled_at_ms,
        is_silent: ended.is_none(),
        tags: tags(data),
        story: story(heard, settled_at_ms, kind, data),
        parts: parts(heard, kind, over_at_ms, settled_at_ms, rules),
    }
}

/// The latest that was known by then of those that show the call as over.
pub(super) fn last(heard: &Heard, by_ms: i64) -> &Value {
    let known = heard.iter().filter(|(at_ms, _)| *at_ms <= by_ms).map(|(_, webhook)| webhook);
    let over = known.filter(|webhook| webhook["data"]["status"] == "done");
    let last = over.max_by_key(|webhook| webhook["timestamp"].as_i64());
    &last.expect("it was told to be over")["data"]
}

/// The names of the call's tags, in order.
pub(super) fn tags(data: &Value) -> Vec<String> {
    let mut tags: Vec<_> =
        data["tags"].as_array().into_iter().flatten().map(|tag| text(&tag["name"])).collect();
    tags.sort();
    tags
}

pub(super) fn agent(user: &Value) -> Option<Agent> {
    user.is_object().then(|| Agent { name: text(&user["name"]), email: text(&user["email"]) })
}

/// Callers of the day show a number with a country code, or withhold it in one of several ways (M6).
fn who(id: i64, data: &Value, callers: &[Caller]) -> (Who, Option<usize>) {
    let number = text(&data["raw_digits"]).replace(' ', "");
    if !number.starts_with('+') {
        return (Who::Withheld(id), None);
    }
    let places = callers.iter().enumerate().find_map(|(caller, known)| {
        known.numbers.iter().position(|own| *own == number).map(|place| (Who::Caller(caller), Some(place)))
    });
    places.expect("a caller has the number")
}

fn line(data: &Value) -> Line {
    let number = &data["number"];
    Line {
        id: number["id"].as_i64().expect("a line has an id"),
        name: text(&number["name"]),
        digits: text(&number["digits"]).replace(' ', ""),
    }
}

/// Answered is told by `answered_at`, a voicemail by the voicemail itself (M7).
fn kind(data: &Value, has_voicemail: bool) -> Kind {
    let answered = !data["answered_at"].is_null();
    match (data["direction"] == "inbound", answered) {
        (true, true) => Kind::InboundAnswered,
        (true, false) if has_voicemail => Kind::Voicemail,
        (true, false) => Kind::Missed,
        (false, true) => Kind::OutboundAnswered,
        (false, false) => Kind::OutboundUnanswered,
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn millis(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default() * 1000
}
