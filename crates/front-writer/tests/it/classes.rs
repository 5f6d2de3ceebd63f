//! Live and bulk claims that want more than there is, in simulated time: who gets how much, and who waits how long.

use calltrail_event_log::ports::Class;
use calltrail_front::Resource;
use calltrail_front_writer::Rate;
use calltrail_front_writer::budget::{Ask, Budget, Offer};
use proptest::prelude::{prop, prop_assert, proptest};

use crate::budget::{ask, most_in_window};

const WINDOW_MS: i64 = 60_000;
/// A window and its margin.
const FULL_WINDOW_MS: i64 = 60_500;
/// From a request to the next of the same worker.
const ANSWER_MS: i64 = 40;
const START_MS: i64 = 1_000_000;
const KINDS: [Resource; 4] =
    [Resource::Imports, Resource::Messages, Resource::Conversations, Resource::Contacts];

/// A worker that asks for one slot after the other, between these times.
struct Worker {
    class: Class,
    ready_ms: i64,
    until_ms: i64,
    /// Requests of its present claim.
    sent: u32,
    asked_ms: Option<i64>,
}

/// What was sent, and when it was first asked for.
struct Sent {
    class: Class,
    asked_ms: i64,
    at_ms: i64,
}

/// So many live and bulk workers from a time on, until another.
fn workers(class: Class, count: usize, from_ms: i64, until_ms: i64) -> impl Iterator<Item = Worker> {
    (0..count).map(move |_| Worker { class, ready_ms: from_ms, until_ms, sent: 0, asked_ms: None })
}

/// Runs all workers to their end. Claims have `requests` each, and only their first is impatient.
fn run(limit: u32, requests: u32, mut workers: Vec<Worker>) -> Vec<Sent> {
    let (mut budget, mut sent, rate) = (Budget::default(), Vec::new(), Rate::RequestsPerMinute(limit));
    loop {
        workers.retain(|worker| worker.ready_ms < worker.until_ms);
        let Some(worker) = workers.iter_mut().min_by_key(|worker| worker.ready_ms) else { return sent };
        let now_ms = worker.ready_ms;
        let asked_ms = *worker.asked_ms.get_or_insert(now_ms);
        let patient = worker.sent % requests > 0;
        let resource = KINDS[sent.len() % KINDS.len()];
        match ask(&mut budget, now_ms, Ask { class: worker.class, resource, patient }, rate) {
            Offer::Slot { at_ms } => {
                sent.push(Sent { class: worker.class, asked_ms, at_ms });
                (worker.ready_ms, worker.asked_ms) = (at_ms + ANSWER_MS, None);
                worker.sent += 1;
            }
            Offer::Again { wait } | Offer::Later { wait } => worker.ready_ms += wait.as_millis() as i64,
        }
    }
}

fn count(sent: &[Sent], class: Class, from_ms: i64, until_ms: i64) -> usize {
    sent.iter().filter(|one| one.class == class && (from_ms..until_ms).contains(&one.at_ms)).count()
}

fn kept(limit: u32, percent: u32) -> usize {
    (limit * percent / 100).max(1) as usize
}

proptest! {
    #[test]
    fn a_live_claim_that_comes_into_a_flood_of_bulk_waits_for_no_window(
        limit in 2_u32..80,
        bulk in 1_usize..6,
        comes_ms in START_MS..START_MS + 4 * WINDOW_MS,
    ) {
        let end_ms = comes_ms + 2 * WINDOW_MS;
        let flood = workers(Class::Bulk, bulk, START_MS, end_ms);
        let live = workers(Class::Live, 1, comes_ms, end_ms);
        let sent = run(limit, 3, flood.chain(live).collect());
        // What is kept for it is there at once, but for the burst limit of what it asks for.
        let of_live = sent.iter().filter(|one| one.class == Class::Live);
        for one in of_live.take(kept(limit, 20)) {
            prop_assert!(one.at_ms - one.asked_ms <= 1_200, "{} ms", one.at_ms - one.asked_ms);
        }
        let slots: Vec<_> = sent.iter().map(|one| one.at_ms).collect();
        prop_assert!(most_in_window(&slots, WINDOW_MS) <= limit as usize);
    }

    #[test]
    fn in_the_long_run_bulk_gets_its_small_part_and_live_the_rest(
        limit in 2_u32..60,
        live in 1_usize..6,
        bulk in 1_usize..6,
        bulk_comes_ms in prop::sample::select(vec![0, 10_000, 90_000]),
    ) {
        const WINDOWS: i64 = 12;
        let end_ms = START_MS + (WINDOWS + 4) * FULL_WINDOW_MS;
        let sent = run(
            limit,
            3,
            workers(Class::Live, live, START_MS, end_ms).chain(workers(Class::Bulk, bulk, START_MS + bulk_comes_ms, end_ms)).collect(),
        );
        let settled_ms = START_MS + 3 * FULL_WINDOW_MS;
        let until_ms = settled_ms + WINDOWS * FULL_WINDOW_MS;
        let of_bulk = count(&sent, Class::Bulk, settled_ms, until_ms);
        let of_live = count(&sent, Class::Live, settled_ms, until_ms);
        let windows = usize::try_from(WINDOWS).expect("a small number");
        let windows = windows - 1;
        prop_assert!(of_bulk >= windows * kept(limit, 10), "bulk was given {of_bulk}");
        prop_assert!(of_live >= windows * (limit as usize - kept(limit, 10)), "live was given {of_live}");
    }
}
