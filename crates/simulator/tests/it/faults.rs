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
