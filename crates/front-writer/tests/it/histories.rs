//! Fences that are newer than the log: after a restore of the log alone, or when it lost its last records, ordinals are given
//! again, and nothing is swallowed.

use std::collections::BTreeSet;
use std::sync::Arc;

use calltrail_domain::effect::{ConversationStatus, Effect, NumberedEffect, WorkItem};
use calltrail_domain::ids::{EffectKind, TeammateId};
use calltrail_front_writer::command::Command;

use crate::front::Repeat;
use crate::world::{
    ATTEMPT, End, GRACE, World, assign, comment, import, item, look_up, observe, reopen, tag,
};

const ROOM: &str = "cnv_5";

fn world() -> World {
    let mut world = World::new();
    world.front.open_room(ROOM, ConversationStatus::Open);
    world.front.repeat = Repeat::Refused;
    world
}

/// Item number `number` with these effects, from this ordinal on.
fn numbered(number: u64, publication: u32, first: u64, effects: Vec<Effect>) -> WorkItem {
    let mut item = WorkItem { item: number, publication, ..item(Some(ROOM), effects) };
    for (effect, ordinal) in item.effects.iter_mut().zip(first..) {
        effect.ordinal = ordinal;
    }
    item
}

/// The item to its end, as a claim that knows nothing of the others; how many times the fence was found newer.
fn work(world: &mut World, item: &WorkItem) -> u32 {
    let mut newer = 0;
    for _ in 0..100 {
        let mut machine = world.claim(item);
        let mut input = calltrail_front_writer::command::Input::Claimed;
        let after = loop {
            match machine.step(world.now, input) {
                Command::Done => break None,
                Command::Release { after, .. } => break Some(after),
                command => input = world.perform(command),
            }
        };
        newer += machine.newer_fences();
        match after {
            Some(after) => world.now = world.now.plus(after),
            None => return newer,
        }
    }
    panic!("the item is never done");
}

/// The log is restored to what it was before any of its facts.
fn restore(world: &mut World) {
    world.log.clear();
}

#[test]
fn other_effects_under_settled_ordinals_are_done() {
    let old =
        [import(7, EffectKind::Call), import(7, EffectKind::Duration), comment(7, None), tag(7, "Refund")];
    // The same ordinals, later ones, fewer and more of them.
    for (first, calls) in [(1, 8..10), (2, 8..10), (4, 8..9), (3, 8..14), (1, 8..16)] {
        let mut world = world();
        assert_eq!(work(&mut world, &numbered(1, 1, 1, old.to_vec())), 0);
        restore(&mut world);
        let effects: Vec<_> = calls.clone().map(|call| import(call, EffectKind::Call)).collect();
        let new = numbered(1, 1, first, effects);
        assert_eq!(work(&mut world, &new), 1, "calls {calls:?} from {first} on");
        let expect: Vec<_> = calls.map(|call| format!("{call}:call applied {ROOM}")).collect();
        assert_eq!(world.outcomes(), expect);
        let (fence, _) = world.fence.as_ref().expect("a fence is kept");
        assert_eq!(fence.settled_through, new.effects.last().expect("an effect").ordinal);
    }
}

#[test]
fn same_effects_published_again_after_an_acknowledgement_get_their_facts() {
    for settled_at in [1, 2, 5] {
        let mut world = world();
        let effects = vec![import(7, EffectKind::Call), comment(7, None), tag(7, "Refund"), look_up(7, &[])];
        assert_eq!(work(&mut world, &numbered(1, settled_at, 1, effects.clone())), 0);
        let facts = world.outcomes();
        let writes = world.front.writes.len();
        restore(&mut world);
        assert_eq!(work(&mut world, &numbered(1, settled_at, 1, effects.clone())), 0);
        assert_eq!(
            (world.outcomes().len(), world.front.writes.len()),
            (0, writes),
            "it is only acknowledged"
        );
        assert_eq!(work(&mut world, &numbered(1, settled_at + 1, 1, effects.clone())), 1);
        let found = |facts: Vec<String>| facts.join(", ").replace("created", "found");
        assert_eq!(found(world.outcomes()), found(facts), "published again, it has its facts again");
        assert_eq!(world.front.writes.len(), writes, "nothing is there twice");
        // Its last publication comes once more: the facts are in the log.
        assert_eq!(work(&mut world, &numbered(1, settled_at + 1, 1, effects)), 0);
    }
}

#[test]
fn comment_of_a_lost_history_is_found_under_a_later_ordinal() {
    let mut world = world();
    work(&mut world, &numbered(1, 1, 1, vec![import(7, EffectKind::Call), comment(7, None)]));
    restore(&mut world);
    // Another call came first; then a backfill brought the first one again.
    work(&mut world, &numbered(1, 1, 1, vec![import(8, EffectKind::Call), import(7, EffectKind::Call)]));
    work(&mut world, &numbered(2, 1, 3, vec![comment(7, None), comment(9, None)]));
    let comments = world.front.room(ROOM).comments.len();
    assert_eq!(comments, 2, "one of each call");
    assert_eq!(world.front.messages.len(), 2);
    assert_eq!(world.outcomes().len(), 4);
}

#[test]
fn change_of_a_lost_history_is_never_made_again() {
    let (iris, noor) = (Some(TeammateId::new("tea_1")), Some(TeammateId::new("tea_9")));
    let unknown = "overtaken not known whether it was done before";
    let applied = "applied cnv_5";
    let cases = [
        (None, ConversationStatus::Open, unknown, applied),
        (noor, ConversationStatus::Archived, unknown, unknown),
        (iris, ConversationStatus::Open, applied, applied),
    ];
    for (assignee, status, assigned, reopened) in cases {
        let mut world = world();
        let effects = vec![assign(7, "iris@example.com"), reopen(7)];
        work(
            &mut world,
            &numbered(1, 1, 1, vec![import(7, EffectKind::Call), import(7, EffectKind::Duration)]),
        );
        restore(&mut world);
        (world.front.room(ROOM).assignee, world.front.room(ROOM).status) = (assignee.clone(), status);
        let writes = world.front.writes.len();
        assert_eq!(work(&mut world, &numbered(1, 1, 1, effects)), 1);
        assert_eq!(world.outcomes(), [format!("7:assign {assigned}"), format!("7:reopen {reopened}")]);
        assert_eq!(world.front.writes.len(), writes, "nobody is fought with");
        // What comes after the lost history is changed as ever.
        work(&mut world, &numbered(2, 1, 3, vec![assign(8, "iris@example.com")]));
        assert_eq!(world.outcomes()[2], "8:assign applied cnv_5");
    }
}

#[test]
fn item_in_progress_of_a_lost_history_gives_way() {
    for first in [1, 3, 4] {
        let mut world = world();
        work(
            &mut world,
            &numbered(1, 1, 1, vec![import(7, EffectKind::Call), import(7, EffectKind::Duration)]),
        );
        let lost = numbered(2, 1, 3, vec![import(8, EffectKind::Call), comment(8, None)]);
        let end = world.run_until(
            &lost,
            |command| matches!(command, Command::Send { request, .. } if request.kind().as_str() == "add_comment"),
        );
        assert_eq!(end, End::Crashed);
        restore(&mut world);
        let new =
            numbered(1, 1, first, vec![comment(9, None), import(9, EffectKind::Call), comment(8, None)]);
        assert_eq!(work(&mut world, &new), 1, "from {first} on");
        let mut facts = world.outcomes();
        facts.dedup();
        assert_eq!(
            facts,
            ["9:comment:99", "9:call", "8:comment:99"].map(|key| format!("{key} applied {ROOM}"))
        );
        assert_eq!(world.front.room(ROOM).comments.len(), 2);
    }
}

#[test]
fn request_in_flight_of_a_lost_history_is_waited_for() {
    let mut world = world();
    work(&mut world, &numbered(1, 1, 1, vec![import(7, EffectKind::Call), import(7, EffectKind::Duration)]));
    let lost = numbered(2, 1, 3, vec![comment(8, None)]);
    let is_write =
        |command: &Command| matches!(command, Command::Send { request, .. } if request.kind().is_write());
    assert_eq!(world.run_until(&lost, is_write), End::Crashed);
    restore(&mut world);
    let (start, asked) = (world.now, world.requests.len());
    let new = numbered(1, 1, 2, vec![comment(8, None)]);
    assert_eq!(work(&mut world, &new), 1);
    assert!(world.now.since(start) >= ATTEMPT + GRACE);
    assert_eq!(world.requests[asked..], ["list_comments", "add_comment", "list_comments"]);
    assert_eq!(world.outcomes(), ["8:comment:99 applied cnv_5"]);
}

#[test]
fn repeat_of_an_older_item_takes_no_fence_from_a_newer_one() {
    let mut world = world();
    let old = numbered(1, 1, 1, vec![import(7, EffectKind::Call)]);
    work(&mut world, &old);
    let newer = numbered(2, 1, 2, vec![comment(7, None), observe(8, ROOM)]);
    world.run_until(&newer, |command| matches!(command, Command::Send { .. }));
    let fence = world.fence.clone();
    assert_eq!(work(&mut world, &old), 0);
    // Published again because the outbox lost it while it was worked on: its facts are in the log all the same.
    let again = WorkItem { publication: 2, ..old };
    assert_eq!(work(&mut world, &again), 0);
    let entries =
        |fence: Option<(calltrail_front_writer::fence::Fence, u64)>| fence.map(|(fence, _)| fence.entries);
    assert_eq!(entries(world.fence.clone()), entries(fence));
    work(&mut world, &newer);
    assert_eq!(world.outcomes().len(), 3);
}

#[test]
fn crashes_count_a_newer_fence_once_and_lose_nothing() {
    let old = vec![import(7, EffectKind::Call), comment(7, None)];
    let new =
        numbered(1, 1, 1, vec![comment(7, None), import(8, EffectKind::Call), import(7, EffectKind::Call)]);
    for crash_at in 0..40 {
        let mut world = world();
        work(&mut world, &numbered(1, 1, 1, old.clone()));
        restore(&mut world);
        let mut commands = 0;
        world.run_until(&new, |_| {
            commands += 1;
            commands > crash_at
        });
        world.restart();
        let newer = work(&mut world, &new);
        assert!(newer <= 1);
        let facts: BTreeSet<_> = world.outcomes().into_iter().collect();
        let expect = ["7:call", "7:comment:99", "8:call"].map(|key| format!("{key} applied {ROOM}"));
        assert!(facts.iter().eq(&expect), "crash at {crash_at}: {facts:?}");
        assert_eq!((world.front.messages.len(), world.front.room(ROOM).comments.len()), (2, 1));
    }
}

#[test]
fn ordinals_of_one_effect_are_remembered_with_their_keys() {
    let mut world = world();
    let item = numbered(1, 1, 1, vec![import(7, EffectKind::Call), comment(7, None)]);
    work(&mut world, &item);
    let (fence, _) = world.fence.as_ref().expect("a fence is kept");
    let expect: Vec<_> =
        item.effects.iter().map(|one: &NumberedEffect| (one.ordinal, Arc::clone(&one.effect).key)).collect();
    assert_eq!(fence.settled, expect);
    assert_eq!(fence.known_through, 0);
    let stored = serde_json::to_value(fence).expect("a fence has a JSON form");
    assert!(stored.get("known_through").is_none() && stored.get("acknowledged").is_none());
}
