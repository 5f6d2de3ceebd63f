//! Operation by operation: what a claim does when the ports, other writers and pauses come between any two of them.

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::{CallId, EffectKey, EffectKind, PartyId};
use calltrail_event_log::ports::Class;
use calltrail_front_writer::fence::State;
use calltrail_front_writer::limits::{CONFLICTS_MAX, STORE_TROUBLE_DELAY};
use calltrail_front_writer::{Came, Operation, Place, Shared, Value};

use crate::front::refused;
use crate::ports::{CONFLICT, Ended, Ports, Turn, UNKNOWN, count, first_call, is_put, once, word};
use crate::world::{ATTEMPT, Fate, assign, comment, import, item};

const TROUBLE: Ended = Ended::Released(STORE_TROUBLE_DELAY, None);

fn fence() -> Place {
    Place::Fence(PartyId::new("p1"))
}

fn letter() -> Place {
    Place::DeadLetter(EffectKey { call: CallId(7), kind: EffectKind::Call })
}

/// The write of a fence that says "in flight".
fn is_arming(operation: &Operation) -> bool {
    let Operation::Put { value: Value::Fence(fence), .. } = operation else { return false };
    fence.entries.iter().any(|entry| matches!(entry.state, State::InFlight { .. }))
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

/// Taken for none, it would let an effect be sent that has been sent.
#[test]
fn a_fence_of_a_later_release_is_no_fence_and_nothing_is_sent() {
    let mut ports = Ports::new();
    ports.run_beside(&first_call(), once(is_arming, |_| Turn::CrashAfter));
    let (armed, _) = ports.values.remove(&fence()).expect("it is in flight");
    let stored = String::from_utf8(armed.encode().expect("a fence has a JSON form").into()).expect("text");
    assert!(Value::decode(&fence(), stored.as_bytes()).is_ok());
    let later = stored.replace("\"in_flight\"", "\"state_of_a_later_release\"");
    assert!(later != stored && Value::decode(&fence(), later.as_bytes()).is_err());

    let (mut ports, unreadable) = (Ports::new(), Turn::Comes(&Came::Failed));
    let is_read = |operation: &Operation| matches!(operation, Operation::Get(Place::Fence(_)));
    assert_eq!(ports.run_beside(&first_call(), once(is_read, move |_| unreadable)), TROUBLE);
    assert_eq!(ports.operations.iter().filter(|word| *word == "import_message").count(), 0);
    assert!(!ports.values.contains_key(&fence()));
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
        ports.world.fates.push_back(Fate::Instead(refused(405, "once")));
        ports.run_to_end(&first_call());
        let kept = ports.values.get(&letter()).cloned().expect("a letter is kept");
        ports.values.remove(&fence());
        ports.world.fates.push_back(Fate::Instead(refused(405, "twice")));
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
    ports.world.fates.push_back(Fate::Instead(refused(405, "no")));
    let mut work = ports.claim(Class::Live, &first_call());
    let (mut came, mut left) = (Came::Claimed, Vec::new());
    loop {
        let operation = work.next(ports.world.now, &mut ports.shared, came);
        left.push((word(&operation), work.may_be_left()));
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
    let is_write = |operation: &Operation| match operation {
        Operation::Send { request, .. } => request.kind().is_write(),
        _ => false,
    };
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
