//! `kill -9` at random moments, while webhooks come in and the simulated Front loses answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calltrail_simulator::aircall::{Disturbance, disturb, random_history};
use calltrail_simulator::front::{Fault, Faults, Ledger, PlannedFault, RepeatAnswer};
use serde_json::Value;
use tokio::task::JoinSet;

use super::aircall::{Aircall, bodies_of};
use super::oracle::{Oracle, settled_in, webhook_of};
use super::site::Site;
use crate::dice::Dice;

/// The variable that replaces the seed, to look for other traces.
const SEED_VARIABLE: &str = "CALLTRAIL_TEST_SEED";
const SEED: u64 = 5;
const CALLS: u32 = 48;
const PARTIES: u32 = 24;
/// Lives that end before a writer may take over what its predecessor had in flight.
const SHORT_LIVES: u32 = 24;
const SHORT_LIFE: [Duration; 2] = [Duration::ZERO, Duration::from_millis(1_200)];
/// Every sixth life ends about when it begins: its time counts from the start of the process, not from its being up.
const EARLY_EVERY: u32 = 6;
const EARLY_LIFE: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(200)];
/// Lives that end about when writers take over what is in doubt: 15 s after they first saw it.
const LONG_LIVES: u32 = 1;
const LONG_LIFE: [Duration; 2] = [Duration::from_millis(15_200), Duration::from_millis(16_400)];
/// The pause between two deliveries: together they last about as long as the short lives.
const DELIVERY_EVERY: Duration = Duration::from_millis(45);
const DISTURBANCE: Disturbance =
    Disturbance { duplicate_permille: 250, delay_permille: 300, delay_ms_max: 400_000 };
const KINDS: [Fault; 5] =
    [Fault::LostBefore, Fault::LostAfter, Fault::ErrorBefore, Fault::ErrorAfter, Fault::Slow];

/// Faults of reads and writes. Slow answers keep writes in flight, so that kills meet them there.
const FAULTS: Faults = Faults {
    down: false,
    writes_only: false,
    lost_before_permille: 25,
    lost_after_permille: 35,
    error_before_permille: 25,
    error_after_permille: 35,
    slow_permille: 400,
    slow_ms: 150,
    page_before_permille: 0,
    page_after_permille: 0,
    page_status: 0,
};

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_nothing_is_lost_and_nothing_is_twice() {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let history = random_history(seed, CALLS, PARTIES);
    let oracle = Oracle::of(bodies_of(&history));
    let (calls, parties) = oracle.size();
    eprintln!("seed {seed} ({SEED_VARIABLE} gives another): {calls} calls of {parties} parties");
    let site = Site::new(seed, repeat_answer(seed)).await;
    inject_faults(&site);

    let aircall = Arc::new(Aircall::new());
    let webhooks = disturb(seed, &history, &DISTURBANCE);
    let webhooks: Vec<String> = bodies_of(&webhooks).map(ToOwned::to_owned).collect();
    let delivered = tokio::spawn(deliver_all(Arc::clone(&aircall), webhooks));
    let kills = kill_again_and_again(&site, &aircall, seed).await;

    let mut up = site.up();
    aircall.post_to(Some(up.ready().await));
    delivered.await.expect("every webhook is taken");
    site.imported(oracle.activities() / 2).await;
    let injected = faults_in(&site.ledger());
    site.front().front(|front| front.set_faults(Faults::default()));
    site.quiet().await;
    eprintln!("{kills}; {} webhooks repeated; faults on writes and reads: {injected:?}", aircall.repeated());
    check_injected(&kills, &injected);
    let running = site.verified().await;
    check_everything(&site, &oracle, &aircall).await;
    up.terminated().await.with_code(0);
    check_everything(&site, &oracle, &aircall).await;
    let at_rest = site.verified().await;
    assert_eq!(at_rest["live_hash"], running["live_hash"], "stopping changed the state");
}

/// What was ended by `kill -9`.
#[derive(Debug, Default)]
struct Kills {
    counted_from_the_start: u32,
    while_it_was_up: u32,
}

impl std::fmt::Display for Kills {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { counted_from_the_start: early, while_it_was_up } = self;
        write!(f, "{while_it_was_up} kills while it was up, {early} about when it starts")
    }
}

/// Which way Front answers a known import is not documented: each seed tries another.
fn repeat_answer(seed: u64) -> RepeatAnswer {
    match seed % 4 {
        0 => RepeatAnswer::AcceptedAndResolves,
        1 => RepeatAnswer::Conflict,
        2 => RepeatAnswer::AcceptedAndNeverResolves,
        _ => RepeatAnswer::BadRequest,
    }
}

/// Each kind meets an import and a read for certain, and more by chance.
fn inject_faults(site: &Site) {
    let planned = |method: &str, path: &str, fault| PlannedFault {
        method: method.to_owned(),
        path_contains: path.to_owned(),
        fault,
        times: 1,
    };
    site.front().front(|front| {
        front.set_faults(FAULTS);
        for fault in KINDS {
            front.plan_fault(planned("POST", "imported_messages", fault));
            front.plan_fault(planned("GET", "/", fault));
        }
    });
}

/// Delivers in the given order, several at a time.
async fn deliver_all(aircall: Arc<Aircall>, webhooks: Vec<String>) {
    let mut deliveries = JoinSet::new();
    for webhook in webhooks {
        tokio::time::sleep(DELIVERY_EVERY).await;
        let aircall = Arc::clone(&aircall);
        deliveries.spawn(async move { aircall.deliver(&webhook).await });
    }
    while let Some(delivery) = deliveries.join_next().await {
        delivery.expect("a webhook is taken");
    }
}

async fn kill_again_and_again(site: &Site, aircall: &Aircall, seed: u64) -> Kills {
    let mut dice = Dice(seed);
    let mut kills = Kills::default();
    let lives = std::iter::repeat_n(SHORT_LIFE, SHORT_LIVES as usize);
    let lives = lives.chain(std::iter::repeat_n(LONG_LIFE, LONG_LIVES as usize));
    for (number, [min, max]) in (1..).zip(lives) {
        let mut up = site.up();
        if number % EARLY_EVERY == 0 {
            tokio::time::sleep(dice.span(EARLY_LIFE[0], EARLY_LIFE[1])).await;
            kills.counted_from_the_start += 1;
        } else {
            aircall.post_to(Some(up.ready().await));
            tokio::time::sleep(dice.span(min, max)).await;
            kills.while_it_was_up += 1;
        }
        up.killed().await;
        aircall.post_to(None);
    }
    kills
}

/// Requests by kind of fault: those that write, those that read.
type Injected = BTreeMap<String, [u32; 2]>;

fn faults_in(ledger: &Ledger) -> Injected {
    let mut injected = Injected::new();
    for request in &ledger.requests {
        let Some(fault) = request.fault else { continue };
        let counts = injected.entry(format!("{fault:?}")).or_default();
        counts[usize::from(request.method == "GET")] += 1;
    }
    injected
}

fn check_injected(kills: &Kills, injected: &Injected) {
    assert!(kills.while_it_was_up >= 20, "too few kills met a running engine: {kills}");
    assert!(kills.counted_from_the_start > 0, "no kill met a start: {kills}");
    for fault in KINDS {
        let counts = injected.get(&format!("{fault:?}")).copied().unwrap_or_default();
        assert!(counts.iter().all(|count| *count > 0), "{fault:?} never happened to both: {injected:?}");
    }
}

async fn check_everything(site: &Site, oracle: &Oracle, aircall: &Aircall) {
    let (ledger, records) = (site.ledger(), site.records().await);
    check_promises(aircall, &records);
    let settled = settled_in(&records);
    assert_eq!(settled.len(), oracle.size().0, "calls that ended are not in the log");
    oracle.check_activities(&ledger);
    oracle.check_conversations(&ledger, &settled);
    oracle.check_order(&ledger, &settled);
    let status = site.status().await;
    let logged = status["accounts"]["acme"]["logged"].as_object().expect("calls by type");
    let logged: u64 = logged.values().filter_map(Value::as_u64).sum();
    assert_eq!(logged, oracle.size().0 as u64, "{status:#}");
}

/// Every webhook that was answered with 2xx is the record that its answer names.
fn check_promises(aircall: &Aircall, records: &[Value]) {
    let by_sequence: BTreeMap<u64, &Value> =
        records.iter().filter_map(|record| Some((record["sequence"].as_u64()?, record))).collect();
    assert_eq!(by_sequence.len(), records.len(), "a sequence stands twice");
    for mut taken in aircall.taken() {
        let record = by_sequence.get(&taken.sequence);
        let record = record.unwrap_or_else(|| panic!("record {} was promised and is lost", taken.sequence));
        taken.body["token"] = Value::from("");
        assert_eq!(webhook_of(record), taken.body, "record {} is another webhook", taken.sequence);
    }
}
