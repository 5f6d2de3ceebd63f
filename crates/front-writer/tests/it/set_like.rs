//! Set-like effects: read first, changed only while nobody else has changed it.

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::{ConversationId, EffectKind, TeammateId};
use calltrail_domain::time::Timestamp;
use calltrail_front::ConversationEvent;
use calltrail_front_writer::budget::Budget;
use calltrail_front_writer::command::{Command, Why};
use calltrail_front_writer::limits::SLOT_WAIT_MAX;

use crate::front::refused;
use crate::world::{ATTEMPT, End, Fate, GRACE, World, assign, comment, import, item, reopen};

fn with_room(status: ConversationStatus) -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", status);
    world
}

fn reopening() -> WorkItem {
    item(Some("cnv_5"), vec![reopen(7)])
}

fn assigning() -> WorkItem {
    item(Some("cnv_5"), vec![assign(7, "iris@example.com")])
}

fn check(mut world: World, item: &WorkItem, expect: &str, writes: &[&str]) {
    world.run_to_end(item);
    assert_eq!(world.outcomes(), [expect]);
    assert_eq!(world.front.writes, writes);
}

fn archived_at(world: &mut World, at: Timestamp) {
    let event = ConversationEvent { name: "archive".to_owned(), at, by_person: true };
    world.front.room("cnv_5").events.push(event);
}

#[test]
fn an_archived_conversation_is_opened_and_any_other_is_left_as_it_is() {
    let applied = "7:reopen applied cnv_5";
    check(with_room(ConversationStatus::Archived), &reopening(), applied, &["open cnv_5"]);
    check(with_room(ConversationStatus::Open), &reopening(), applied, &[]);
    check(with_room(ConversationStatus::Snoozed), &reopening(), "7:reopen overtaken snoozed", &[]);
    check(with_room(ConversationStatus::Trashed), &reopening(), "7:reopen overtaken trashed", &[]);
}

#[test]
fn an_archiving_after_the_call_stands_and_one_before_it_does_not() {
    let mut world = with_room(ConversationStatus::Archived);
    let earlier = world.now;
    archived_at(&mut world, earlier);
    check(world, &reopening(), "7:reopen applied cnv_5", &["open cnv_5"]);
    let mut world = with_room(ConversationStatus::Archived);
    let later = Timestamp::from_millis(world.now.as_millis() + 1);
    archived_at(&mut world, later);
    check(world, &reopening(), "7:reopen overtaken archived after the call", &[]);
}

#[test]
fn what_was_trashed_before_the_call_comes_back_and_what_was_trashed_after_it_does_not() {
    let trashed = |world: &World, milliseconds: i64| ConversationEvent {
        name: "trash".to_owned(),
        at: Timestamp::from_millis(world.now.as_millis() + milliseconds),
        by_person: true,
    };
    for (milliseconds, expect, writes) in [
        (&[0][..], "7:reopen applied cnv_5", &["open cnv_5"][..]),
        (&[1], "7:reopen overtaken trashed", &[]),
        (&[1, -5_000], "7:reopen overtaken trashed", &[]),
        (&[], "7:reopen overtaken trashed", &[]),
    ] {
        let mut world = with_room(ConversationStatus::Trashed);
        let events: Vec<_> = milliseconds.iter().map(|at| trashed(&world, *at)).collect();
        world.front.room("cnv_5").events.extend(events);
        check(world, &reopening(), expect, writes);
    }
}

/// The status is read before the events: what a person does in between is seen in these alone.
#[test]
fn a_trashing_between_the_read_of_the_status_and_that_of_the_events_stands() {
    for (acts, expect, writes) in [
        (&[("trash", 1)][..], "7:reopen overtaken trashed", &[][..]),
        (&[("trash", 1), ("restore", 2), ("trash", 3)], "7:reopen overtaken trashed", &[]),
        (&[("trash", 1), ("restore", 2)], "7:reopen applied cnv_5", &["open cnv_5"]),
        (&[("trash", -9), ("restore", -5)], "7:reopen applied cnv_5", &["open cnv_5"]),
    ] {
        let mut world = with_room(ConversationStatus::Archived);
        let now_ms = world.now.as_millis();
        let events = acts.iter().map(|(name, later_ms)| ConversationEvent {
            name: (*name).to_owned(),
            at: Timestamp::from_millis(now_ms + later_ms),
            by_person: true,
        });
        world.front.room("cnv_5").events.extend(events);
        check(world, &reopening(), expect, writes);
    }
}

#[test]
fn whoever_was_read_first_is_replaced_and_the_agent_himself_needs_no_request() {
    let mut world = with_room(ConversationStatus::Open);
    world.front.room("cnv_5").assignee = Some(TeammateId::new("tea_9"));
    check(world, &assigning(), "7:assign applied cnv_5", &["assign cnv_5 tea_1"]);
    let mut world = with_room(ConversationStatus::Open);
    world.front.room("cnv_5").assignee = Some(TeammateId::new("tea_1"));
    check(world, &assigning(), "7:assign applied cnv_5", &[]);
}

#[test]
fn an_agent_unknown_in_front_leaves_the_assignee_as_it_is() {
    let item = item(Some("cnv_5"), vec![assign(7, "nobody@example.com")]);
    let expect = "7:assign overtaken the agent is not in Front";
    check(with_room(ConversationStatus::Open), &item, expect, &[]);
}

#[test]
fn a_lost_answer_is_waited_out_with_its_grace_and_read_before_anything_is_sent_again() {
    for (fate, writes) in [(Fate::LostAfter, 1), (Fate::LostBefore, 1)] {
        let mut world = with_room(ConversationStatus::Archived);
        world.fates.extend([Fate::Answered, Fate::Answered, fate.clone()]);
        let start = world.now;
        world.run_to_end(&reopening());
        assert_eq!(world.outcomes(), ["7:reopen applied cnv_5"]);
        assert_eq!(world.front.writes.len(), writes, "{fate:?}");
        assert!(world.now.since(start) >= ATTEMPT + GRACE);
    }
}

#[test]
fn a_person_who_acts_while_we_are_in_doubt_is_not_fought_with() {
    let mut world = with_room(ConversationStatus::Open);
    world.fates.extend([Fate::Answered, Fate::Answered, Fate::LostBefore]);
    let End::Released(after, Why::InDoubt) = world.run(&assigning()) else {
        panic!("the doubt is waited for")
    };
    world.now = world.now.plus(after);
    world.front.room("cnv_5").assignee = Some(TeammateId::new("tea_9"));
    check(world, &assigning(), "7:assign overtaken somebody else was given the conversation", &[]);
}

#[test]
fn a_take_over_writes_its_generation_before_it_reads_front() {
    let mut world = with_room(ConversationStatus::Archived);
    let crashed = world.run_until(
        &reopening(),
        |command| matches!(command, Command::Send { request, .. } if request.kind().is_write()),
    );
    assert_eq!(crashed, End::Crashed);
    let (before, _) = world.fence.clone().expect("the fence says in flight");
    let End::Released(after, Why::InDoubt) = world.run(&reopening()) else {
        panic!("the doubt is waited for")
    };
    assert_eq!(after, ATTEMPT + GRACE);
    world.now = world.now.plus(after);
    world.run_until(&reopening(), |command| matches!(command, Command::Send { .. }));
    let (taken, _) = world.fence.clone().expect("the fence is kept");
    assert_eq!(taken.entries[0].generation, before.entries[0].generation + 1);
    assert_ne!(taken.entries[0].claim, before.entries[0].claim);
    assert!(taken.entries[0].ambiguous);
    assert_eq!(taken.entries[0].before, before.entries[0].before, "what was read first is kept");
}

#[test]
fn a_claim_that_took_over_waits_for_its_slot_instead_of_the_next_one_for_the_doubt() {
    let mut world = with_room(ConversationStatus::Archived);
    world.fates.extend([Fate::Answered, Fate::Answered, Fate::LostBefore]);
    let End::Released(after, Why::InDoubt) = world.run(&reopening()) else {
        panic!("the doubt is waited for")
    };
    world.now = world.now.plus(after);
    let mut budget = Budget::default();
    budget.push_back(world.now.plus(SLOT_WAIT_MAX * 2).as_millis());
    world.budget = Some(budget);
    assert_eq!(world.run(&reopening()), End::Done);
    assert_eq!(world.outcomes(), ["7:reopen applied cnv_5"]);
}

#[test]
fn an_import_is_seen_before_a_set_like_effect_is_sent() {
    let mut world = with_room(ConversationStatus::Archived);
    let item = item(Some("cnv_5"), vec![import(7, EffectKind::Call), reopen(7)]);
    world.run_to_end(&item);
    assert_eq!(world.outcomes(), ["7:call applied cnv_5", "7:reopen applied cnv_5"]);
    let position = |name: &str| world.requests.iter().position(|request| *request == name);
    assert!(position("list_conversation_messages") < position("get_conversation"));
}

#[test]
fn a_refused_change_is_a_dead_letter() {
    let mut world = with_room(ConversationStatus::Archived);
    world.fates.extend([Fate::Answered, Fate::Answered, Fate::Instead(refused(422, "no"))]);
    world.run_to_end(&reopening());
    assert_eq!(world.outcomes(), ["7:reopen rejected 422 no"]);
    assert_eq!(world.letters.len(), 1);
}

#[test]
fn a_refusal_in_doubt_is_looked_into_before_it_counts() {
    let mut world = with_room(ConversationStatus::Archived);
    let answered = Fate::Answered;
    world.fates.extend([answered.clone(), answered.clone(), Fate::LostBefore]);
    world.fates.extend([answered.clone(), answered, Fate::Instead(refused(422, "no"))]);
    let start = world.now;
    world.run_to_end(&reopening());
    assert_eq!(world.outcomes(), ["7:reopen rejected 422 no"]);
    assert!(world.now.since(start) >= (ATTEMPT + GRACE) * 2);
    assert_eq!(world.requests.iter().filter(|name| **name == "get_conversation").count(), 3);
}

/// In doubt about its write, which comes after so many other requests; then its conversation is merged into `cnv_6`.
fn merged_in_doubt(item: &WorkItem, before: usize) -> World {
    let mut world = with_room(ConversationStatus::Archived);
    world.fates.extend(vec![Fate::Answered; before]);
    world.fates.push_back(Fate::LostBefore);
    let End::Released(after, Why::InDoubt) = world.run(item) else { panic!("the doubt is waited for") };
    world.now = world.now.plus(after);
    let survivor = world.front.open_room("cnv_6", ConversationStatus::Archived);
    world.front.room("cnv_5").merged_into = Some(survivor);
    world
}

/// Effects in doubt, and how many requests come before the write of each.
fn doubtful() -> [(WorkItem, usize, &'static str); 3] {
    let of = |effect| item(Some("cnv_5"), vec![effect]);
    [
        (reopening(), 2, "7:reopen applied cnv_6"),
        (assigning(), 2, "7:assign applied cnv_6"),
        (of(comment(7, None)), 0, "7:comment:99 applied cnv_6"),
    ]
}

#[test]
fn a_merger_met_by_a_take_over_is_followed_by_the_same_claim() {
    for (item, before, expect) in doubtful() {
        let mut world = merged_in_doubt(&item, before);
        assert_eq!(world.run(&item), End::Done, "{expect}");
        assert_eq!(world.outcomes(), [expect]);
    }
}

#[test]
fn a_merger_met_by_a_take_over_is_known_to_the_next_claim() {
    for (item, before, expect) in doubtful() {
        let mut world = merged_in_doubt(&item, before);
        let mut moved = false;
        let crashed = world.run_until(&item, |command| {
            moved |= matches!(command, Command::Append(_));
            moved && matches!(command, Command::Send { .. })
        });
        assert_eq!(crashed, End::Crashed, "{expect}");
        world.restart();
        world.front.rooms.remove(&ConversationId::new("cnv_5"));
        world.run_to_end(&item);
        assert_eq!(world.outcomes(), [expect], "the conversation that is gone is not asked");
    }
}
