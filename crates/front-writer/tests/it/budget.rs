//! The budget: never more than the limit in any window, and all of it usable.

use std::time::Duration;

use calltrail_front::Resource;
use calltrail_front_writer::Rate;
use calltrail_front_writer::budget::{Budget, Offer};
use calltrail_front_writer::limits::RETRY_AFTER_MAX;
use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

const WINDOW_MS: i64 = 60_000;

fn resource() -> impl Strategy<Value = Resource> {
    prop::sample::select(vec![Resource::Imports, Resource::Messages, Resource::Conversations])
}

fn most_in_window(slots: &[i64], window_ms: i64) -> usize {
    slots
        .iter()
        .map(|start| slots.iter().filter(|slot| (*start..*start + window_ms).contains(slot)).count())
        .max()
        .unwrap_or(0)
}

proptest! {
    #[test]
    fn no_window_holds_more_than_the_limit(
        limit in 1_u32..60,
        asks in prop::collection::vec((0_i64..4_000, resource()), 1..300),
    ) {
        let (mut budget, mut now_ms) = (Budget::default(), 1_000_000);
        let (rate, mut slots) = (Rate::RequestsPerMinute(limit), Vec::new());
        for (gap_ms, resource) in asks {
            now_ms += gap_ms;
            let slot_ms = budget.next_slot_ms(now_ms, resource, rate);
            prop_assert!(slot_ms >= now_ms);
            budget.reserve(slot_ms, resource);
            slots.push((slot_ms, resource));
            // Whoever is given a slot waits for it.
            now_ms = slot_ms;
        }
        let all: Vec<_> = slots.iter().map(|(slot, _)| *slot).collect();
        prop_assert!(most_in_window(&all, WINDOW_MS) <= limit as usize);
        for kind in [Resource::Imports, Resource::Messages, Resource::Conversations] {
            let of_kind: Vec<_> = slots.iter().filter(|(_, of)| *of == kind).map(|(slot, _)| *slot).collect();
            prop_assert!(most_in_window(&of_kind, 1_000) <= 5);
        }
    }

    #[test]
    fn no_window_holds_more_than_the_limit_when_slots_are_reserved_ahead(
        limit in 1_u32..60,
        asks in prop::collection::vec((0_i64..900, resource(), prop::bool::ANY), 1..400),
    ) {
        let (mut budget, mut now_ms, mut slots) = (Budget::default(), 1_000_000, Vec::new());
        for (gap_ms, resource, patient) in asks {
            now_ms += gap_ms;
            if let Offer::Slot { at_ms } =
                budget.offer(now_ms, resource, Rate::RequestsPerMinute(limit), patient)
            {
                budget.reserve(at_ms, resource);
                slots.push(at_ms);
            }
        }
        prop_assert!(most_in_window(&slots, WINDOW_MS) <= limit as usize);
    }

    #[test]
    fn the_whole_limit_is_usable(limit in 1_u32..200) {
        let mut budget = Budget::default();
        let rate = Rate::RequestsPerMinute(limit);
        let kinds = [Resource::Imports, Resource::Messages, Resource::Conversations, Resource::Contacts];
        let mut used = 0_u32;
        loop {
            let resource = kinds[used as usize % kinds.len()];
            let slot_ms = budget.next_slot_ms(0, resource, rate);
            if slot_ms >= WINDOW_MS {
                break;
            }
            budget.reserve(slot_ms, resource);
            used += 1;
        }
        prop_assert_eq!(used, limit);
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
    budget.reserve(0, Resource::Contacts);
    let offer = |patient| budget.offer(0, Resource::Contacts, rate, patient);
    assert_eq!(offer(false), Offer::Later { wait: Duration::from_millis(59_000) });
    assert_eq!(offer(true), Offer::Slot { at_ms: 60_500 });
}

#[test]
fn a_clock_that_is_set_back_stops_nobody_for_long() {
    let (mut budget, rate, now_ms) = (Budget::default(), Rate::RequestsPerMinute(5), 10_000_000);
    for _ in 0..5 {
        let slot_ms = budget.next_slot_ms(now_ms, Resource::Imports, rate);
        budget.reserve(slot_ms, Resource::Imports);
    }
    let back_ms = now_ms - 3_600_000;
    assert_eq!(budget.next_slot_ms(back_ms, Resource::Imports, rate), back_ms);
    budget.push_back(now_ms);
    let longest_ms = i64::try_from(RETRY_AFTER_MAX.as_millis()).expect("a short span");
    assert_eq!(budget.next_slot_ms(back_ms, Resource::Imports, rate), back_ms + longest_ms);
}

#[test]
fn a_429_pushes_everybody_back() {
    let mut budget = Budget::default();
    assert!(budget.push_back(9_000));
    assert_eq!(budget.next_slot_ms(1_000, Resource::Contacts, Rate::Share(0.5)), 9_000);
    assert!(!budget.push_back(8_000));
}
