//! What goes wrong between a client and Front.

use calltrail_simulator::front::{Fault, Faults, Outcome, PlannedFault, Request};

use crate::support::{Sim, TOKEN, draft};

fn import(sim: &mut Sim, fault: Fault) -> (Outcome, u64, usize) {
    sim.front.plan_fault(PlannedFault {
        method: "POST".into(),
        path_contains: "/imported_messages".into(),
        fault,
        times: 1,
    });
    let request = Request::json("POST", "/inboxes/inb_1/imported_messages", TOKEN, &draft("a"));
    let answer = sim.answer(&request);
    sim.pass(100);
    (answer.outcome, answer.delay_ms, sim.ledger().messages().len())
}

fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Response(response) => Some(response.status),
        Outcome::Reset => None,
    }
}

#[test]
fn an_answer_is_lost_or_broken_before_or_after_the_request_was_applied() {
    for (fault, expected_status, expected_messages) in [
        (Fault::LostBefore, None, 0),
        (Fault::LostAfter, None, 1),
        (Fault::ErrorBefore, Some(500), 0),
        (Fault::ErrorAfter, Some(500), 1),
        (Fault::Slow, Some(202), 1),
        (Fault::PageBefore(403), Some(403), 0),
        (Fault::PageAfter(404), Some(404), 1),
    ] {
        let mut sim = Sim::new();
        sim.front.set_faults(Faults { slow_ms: 4_000, ..Faults::default() });
        let (outcome, delay_ms, messages) = import(&mut sim, fault);
        assert_eq!((status(&outcome), messages), (expected_status, expected_messages), "{fault:?}");
        assert_eq!(delay_ms, if fault == Fault::Slow { 4_000 } else { 0 });
        assert_eq!(sim.ledger().requests[0].fault, Some(fault));
    }
}

#[test]
fn a_planned_fault_happens_as_often_as_planned() {
    let mut sim = Sim::new();
    import(&mut sim, Fault::LostBefore);
    let retried = sim.post("/inboxes/inb_1/imported_messages", &draft("a"));
    assert_eq!(retried.status, 202);
}

#[test]
fn a_page_has_nothing_of_fronts() {
    let mut sim = Sim::new();
    let (outcome, ..) = import(&mut sim, Fault::PageBefore(429));
    let Outcome::Response(page) = outcome else { panic!("a page is an answer") };
    let names: Vec<_> = page.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((page.status, names), (429, vec!["content-type"]));
    assert!(page.body.starts_with(b"<html>"));
}

#[test]
fn an_inbox_that_is_dropped_takes_nothing_until_it_is_back() {
    let mut sim = Sim::new();
    let inbox = sim.front.drop_inbox("inb_1").expect("it is there");
    assert_eq!(sim.post("/inboxes/inb_1/imported_messages", &draft("a")).status, 404);
    assert_eq!(sim.get("/inboxes/inb_2").status, 200, "the others stay");
    sim.front.add_inbox(inbox);
    assert_eq!(sim.post("/inboxes/inb_1/imported_messages", &draft("a")).status, 202);
}

#[test]
fn a_deleted_conversation_is_as_if_it_had_never_been() {
    let mut sim = Sim::new();
    sim.post("/inboxes/inb_1/imported_messages", &draft("a"));
    sim.pass(1_000);
    let id = sim.ledger().conversations[0].id.clone();
    let events = sim.front.events_seen();
    assert!(sim.front.delete_conversation(i64::MAX / 2, &id));
    assert_eq!(sim.front.events_seen(), events, "nothing is reported");
    assert_eq!(sim.get(&format!("/conversations/{id}")).status, 404);
    let mut again = draft("b");
    again["conversation_id"] = serde_json::json!(id);
    assert_eq!(sim.post("/inboxes/inb_1/imported_messages", &again).status, 404);
}

#[test]
fn chances_decide_and_reads_can_be_spared() {
    let mut sim = Sim::new();
    sim.front.set_faults(Faults { writes_only: true, lost_before_permille: 1000, ..Faults::default() });
    assert_eq!(sim.get("/me").status, 200);
    let write = sim.answer(&Request::json("POST", "/inboxes/inb_1/imported_messages", TOKEN, &draft("a")));
    assert_eq!(write.outcome, Outcome::Reset);
}

#[test]
fn a_front_that_is_down_applies_nothing_and_answers_nobody() {
    let mut sim = Sim::new();
    sim.front.set_faults(Faults { down: true, ..Faults::default() });
    assert_eq!(sim.answer(&Request::bare("GET", "/me", TOKEN)).outcome, Outcome::Reset);
    sim.front.set_faults(Faults::default());
    assert_eq!(sim.get("/me").status, 200);
}
