//! Operation by operation: what a claim does when the ports, other writers and pauses come between any two of them.

use std::time::Duration;

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::{CallId, EffectKey, EffectKind, PartyId};
use calltrail_event_log::ports::Class;
use calltrail_front::{RateLimit, Resource};
use calltrail_front_writer::budget::{Ask, Budget};
use calltrail_front_writer::command::Why;
use calltrail_front_writer::fence::State;
use calltrail_front_writer::limits::{
    BUDGET_CONFLICTS_MAX, CONFLICTS_MAX, RATE_MARGIN, SLOT_WAIT_MAX, STORE_TROUBLE_DELAY,
};
use calltrail_front_writer::{Came, Operation, Place, Rate, Shared, Value, Written};

use crate::front::refused;
use crate::ports::{Ended, Ports, Turn};
use crate::world::{ATTEMPT, Fate, assign, comment, import, item};

const CONFLICT: &Came = &Came::Put(Written::Conflict);
const UNKNOWN: &Came = &Came::Put(Written::Unknown);
const TROUBLE: Ended = Ended::Released(STORE_TROUBLE_DELAY, None);

fn first_call() -> WorkItem {
    item(None, vec![import(7, EffectKind::Call)])
}

fn fence() -> Place {
    Place::Fence(PartyId::new("p1"))
}

fn letter() -> Place {
    Place::DeadLetter(EffectKey { call: CallId(7), kind: EffectKind::Call })
}

fn is_put(operation: &Operation, wanted: &Place) -> bool {
    matches!(operation, Operation::Put { place, .. } if place == wanted)
}

/// The write of a fence that says "in flight".
fn is_arming(operation: &Operation) -> bool {
    let Operation::Put { value: Value::Fence(fence), .. } = operation else { return false };
    fence.entries.iter().any(|entry| matches!(entry.state, State::InFlight { .. }))
}

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

/// Does `act` at the first operation for which `at` is true.
fn once(
    at: impl Fn(&Operation) -> bool,
    mut act: impl FnMut(&mut Ports) -> Turn,
) -> impl FnMut(&mut Ports, &Operation) -> Turn {
    let mut is_over = false;
    move |ports, operation| {
        if is_over || !at(operation) {
            return Turn::Goes;
        }
        is_over = true;
        act(ports)
    }
}

/// The import was answered, and the fence does not say so yet.
fn is_learning(ports: &Ports) -> bool {
    let since_import = ports.operations.rsplit(|word| word == "import_message").next().unwrap_or_default();
    since_import.len() < ports.operations.len() && !since_import.contains(&"put fences".to_owned())
}

fn count(ports: &Ports, word: &str) -> usize {
    ports.operations.iter().filter(|operation| *operation == word).count()
}

#[test]
fn a_write_has_its_slot_and_its_fence_before_it_is_sent_and_its_answer_is_learned_from() {
    let mut ports = Ports::new();
    assert_eq!(ports.run(&first_call()), Ended::Done);
    let expect = [
        "get fences",
        "get budget",
        "store time",
        "put budget",
        "store time",
        "put fences",
        "import_message",
        "get budget",
        "store time",
        "put fences",
    ];
    assert_eq!(ports.operations[..expect.len()], expect);
    assert_eq!(
        ports.operations[ports.operations.len() - 4..],
        ["put fences", "append", "put fences", "done"]
    );
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
    for (late, sent_late) in
        [(RATE_MARGIN, false), (RATE_MARGIN + Duration::from_millis(1), true), (ATTEMPT * 4, true)]
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
        assert_eq!(reserved, 1 + usize::from(sent_late), "{late:?}");
        assert_eq!(slots(&ports.budget()), ports.world.requests.len(), "{late:?}");
    }
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
fn a_fence_of_which_nobody_knows_whether_it_was_written_is_read_again() {
    for (turn, waits) in [(Turn::DoneBut(UNKNOWN), true), (Turn::Comes(UNKNOWN), false)] {
        let mut ports = Ports::new();
        let mut work = ports.claim(Class::Live, &first_call());
        let start = ports.world.now;
        let ended = ports.drive(&mut work, once(is_arming, move |_| turn));
        assert_eq!((ended == Ended::Done, work.machine().conflicts()), (!waits, 1));
        ports.run_to_end(&first_call());
        assert_eq!((ports.world.front.messages.len(), ports.world.facts().len()), (1, 1));
        assert_eq!(ports.world.now.since(start) >= ATTEMPT, waits, "one that may be under way is waited for");
    }
}

#[test]
fn a_claim_whose_fence_another_has_finished_sends_nothing_and_leaves_it_alone() {
    let mut ports = Ports::new();
    let finish = |ports: &mut Ports| {
        ports.run_to_end(&first_call());
        Turn::Goes
    };
    assert_eq!(ports.run_beside(&first_call(), once(is_arming, finish)), Ended::Done);
    assert_eq!((ports.world.front.messages.len(), ports.world.facts().len()), (1, 1));
    let Some((Value::Fence(fence), _)) = ports.values.get(&fence()) else { panic!("a fence is kept") };
    assert_eq!((fence.settled_through, fence.entries.len()), (1, 0));
}

#[test]
fn a_dead_letter_of_the_same_effect_is_replaced() {
    let refuse = || {
        let mut ports = Ports::new();
        ports.world.fates.push_back(Fate::Instead(refused(403, "once")));
        ports.run_to_end(&first_call());
        let kept = ports.values.get(&letter()).cloned().expect("a letter is kept");
        ports.values.remove(&fence());
        ports.world.fates.push_back(Fate::Instead(refused(403, "twice")));
        (ports, kept)
    };
    let reason = |ports: &Ports| match ports.values.get(&letter()) {
        Some((Value::DeadLetter(letter), _)) => letter.reason.clone(),
        _ => panic!("a letter is kept"),
    };
    let (mut ports, _) = refuse();
    ports.run_to_end(&first_call());
    assert_eq!(reason(&ports), "twice");
    // Somebody else keeps it first.
    let (mut ports, kept) = refuse();
    let keep = |ports: &mut Ports| {
        ports.store(letter(), kept.0.clone());
        Turn::Goes
    };
    assert_eq!(
        ports.run_beside(&first_call(), once(|operation| is_put(operation, &letter()), keep)),
        Ended::Done
    );
    assert_eq!(reason(&ports), "twice");
    // Nobody lets it be kept.
    for (came, tries) in [(CONFLICT, CONFLICTS_MAX as usize + 1), (UNKNOWN, 1)] {
        let (mut ports, _) = refuse();
        let before = count(&ports, "put dead-letters");
        let turn = |operation: &Operation| match is_put(operation, &letter()) {
            true => Turn::Comes(came),
            false => Turn::Goes,
        };
        assert_eq!(ports.run_beside(&first_call(), |_, operation| turn(operation)), TROUBLE);
        assert_eq!(count(&ports, "put dead-letters") - before, tries);
    }
}

#[test]
fn an_answer_counts_whether_or_not_its_rate_can_be_noted() {
    let limit = RateLimit { limit: Some(120), ..RateLimit::default() };
    let after_the_send = |wanted: &'static str, came: &'static Came| {
        let mut ports = Ports::new();
        (ports.rate, ports.world.settings.rate) = (limit, Rate::Share(0.5));
        let ended = ports.run_beside(&first_call(), |ports, operation| {
            let is_wanted = is_learning(ports) && crate::ports::word(operation) == wanted;
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

#[test]
fn no_write_is_sent_after_its_deadline_however_long_the_pause_before_it() {
    let mut ports = Ports::new();
    let mut work = ports.claim(Class::Live, &first_call());
    let pause = |ports: &mut Ports| {
        ports.pause(ATTEMPT);
        Turn::Goes
    };
    let mut pause = once(is_arming, pause);
    let mut armed_at = None;
    ports.drive(&mut work, |ports, operation| {
        let at = ports.world.now;
        if is_arming(operation) {
            armed_at = Some(at);
        }
        if let (Operation::Send { request, timeout }, Some(armed_at)) = (operation, armed_at) {
            let late = request.kind().is_write() && at.plus(*timeout).since(armed_at) >= ATTEMPT;
            assert!(!late, "its time ends before its deadline");
        }
        pause(ports, operation)
    });
    assert_eq!((count(&ports, "import_message"), ports.world.front.messages.len()), (1, 1));
}

#[test]
fn only_what_changes_nothing_may_be_left() {
    let mut ports = Ports::new();
    ports.world.fates.push_back(Fate::Instead(refused(403, "no")));
    let mut work = ports.claim(Class::Live, &first_call());
    let (mut came, mut left) = (Came::Claimed, Vec::new());
    loop {
        let operation = work.next(ports.world.now, &mut ports.shared, came);
        left.push((crate::ports::word(&operation), work.may_be_left()));
        if operation == Operation::Done {
            break;
        }
        came = ports.perform(operation);
    }
    let stays: Vec<_> = left.iter().skip_while(|(_, left)| *left).collect();
    assert_eq!(left.len() - stays.len(), 5, "the fence is read, and the slot reserved");
    assert_eq!((stays[0].0.as_str(), stays[1].0.as_str()), ("put fences", "import_message"));
    assert!(stays.iter().all(|(_, left)| !left), "{stays:?}");
}

#[test]
fn what_one_claim_learns_of_the_teammates_is_known_to_the_next_and_a_finished_party_is_forgotten() {
    let mut ports = Ports::new();
    ports.world.front.open_room("cnv_5", ConversationStatus::Open);
    let assigning = item(Some("cnv_5"), vec![assign(7, "iris@example.com")]);
    let is_write = |operation: &Operation| matches!(operation, Operation::Send { request, .. } if request.kind().is_write());
    ports.run_beside(&assigning, once(is_write, |_| Turn::CrashBefore));
    assert!(format!("{:?}", ports.shared).contains("p1"), "its fence was seen");
    ports.run_to_end(&assigning);
    assert_eq!(count(&ports, "list_teammates"), 1);
    assert!(!format!("{:?}", ports.shared).contains("p1"));
}

/// The item is brought in once, whatever becomes of its operation at this place; false when it has not so many.
fn check(item: &WorkItem, place: usize, turn: Turn) -> bool {
    let mut ports = Ports::new();
    ports.world.front.open_room("cnv_5", ConversationStatus::Open);
    let (mut places, mut is_hit) = (0.., false);
    let ended = ports.run_beside(item, |_, _| {
        let is_now = places.next() == Some(place);
        is_hit |= is_now;
        if is_now { turn } else { Turn::Goes }
    });
    if ended == Ended::Crashed {
        ports.shared = Shared::default();
    }
    if ended != Ended::Done {
        ports.run_to_end(item);
    }
    let what = format!("{turn:?} at {place}, {:?}", ports.operations.get(place));
    let mut told = ports.world.outcomes();
    told.dedup();
    assert_eq!(told, ["7:call applied cnv_5", "7:comment:99 applied cnv_5"], "{what}");
    assert_eq!(ports.world.front.messages.len(), 1, "{what}");
    assert_eq!(ports.world.front.room("cnv_5").comments.len(), 1, "{what}");
    is_hit
}

#[test]
fn work_that_ends_at_any_operation_is_finished_by_the_next_claim_and_nothing_is_there_twice() {
    let item = item(Some("cnv_5"), vec![import(7, EffectKind::Call), comment(7, None)]);
    for turn in
        [Turn::CrashBefore, Turn::CrashAfter, Turn::Comes(&Came::Failed), Turn::DoneBut(&Came::Failed)]
    {
        let places = (0..).take_while(|place| check(&item, *place, turn)).count();
        assert!(places > 30, "{places} operations");
    }
}
