//! Waits in doubt: timed by the store's clock across restarts, and left out where a step may simply be repeated.

use std::time::Duration;

use calltrail_domain::effect::{ConversationStatus, Effect, WorkItem};
use calltrail_domain::ids::{ContactId, EffectKind, PartyId};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Contact, HandleSource};
use calltrail_front_writer::command::{Command, Why};
use calltrail_front_writer::fence::State;
use calltrail_front_writer::limits::STORE_TROUBLE_DELAY;
use calltrail_front_writer::{Came, Operation, Place, Shared, Value};

use crate::front::{Repeat, handle, refused};
use crate::ports::{Ended, Ports, Turn, count, first_call};
use crate::world::{
    ATTEMPT, End, Fate, GRACE, NUMBER, World, assign, comment, import, item, look_up, observe, reopen, tag,
};

/// A process is killed this long after its start.
const LIFE: Duration = Duration::from_secs(2);
/// A step that is safe to repeat is done again within this time of a lost answer.
const SAFE_MOST: Duration = Duration::from_secs(2);

fn with_room(status: ConversationStatus) -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", status);
    world
}

fn of(effect: Effect) -> WorkItem {
    item(Some("cnv_5"), vec![effect])
}

/// One claim that ends when it has sent the item's write, before the answer comes.
fn crash_at_write(world: &mut World, item: &WorkItem) {
    let is_write =
        |command: &Command| matches!(command, Command::Send { request, .. } if request.kind().is_write());
    assert_eq!(world.run_until(item, is_write), End::Crashed);
    world.restart();
}

/// Claims of a process that lives for so long, begins again at once and forgets what it knew, until the item is done.
fn run_in_crash_loop(world: &mut World, item: &WorkItem) -> Duration {
    let start = world.now;
    for _ in 0..200 {
        let born = world.now;
        let dies_at = born.plus(LIFE);
        let end = world.run_beside(item, |world, command| match command {
            Command::WaitUntil(at) => *at >= dies_at,
            _ => world.now >= dies_at,
        });
        match end {
            End::Done => return world.now.since(start),
            // Its next claim of the item comes when the process has been killed and started.
            End::Released(..) | End::Crashed => world.now = world.now.max(dies_at),
        }
        world.restart();
    }
    panic!("the party starves");
}

#[test]
fn crash_loop_does_not_start_a_wait_again() {
    let cases = [
        (ConversationStatus::Open, import(7, EffectKind::Call), ATTEMPT),
        (ConversationStatus::Archived, reopen(7), ATTEMPT + GRACE),
        (ConversationStatus::Open, assign(7, "iris@example.com"), ATTEMPT + GRACE),
        (ConversationStatus::Open, comment(7, None), ATTEMPT + GRACE),
        (ConversationStatus::Open, tag(7, "Refund"), Duration::ZERO),
        (ConversationStatus::Open, look_up(7, &[]), Duration::ZERO),
    ];
    for (status, effect, wait) in cases {
        let (mut world, item) = (with_room(status), of(effect));
        world.front.lag_ms = 0;
        crash_at_write(&mut world, &item);
        let took = run_in_crash_loop(&mut world, &item);
        let key = item.effects[0].effect.key;
        assert!(took >= wait, "{key} waits for the end of the attempt, not {took:?}");
        assert!(took <= wait + LIFE * 3, "{key} takes {took:?}");
    }
}

#[test]
fn attempt_is_over_when_the_store_says_so() {
    for elapsed in [0_u32, 4, 14, 15, 400] {
        let mut world = with_room(ConversationStatus::Open);
        let item = of(import(7, EffectKind::Call));
        crash_at_write(&mut world, &item);
        // Another machine, whose own clock is far behind.
        world.store_ahead_ms = 86_400_000;
        world.now =
            Timestamp::from_millis(world.now.as_millis() - 86_400_000).plus(Duration::from_secs(1) * elapsed);
        let (before, start) = (world.requests.len(), world.now);
        let first =
            world.run_until(&item, |command| matches!(command, Command::Send { .. } | Command::WaitUntil(_)));
        let left = ATTEMPT.saturating_sub(Duration::from_secs(1) * elapsed);
        let expect = match left {
            Duration::ZERO => End::Crashed,
            left if left > Duration::from_secs(10) => End::Released(left, Why::InDoubt),
            _ => End::Crashed,
        };
        assert_eq!((first, world.requests.len()), (expect, before), "{elapsed} s after the attempt began");
        world.run_to_end(&item);
        assert!(world.now.since(start) >= left);
        assert_eq!(world.outcomes(), ["7:call applied cnv_5"]);
    }
}

#[test]
fn store_clock_set_back_makes_no_wait_longer() {
    for back_ms in [1_000, 3_600_000, 86_400_000] {
        let (mut world, item) = (with_room(ConversationStatus::Archived), of(reopen(7)));
        crash_at_write(&mut world, &item);
        world.store_ahead_ms = -back_ms;
        assert_eq!(world.run(&item), End::Released(ATTEMPT + GRACE, Why::InDoubt));
    }
}

#[test]
fn deadline_without_the_stores_clock_is_waited_for_as_before() {
    let (mut world, item) = (with_room(ConversationStatus::Open), of(import(7, EffectKind::Call)));
    crash_at_write(&mut world, &item);
    let (fence, _) = world.fence.as_mut().expect("a fence is kept");
    let State::InFlight { store_deadline_ms, .. } = &mut fence.entries[0].state else { panic!("in flight") };
    assert!(store_deadline_ms.take().is_some());
    world.now = world.now.plus(ATTEMPT * 2);
    let end = world.run_until(&item, |command| matches!(command, Command::ReadStoreTime));
    assert_eq!(end, End::Released(ATTEMPT, Why::InDoubt));
}

/// A take-over sends nothing, so a writer that is killed after it leaves no wait of its own.
#[test]
fn take_over_keeps_the_deadline_of_the_request() {
    for times in 1..4 {
        let (mut world, item) = (with_room(ConversationStatus::Archived), of(reopen(7)));
        crash_at_write(&mut world, &item);
        let (fence, _) = world.fence.as_ref().expect("a fence is kept");
        let in_flight = fence.entries[0].state.clone();
        world.now = world.now.plus(ATTEMPT + GRACE);
        let start = world.now;
        for _ in 0..times {
            world.run_until(&item, |command| matches!(command, Command::Send { .. }));
            let (fence, _) = world.fence.as_ref().expect("a fence is kept");
            assert_eq!(fence.entries[0].state, in_flight, "killed {times} times");
        }
        world.run_to_end(&item);
        assert!(world.now.since(start) < ATTEMPT, "killed {times} times");
    }
}

#[test]
fn refusal_in_doubt_outlasts_a_restart_by_the_stores_clock() {
    let (mut world, item) = (with_room(ConversationStatus::Archived), of(reopen(7)));
    let answered = Fate::Answered;
    world.fates.extend([answered.clone(), answered.clone(), Fate::LostBefore]);
    world.fates.extend([answered.clone(), answered, Fate::Instead(refused(422, "no"))]);
    let is_refused = |world: &World| {
        let entry = world.fence.as_ref().and_then(|(fence, _)| fence.entries.first());
        entry.is_some_and(|entry| matches!(entry.state, State::Refused { .. }))
    };
    for _ in 0..10 {
        if is_refused(&world) {
            break;
        }
        if let End::Released(after, _) = world.run(&item) {
            // The claim that was refused gives itself back to wait.
            world.now = world.now.plus(if is_refused(&world) { Duration::ZERO } else { after });
        }
    }
    assert!(is_refused(&world), "an attempt was in doubt before");
    let refused_at = world.now;
    world.restart();
    let took = run_in_crash_loop(&mut world, &item);
    assert_eq!(world.outcomes(), ["7:reopen rejected 422 no"]);
    assert!(took + Duration::from_secs(1) >= ATTEMPT + GRACE, "{took:?} from {refused_at:?}");
    assert!(took <= ATTEMPT + GRACE + LIFE * 3, "{took:?}");
}

/// The time from a lost answer to the same request's answer.
fn time_after_a_lost_answer(effect: Effect, name: &str) -> Duration {
    let (mut world, item) = (with_room(ConversationStatus::Open), of(effect));
    let mut lost_at = None;
    for _ in 0..20 {
        let end = world.run_beside(&item, |world, command| {
            let is_it = matches!(command, Command::Send { request, .. } if request.kind().as_str() == name);
            if is_it && lost_at.is_none() {
                world.fates.push_back(Fate::LostBefore);
                lost_at = Some(world.now);
            }
            false
        });
        match end {
            End::Done => return world.now.since(lost_at.expect("the request is sent")),
            End::Released(after, _) => world.now = world.now.plus(after),
            End::Crashed => unreachable!("nothing crashes here"),
        }
    }
    panic!("the item is never done");
}

#[test]
fn safe_steps_are_repeated_at_once() {
    let cases = [
        (observe(7, "cnv_5"), "get_conversation"),
        (look_up(7, &[]), "get_contact"),
        (look_up(7, &[]), "create_contact"),
        (tag(7, "Refund"), "get_conversation"),
        (tag(7, "Refund"), "list_tags"),
        (tag(7, "Refund"), "create_tag"),
        (tag(7, "Refund"), "add_tag"),
    ];
    for (effect, name) in cases {
        let took = time_after_a_lost_answer(effect, name);
        assert!(took < SAFE_MOST, "{name} takes {took:?}");
    }
    for (effect, name) in [(comment(7, None), "add_comment"), (assign(7, "iris@example.com"), "put_assignee")]
    {
        assert!(time_after_a_lost_answer(effect, name) >= ATTEMPT + GRACE, "{name}");
    }
}

#[test]
fn handle_that_may_have_been_added_is_added_again_at_once() {
    for fate in [Fate::LostAfter, Fate::LostBefore] {
        let mut world = World::new();
        let contact =
            Contact { id: ContactId::new("crd_9"), handles: vec![handle(HandleSource::Phone, NUMBER)] };
        world.front.contacts.insert(NUMBER.to_owned(), contact);
        world.fates.extend([Fate::Answered, fate]);
        let start = world.now;
        world.run_to_end(&item(None, vec![look_up(7, &[])]));
        assert_eq!(world.outcomes(), ["7:contact found crd_9"]);
        assert_eq!(world.front.writes, ["handle custom crd_9"]);
        assert!(world.now.since(start) < SAFE_MOST);
    }
}

/// Front has the message of the attempt whose answer was lost, and answers the repeated one with a uid that it never shows.
#[test]
fn first_import_in_doubt_is_found_by_its_marker_before_its_grace_ends() {
    let mut world = World::new();
    let contact = Contact { id: ContactId::new("crd_9"), handles: vec![handle(HandleSource::Phone, NUMBER)] };
    world.front.contacts.insert(NUMBER.to_owned(), contact);
    world.front.repeat = Repeat::Dropped;
    world.fates.push_back(Fate::LostAfter);
    let start = world.now;
    world.run_to_end(&item(None, vec![import(7, EffectKind::Call)]));
    assert_eq!(world.front.messages.len(), 1);
    let took = world.now.since(start);
    assert!((ATTEMPT..ATTEMPT + GRACE / 2).contains(&took), "takes {took:?}");
}

#[test]
fn slot_brings_the_latest_time_that_the_store_can_show() {
    const SAID_MS: i64 = 1_700_000_000_000;
    const SLOW: Duration = Duration::from_millis(200);
    let mut ports = Ports::new();
    ports.run_beside(&first_call(), |ports, operation| match operation {
        Operation::ReadStoreTime => {
            ports.pause(SLOW);
            Turn::Comes(&Came::StoreTime(SAID_MS))
        }
        Operation::Send { .. } => Turn::CrashBefore,
        _ => Turn::Goes,
    });
    let fence = match ports.values.get(&Place::Fence(PartyId::new("p1"))) {
        Some((Value::Fence(fence), _)) => fence,
        found => panic!("{found:?} is no fence"),
    };
    let State::InFlight { store_deadline_ms, .. } = fence.entries[0].state else { panic!("in flight") };
    let latest = Timestamp::from_millis(SAID_MS).plus(SLOW + ATTEMPT);
    assert_eq!(store_deadline_ms, Some(latest.as_millis()));
}

#[test]
fn store_that_does_not_say_its_time_ends_the_claim() {
    let mut ports = Ports::new();
    ports.run_beside(&first_call(), |_, operation| match operation {
        Operation::Send { .. } => Turn::CrashBefore,
        _ => Turn::Goes,
    });
    ports.shared = Shared::default();
    let asked = count(&ports, "store time");
    let end = ports.run_beside(&first_call(), |_, operation| match operation {
        Operation::ReadStoreTime => Turn::Comes(&Came::Failed),
        _ => Turn::Goes,
    });
    assert_eq!(end, Ended::Released(STORE_TROUBLE_DELAY, None));
    assert_eq!(count(&ports, "store time"), asked + 1);
}
