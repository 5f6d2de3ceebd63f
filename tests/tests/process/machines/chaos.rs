//! Two ingests, two projectors, three front-writers: each killed and stopped at random while calls arrive.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use calltrail_event_log::testing::{NatsServer, Signal};
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;

use super::super::aircall::bodies_of;
use super::super::oracle::{Oracle, settled_in, webhook_of};
use super::super::site::Site;
use super::replica::{Balancer, Replica, deliver_all, on_jetstream, quiet, records};
use crate::dice::Dice;

const SEED_VARIABLE: &str = "CALLTRAIL_TEST_SEED";
const SEED: u64 = 11;
const CALLS: u32 = 300;
const PARTIES: u32 = 90;
/// Two ingests, two projectors, three writers.
const ROLES: [(&str, usize); 7] = [
    ("ingest", 1),
    ("ingest", 2),
    ("projector", 1),
    ("projector", 2),
    ("front-writer", 1),
    ("front-writer", 2),
    ("front-writer", 3),
];
/// Each replica is killed and stopped so often.
const ROUNDS: usize = 2;
/// Shorter than deadline and grace: a longer stop between the last look and the socket is a window that is known.
const STOPPED: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(2_500)];
const DEAD: [Duration; 2] = [Duration::ZERO, Duration::from_millis(1_000)];
const BETWEEN: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(1_200)];
/// All webhooks together take about as long as the kills and stops.
const DELIVERY_EVERY: Duration = Duration::from_millis(45);
/// Claims of the killed lapse soon, so that their items go on while calls still arrive.
const LOG: &str = "ack_wait_seconds = 5\n[log.jetstream]\nurl = \"{urls}\"\n";

/// The simulated Front takes 3,600 requests a minute and five a second for each kind of thing; the writers together may
/// send 1,200 a minute (see `Site`), and as many a second.
#[tokio::test(flavor = "multi_thread")]
async fn with_every_replica_killed_and_stopped_nothing_is_lost_or_twice_and_each_party_in_order() {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let history = random_history(seed, CALLS, PARTIES);
    let oracle = Oracle::of(bodies_of(&history));
    let server = NatsServer::start();
    let site = Site::new(seed, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[server.url()], LOG);
    let mut replicas = ROLES.map(|(role, number)| Replica::start(site.folder(), role, number));
    let balancer = Arc::new(Balancer::new());
    for replica in &mut replicas {
        if replica.role == "ingest" {
            balancer.add(replica.up().ready().await);
        } else {
            replica.up().is_up().await;
        }
    }
    let webhooks: Vec<String> = bodies_of(&history).map(ToOwned::to_owned).collect();
    let delivering = tokio::spawn(deliver_all(Arc::clone(&balancer), webhooks.clone(), DELIVERY_EVERY));
    let told = trouble(&site, &mut replicas, &balancer, seed).await;
    eprintln!("seed {seed} ({SEED_VARIABLE} gives another): {told}, {} webhooks", webhooks.len());
    delivering.await.expect("every webhook is taken");

    for projector in [replicas[2].path(), replicas[3].path()] {
        quiet(&site, projector, oracle.size().0).await;
    }
    let records = records(&site, replicas[2].path()).await;
    let stored: BTreeSet<String> = records
        .iter()
        .filter(|record| record["kind"] == "aircall.event")
        .map(|record| webhook_of(record).to_string())
        .collect();
    for body in &webhooks {
        let mut body: serde_json::Value = serde_json::from_str(body).expect("a webhook is JSON");
        body["token"] = "".into();
        assert!(stored.contains(&body.to_string()), "a webhook that was taken is lost");
    }
    let (ledger, settled) = (site.ledger(), settled_in(&records));
    oracle.check_activities(&ledger);
    oracle.check_conversations(&ledger, &settled);
    oracle.check_order(&ledger, &settled);
    let verify = |path: &str| {
        let words = ["replay", "--verify", "--format", "json", "--path", path].map(ToOwned::to_owned);
        let site = &site;
        async move {
            let words = words.each_ref().map(String::as_str);
            site.run(&words).await.with_code(0).json()["live_hash"].clone()
        }
    };
    assert_eq!(verify(replicas[2].path()).await, verify(replicas[3].path()).await, "two states of one log");
    for replica in &mut replicas {
        replica.terminate().await;
    }
}

/// Kills and stops every replica, in a random order and with random pauses.
async fn trouble(site: &Site, replicas: &mut [Replica], balancer: &Balancer, seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut todo: Vec<(usize, bool)> = (0..replicas.len())
        .flat_map(|replica| [(replica, true), (replica, false)])
        .collect::<Vec<_>>()
        .repeat(ROUNDS);
    let (mut kills, mut stops) = (0, 0);
    while !todo.is_empty() {
        let (number, is_kill) = todo.swap_remove(dice.place(todo.len()));
        tokio::time::sleep(dice.span(BETWEEN[0], BETWEEN[1])).await;
        let replica = &mut replicas[number];
        if is_kill {
            kills += 1;
            killed_for(site, replica, balancer, dice.span(DEAD[0], DEAD[1])).await;
        } else {
            stops += 1;
            replica.signal(Signal::STOP);
            tokio::time::sleep(dice.span(STOPPED[0], STOPPED[1])).await;
            replica.signal(Signal::CONT);
        }
    }
    format!("{kills} kills, {stops} stops")
}

async fn killed_for(site: &Site, replica: &mut Replica, balancer: &Balancer, dead: Duration) {
    if replica.role == "ingest" {
        balancer.remove(replica.up().ready().await);
    }
    replica.kill().await;
    tokio::time::sleep(dead).await;
    replica.start_again(site.folder());
    if replica.role == "ingest" {
        balancer.add(replica.up().ready().await);
    }
}
