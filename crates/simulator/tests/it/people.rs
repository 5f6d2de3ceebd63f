//! People acting in Front, and the events that tell of it.

use calltrail_simulator::front::{Act, ActError, Action, Subject};
use serde_json::json;

use crate::support::{CALLER, Sim, draft, text};

#[test]
fn people_archive_reopen_move_assign_tag_comment_and_trash() {
    let mut sim = Sim::new();
    let id = sim.import_into(&draft("a"));
    for (action, status, kind) in [
        (Action::Archive, "archived", "archive"),
        (Action::Reopen, "unassigned", "reopen"),
        (Action::Move("inb_2".into()), "unassigned", "move"),
        (Action::Assign("tea_3".into()), "assigned", "assign"),
        (Action::Unassign, "unassigned", "unassign"),
        (Action::Tag("tag_1".into()), "unassigned", "tag"),
        (Action::Untag("tag_1".into()), "unassigned", "untag"),
        (Action::Comment("done".into()), "unassigned", "comment"),
        (Action::Trash, "deleted", "trash"),
        (Action::Restore, "unassigned", "restore"),
    ] {
        sim.act(&id, action);
        assert_eq!(sim.shown(&id)["status"], status);
        let event = sim.ledger().events.last().unwrap().clone();
        assert_eq!((event.kind, event.source), (kind, "teammate"));
    }
}

#[test]
fn a_snoozed_conversation_reads_as_archived_with_a_reminder_and_comes_back_by_itself() {
    let mut sim = Sim::new();
    let id = sim.import_into(&draft("a"));
    let until_ms = sim.now_ms + 3_600_000;
    sim.act(&id, Action::Snooze(until_ms));
    let shown = sim.shown(&id);
    assert_eq!(shown["status"], "archived");
    assert_eq!(shown["scheduled_reminders"][0]["scheduled_at"], json!(until_ms as f64 / 1000.0));
    sim.pass(3_600_000);
    let shown = sim.shown(&id);
    assert_eq!((&shown["status"], &shown["scheduled_reminders"]), (&json!("unassigned"), &json!([])));
    assert_eq!(sim.event_kinds(), ["reminder", "reminder"]);
}

#[test]
fn a_conversation_is_meant_by_whom_it_is_with_once_it_is_visible() {
    let mut sim = Sim::new();
    let act = Act { by: "tea_1".into(), on: Subject::Contact(CALLER.into()), action: Action::Archive };
    assert_eq!(sim.front.act(sim.now_ms, &act), Err(ActError::NoConversation));
    let id = sim.import_into(&draft("a"));
    assert_eq!(sim.front.act(sim.now_ms, &act), Ok(id));
}

#[test]
fn events_are_listed_newest_first_filtered_and_at_most_fifteen() {
    let mut sim = Sim::new();
    let id = sim.import_into(&draft("a"));
    let start_s = sim.now_ms as f64 / 1000.0;
    for _ in 0..10 {
        sim.pass(1_000);
        sim.act(&id, Action::Archive);
        sim.pass(1_000);
        sim.act(&id, Action::Reopen);
    }
    assert_eq!(sim.get("/events?limit=16").status, 400);
    let first = sim.get("/events").json();
    assert_eq!(first["_results"].as_array().map(Vec::len), Some(15));
    assert_eq!(first["_results"][0]["type"], "reopen");
    let next = text(&first["_pagination"]["next"]);
    let rest = sim.get(next.strip_prefix("https://example.api.frontapp.com").unwrap()).json();
    assert_eq!(rest["_results"].as_array().map(Vec::len), Some(5));
    let after = start_s + 18.5;
    let newest = sim.get(&format!("/events?q%5Btypes%5D%5B%5D=archive&q[after]={after}")).json();
    assert_eq!(newest["_results"].as_array().map(Vec::len), Some(1));
    let own = sim.get(&format!("/conversations/{id}/events?limit=100")).json();
    assert_eq!(own["_results"].as_array().map(Vec::len), Some(20));
}
