//! Application webhooks: envelope, shapes, signature, repeats.

use calltrail_simulator::front::{Action, OutgoingWebhook, signature};
use serde_json::{Value, json};

use crate::support::{Sim, draft, draft_with, fixture};

fn listening() -> Sim {
    Sim::with(|behaviour| behaviour.webhooks = true)
}

fn body(webhook: &OutgoingWebhook) -> Value {
    serde_json::from_slice(&webhook.body).expect("webhooks are JSON")
}

fn drain(sim: &mut Sim) -> Vec<OutgoingWebhook> {
    sim.pass(100);
    sim.front.drain_webhooks(sim.now_ms)
}

/// Keys of other plans, of older captures, and of messages that an import cannot make.
const OPTIONAL: [&str; 9] = [
    "message_replied_to",
    "message_seen",
    "headers",
    "thread_ref",
    "status_id",
    "status_category",
    "waiting_since",
    "address",
    "send_as",
];

/// Every key of the captured value is in ours, with the same kind of value, all the way down.
fn assert_covers(ours: &Value, captured: &Value, path: &str) {
    match (ours, captured) {
        (Value::Object(ours), Value::Object(captured)) => {
            for (key, value) in captured {
                let optional = OPTIONAL.contains(&key.as_str());
                assert!(optional || ours.contains_key(key), "{path}/{key} is missing");
                if let Some(inner) = ours.get(key) {
                    assert_covers(inner, value, &format!("{path}/{key}"));
                }
            }
        }
        (Value::Array(ours), Value::Array(captured)) => {
            for (ours, captured) in ours.iter().zip(captured) {
                assert_covers(ours, captured, path);
            }
        }
        (ours, captured) => {
            let same = std::mem::discriminant(ours) == std::mem::discriminant(captured);
            assert!(same || ours.is_null() || captured.is_null(), "{path}: {ours} for {captured}");
        }
    }
}

#[test]
fn events_have_the_captured_shapes() {
    let mut sim = listening();
    let id = sim.import_into(&draft_with("a", &[("metadata.should_skip_rules", json!(false))]));
    sim.act(&id, Action::Comment("hello".into()));
    sim.act(&id, Action::Assign("tea_1".into()));
    sim.patch(&format!("/conversations/{id}"), &json!({ "assignee_id": null }));
    sim.patch(&format!("/conversations/{id}"), &json!({ "status": "archived" }));
    let events: Vec<Value> = drain(&mut sim).iter().map(|webhook| body(webhook)["payload"].clone()).collect();
    for (kind, file) in [
        ("inbound", "front/event_inbound_inboxes.json"),
        ("comment", "front/event_comment_teammate.json"),
        ("assign", "front/event_assign_teammate.json"),
        ("unassign", "front/event_unassign_api.json"),
        ("archive", "front/event_archive_api.json"),
    ] {
        let ours = events.iter().find(|event| event["type"] == kind).unwrap();
        assert_covers(ours, &fixture(file), kind);
    }
}

#[test]
fn a_webhook_has_the_captured_envelope_and_the_documented_signature() {
    let mut sim = listening();
    let id = sim.import_into(&draft("a"));
    sim.act(&id, Action::Archive);
    let sent = drain(&mut sim);
    let [webhook] = sent.as_slice() else { panic!("one webhook, not {}", sent.len()) };
    assert_eq!(body(webhook)["type"], "conversation_archived");
    assert_eq!(body(webhook)["payload"]["type"], "archive");
    assert_covers(&body(webhook), &fixture("front/webhook_conversation_archived.json"), "webhook");
    let expected = signature("front-signing-key", sim.now_ms, &webhook.body);
    assert!(webhook.headers.contains(&("x-front-signature".into(), expected)));
    assert!(webhook.headers.contains(&("x-front-request-timestamp".into(), sim.now_ms.to_string())));
}

#[test]
fn the_signature_is_the_hmac_of_timestamp_colon_body() {
    let expected = "DfoRen+bW4W/OMZsPsCVTul7Bs0FbF3ruNAWdA5tQZ4=";
    assert_eq!(signature("key", 1_700_000_000_000, b"{}"), expected);
}

#[test]
fn a_webhook_is_repeated_three_times_and_then_lost() {
    let mut sim = listening();
    let id = sim.import_into(&draft("a"));
    sim.act(&id, Action::Archive);
    for attempt in 1..=4 {
        let sent = drain(&mut sim);
        assert_eq!(sent.iter().map(|webhook| webhook.attempt).collect::<Vec<_>>(), [attempt]);
        assert!(drain(&mut sim).is_empty(), "it is in flight");
        sim.front.webhook_answered(sim.now_ms, sent[0].number, false);
        sim.pass(1_000);
    }
    assert!(drain(&mut sim).is_empty());
    assert!(sim.ledger().webhooks[0].lost);
}

#[test]
fn without_an_installed_webhook_nothing_is_queued() {
    let mut sim = Sim::new();
    let id = sim.import_into(&draft("a"));
    sim.act(&id, Action::Archive);
    sim.front.behaviour_mut().webhooks = true;
    assert!(drain(&mut sim).is_empty());
}

#[test]
fn the_validation_request_has_the_captured_shape() {
    let sim = Sim::new();
    let request = sim.front.validation_request(sim.now_ms, "riddle");
    assert_eq!(body(&request), json!({ "type": "sync", "authorization": { "id": "cmp_1" } }));
    assert!(request.headers.contains(&("x-front-challenge".into(), "riddle".into())));
}
