//! Three nodes: the leader is killed, the quorum is lost and comes back.

use std::time::Duration;

use calltrail_event_log::jetstream::JetStream;
use calltrail_event_log::jetstream::declared::{self, Settings};
use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::ports::{Class, EventLog as _, KeyValue as _, LogError, NewItem, Outbox as _};
use calltrail_event_log::testing::NatsCluster;
use tokio::time::timeout;

use super::roles::Keys;
use super::{across, at_last, connected_to, numbers, record, settings};

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn the_ports_outlive_every_node_in_turn_and_a_lost_quorum() {
    let cluster = NatsCluster::start();
    let jetstream = connected_to(cluster.urls()).await;
    check(cluster, jetstream.clone(), jetstream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ports_of_a_role_outlive_them_too() {
    let keys = Keys::new();
    let cluster = NatsCluster::with(&keys.accounts(&across::WORDS));
    let operator = keys.connected(cluster.urls(), Role::Operator).await;
    let jetstream = keys.connected(cluster.urls(), Role::Up).await;
    check(cluster, operator, jetstream).await;
}

async fn check(mut cluster: NatsCluster, operator: JetStream, jetstream: JetStream) {
    let settings = Settings { replicas: 3, log_bytes_max: 1024 * 1024, ..settings(Duration::from_secs(30)) };
    at_last(|| async { Ok::<_, LogError>(declared::create_missing(&operator, &settings).await?) }).await;
    let mut revision = at_last(|| jetstream.create("fences", "acme.p", "0".into())).await;
    let mut appended = Vec::new();
    let mut next = 1;
    for node in 0..3 {
        cluster.nodes[node].kill();
        for _ in 0..20 {
            at_last(|| jetstream.append(vec![record(next), record(next + 1)])).await;
            appended.extend([next, next + 1]);
            next += 2;
        }
        revision = changed(&jetstream, revision, next).await;
        let id = format!("item-{node}");
        let item = NewItem { account: "acme".to_owned(), class: Class::Live, id, body: "x".into() };
        at_last(|| jetstream.publish(item.clone())).await;
        cluster.nodes[node].start_again();
    }
    cluster.nodes[0].kill();
    cluster.nodes[1].kill();
    let refused =
        timeout(PATIENCE, jetstream.append(vec![record(0)])).await.expect("no wait without a deadline");
    assert!(
        matches!(refused, Err(LogError::Storage(_))),
        "one node of three acknowledges nothing: {refused:?}"
    );
    cluster.nodes[0].start_again();
    cluster.nodes[1].start_again();
    at_last(|| jetstream.append(vec![record(next)])).await;
    appended.push(next);
    let kept = at_last(|| async { Ok::<_, LogError>(numbers(&jetstream).await) }).await;
    // What was not acknowledged in time may be there too, and what was sent again may be there twice.
    let mut seen = std::collections::BTreeSet::new();
    let first_seen: Vec<u64> =
        kept.into_iter().filter(|number| *number != 0 && seen.insert(*number)).collect();
    assert_eq!(first_seen, appended, "everything that was acknowledged, in order");
    let mut claimed = Vec::new();
    while claimed.len() < 3 {
        if let Some(claim) = at_last(|| jetstream.claim("acme", Class::Live, Duration::from_secs(2))).await {
            claimed.push(claim.id().to_owned());
            let _ = claim.done().await;
        }
    }
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed, ["item-0", "item-1", "item-2"]);
}

/// Replaces the value across a change of leaders: where nobody knows whether it was replaced, the value says so.
async fn changed(jetstream: &JetStream, revision: u64, value: u64) -> u64 {
    let value = bytes::Bytes::from(value.to_string());
    let mut expected = revision;
    loop {
        if let Ok(revision) = jetstream.update("fences", "acme.p", value.clone(), expected).await {
            return revision;
        }
        let found = at_last(|| jetstream.get("fences", "acme.p")).await.expect("the key stays");
        if found.value == value {
            return found.revision;
        }
        expected = found.revision;
    }
}
