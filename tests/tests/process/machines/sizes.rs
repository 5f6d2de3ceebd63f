//! How many bytes a call takes, in each place that grows. A measurement: it prints and judges nothing.

use std::path::Path;
use std::time::Instant;

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;

use super::super::aircall::bodies_of;
use super::super::site::{ACCOUNT, Site};
use super::replica::{Balancer, Replica, on_jetstream, quiet};

const CALLS: u32 = 200;
const PARTIES: u32 = 50;

/// Run it with `cargo test --release -p calltrail-tests sizes -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes minutes"]
async fn how_many_bytes_a_call_takes() {
    let server = NatsServer::start();
    let site = Site::new(5, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[server.url()], "[log.jetstream]\nurl = \"{urls}\"\n");
    let roles = [("projector", 1), ("front-writer", 1), ("ingest", 1)];
    let mut replicas = roles.map(|(role, number)| Replica::start(site.folder(), role, number));
    for replica in &mut replicas {
        replica.up().is_up().await;
    }
    let balancer = Balancer::new();
    balancer.add(replicas[2].up().ready().await);
    let history = random_history(5, CALLS, PARTIES);
    let webhooks = bodies_of(&history).count();
    for body in bodies_of(&history) {
        balancer.deliver(ACCOUNT, body).await;
    }
    quiet(&site, replicas[0].path(), CALLS as usize).await;
    eprintln!("{CALLS} calls of {PARTIES} parties, {webhooks} webhooks");
    let began = Instant::now();
    let words = ["replay", "--verify", "--format", "json", "--path", replicas[0].path()];
    let replayed = site.run(&words).await.with_code(0).json();
    let (records, took_s) = (replayed["records"].as_u64().unwrap_or(0), began.elapsed().as_secs_f64());
    eprintln!("{records} records folded again over NATS in {took_s:.2} s");
    eprintln!("{}", told(&server).await);
    trim(&site, replicas[0].path()).await;
    eprintln!("trimmed:\n{}", told(&server).await);
    for replica in &mut replicas {
        let folder = site.file(replica.path());
        eprintln!("{} on disk: {} bytes", replica.path(), bytes_in(&folder));
        replica.terminate().await;
    }
}

/// Takes a snapshot, and trims off what is in it.
async fn trim(site: &Site, path: &str) {
    let words = ["log", "snapshot", "--format", "json", "--path", path];
    let before = site.run(&words).await.with_code(0).json()["through"].to_string();
    site.run(&["log", "archive", "--before", &before, "old.jsonl", "--path", path]).await.with_code(0);
    let words = ["log", "trim", "--before", &before, "--archive", "old.jsonl", "--yes", "--path", path];
    site.run(&words).await.with_code(0);
}

/// A line for each stream.
async fn told(server: &NatsServer) -> String {
    let line = |(stream, messages, bytes): (String, u64, u64)| {
        format!("{stream}: {messages} messages, {bytes} bytes, {} a call", bytes / u64::from(CALLS))
    };
    streams(server).await.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn streams(server: &NatsServer) -> Vec<(String, u64, u64)> {
    let url = format!("{}/jsz?streams=true&accounts=true", server.monitor_url());
    let text = reqwest::get(url).await.expect("it answers").text().await.expect("a text");
    let told: Value = serde_json::from_str(&text).expect("it is JSON");
    let streams = told["account_details"][0]["stream_detail"].as_array().cloned().unwrap_or_default();
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let row = |stream: &Value| {
        let name = stream["name"].as_str().unwrap_or_default().to_owned();
        (name, number(&stream["state"]["messages"]), number(&stream["state"]["bytes"]))
    };
    streams.iter().map(row).collect()
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("the folder is there").flatten();
    let sizes = entries.map(|entry| {
        let about = entry.metadata().expect("it is there");
        if about.is_dir() { bytes_in(&entry.path()) } else { about.len() }
    });
    sizes.sum()
}
