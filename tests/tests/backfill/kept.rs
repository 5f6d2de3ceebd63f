//! What a reader keeps to when another is quicker, when it is paused, and when it dies: each rule by itself.

use std::time::Duration;

use calltrail_aircall_reader::{Operation, Question, Rate, Value};
use calltrail_simulator::aircall::{CallEvent, CallScript, LINES};

use super::backfill;
use super::world::{Plan, World};

const EVERY: Duration = Duration::from_mins(5);
const CALL: i64 = 77;
/// Within it, a window of Aircall's limit passes, its margin included.
const PAUSE: Duration = Duration::from_millis(61_500);

/// A webhook that a first check has found to be good, and a call of which it has told.
fn watched() -> World {
    let mut world = World::new(&Plan::of(0));
    world.connect_webhook();
    world.keep(EVERY);
    let call = CallScript::inbound(CALL, LINES[0], "+44 7700 900177", world.now_s());
    let events = call.events();
    world.wait(Duration::from_mins(2));
    events.iter().for_each(|event| world.happen(&event.body.to_string()));
    world.deliver();
    assert_eq!(world.ended_calls().len(), 1, "it was told of");
    world
}

/// Once the webhook is on again, nothing shows that it was off.
#[test]
fn gap_is_found_although_the_reader_dies_as_it_switches_the_webhook_on() {
    let mut world = watched();
    world.switch_webhook_off();
    world.wait(EVERY);
    world.keep_until(EVERY, |operation| matches!(operation, Operation::Send(Question::SwitchOn { .. })));
    assert!(world.is_webhook_on(), "it was switched on");
    world.wait(EVERY);
    world.keep(EVERY);
    // All calls that are listed have been told of: only what came late is missing, as a comment.
    assert_eq!((world.watch().recoveries, world.open_jobs()), (1, 1), "{:?}", world.watch());
}

#[test]
fn gap_becomes_a_job_although_another_reader_changes_the_jobs_first() {
    let mut world = watched();
    world.switch_webhook_off();
    world.wait(EVERY);
    world.loses = Some(calltrail_aircall_reader::Place::Jobs);
    world.keep(EVERY);
    assert_eq!(world.loses, None, "it was lost once");
    assert_eq!((world.watch().recoveries, world.open_jobs()), (1, 1), "{:?}", world.watch());
}

#[test]
fn slot_that_a_paused_reader_has_missed_is_not_used() {
    let plan = Plan::of(200);
    for pause in [PAUSE, PAUSE * 2] {
        let mut world = World::new(&plan);
        world.rate = Rate::RequestsPerMinute(1);
        world.wants(backfill(&plan));
        world.wants(backfill(&plan));
        let to_sleep = |operation: &Operation| matches!(operation, Operation::Sleep(_));
        world.read_paused("paused", to_sleep, |world| {
            world.wait(pause);
            // Its claim has lapsed as well; the other takes the slot of this minute.
            world.read_once("other");
        });
        assert_eq!(world.requests().len(), 1, "one request in a minute: {:?}", world.requests());
    }
}

/// Of two that reserve the same slot, one has it.
#[test]
fn budget_is_shared_by_readers_that_reserve_at_once() {
    let plan = Plan::of(200);
    let mut world = World::new(&plan);
    world.rate = Rate::RequestsPerMinute(1);
    world.wants(backfill(&plan));
    world.wants(backfill(&plan));
    let to_reserve =
        |operation: &Operation| matches!(operation, Operation::Put { value: Value::Budget(_), .. });
    world.read_paused("first", to_reserve, |world| world.read_once("other"));
    assert_eq!(world.requests().len(), 1, "one request in a minute: {:?}", world.requests());
}

#[test]
fn share_of_the_limit_is_kept_for_checks_while_a_job_uses_the_rest() {
    let every = Duration::from_mins(1);
    for limit in [20, 30] {
        let plan = Plan::of(limit * 400);
        let mut world = World::new(&plan);
        world.rate = Rate::RequestsPerMinute(limit);
        world.connect_webhook();
        world.keep(every);
        world.wants(backfill(&plan));
        let mut checks = 0;
        while checks < 4 {
            assert!(world.open_jobs() > 0, "limit {limit}: the job lasts as long as the checks");
            world.read_to_the_limit("reader");
            let before = world.watch();
            world.keep(every);
            let after = world.watch();
            if after.at_ms > before.at_ms {
                checks += 1;
                assert_eq!(after.known_ms, after.at_ms, "limit {limit}: check {checks} had no requests left");
            }
            world.wait(Duration::from_millis(500));
        }
        assert!(checks >= 4, "limit {limit}: {checks} checks");
    }
}

/// What was over when the webhook was made, nobody has asked for; what was under way is missed like any other call.
#[test]
fn gap_holds_what_ended_since_the_webhook_was_made_and_nothing_from_before() {
    let mut world = World::new(&Plan::of(0));
    world.connect_webhook();
    let call = |id, began_s| CallScript::inbound(id, LINES[0], "+44 7700 900178", began_s).events();
    let give = |world: &mut World, events: &[CallEvent]| {
        events.iter().for_each(|event| world.give(&event.body.to_string()));
    };
    let (over, under_way) = (call(1, world.now_s() - 600), call(2, world.now_s() - 10));
    give(&mut world, &over);
    give(&mut world, &under_way[..1]);
    world.wait(Duration::from_mins(1));
    give(&mut world, &under_way[1..]);
    let before_the_check = call(3, world.now_s());
    give(&mut world, &before_the_check);
    world.wait(Duration::from_mins(1));
    world.keep(EVERY);
    world.switch_webhook_off();
    world.wait(EVERY);
    world.keep(EVERY);
    world.read_through(&[]);
    assert_eq!(world.missed_calls(), [2, 3].into());
}

/// A comment that nobody was told of belongs to a call that began long before the gap.
#[test]
fn overlap_is_read_for_what_came_late_to_calls_from_before_the_gap() {
    for hours in [3, 8, 11] {
        let mut world = World::new(&Plan::of(0));
        world.connect_webhook();
        world.keep(EVERY);
        let call = CallScript::inbound(CALL, LINES[0], "+44 7700 900177", world.now_s());
        let events = call.commented("later", hours * 3_600 + 30).events();
        let (late, in_time) = events.split_last().expect("a call has events");
        assert!(late.body.to_string().contains("call.commented"));
        in_time.iter().for_each(|event| world.happen(&event.body.to_string()));
        world.deliver();
        for _ in 0..hours * 12 {
            world.wait(EVERY);
            world.keep(EVERY);
        }
        world.switch_webhook_off();
        world.give(&late.body.to_string());
        world.wait(EVERY);
        world.keep(EVERY);
        world.read_through(&[]);
        assert_eq!(world.updated_calls(), [CALL.unsigned_abs()].into(), "{hours} h before");
    }
}
