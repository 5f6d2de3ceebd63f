//! Scripted calls come out as the captured webhooks; histories are deterministic.

use std::collections::BTreeSet;

use calltrail_simulator::aircall::{
    AGENTS, Agent, CallEvent, CallScript, Disturbance, LINES, Step, day, disturb, random_history,
};
use serde_json::Value;

use crate::support::fixture;

const NOOR: Agent = AGENTS[0];
const IRIS: Agent = AGENTS[1];

/// A value with every number, string and boolean replaced by its kind; null stays null.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        Value::Array(array) => array.iter().map(shape).collect(),
        Value::Null => Value::Null,
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
    }
}

fn check(events: &[CallEvent], files: &[&str]) {
    let names: Vec<_> = events.iter().map(|event| event.name).collect();
    assert_eq!(names.len(), files.len(), "{names:?}");
    for (event, file) in events.iter().zip(files) {
        let captured = fixture(&format!("aircall/{file}.json"));
        assert_eq!(shape(&event.body), shape(&captured), "{file}");
        assert_eq!(event.body["event"], captured["event"]);
        assert_eq!(event.body["token"], captured["token"]);
        for key in ["started_at", "answered_at", "ended_at", "duration", "status", "missed_call_reason"] {
            assert_eq!(event.body["data"][key], captured["data"][key], "{file} {key}");
        }
    }
}

fn last(call: &CallScript) -> Value {
    call.events().last().expect("a call has events").body["data"].clone()
}

#[test]
fn an_inbound_voicemail_is_told_as_captured() {
    let call = CallScript::inbound(900_000_102, LINES[0], "+44 7700 900123", 1_646_389_739);
    let events = call.rings(IRIS, 0).voicemail().ends(17).events();
    check(
        &events,
        &[
            "20_call_created_inbound",
            "21_call_ringing_on_agent_inbound",
            "30_call_hungup_inbound",
            "33_call_ended_inbound",
            "35_call_voicemail_left_inbound",
        ],
    );
    let links: BTreeSet<_> =
        events[3..].iter().map(|event| event.body["data"]["voicemail"].to_string()).collect();
    assert_eq!(links.len(), 2, "each link is signed anew");
    assert_eq!(events[4].at_s, 1_646_389_789);
}

#[test]
fn an_outbound_answered_call_is_told_as_captured() {
    let call = CallScript::outbound(900_000_095, LINES[0], "+44 1632 960001", NOOR, 1_646_389_735);
    check(
        &call.answered(NOOR, 5).held(16, 18).ends(20).events(),
        &[
            "19_call_created_outbound",
            "22_call_answered_outbound",
            "24_call_hold_outbound",
            "25_call_unhold_outbound",
            "29_call_hungup_outbound",
            "32_call_ended_outbound",
        ],
    );
}

#[test]
fn a_transfer_ends_with_the_other_agent_and_a_failed_one_does_not() {
    let call = CallScript::inbound(1, LINES[0], "+44 7700 900123", 0).rings(NOOR, 0).answered(NOOR, 5);
    let done = last(&call.clone().transferred(IRIS, 9).ends(20));
    let failed = last(&call.transfer_failed(IRIS, 9).ends(20));
    for data in [&done, &failed] {
        assert_eq!(
            (&data["transferred_by"]["id"], &data["transferred_to"]["id"]),
            (&NOOR.id.into(), &IRIS.id.into())
        );
    }
    assert_eq!((&done["user"]["id"], &failed["user"]["id"]), (&IRIS.id.into(), &NOOR.id.into()));
}

#[test]
fn tags_and_comments_come_as_full_lists_after_the_end() {
    let call =
        CallScript::inbound(1, LINES[0], "+44 7700 900123", 0).rings(NOOR, 0).answered(NOOR, 5).ends(20);
    let events = call.tagged("refund", 60).tagged("vip", 70).commented("call back", 80).events();
    let names: Vec<_> = events.iter().map(|event| event.name).skip(4).collect();
    assert_eq!(names, ["call.ended", "call.tagged", "call.tagged", "call.commented"]);
    let data = &events.last().unwrap().body["data"];
    assert_eq!(data["tags"].as_array().map(Vec::len), Some(2));
    assert_eq!(data["comments"][0]["content"], "call back");
}

#[test]
fn a_recorded_call_has_its_recording_at_the_end_if_it_was_answered() {
    let call = CallScript::inbound(1, LINES[0], "+44 7700 900123", 0).recorded().ends(20);
    assert_eq!(last(&call)["recording"], Value::Null);
    let answered = last(&call.answered(NOOR, 5));
    assert_eq!(answered["asset"], "https://assets.aircall.io/calls/1/recording");
}

/// What kind of call a `call.ended` tells of.
fn kind(data: &Value) -> &'static str {
    match (data["direction"].as_str(), data["answered_at"].is_i64(), data["voicemail"].is_string()) {
        (Some("inbound"), true, _) => "inbound answered",
        (Some("inbound"), false, true) => "voicemail",
        (Some("inbound"), false, false) => "missed",
        (_, true, _) => "outbound answered",
        (_, false, _) => "outbound unanswered",
    }
}

fn ended(steps: &[Step]) -> Vec<Value> {
    let bodies = steps.iter().filter_map(|step| match step {
        Step::Webhook { body, .. } => serde_json::from_str::<Value>(body).ok(),
        Step::FrontAction { .. } => None,
    });
    bodies.filter(|body| body["event"] == "call.ended").map(|body| body["data"].clone()).collect()
}

#[test]
fn the_day_has_every_call_type_six_parties_and_one_archiving() {
    let day = day(1, 1_767_600_000);
    let calls = ended(&day.steps);
    let distinct = |pick: &dyn Fn(&Value) -> String| calls.iter().map(pick).collect::<BTreeSet<_>>().len();
    assert_eq!(calls.len(), 14);
    assert_eq!(distinct(&|call| call["id"].to_string()), 14);
    assert_eq!(distinct(&|call| kind(call).to_owned()), 5);
    assert_eq!(distinct(&|call| call["raw_digits"].to_string()), 7, "two numbers are one party");
    assert_eq!(distinct(&|call| call["number"]["id"].to_string()), 4);
    assert_eq!(day.front.contacts[0].handles.len(), 2);
    let acts = day.steps.iter().filter(|step| matches!(step, Step::FrontAction { .. })).count();
    assert_eq!(acts, 1);
    assert!(day.steps.is_sorted_by_key(Step::at_ms));
}

#[test]
fn a_random_history_has_every_call_type_and_is_the_same_for_the_same_seed() {
    let history = random_history(3, 60, 4);
    assert_eq!(history, random_history(3, 60, 4));
    assert_ne!(history, random_history(4, 60, 4));
    let kinds: BTreeSet<_> = ended(&history).iter().map(kind).collect();
    let parties: BTreeSet<_> = ended(&history).iter().map(|call| call["raw_digits"].to_string()).collect();
    assert_eq!((ended(&history).len(), kinds.len(), parties.len()), (60, 5, 4));
}

#[test]
fn a_disturbed_history_has_duplicates_and_another_order_but_nothing_is_lost() {
    let history = random_history(3, 30, 3);
    let disturbance = Disturbance { duplicate_permille: 200, delay_permille: 300, delay_ms_max: 90_000 };
    let disturbed = disturb(5, &history, &disturbance);
    assert_eq!(disturbed, disturb(5, &history, &disturbance));
    let bodies = |steps: &[Step]| -> Vec<String> {
        steps
            .iter()
            .filter_map(|step| match step {
                Step::Webhook { body, .. } => Some(body.clone()),
                Step::FrontAction { .. } => None,
            })
            .collect()
    };
    let (before, after) = (bodies(&history), bodies(&disturbed));
    assert!(after.len() > before.len());
    assert_eq!(before.iter().collect::<BTreeSet<_>>(), after.iter().collect::<BTreeSet<_>>());
    let mut firsts = Vec::new();
    for body in after {
        if !firsts.contains(&body) {
            firsts.push(body);
        }
    }
    assert_ne!(firsts, before);
    assert!(disturbed.is_sorted_by_key(Step::at_ms));
}
