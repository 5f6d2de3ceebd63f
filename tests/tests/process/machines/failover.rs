//! How long a party waits when the writer that works on it is killed. A measurement: it prints and judges no time.

use std::time::{Duration, Instant};

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::{AGENTS, CallScript, LINES, steps_of};
use calltrail_simulator::front::{Fault, Faults, PlannedFault, RepeatAnswer};

use super::super::aircall::bodies_of;
use super::super::limits::{LOOK_EVERY, QUIET_MAX};
use super::super::metrics::Scraped;
use super::super::site::{ACCOUNT, Site};
use super::replica::{Balancer, Replica, on_jetstream, quiet};

const ANSWER_AFTER_MS: u64 = 100_000;
const ACK_WAIT: Duration = Duration::from_secs(30);
const LOG: &str = "ack_wait_seconds = 30\n[log.jetstream]\nurl = \"{urls}\"\n";
/// Of two writers one has the item; where the other one was killed the trial shows nothing.
const TRIALS: u64 = 6;

/// What is in flight when its writer is killed: an import, which may be sent again as it is, or a comment, which has no key
/// that Front checks.
const IMPORT: &str = "imported_messages";
const COMMENT: &str = "/comments";
const GRACE: Duration = Duration::from_secs(60);
const STARTED_AT_S: i64 = 1_700_000_000;

/// Run them with `cargo test --release -p calltrail-tests failover -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes minutes"]
async fn how_long_an_import_in_flight_waits_for_another_writer() {
    eprintln!("{}", measure(IMPORT).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes minutes"]
async fn how_long_a_comment_in_flight_waits_for_another_writer() {
    eprintln!("{}", measure(COMMENT).await);
}

/// What was measured, a line each.
async fn measure(path: &str) -> String {
    let mut measured = Vec::new();
    for trial in 0..TRIALS {
        measured.extend(trial_of(trial, path).await);
    }
    measured.sort();
    assert!(!measured.is_empty(), "no trial killed the writer that had the item");
    let line = |waited: &Duration| {
        let (waited_s, ack_wait_s, grace_s) = (waited.as_secs_f64(), ACK_WAIT.as_secs(), GRACE.as_secs());
        format!(
            "{path}: another writer's first request came {waited_s:.1} s after the kill \
             (ack_wait {ack_wait_s} s, grace {grace_s} s)"
        )
    };
    measured.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The time from the kill until another writer's first request; none when the one killed had nothing.
async fn trial_of(seed: u64, path: &str) -> Option<Duration> {
    let server = NatsServer::start();
    let site = Site::new(seed, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[server.url()], LOG);
    let file = site.file("calltrail.toml");
    let text = std::fs::read_to_string(&file).expect("the site has a configuration");
    let grace = format!("grace_seconds = {}", GRACE.as_secs());
    std::fs::write(&file, text.replace("grace_seconds = 1", &grace)).expect("it is written anew");
    let roles = [("projector", 1), ("front-writer", 1), ("front-writer", 2), ("ingest", 1)];
    let mut replicas = roles.map(|(role, number)| Replica::start(site.folder(), role, number));
    for replica in &mut replicas {
        replica.up().is_up().await;
    }
    // No answer comes while anybody waits for it, so that the request is in flight when its writer is killed.
    site.front().front(|front| {
        front.set_faults(Faults { slow_ms: ANSWER_AFTER_MS, ..Faults::default() });
        front.plan_fault(PlannedFault {
            method: "POST".to_owned(),
            path_contains: path.to_owned(),
            fault: Fault::Slow,
            times: 1,
        });
    });
    let balancer = Balancer::new();
    balancer.add(replicas[3].up().ready().await);
    let call = CallScript::inbound(812, LINES[0], "+44 7700 900123", STARTED_AT_S);
    let call = call.rings(AGENTS[0], 0).answered(AGENTS[0], 8).commented("A note", 30).ends(60);
    for body in bodies_of(&steps_of(&[call])) {
        balancer.deliver(ACCOUNT, body).await;
    }
    let requests = || site.ledger().requests.len();
    wait_for(|| site.ledger().requests.iter().any(|request| request.fault.is_some())).await;
    let (killed, before) = (Instant::now(), requests());
    let [killed_one, other] = if seed.is_multiple_of(2) { [1, 2] } else { [2, 1] };
    replicas[killed_one].kill().await;
    wait_for(|| requests() > before).await;
    let waited = killed.elapsed();
    // Counted when the work on the item has ended.
    quiet(&site, replicas[0].path(), 1).await;
    let taken_over = Scraped::of(replicas[other].up().operator_at()).await.number("claim_takeovers_total");
    (taken_over > 0.0).then_some(waited)
}

async fn wait_for(mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < QUIET_MAX, "it does not happen");
        tokio::time::sleep(LOOK_EVERY / 10).await;
    }
}
