//! The budget: never more than the limit in any window, and all of it usable.

use std::time::Duration;

use calltrail_event_log::ports::Class;
use calltrail_front::Resource;
use calltrail_front_writer::Rate;
use calltrail_front_writer::budget::{Ask, Budget, Offer};
use calltrail_front_writer::limits::RETRY_AFTER_MAX;
use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

const WINDOW_MS: i64 = 60_000;
const START_MS: i64 = 1_000_000;
const KINDS: [Resource; 4] =
    [Resource::Imports, Resource::Messages, Resource::Conversations, Resource::Contacts];

fn resource() -> impl Strategy<Value = Resource> {
    prop::sample::select(&KINDS[..3])
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(vec![Class::Live, Class::Bulk])
}

pub(crate) fn most_in_window(slots: &[i64], window_ms: i64) -> usize {
    slots
        .iter()
        .map(|start| slots.iter().filter(|slot| (*start..*start + window_ms).contains(slot)).count())
        .max()
        .unwrap_or(0)
}

/// Asks, and takes what is offered.
pub(crate) fn ask(budget: &mut Budget, now_ms: i64, ask: Ask, rate: Rate) -> Offer {
    let offer = budget.offer(now_ms, ask, rate);
    budget.take(now_ms, ask, offer);
    offer
}

/// Takes a slot for a live claim, however far away it is.
fn reserve(budget: &mut Budget, now_ms: i64, resource: Resource, rate: Rate) -> i64 {
    let live = Ask { class: Class::Live, resource, patient: true };
    let at_ms = budget.next_slot_ms(now_ms, Class::Live, resource, rate);
    budget.take(now_ms, live, Offer::Slot { at_ms });
    at_ms
}

/// The requests that one class alone is given in the first minute.
fn used_alone(class: Class, rate: Rate) -> u32 {
    let (mut budget, mut now_ms, mut used) = (Budget::default(), START_MS, 0);
    while now_ms < START_MS + WINDOW_MS {
        let ask_now = Ask { class, resource: KINDS[used as usize % KINDS.len()], patient: false };
        now_ms = match ask(&mut budget, now_ms, ask_now, rate) {
            Offer::Slot { at_ms } => {
                used += u32::from(at_ms < START_MS + WINDOW_MS);
                at_ms
            }
            Offer::Again { wait } | Offer::Later { wait } => now_ms + wait.as_millis() as i64,
        }
    }
    used
}

proptest! {
    #[test]
    fn no_window_holds_more_than_the_limit(
        limit in 1_u32..60,
        asks in prop::collection::vec((0_i64..4_000, resource()), 1..300),
    ) {
        let (mut budget, mut now_ms) = (Budget::default(), START_MS);
        let (rate, mut slots) = (Rate::RequestsPerMinute(limit), Vec::new());
        for (gap_ms, resource) in asks {
            now_ms += gap_ms;
            let slot_ms = reserve(&mut budget, now_ms, resource, rate);
            prop_assert!(slot_ms >= now_ms);
            slots.push((slot_ms, resource));
            // Whoever is given a slot waits for it.
            now_ms = slot_ms;
        }
        let all: Vec<_> = slots.iter().map(|(slot, _)| *slot).collect();
        prop_assert!(most_in_window(&all, WINDOW_MS) <= limit as usize);
        for kind in KINDS {
            let of_kind: Vec<_> = slots.iter().filter(|(_, of)| *of == kind).map(|(slot, _)| *slot).collect();
            prop_assert!(most_in_window(&of_kind, 1_000) <= 5);
        }
    }

    #[test]
    fn no_window_holds_more_than_the_limit_with_both_classes_and_slots_reserved_ahead(
        limit in 1_u32..60,
        asks in prop::collection::vec((0_i64..900, class(), resource(), prop::bool::ANY), 1..400),
    ) {
        let (mut budget, mut now_ms, rate) = (Budget::default(), START_MS, Rate::RequestsPerMinute(limit));
        let mut slots = Vec::new();
        for (gap_ms, class, resource, patient) in asks {
            now_ms += gap_ms;
            if let Offer::Slot { at_ms } = ask(&mut budget, now_ms, Ask { class, resource, patient }, rate) {
                prop_assert!(class == Class::Live || at_ms == now_ms, "bulk reserves nothing ahead");
                slots.push((at_ms, class, resource));
            }
        }
        let of = |is: &dyn Fn(Class, Resource) -> bool| {
            let those = slots.iter().filter(|(_, class, resource)| is(*class, *resource));
            those.map(|(at_ms, ..)| *at_ms).collect::<Vec<_>>()
        };
        prop_assert!(most_in_window(&of(&|_, _| true), WINDOW_MS) <= limit as usize);
        let of_bulk = most_in_window(&of(&|class, _| class == Class::Bulk), WINDOW_MS);
        prop_assert!(limit == 1 || of_bulk < limit as usize, "something is kept for live");
        for kind in KINDS {
            prop_assert!(most_in_window(&of(&|_, resource| resource == kind), 1_000) <= 5);
        }
    }

    #[test]
    fn the_whole_limit_is_usable_by_live_and_all_but_a_fifth_by_bulk(limit in 1_u32..200) {
        let rate = Rate::RequestsPerMinute(limit);
        prop_assert_eq!(used_alone(Class::Live, rate), limit);
        let kept = if limit > 1 { (limit / 5).max(1) } else { 0 };
        prop_assert_eq!(used_alone(Class::Bulk, rate), limit - kept);
    }
}

#[test]
fn a_share_of_the_reported_limit_is_taken() {
    let mut budget = Budget::default();
    assert_eq!(budget.limit(Rate::Share(0.5)), 25);
    assert!(budget.correct(200));
    assert!(!budget.correct(200), "the same limit is no news");
    assert_eq!(budget.limit(Rate::Share(0.5)), 100);
    assert_eq!(budget.limit(Rate::RequestsPerMinute(30)), 30);
}

#[test]
fn a_claim_that_has_sent_nothing_is_told_to_come_back_and_one_that_has_waits() {
    let (mut budget, rate) = (Budget::default(), Rate::RequestsPerMinute(1));
    reserve(&mut budget, 0, Resource::Contacts, rate);
    let offer =
        |patient| budget.offer(0, Ask { class: Class::Live, resource: Resource::Contacts, patient }, rate);
    assert_eq!(offer(false), Offer::Later { wait: Duration::from_millis(59_000) });
    assert_eq!(offer(true), Offer::Slot { at_ms: 60_500 });
}

#[test]
fn a_clock_that_is_set_back_stops_nobody_for_long() {
    let (mut budget, rate, now_ms) = (Budget::default(), Rate::RequestsPerMinute(5), 10_000_000);
    for _ in 0..5 {
        reserve(&mut budget, now_ms, Resource::Imports, rate);
    }
    let back_ms = now_ms - 3_600_000;
    assert_eq!(budget.next_slot_ms(back_ms, Class::Live, Resource::Imports, rate), back_ms);
    budget.push_back(now_ms);
    let longest_ms = i64::try_from(RETRY_AFTER_MAX.as_millis()).expect("a short span");
    assert_eq!(budget.next_slot_ms(back_ms, Class::Live, Resource::Imports, rate), back_ms + longest_ms);
}

#[test]
fn a_429_pushes_everybody_back() {
    let mut budget = Budget::default();
    assert!(budget.push_back(9_000));
    for class in [Class::Live, Class::Bulk] {
        assert_eq!(budget.next_slot_ms(1_000, class, Resource::Contacts, Rate::Share(0.5)), 9_000);
    }
    assert!(!budget.push_back(8_000));
    assert!(budget.is_pushed_back(8_999) && !budget.is_pushed_back(9_000));
}

#[test]
fn while_others_leave_nothing_one_after_the_other_asks() {
    let (mut budget, rate) = (Budget::default(), Rate::RequestsPerMinute(60));
    assert!(!budget.count_left(START_MS, 7), "that is as it was");
    assert!(budget.count_left(START_MS, 0) && !budget.count_left(START_MS, 0));
    let slots: Vec<_> =
        KINDS.iter().map(|kind| reserve(&mut budget, START_MS, *kind, rate) - START_MS).collect();
    assert_eq!(slots, [0, 1_000, 2_000, 3_000]);
    assert!(budget.count_left(START_MS, 1));
    assert_eq!(reserve(&mut budget, START_MS, Resource::Contacts, rate), START_MS);
}

#[test]
fn that_nothing_is_left_of_what_was_all_ours_is_no_news() {
    let (mut budget, rate) = (Budget::default(), Rate::RequestsPerMinute(4));
    budget.correct(4);
    for kind in KINDS {
        reserve(&mut budget, START_MS, kind, rate);
    }
    assert!(!budget.count_left(START_MS + 10_000, 0));
    assert!(budget.count_left(START_MS + 70_000, 0), "ours are over");
}

#[test]
fn a_slot_that_was_given_back_is_offered_again() {
    for class in [Class::Live, Class::Bulk] {
        let (mut budget, rate) = (Budget::default(), Rate::RequestsPerMinute(1));
        let claim = Ask { class, resource: Resource::Imports, patient: true };
        let offer = ask(&mut budget, START_MS, claim, rate);
        assert_eq!(offer, Offer::Slot { at_ms: START_MS });
        assert_ne!(budget.offer(START_MS, claim, rate), offer);
        budget.give_back(START_MS, claim);
        assert_eq!(budget.offer(START_MS, claim, rate), offer);
        budget.give_back(START_MS, claim);
    }
}

#[test]
fn a_value_of_the_first_release_is_read() {
    let stored = r#"{"slots_ms":[1001000,1002000],"bursts_ms":{"imports":[1002000]},"not_before_ms":0,"reported_limit":100}"#;
    let budget: Budget = serde_json::from_str(stored).expect("an old value");
    let rate = Rate::RequestsPerMinute(2);
    assert_eq!(budget.next_slot_ms(1_003_000, Class::Live, Resource::Imports, rate), 1_061_500);
    assert_eq!(budget.limit(Rate::Share(0.5)), 50);
    let again = serde_json::to_value(&budget).expect("it has a JSON form");
    assert_eq!(
        again["slots_ms"],
        serde_json::json!([1_001_000, 1_002_000]),
        "and the first release reads what this one writes"
    );
}
