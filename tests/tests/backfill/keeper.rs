//! The keeper in virtual time: an Aircall that loses patience with receivers that are down, and nobody who runs a command.

use std::time::Duration;

use calltrail_aircall_reader::{Keeping, Recovery, Seen, What};
use calltrail_simulator::aircall::random_calls;

use super::world::{Plan, WEBHOOK_URL, World};

/// A check every so often.
const EVERY: Duration = Duration::from_mins(5);
const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;
const CALLS: u32 = 600;

/// A day of calls, with the receivers down from one second of it until another.
fn day(recovery: Recovery, down: std::ops::Range<i64>) -> World {
    let mut world = World::new(&Plan::of(0));
    world.recovery = recovery;
    world.connect_webhook();
    let starts_s = world.now_s() + 60;
    let events: Vec<_> =
        random_calls(17, CALLS, 60, starts_s).iter().flat_map(|call| call.events()).collect();
    let mut events: Vec<_> = events.into_iter().map(|event| (event.at_s, event.body.to_string())).collect();
    events.sort();
    let mut events = events.into_iter().peekable();
    for second in (0..DAY_S).step_by(5) {
        let at_s = starts_s + second;
        world.receivers_run = !down.contains(&second);
        while let Some((_, body)) = events.next_if(|(event_s, _)| *event_s <= at_s) {
            world.happen(&body);
        }
        world.until(at_s);
        world.deliver();
        world.keep(EVERY);
        world.read_through(&[]);
    }
    assert!(events.next().is_none(), "the day is long enough");
    world
}

#[test]
fn keeper_heals_an_outage_that_is_longer_than_aircalls_patience() {
    for (from_h, hours) in [(2, 1), (2, 14), (1, 20)] {
        let world = day(Recovery::Automatic, from_h * HOUR_S..(from_h + hours) * HOUR_S);
        assert!(world.is_webhook_on(), "{hours} h: it is switched on again");
        let ended = world.ended_calls();
        assert_eq!(ended.len(), CALLS as usize, "{hours} h: every call is in the log");
        let watch = world.watch();
        assert!(watch.switched_on >= 1 && watch.recoveries >= 1, "{hours} h: {watch:?}");
        assert_eq!(watch.fault, None, "{hours} h");
        world.check_rate();
    }
}

#[test]
fn keeper_leaves_a_day_without_trouble_alone() {
    let world = day(Recovery::Automatic, 0..0);
    let watch = world.watch();
    assert_eq!((watch.switched_on, watch.recoveries, watch.missed), (0, 0, 0), "{watch:?}");
    assert_eq!(world.ended_calls().len(), CALLS as usize);
}

#[test]
fn keeper_only_tells_where_it_is_to_ask() {
    let world = day(Recovery::Ask, 2 * HOUR_S..16 * HOUR_S);
    assert!(!world.is_webhook_on());
    let watch = world.watch();
    assert_eq!(watch.fault.as_ref().map(|fault| fault.what), Some(What::SwitchedOff), "{watch:?}");
    let gap = watch.gap.as_ref().expect("there is something to recover");
    let missing = world.calls_known() - world.ended_calls().len();
    assert!(missing > 0 && watch.recoveries == 0, "{missing} {watch:?}");
    assert!(gap.from_s < gap.to_s && gap.to_s <= world.now_s() + 1, "{gap:?}");
}

/// What a process shows of its reader is what the keeper has noted.
#[test]
fn keeper_that_never_checked_knows_nothing() {
    assert_eq!(Seen::default().now().watch, None);
    let world = World::new(&Plan::of(0));
    let keeping = Keeping::new(world.settings(WEBHOOK_URL), EVERY);
    assert_eq!(keeping.watch(), None);
    assert_eq!(keeping.trouble(), None);
}
