//! A cluster of three: its leader killed, its quorum lost for a minute and back. Ingest takes webhooks throughout.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use calltrail_event_log::testing::NatsCluster;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;

use super::super::aircall::bodies_of;
use super::super::limits::{LOOK_EVERY, QUIET_MAX};
use super::super::metrics::Scraped;
use super::super::oracle::{Oracle, settled_in};
use super::super::site::{ACCOUNT, Site};
use super::replica::{Balancer, Replica, on_jetstream, quiet, records};

const CALLS: u32 = 60;
const PARTIES: u32 = 30;
/// Without a leader, and without a quorum. Webhooks come all the while.
const WITHOUT_ONE: Duration = Duration::from_secs(10);
const WITHOUT_QUORUM: Duration = Duration::from_secs(60);
const LOG: &str = "ack_wait_seconds = 5\n[log.jetstream]\nurl = \"{urls}\"\nreplicas = 3\nlog_gib_max = 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn ingest_takes_every_webhook_at_once_while_the_leader_and_the_quorum_are_lost() {
    let mut cluster = NatsCluster::start();
    let site = Site::new(3, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &cluster.urls(), LOG);
    let roles = [("projector", 1), ("front-writer", 1), ("front-writer", 2), ("ingest", 1)];
    let mut replicas = roles.map(|(role, number)| Replica::start(site.folder(), role, number));
    for replica in &mut replicas {
        replica.up().is_up().await;
    }
    let balancer = Balancer::new();
    balancer.add(replicas[3].up().ready().await);
    let history = random_history(3, CALLS, PARTIES);
    let webhooks: Vec<String> = bodies_of(&history).map(ToOwned::to_owned).collect();
    let (refused, taken) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let delivering = tokio::spawn({
        let (refused, taken) = (Arc::clone(&refused), Arc::clone(&taken));
        let pause = (WITHOUT_ONE + WITHOUT_QUORUM) / u32::try_from(webhooks.len()).expect("a small number");
        async move {
            for webhook in webhooks {
                tokio::time::sleep(pause).await;
                refused.fetch_add(balancer.deliver(ACCOUNT, &webhook).await, Ordering::Relaxed);
                taken.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let leader = leader_of(&cluster).await;
    cluster.nodes[leader].kill();
    tokio::time::sleep(WITHOUT_ONE).await;
    let other = (leader + 1) % 3;
    cluster.nodes[other].kill();
    let before = taken.load(Ordering::Relaxed);
    tokio::time::sleep(WITHOUT_QUORUM).await;
    assert!(taken.load(Ordering::Relaxed) > before, "webhooks came while there was no quorum");
    let spooled = Scraped::of(replicas[3].up().operator_at()).await;
    assert!(spooled.number("spool_records") > 0.0, "they are in the spool");
    cluster.nodes[leader].start_again();
    cluster.nodes[other].start_again();
    delivering.await.expect("every webhook is taken");
    assert_eq!(refused.load(Ordering::Relaxed), 0, "each was taken at its first delivery");

    let oracle = Oracle::of(bodies_of(&history));
    quiet(&site, replicas[0].path(), oracle.size().0).await;
    let (ledger, settled) = (site.ledger(), settled_in(&records(&site, replicas[0].path()).await));
    oracle.check_activities(&ledger);
    oracle.check_conversations(&ledger, &settled);
    oracle.check_order(&ledger, &settled);
    let emptied = Scraped::of(replicas[3].up().operator_at()).await;
    assert_eq!(emptied.number("spool_records"), 0.0);
    for replica in &mut replicas {
        replica.terminate().await;
    }
}

/// The node that leads the log's stream, as the servers themselves say.
async fn leader_of(cluster: &NatsCluster) -> usize {
    let started = std::time::Instant::now();
    loop {
        for (number, node) in cluster.nodes.iter().enumerate() {
            let url = format!("{}/jsz?streams=true&accounts=true", node.monitor_url());
            let Ok(answer) = reqwest::get(url).await else { continue };
            let told: serde_json::Value =
                serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default();
            let streams = told["account_details"][0]["stream_detail"].as_array().cloned().unwrap_or_default();
            let log = streams.iter().find(|stream| stream["name"] == "CALLS");
            if log.is_some_and(|log| log["cluster"]["leader"] == format!("n{}", node.port())) {
                return number;
            }
        }
        assert!(started.elapsed() < QUIET_MAX, "no node leads");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
