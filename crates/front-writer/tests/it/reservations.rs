//! Slots of the budget, reserved and waited for beside other replicas and pauses; and what is learned of Front's rate.

use std::time::Duration;

use calltrail_event_log::ports::Class;
use calltrail_front::{RateLimit, Resource};
use calltrail_front_writer::budget::{Ask, Budget};
use calltrail_front_writer::command::Why;
use calltrail_front_writer::limits::{BUDGET_CONFLICTS_MAX, SLOT_LATE_MAX, SLOT_WAIT_MAX};
use calltrail_front_writer::{Came, Operation, Place, Rate, Value};

use crate::ports::{CONFLICT, Ended, Ports, Turn, UNKNOWN, count, first_call, is_put, once, word};
use crate::world::ATTEMPT;

fn slots(budget: &Budget) -> usize {
    let value = serde_json::to_value(budget).expect("a budget is JSON");
    value["slots_ms"].as_array().expect("the slots are listed").len()
}

/// A budget that has a slot no sooner than this from now.
fn with_a_slot_in(span: Duration) -> Ports {
    let mut ports = Ports::new();
    push_back(&mut ports, span);
    ports
}

fn push_back(ports: &mut Ports, span: Duration) {
    let mut budget = ports.budget();
    budget.push_back(ports.world.now.plus(span).as_millis());
    ports.store(Place::Budget, Value::Budget(Box::new(budget)));
}

/// The import was answered, and the fence does not say so yet.
fn is_learning(ports: &Ports) -> bool {
    let since_import = ports.operations.rsplit(|word| word == "import_message").next().unwrap_or_default();
    since_import.len() < ports.operations.len() && !since_import.contains(&"put fences".to_owned())
}

#[test]
fn a_reservation_that_another_replica_was_faster_than_is_made_again_behind_it() {
    let mut ports = Ports::new();
    ports.world.settings.rate = Rate::RequestsPerMinute(1);
    let another = |ports: &mut Ports| {
        let (mut budget, now_ms) = (ports.budget(), ports.world.now.as_millis());
        let ask = Ask { class: Class::Live, resource: Resource::Tags, patient: false };
        let offer = budget.offer(now_ms, ask, ports.world.settings.rate);
        budget.take(now_ms, ask, offer);
        ports.store(Place::Budget, Value::Budget(Box::new(budget)));
        Turn::Goes
    };
    let ended = ports.run_beside(&first_call(), once(|operation| is_put(operation, &Place::Budget), another));
    assert!(matches!(ended, Ended::Released(_, Some(Why::Budget))), "{ended:?}");
    assert_eq!((slots(&ports.budget()), ports.world.requests.len()), (1, 0));
}

#[test]
fn a_reservation_that_is_always_lost_gives_the_claim_back() {
    let mut ports = Ports::new();
    let ended = ports.run_beside(&first_call(), |_, operation| match is_put(operation, &Place::Budget) {
        true => Turn::Comes(CONFLICT),
        false => Turn::Goes,
    });
    let Ended::Released(after, Some(Why::Budget)) = ended else { panic!("{ended:?}") };
    assert!(after >= SLOT_WAIT_MAX);
    assert_eq!(count(&ports, "put budget"), BUDGET_CONFLICTS_MAX as usize);
    assert!(ports.world.requests.is_empty());
}

#[test]
fn a_slot_is_waited_for_and_one_that_front_pushes_back_meanwhile_is_given_back() {
    let mut ports = with_a_slot_in(Duration::from_secs(2));
    let start = ports.world.now;
    let mut until = None;
    let push = |ports: &mut Ports| {
        push_back(ports, Duration::from_secs(3));
        Turn::Goes
    };
    let mut push = once(|operation| matches!(operation, Operation::Sleep(_)), push);
    ports.run_beside(&first_call(), |ports, operation| {
        if matches!(operation, Operation::Send { .. }) {
            until.get_or_insert(ports.world.now.since(start));
            assert_eq!(slots(&ports.budget()), 1 + ports.world.requests.len(), "no slot is lost");
        }
        push(ports, operation)
    });
    assert_eq!(until, Some(Duration::from_secs(3)));
    assert_eq!(ports.operations[3..7], ["put budget", "sleep", "get budget", "get budget"]);
}

#[test]
fn a_slot_that_was_slept_through_is_lost_and_given_back() {
    for (late, is_lost) in
        [(SLOT_LATE_MAX, false), (SLOT_LATE_MAX + Duration::from_millis(1), true), (ATTEMPT * 4, true)]
    {
        let mut ports = with_a_slot_in(Duration::from_secs(2));
        let oversleep = |ports: &mut Ports| {
            ports.pause(late);
            Turn::Goes
        };
        let oversleep = once(|operation| matches!(operation, Operation::Sleep(_)), oversleep);
        ports.run_beside(&first_call(), oversleep);
        let first_send = ports.operations.iter().position(|word| word == "import_message");
        let reserved = ports.operations[..first_send.expect("it is sent")]
            .iter()
            .filter(|word| *word == "put budget")
            .count();
        assert_eq!(reserved, 1 + usize::from(is_lost), "{late:?}");
        assert_eq!(slots(&ports.budget()), ports.world.requests.len(), "{late:?}");
    }
}

fn arms(operation: &Operation) -> bool {
    matches!(operation, Operation::Put { place: Place::Fence(_), .. })
}

#[test]
fn a_slot_that_passes_while_the_fence_is_written_is_not_used() {
    for (late, is_lost) in [(SLOT_LATE_MAX, false), (SLOT_LATE_MAX + Duration::from_millis(1), true)] {
        let mut ports = Ports::new();
        let pause = |ports: &mut Ports| {
            ports.pause(late);
            Turn::Goes
        };
        assert_eq!(ports.run_beside(&first_call(), once(arms, pause)), Ended::Done);
        let first_send = ports.operations.iter().position(|word| word == "import_message");
        let before = &ports.operations[..first_send.expect("it is sent")];
        let armed = before.iter().filter(|word| *word == "put fences").count();
        assert_eq!(armed, 1 + usize::from(is_lost), "{late:?}: {before:?}");
    }
}

#[test]
fn a_store_that_is_always_slow_keeps_nobody_from_sending() {
    let mut ports = Ports::new();
    let ended = ports.run_beside(&first_call(), |ports, operation| {
        if arms(operation) {
            ports.pause(SLOT_LATE_MAX * 2);
        }
        Turn::Goes
    });
    assert_eq!(ended, Ended::Done);
    assert!(!ports.world.requests.is_empty());
}

#[test]
fn a_bulk_claim_asks_again_until_a_slot_is_free() {
    let mut ports = with_a_slot_in(Duration::from_secs(2));
    let mut work = ports.claim(Class::Bulk, &first_call());
    assert_eq!(ports.drive(&mut work, |_, _| Turn::Goes), Ended::Done);
    let asked = ["get budget", "store time", "put budget", "sleep", "get budget", "store time", "put budget"];
    assert_eq!(ports.operations[1..8], asked);
}

#[test]
fn an_answer_counts_whether_or_not_its_rate_can_be_noted() {
    let limit = RateLimit { limit: Some(120), ..RateLimit::default() };
    let after_the_send = |wanted: &'static str, came: &'static Came| {
        let mut ports = Ports::new();
        (ports.rate, ports.world.settings.rate) = (limit, Rate::Share(0.5));
        let ended = ports.run_beside(&first_call(), |ports, operation| {
            let is_wanted = is_learning(ports) && word(operation) == wanted;
            if is_wanted { Turn::Comes(came) } else { Turn::Goes }
        });
        assert_eq!(ended, Ended::Done, "{wanted} {came:?}");
        assert_eq!(ports.world.outcomes(), ["7:call applied cnv_1"]);
        ports
    };
    for (operation, came) in
        [("get budget", &Came::Failed), ("store time", &Came::Failed), ("put budget", UNKNOWN)]
    {
        after_the_send(operation, came);
    }
    let ports = after_the_send("append", &Came::Appended);
    assert_eq!(ports.budget().limit(Rate::Share(0.5)), 60);
}

#[test]
fn a_note_of_the_rate_that_is_lost_to_another_is_made_again() {
    let mut ports = Ports::new();
    (ports.rate.limit, ports.world.settings.rate) = (Some(120), Rate::Share(0.5));
    let mut lost = 0;
    ports.run_beside(&first_call(), |ports, operation| {
        if is_put(operation, &Place::Budget) && is_learning(ports) && lost < 2 {
            lost += 1;
            return Turn::Comes(CONFLICT);
        }
        Turn::Goes
    });
    assert_eq!((lost, ports.budget().limit(Rate::Share(0.5))), (2, 60));
}
