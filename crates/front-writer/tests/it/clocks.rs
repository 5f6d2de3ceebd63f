//! A writer's clock that is set back, or another writer's that is ahead, holds no party up.

use std::time::Duration;

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::EffectKind;
use calltrail_domain::time::Timestamp;
use calltrail_front::Teammate;
use calltrail_front_writer::command::{Command, Lookup};
use calltrail_front_writer::delays;
use calltrail_front_writer::directory::Directory;
use calltrail_front_writer::limits::{HELD_WAIT_MAX, INVISIBLE_RESENDS_MAX, OBSERVE_MAX};

use crate::front::refused;
use crate::world::{ATTEMPT, End, Fate, GRACE, World, comment, import, item, observe, reopen};

const BACKS: [Duration; 4] = [
    Duration::from_secs(90),
    Duration::from_hours(1),
    Duration::from_hours(24),
    Duration::from_hours(24 * 365),
];

fn before(time: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_millis(time.as_millis() - i64::try_from(span.as_millis()).expect("a short span"))
}

fn with_room(status: ConversationStatus) -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", status);
    world
}

/// Claims until the item is done; the clock is set back once, before the first command that `at` is true for. Returns how
/// long it took by a clock that was not.
fn run(
    world: &mut World,
    item: &WorkItem,
    back: Duration,
    at: impl Fn(&World, &Command) -> bool,
) -> Duration {
    let (mut start, mut is_back) = (world.now, false);
    for _ in 0..400 {
        let end = world.run_beside(item, |world, command| {
            if !is_back && at(world, command) {
                is_back = true;
                (world.now, start) = (before(world.now, back), before(start, back));
                world.front.messages.iter_mut().for_each(|one| one.visible_at = before(one.visible_at, back));
            }
            false
        });
        match end {
            End::Done => {
                assert!(is_back, "the clock is set back");
                return world.now.since(start);
            }
            End::Released(after, _) => world.now = world.now.plus(after),
            End::Crashed => unreachable!("nothing crashes here"),
        }
    }
    panic!("the item is never done");
}

fn is_release_or_wait(command: &Command) -> bool {
    matches!(command, Command::WaitUntil(_) | Command::ReadFence)
}

#[test]
fn accepted_import_is_not_held_by_a_clock_set_back() {
    for back in BACKS {
        let mut world = with_room(ConversationStatus::Open);
        world.front.lag_ms = 5_000;
        let item = item(Some("cnv_5"), vec![import(7, EffectKind::Call), comment(7, None)]);
        let took = run(&mut world, &item, back, |world, command| {
            world.requests.len() == 2 && is_release_or_wait(command)
        });
        assert_eq!(world.outcomes(), ["7:call applied cnv_5", "7:comment:99 applied cnv_5"]);
        assert!(took < GRACE, "{back:?} back takes {took:?}");
    }
}

#[test]
fn accepted_import_met_by_a_claim_behind_it_is_not_held() {
    for back in BACKS {
        let mut world = with_room(ConversationStatus::Open);
        world.front.lag_ms = 1_000_000_000_000;
        let item = item(Some("cnv_5"), vec![import(7, EffectKind::Call)]);
        let mut is_accepted = false;
        world.run_until(&item, |command| {
            let was = is_accepted;
            is_accepted |= matches!(command, Command::WriteFence { .. }) && was;
            is_accepted |= matches!(command, Command::Send { .. });
            was && matches!(command, Command::WaitUntil(_))
        });
        world.now = before(world.now, back);
        world.restart();
        let start = world.now;
        world.run_to_end(&item);
        let resends: Duration = (1..=INVISIBLE_RESENDS_MAX).map(delays::resend).sum();
        let took = world.now.since(start);
        let most = (GRACE * 2 + ATTEMPT) * (INVISIBLE_RESENDS_MAX + 1) + resends;
        assert!(took <= most, "{back:?} back takes {took:?}");
        assert!(world.outcomes()[0].starts_with("7:call rejected 202"), "it is shown nowhere");
    }
}

#[test]
fn read_is_given_up_a_minute_after_its_first_try_by_any_clock() {
    for back in BACKS {
        let mut world = with_room(ConversationStatus::Open);
        world.fates.extend(vec![Fate::LostBefore; 400]);
        let item = item(Some("cnv_5"), vec![observe(7, "cnv_5")]);
        // By then a claim was given back, and the fence knows the first try.
        let took = run(&mut world, &item, back, |world, _| world.requests.len() == 6);
        assert_eq!(world.outcomes(), ["7:observe rejected 0 the conversation could not be read for 60 s"]);
        assert!(took >= OBSERVE_MAX && took < OBSERVE_MAX * 3, "{back:?} back takes {took:?}");
    }
}

#[test]
fn wait_for_the_next_try_is_not_held_by_a_clock_set_back() {
    for back in BACKS {
        let mut world = with_room(ConversationStatus::Open);
        world.fates.push_back(Fate::LostBefore);
        let item = item(Some("cnv_5"), vec![observe(7, "cnv_5")]);
        let took = run(&mut world, &item, back, |world, command| {
            world.requests.len() == 1 && matches!(command, Command::WaitUntil(_))
        });
        assert!(took < HELD_WAIT_MAX * 2, "{back:?} back takes {took:?}");
    }
}

#[test]
fn own_doubt_and_refusal_are_not_held_by_a_clock_set_back() {
    for back in BACKS {
        let mut world = with_room(ConversationStatus::Archived);
        world.fates.extend([Fate::Answered, Fate::Answered, Fate::LostBefore]);
        world.fates.extend([Fate::Answered, Fate::Answered, Fate::Instead(refused(422, "no"))]);
        let item = item(Some("cnv_5"), vec![reopen(7)]);
        let took = run(&mut world, &item, back, |world, _| world.requests.len() == 6);
        assert_eq!(world.outcomes(), ["7:reopen rejected 422 no"]);
        assert!(took <= (ATTEMPT + GRACE) * 3, "{back:?} back takes {took:?}");
    }
}

#[test]
fn list_of_teammates_from_the_future_is_stale() {
    let now = Timestamp::from_seconds(1_700_000_000);
    let id = calltrail_domain::ids::TeammateId::new("tea_1");
    let iris = Teammate { id: id.clone(), email: Some("iris@example.com".to_owned()) };
    for ahead in BACKS {
        let mut directory = Directory::default();
        directory.replace(std::slice::from_ref(&iris), now.plus(ahead));
        let stale = Lookup::Stale { last: Some(id.clone()) };
        assert_eq!(directory.find("iris@example.com", now), stale, "{ahead:?} ahead");
        directory.keep(now);
        assert_eq!(directory.find("iris@example.com", now), Lookup::Known(id.clone()));
    }
}
