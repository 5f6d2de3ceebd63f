//! What people do while a writer waits: a change rests on a read that is fresh, and on nothing older.

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::{ConversationId, TeammateId};
use calltrail_front::{Answer, NotApplied};
use calltrail_front_writer::Rate;
use calltrail_front_writer::budget::Budget;
use calltrail_front_writer::command::{Command, Lookup};

use crate::world::{End, Fate, World, assign, item, reopen};

const SNOOZED: &str = "7:reopen overtaken snoozed";

fn archived() -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Archived);
    world
}

fn reopening() -> WorkItem {
    item(Some("cnv_5"), vec![reopen(7)])
}

fn assigning() -> WorkItem {
    item(Some("cnv_5"), vec![assign(7, "iris@example.com")])
}

fn too_many() -> Fate {
    Fate::Instead(Answer::NotApplied { reason: NotApplied::TooMany, retry_after: None })
}

/// Somebody snoozes the conversation as soon as the writer waits; the writer leaves it so.
fn check_snoozed_during(mut world: World, waits: impl Fn(&World, &Command) -> bool) {
    let mut act = |world: &mut World, command: &Command| {
        if waits(world, command) {
            world.front.room("cnv_5").status = ConversationStatus::Snoozed;
        }
        false
    };
    assert_eq!(world.run_beside(&reopening(), &mut act), End::Done);
    assert_eq!(world.outcomes(), [SNOOZED]);
    assert!(world.front.writes.is_empty(), "we never fight with people");
}

fn is_wait(_: &World, command: &Command) -> bool {
    matches!(command, Command::WaitUntil(_))
}

#[test]
fn after_a_429_the_conversation_is_read_afresh() {
    let mut world = archived();
    world.fates.extend([Fate::Answered, too_many()]);
    check_snoozed_during(world, is_wait);
}

#[test]
fn after_a_read_in_doubt_the_conversation_is_read_afresh() {
    let mut world = archived();
    world.fates.extend([Fate::Answered, Fate::LostBefore]);
    check_snoozed_during(world, is_wait);
}

#[test]
fn after_a_change_that_was_not_applied_the_conversation_is_read_afresh() {
    let mut world = archived();
    world.fates.extend([Fate::Answered, Fate::Answered, too_many()]);
    check_snoozed_during(world, is_wait);
}

#[test]
fn a_slot_that_comes_long_after_the_read_is_used_to_read_once_more() {
    let mut world = archived();
    (world.budget, world.settings.rate) = (Some(Budget::default()), Rate::RequestsPerMinute(2));
    let waits_for_change = |world: &World, command: &Command| {
        matches!(command, Command::Reserve { .. }) && world.requests.len() == 2
    };
    check_snoozed_during(world, waits_for_change);
}

#[test]
fn a_budget_that_makes_every_slot_late_does_not_make_the_reads_endless() {
    let mut world = archived();
    (world.budget, world.settings.rate) = (Some(Budget::default()), Rate::RequestsPerMinute(1));
    assert_eq!(world.run(&reopening()), End::Done);
    let (read, events) = ("get_conversation", "list_conversation_events");
    assert_eq!(world.requests, [read, events, read, events, "open_conversation"]);
    assert_eq!(world.outcomes(), ["7:reopen applied cnv_5"]);
}

#[test]
fn whom_to_assign_is_known_before_the_conversation_is_read() {
    let mut world = archived();
    world.run_to_end(&assigning());
    assert_eq!(world.requests, ["list_teammates", "get_conversation", "put_assignee"]);
}

#[test]
fn an_agent_unknown_in_front_costs_no_read_and_no_dead_letter() {
    let mut world = archived();
    world.run_to_end(&item(Some("cnv_5"), vec![assign(7, "nobody@example.com")]));
    assert_eq!(world.requests, ["list_teammates"]);
    assert_eq!((world.letters.len(), world.front.writes.len()), (0, 0));
}

#[test]
fn what_was_read_of_a_merged_conversation_says_nothing_about_its_survivor() {
    let mut world = archived();
    let survivor = world.front.open_room("cnv_6", ConversationStatus::Open);
    world.front.room("cnv_6").assignee = Some(TeammateId::new("tea_9"));
    let moved = Fate::Instead(Answer::Moved(ConversationId::new("cnv_6")));
    world.fates.extend([Fate::Answered, Fate::Answered, moved]);
    let merge = |world: &mut World, command: &Command| {
        if matches!(command, Command::Append(_)) {
            world.front.room("cnv_5").merged_into = Some(survivor.clone());
        }
        false
    };
    assert_eq!(world.run_beside(&assigning(), merge), End::Done);
    assert_eq!(world.outcomes(), ["7:assign applied cnv_6"]);
    assert_eq!(world.front.writes, ["assign cnv_6 tea_1"]);
}

#[test]
fn a_teammate_who_left_is_forgotten_with_the_list() {
    let mut world = archived();
    world.run_to_end(&assigning());
    world.front.teammates.clear();
    let known = |world: &World| world.directory.find("iris@example.com", world.now);
    assert_eq!(known(&world), Lookup::Known(TeammateId::new("tea_1")));
    world.now = world.now.plus(calltrail_front_writer::limits::TEAMMATES_REFRESH_EVERY);
    (world.fence, world.log) = (None, Vec::new());
    world.run_to_end(&assigning());
    assert_eq!(world.outcomes(), ["7:assign overtaken the agent is not in Front"]);
}
