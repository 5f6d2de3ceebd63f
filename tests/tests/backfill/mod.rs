//! The Aircall reader in virtual time: the real machines and the real engine between both simulated companies. A backfill
//! passes Aircall's wall while the reader dies again and again, and the keeper heals outages.

mod keeper;
mod kept;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use calltrail_aircall_reader::limits::{CLAIM_MAX, LISTED_MAX};
use calltrail_aircall_reader::{Asked, By, Kind};

use world::{Plan, World};

/// More than twice what Aircall lists of one query.
const CALLS: u32 = 25_000;
/// The same where every call goes to Front too.
const CALLS_TO_FRONT: u32 = 1_500;
/// What the simulated Front allows in a minute, where Front's plans allow 50 to 200: else it is all that is waited for.
const FRONT_REQUESTS_PER_MINUTE: u32 = 100_000;
/// Operations after which the reader dies.
const DEATHS: [usize; 5] = [7, 90, 700, 1_500, 2_600];

fn backfill(plan: &Plan) -> Asked {
    Asked {
        kind: Kind::Backfill,
        from_s: plan.from_s,
        to_s: plan.to_s(),
        overlap_s: 0,
        calls: Vec::new(),
        ended_from_s: None,
        history_after_s: None,
        by: By::Command,
    }
}

#[test]
fn reader_backfills_25_000_calls_through_the_wall_and_five_deaths() {
    for total_is_capped in [false, true] {
        let plan = Plan { total_is_capped, ..Plan::of(CALLS) };
        let mut world = World::new(&plan);
        let job = world.wants(backfill(&plan));
        world.read_through(&DEATHS);
        let read = world.records_by_call();
        assert_eq!(read.len(), CALLS as usize, "every call is in the log");
        let again = read.values().filter(|times| **times > 1).count();
        let page = 50;
        assert!(again <= DEATHS.len() * page, "{again} calls were read again for {} deaths", DEATHS.len());
        let requests = world.requests().len();
        let least = CALLS.div_ceil(50) as usize;
        println!("{requests} requests to Aircall for {CALLS} calls; {least} are the least");
        assert!(requests * 10 <= least * 11, "{requests} requests, where {least} are the least");
        world.check_rate();
        let job = world.job(job);
        assert!(job.over_at_ms.is_some() && job.trouble.is_none(), "{job:?}");
        assert!(CALLS as usize > 2 * usize::try_from(LISTED_MAX).expect("small"));
    }
}

#[test]
fn reader_brings_history_to_front_once_and_disturbs_nobody() {
    let plan = Plan {
        front_requests_per_minute: FRONT_REQUESTS_PER_MINUTE,
        to_front: true,
        ..Plan::of(CALLS_TO_FRONT)
    };
    let mut world = World::new(&plan);
    world.wants(backfill(&plan));
    world.read_through(&[7, 40, 90, 120, 200]);
    let ledger = world.in_front();
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    let messages = ledger.messages();
    messages.iter().for_each(|message| *shown.entry(message.external_id.as_str()).or_default() += 1);
    assert!(shown.values().all(|times| *times == 1), "something stands twice");
    let own = |id: &&str| id.ends_with(":call");
    assert_eq!(shown.keys().filter(|id| own(id)).count(), CALLS_TO_FRONT as usize);
    let statuses: BTreeSet<_> = ledger.conversations.iter().map(|one| one.status).collect();
    assert_eq!(statuses, BTreeSet::from(["archived"]));
    assert!(ledger.conversations.iter().all(|one| one.assignee.is_none()));
}

#[test]
fn reader_takes_over_a_claim_that_has_lapsed_and_no_other() {
    let plan = Plan::of(200);
    let mut world = World::new(&plan);
    world.wants(backfill(&plan));
    world.read(20, "first");
    let early = world.read(1_000, "second");
    assert!(early.is_none(), "the first reader may still be at it");
    world.wait(CLAIM_MAX);
    assert!(world.read(1_000, "third").is_some(), "nobody was heard of for as long as a claim lasts");
    world.read_through(&[]);
    assert_eq!(world.records_by_call().len(), 200);
}
