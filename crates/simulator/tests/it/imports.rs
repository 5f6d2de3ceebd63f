//! Imported messages: visibility, repeats, threading, what they do to a conversation.

use calltrail_simulator::front::{Action, ImportOutcome, RepeatAnswer, SubjectRule};
use serde_json::{Value, json};

use crate::support::{Sim, draft, draft_with, fixture, text};

#[test]
fn an_import_is_accepted_at_once_and_visible_later() {
    let mut sim = Sim::new();
    let accepted = sim.post("/inboxes/inb_1/imported_messages", &draft("a"));
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.json()["status"], "accepted");
    let path = format!("/messages/alt:uid:{}", text(&accepted.json()["message_uid"]));
    assert_eq!(sim.get(&path).status, 404);
    assert!(sim.ledger().conversations.is_empty());
    sim.pass(100);
    let message = sim.get(&path).json();
    assert_eq!(message["subject"], "Missed call - Support line");
    assert_eq!(message["created_at"], 1_700_000_000);
    assert_eq!(message["recipients"][0]["handle"], crate::support::CALLER);
    assert!(text(&message["_links"]["related"]["conversation"]).contains("/conversations/cnv_"));
    assert_eq!(sim.get(&format!("/messages/{}", text(&message["id"]))).json(), message);
}

#[test]
fn a_repeated_external_id_makes_no_second_message() {
    for (repeat, status) in [
        (RepeatAnswer::AcceptedAndResolves, 202),
        (RepeatAnswer::AcceptedAndNeverResolves, 202),
        (RepeatAnswer::BadRequest, 400),
        (RepeatAnswer::Conflict, 409),
    ] {
        let mut sim = Sim::with(|behaviour| behaviour.repeat = repeat);
        let first = sim.import(&draft("a"));
        let again = sim.post("/inboxes/inb_2/imported_messages", &draft("a"));
        assert_eq!(again.status, status);
        sim.pass(100);
        assert_eq!(sim.ledger().messages().len(), 1);
        assert_eq!(sim.ledger().imports.len(), 2);
        if status == 202 {
            let uid = text(&again.json()["message_uid"]);
            assert_ne!(uid, first);
            let found = sim.get(&format!("/messages/alt:uid:{uid}"));
            assert_eq!(found.status == 200, repeat == RepeatAnswer::AcceptedAndResolves);
            assert_eq!(sim.ledger().imports[1].outcome, ImportOutcome::Dropped);
        }
    }
}

#[test]
fn a_repeat_before_the_first_is_visible_resolves_to_the_first() {
    let mut sim = Sim::new();
    sim.post("/inboxes/inb_1/imported_messages", &draft("a"));
    let again = sim.post("/inboxes/inb_1/imported_messages", &draft("a"));
    sim.pass(100);
    let message = sim.get(&format!("/messages/alt:uid:{}", text(&again.json()["message_uid"])));
    assert_eq!(message.json()["body"], "call a");
    assert_eq!(sim.ledger().messages().len(), 1);
}

#[test]
fn a_conversation_id_goes_before_a_thread_ref_and_that_before_the_sender() {
    let mut sim = Sim::new();
    let first = sim.import_into(&draft("a"));
    let same_ref = sim.import_into(&draft_with("b", &[("sender.handle", json!("+447700900999"))]));
    assert_eq!(same_ref, first);
    let other = sim.import_into(&draft_with("c", &[("metadata.thread_ref", json!("party-2"))]));
    assert_ne!(other, first);
    let by_sender = sim.import_into(&draft_with("d", &[("metadata.thread_ref", Value::Null)]));
    assert_eq!(by_sender, other, "the caller's conversation with the newest message");
    let named = sim.import_into(&draft_with(
        "e",
        &[("conversation_id", json!(first)), ("metadata.thread_ref", json!("party-2"))],
    ));
    assert_eq!(named, first);
}

#[test]
fn an_import_is_archived_unless_it_says_otherwise() {
    let mut sim = Sim::new();
    let mut silent = draft("a");
    silent["metadata"] = json!({ "is_inbound": true });
    let conversation = sim.import_into(&silent);
    assert_eq!(sim.shown(&conversation)["status"], "archived");
    assert!(sim.event_kinds().is_empty(), "rules are skipped by default");
}

#[test]
fn an_import_into_an_archived_conversation_reopens_it_if_the_option_says_so() {
    for reopens in [true, false] {
        let mut sim = Sim::with(|behaviour| behaviour.import_reopens = reopens);
        let conversation = sim.import_into(&draft("a"));
        sim.act(&conversation, Action::Archive);
        sim.import(&draft_with("b", &[("metadata.is_archived", json!(true))]));
        assert_eq!(sim.shown(&conversation)["status"], "archived");
        sim.import(&draft("c"));
        assert_eq!(sim.shown(&conversation)["status"], if reopens { "unassigned" } else { "archived" });
    }
}

#[test]
fn an_archived_import_into_an_open_conversation_archives_it_if_the_option_says_so() {
    for (archives, status) in [(true, "archived"), (false, "unassigned")] {
        let mut sim = Sim::with(|behaviour| behaviour.archived_import_archives = archives);
        let conversation = sim.import_into(&draft("a"));
        sim.import(&draft_with("b", &[("metadata.is_archived", json!(true))]));
        assert_eq!(sim.shown(&conversation)["status"], status);
    }
}

#[test]
fn a_reopening_by_import_emits_an_event_if_the_option_says_so() {
    for emits in [true, false] {
        let mut sim = Sim::with(|behaviour| behaviour.import_reopening_emits_event = emits);
        let conversation = sim.import_into(&draft("a"));
        sim.act(&conversation, Action::Archive);
        sim.import(&draft("b"));
        assert_eq!(sim.event_kinds().contains(&"reopen"), emits);
    }
}

#[test]
fn the_subject_stays_the_first_or_follows_the_first_after_archiving() {
    for (rule, expected) in
        [(SubjectRule::First, "Missed call - Support line"), (SubjectRule::FirstAfterArchive, "Third")]
    {
        let mut sim = Sim::with(|behaviour| behaviour.subject = rule);
        let conversation = sim.import_into(&draft("a"));
        sim.import(&draft_with("b", &[("subject", json!("Second"))]));
        assert_eq!(sim.shown(&conversation)["subject"], "Missed call - Support line");
        sim.act(&conversation, Action::Archive);
        sim.import(&draft_with("c", &[("subject", json!("Third"))]));
        sim.import(&draft_with("d", &[("subject", json!("Fourth"))]));
        assert_eq!(sim.shown(&conversation)["subject"], expected);
    }
}

#[test]
fn an_assignee_is_set_on_a_new_conversation_and_on_an_old_one_if_the_option_says_so() {
    for (applied, expected) in [(true, "tea_2"), (false, "tea_1")] {
        let mut sim = Sim::with(|behaviour| behaviour.import_assigns_existing = applied);
        let conversation = sim.import_into(&draft_with("a", &[("assignee_id", json!("tea_1"))]));
        assert_eq!(sim.shown(&conversation)["status"], "assigned");
        sim.import(&draft_with("b", &[("assignee_id", json!("tea_2"))]));
        assert_eq!(sim.shown(&conversation)["assignee"]["id"], expected);
    }
}

#[test]
fn an_author_counts_only_on_outbound_messages_and_must_exist_there() {
    let mut sim = Sim::new();
    sim.import(&draft_with("a", &[("sender.author_id", json!("nobody"))]));
    assert_eq!(sim.ledger().messages()[0].author, None);
    let outbound =
        |author: &str| [("sender.author_id", json!(author)), ("metadata.is_inbound", json!(false))];
    let refused = sim.post("/inboxes/inb_1/imported_messages", &draft_with("b", &outbound("nobody")));
    assert_eq!(refused.status, 400);
    sim.import(&draft_with("b", &outbound("tea_3")));
    assert_eq!(sim.ledger().messages()[1].author.as_deref(), Some("tea_3"));
}

#[test]
fn an_unknown_assignee_key_or_type_is_a_bad_request() {
    let mut sim = Sim::new();
    for change in [("assignee_id", json!("tea_9")), ("colour", json!("red")), ("type", json!("call"))] {
        let refused = sim.post("/inboxes/inb_1/imported_messages", &draft_with("a", &[change]));
        let expected = fixture("front/error_400_body.json");
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["_error"]["message"], expected["_error"]["message"]);
    }
    assert!(sim.ledger().imports.is_empty());
}

#[test]
fn an_import_that_runs_rules_is_told_as_an_event_if_the_option_says_so() {
    for (emits, expected) in [(true, vec!["inbound", "outbound"]), (false, vec![])] {
        let mut sim = Sim::with(|behaviour| behaviour.import_emits_event = emits);
        let runs_rules = ("metadata.should_skip_rules", json!(false));
        sim.import(&draft_with("a", std::slice::from_ref(&runs_rules)));
        sim.import(&draft_with("b", &[runs_rules, ("metadata.is_inbound", json!(false))]));
        assert_eq!(sim.event_kinds(), expected);
    }
}
