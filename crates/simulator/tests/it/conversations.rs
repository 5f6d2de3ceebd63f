//! Conversations through the API: reading, changing, paging, merges.

use calltrail_simulator::front::{Action, Request};
use serde_json::{Value, json};

use crate::support::{Sim, TOKEN, draft, draft_with, fixture, text};

#[test]
fn a_patch_sets_status_assignee_inbox_and_tags_and_tells_each_once() {
    let mut sim = Sim::new();
    let id = sim.import_into(&draft("a"));
    let path = format!("/conversations/{id}");
    let change =
        json!({ "status": "archived", "assignee_id": "tea_2", "inbox_id": "inb_3", "tag_ids": ["tag_1"] });
    assert_eq!(sim.patch(&path, &change).status, 204);
    assert_eq!(sim.patch(&path, &change).status, 204);
    let shown = sim.shown(&id);
    assert_eq!((&shown["status"], &shown["assignee"]["id"]), (&json!("archived"), &json!("tea_2")));
    assert_eq!(shown["tags"][0]["name"], "Refund");
    assert_eq!(sim.get(&format!("{path}/inboxes")).json()["_results"][0]["id"], "inb_3");
    assert_eq!(sim.event_kinds(), ["move", "assign", "tag", "archive"]);
    assert!(sim.ledger().events.iter().all(|event| event.source == "api"));
    assert_eq!(sim.patch(&path, &json!({ "status": "open", "assignee_id": null })).status, 204);
    assert_eq!(sim.shown(&id)["status"], "unassigned");
}

#[test]
fn the_subject_cannot_be_patched() {
    let mut sim = Sim::new();
    let id = sim.import_into(&draft("a"));
    let refused =
        sim.patch(&format!("/conversations/{id}"), &json!({ "subject": "Other", "status": "archived" }));
    assert_eq!(refused.status, 400);
    assert_eq!(sim.shown(&id)["status"], "unassigned", "nothing of it is applied");
}

#[test]
fn the_assignee_has_a_route_of_its_own() {
    let mut sim = Sim::new();
    let path = format!("/conversations/{}/assignee", sim.import_into(&draft("a")));
    assert_eq!(sim.with_body("PUT", &path, &json!({ "assignee_id": "tea_1" })).status, 204);
    assert_eq!(sim.with_body("PUT", &path, &json!({ "assignee_id": "tea_9" })).status, 400);
    assert_eq!(sim.with_body("PUT", &path, &json!({ "assignee_id": null })).status, 204);
    assert_eq!(sim.event_kinds(), ["assign", "unassign"]);
}

#[test]
fn tags_are_added_and_removed_as_a_set() {
    let mut sim = Sim::new();
    let id = sim.import_into(&draft("a"));
    let path = format!("/conversations/{id}/tags");
    for _ in 0..2 {
        assert_eq!(sim.post(&path, &json!({ "tag_ids": ["tag_1"] })).status, 204);
    }
    assert_eq!(sim.post(&path, &json!({ "tag_ids": ["tag_9"] })).status, 400);
    for _ in 0..2 {
        assert_eq!(sim.with_body("DELETE", &path, &json!({ "tag_ids": ["tag_1"] })).status, 204);
    }
    assert_eq!(sim.event_kinds(), ["tag", "untag"]);
}

#[test]
fn a_repeated_comment_is_a_second_comment() {
    let mut sim = Sim::new();
    let id = sim.import_into(&draft("a"));
    let path = format!("/conversations/{id}/comments");
    let comment = json!({ "author_id": "alt:email:Iris.Lindqvist@example.com", "body": "call back" });
    for _ in 0..2 {
        assert_eq!(sim.post(&path, &comment).status, 201);
        sim.pass(1000);
    }
    sim.post(&path, &json!({ "body": "from the token" }));
    let listed = sim.get(&path).json();
    let bodies: Vec<_> =
        listed["_results"].as_array().unwrap().iter().map(|row| text(&row["body"])).collect();
    assert_eq!(bodies, ["from the token", "call back", "call back"], "newest first");
    assert_eq!(listed["_results"][1]["author"]["id"], "tea_2");
    assert_eq!(sim.post(&path, &json!({ "body": "x", "author_id": "alt:email:no@example.com" })).status, 400);
}

#[test]
fn messages_are_listed_newest_first_and_in_pages() {
    let mut sim = Sim::new();
    let mut id = String::new();
    for number in 0..5 {
        let at = ("created_at", json!(1_700_000_000 + number));
        id = sim.import_into(&draft_with(&format!("m{number}"), &[at]));
    }
    let mut path = format!("/conversations/{id}/messages?limit=2");
    let mut bodies = Vec::new();
    loop {
        let page = sim.get(&path).json();
        bodies.extend(page["_results"].as_array().unwrap().iter().map(|row| text(&row["body"])));
        let Some(next) = page["_pagination"]["next"].as_str() else { break };
        path = next.strip_prefix("https://example.api.frontapp.com").unwrap().to_owned();
    }
    assert_eq!(bodies, ["call m4", "call m3", "call m2", "call m1", "call m0"]);
    assert_eq!(sim.get(&format!("/conversations/{id}/messages?limit=101")).status, 400);
}

#[test]
fn an_unknown_conversation_is_not_found_by_name() {
    let mut sim = Sim::new();
    let missing = sim.get("/conversations/cn_123");
    assert_eq!((missing.status, missing.json()), (404, fixture("front/error_404_unknown_conversation.json")));
    assert_eq!(sim.get("/nothing").status, 404);
}

#[test]
fn a_merged_conversation_answers_with_the_survivors_place() {
    let mut sim = Sim::new();
    let gone = sim.import_into(&draft("a"));
    let survivor = sim.import_into(&draft_with("b", &[("metadata.thread_ref", json!("party-2"))]));
    sim.act(&gone, Action::MergeInto(survivor.clone()));
    let moved = sim.get(&format!("/conversations/{gone}/messages?limit=2"));
    let place = format!("https://example.api.frontapp.com/conversations/{survivor}/messages?limit=2");
    assert_eq!((moved.status, moved.header("location")), (301, Some(place.as_str())));
    let comment = sim.post(&format!("/conversations/{gone}/comments"), &json!({ "body": "x" }));
    assert_eq!(comment.status, 301);
    let landed = sim.import_into(&draft("c"));
    assert_eq!(landed, survivor, "the thread_ref of the merged one leads to the survivor");
    assert_eq!(sim.ledger().conversations[1].messages.len(), 3);
    assert_eq!(sim.event_kinds(), ["conversations_merged"]);
}

#[test]
fn the_company_shows_itself_its_teammates_and_its_inboxes() {
    let mut sim = Sim::new();
    assert_eq!(sim.get("/me").json()["id"], "cmp_1");
    assert_eq!(sim.get("/teammates").json()["_results"].as_array().map(Vec::len), Some(3));
    assert_eq!(sim.get("/teammates/alt:email:NOOR.haddad@example.com").json()["id"], "tea_1");
    assert_eq!(sim.get("/teammates/alt:email:no@example.com").status, 404);
    assert_eq!(sim.get("/inboxes").json()["_results"][0]["name"], "Aircall Phone");
}

#[test]
fn a_wrong_token_is_refused_before_anything_else() {
    let mut sim = Sim::new();
    let refused = sim.send(&Request::bare("GET", "/me", "other"));
    assert_eq!((refused.status, refused.json()), (401, fixture("front/error_401_invalid_token.json")));
}

#[test]
fn a_body_that_is_no_json_has_an_error_of_its_own_shape() {
    let mut sim = Sim::new();
    let mut request = Request::json("POST", "/contacts", TOKEN, &Value::Null);
    request.body = b"{broken".to_vec();
    let refused = sim.send(&request);
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["_error"].as_object().map(serde_json::Map::len), Some(1));
}

#[test]
fn the_same_seed_and_requests_give_the_same_ledger() {
    let run = || {
        let mut sim = Sim::with(|behaviour| {
            behaviour.webhooks = true;
            behaviour.visibility_lag_ms.max = 900;
        });
        sim.front.set_faults(calltrail_simulator::front::Faults {
            lost_after_permille: 200,
            error_before_permille: 200,
            ..Default::default()
        });
        for number in 0..40 {
            let thread = ("metadata.thread_ref", json!(format!("party-{}", number % 3)));
            let draft = draft_with(&format!("m{}", number / 2), &[thread]);
            sim.answer(&Request::json("POST", "/inboxes/inb_1/imported_messages", TOKEN, &draft));
            sim.pass(70);
        }
        serde_json::to_string(&sim.ledger()).unwrap()
    };
    assert_eq!(run(), run());
}
