//! A log that is trimmed: a rebuild gives the same state from its snapshot, the archive proves it, and nothing is trimmed that is
//! in neither.

use std::fs;
use std::time::Duration;

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::{Step, random_history};
use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;

use super::aircall::{Aircall, bodies_of};
use super::machines::replica::{Balancer, Replica, on_jetstream, quiet};
use super::program::command_in;
use super::site::{ACCOUNT, Site};
use super::up::Up;

const CALLS: u32 = 16;
const PARTIES: u32 = 4;
const LOG: &str = "[log.jetstream]\nurl = \"{urls}\"\nlog_gib_max = 1\n";
/// When a snapshot is killed, after its start.
const KILLED_AFTER: [Duration; 5] = [
    Duration::from_millis(30),
    Duration::from_millis(60),
    Duration::from_millis(90),
    Duration::from_millis(130),
    Duration::from_millis(180),
];

async fn json(site: &Site, words: &[&str]) -> Value {
    let words = [words, &["--format", "json"]].concat();
    site.run(&words).await.with_code(0).json()
}

async fn log_of(site: &Site, path: &str) -> String {
    site.run(&["log", "export", "-", "--path", path]).await.with_code(0).stdout
}

/// The sequence with which the log begins.
async fn first(site: &Site) -> u64 {
    let log = log_of(site, "data").await;
    let first: Value = serde_json::from_str(log.lines().next().expect("a header")).expect("JSON");
    first["first"]["sequence"].as_u64().expect("a first record")
}

/// A site whose first half of calls is archived in `old.jsonl.gz` and trimmed off.
async fn trimmed() -> (Site, Up, Vec<Step>, u64) {
    let (site, up, steps) = Site::with_calls(CALLS).await;
    let hash = json(&site, &["replay", "--verify"]).await["live_hash"].clone();
    let taken = json(&site, &["log", "snapshot"]).await;
    assert_eq!(taken["state_hash"], hash, "{taken}");
    let before = taken["through"].as_u64().expect("a record") / 2;
    let words = before.to_string();
    site.run(&["log", "archive", "--before", &words, "old.jsonl.gz"]).await.with_code(0);
    let trim = ["log", "trim", "--before", &words, "--archive", "old.jsonl.gz"];
    let planned = site.run(&trim).await.with_code(0);
    assert!(planned.stdout.contains("run it again with --yes"), "{}", planned.stdout);
    assert_eq!(first(&site).await, 1, "a plan trims nothing");
    let done = json(&site, &[&trim[..], &["--yes"]].concat()).await;
    assert_eq!(done["done"], true, "{done}");
    assert_eq!(first(&site).await, before);
    (site, up, steps, before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_from_the_snapshot_gives_the_same_state() {
    let (site, mut up, steps, before) = trimmed().await;
    let replay = site.verified().await;
    assert!(replay["began_at"].as_u64() >= Some(before), "{replay}");
    let archived = json(&site, &["replay", "--verify", "--archive", "old.jsonl.gz"]).await;
    assert_eq!((&archived["same"], &archived["began_at"]), (&Value::Bool(true), &Value::from(0)));
    let rebuilt = json(&site, &["replay", "--rebuild"]).await;
    assert_eq!(rebuilt["same"], true, "{rebuilt}");

    // Late webhooks about old calls, and repeated ones, mean what they would have meant.
    let messages = site.ledger().messages().len();
    let aircall = Aircall::posting_to(up.ready().await);
    for body in bodies_of(&steps) {
        aircall.deliver(body).await;
    }
    site.quiet().await;
    assert_eq!(site.ledger().messages().len(), messages, "nothing comes twice");
    site.verified().await;
    let said = up.terminated().await.with_code(0).stderr;
    assert!(!said.contains("set aside"), "a trimmed log is taken for another one:\n{said}");

    // A projector with an empty disk, and one whose disk is a copy from before.
    fs::remove_dir_all(site.file("data/projection")).expect("it is removed");
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    site.verified().await;
    assert_eq!(site.ledger().messages().len(), messages, "nothing comes twice");
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_what_was_trimmed_off_begins_with_the_snapshot() {
    let said = begun_with_the_snapshot(false).await;
    assert!(!said.contains("opened at an earlier commit"), "a copy lacks no commit:\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_what_was_trimmed_off_begins_with_the_snapshot() {
    let said = begun_with_the_snapshot(true).await;
    assert!(said.contains("opened at an earlier commit"), "{said}");
}

/// What the start says of a store from before what was trimmed off: a copy, or one that lost its later commits.
async fn begun_with_the_snapshot(lost: bool) -> String {
    let (site, up, steps) = Site::with_calls(CALLS / 2).await;
    up.terminated().await.with_code(0);
    fs::rename(site.file("data/projection"), site.file("projection-before")).expect("it is moved");
    let mut up = site.up();
    let aircall = Aircall::posting_to(up.ready().await);
    for body in bodies_of(&random_history(2, CALLS, PARTIES)) {
        aircall.deliver(body).await;
    }
    site.quiet().await;
    let taken = json(&site, &["log", "snapshot"]).await;
    let before = taken["through"].to_string();
    site.run(&["log", "archive", "--before", &before, "old.jsonl"]).await.with_code(0);
    site.run(&["log", "trim", "--before", &before, "--archive", "old.jsonl", "--yes"]).await.with_code(0);
    up.terminated().await.with_code(0);
    let noted = fs::read(site.file("data/projection/committed")).expect("the last commit is noted");
    fs::remove_dir_all(site.file("data/projection")).expect("it is removed");
    fs::rename(site.file("projection-before"), site.file("data/projection")).expect("it is moved");
    if lost {
        fs::write(site.file("data/projection/committed"), noted).expect("what was noted stays");
    }
    let messages = site.ledger().messages().len();
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    site.verified().await;
    assert_eq!(site.ledger().messages().len(), messages, "{} steps before", steps.len());
    let said = up.terminated().await.with_code(0).stderr;
    assert!(said.contains("trimmed off the log"), "{said}");
    // At rest it is judged by what is noted of the store that was filled from the snapshot.
    site.verified().await;
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_trimmed_that_is_not_kept() {
    let (site, up, _) = Site::with_calls(CALLS).await;
    let refused = |ran: super::program::Ran, why: &str| {
        let said = ran.with_code(1).stderr;
        assert!(said.contains(why), "{said}");
    };
    let trim = |archive: &'static str| ["log", "trim", "--before", "30", "--archive", archive, "--yes"];
    site.run(&["log", "archive", "--before", "30", "old.jsonl"]).await.with_code(0);
    refused(site.run(&trim("old.jsonl")).await, "calltrail log snapshot");
    site.run(&["log", "snapshot"]).await.with_code(0);
    site.run(&["log", "archive", "--before", "29", "short.jsonl"]).await.with_code(0);
    refused(site.run(&trim("short.jsonl")).await, "record 29 is not in the archive");
    let whole = fs::read_to_string(site.file("old.jsonl")).expect("it is there");
    fs::write(site.file("cut.jsonl"), &whole[..whole.len() - 10]).expect("it is written");
    refused(site.run(&trim("cut.jsonl")).await, "it is cut");
    fs::write(site.file("other.jsonl"), whole.replacen("call.ended", "call.ENDED", 1))
        .expect("it is written");
    refused(site.run(&trim("other.jsonl")).await, "another one in the archive");
    refused(site.run(&trim("none.jsonl")).await, "none.jsonl");
    refused(
        site.run(&["log", "trim", "--before", "999999", "--archive", "old.jsonl", "--yes"]).await,
        "is not in the archive",
    );
    site.run(&["log", "trim", "--before", "yesterday", "--archive", "old.jsonl"]).await.with_code(2);
    assert_eq!(first(&site).await, 1, "nothing was trimmed");
    site.run(&trim("old.jsonl")).await.with_code(0);
    assert_eq!(first(&site).await, 30);
    let past = site.run(&["replay", "--until", "12"]).await;
    refused(past, "--archive");
    let past = json(&site, &["replay", "--until", "12", "--archive", "old.jsonl"]).await;
    assert_eq!(past["until"], 12, "{past}");
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_snapshot_means_nothing_and_goes_with_the_next() {
    let (site, up, _) = Site::with_calls(CALLS).await;
    up.terminated().await.with_code(0);
    for life in KILLED_AFTER {
        let mut snapshot = command_in(site.folder(), &["log", "snapshot"]).spawn().expect("the program runs");
        tokio::time::sleep(life).await;
        snapshot.kill().await.expect("it is killed, or has ended");
    }
    let taken = json(&site, &["log", "snapshot"]).await;
    let log = log_of(&site, "data").await;
    let parts = log.lines().filter(|line| line.contains(r#""kind":"state.snapshot""#)).count();
    assert_eq!(Some(parts as u64), taken["parts"].as_u64(), "one snapshot is in the log: {taken}");
    let before = taken["through"].to_string();
    site.run(&["log", "archive", "--before", &before, "old.jsonl"]).await.with_code(0);
    site.run(&["log", "trim", "--before", &before, "--archive", "old.jsonl", "--yes"]).await.with_code(0);
    fs::remove_dir_all(site.file("data/projection")).expect("it is removed");
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    site.verified().await;
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_erased_from_the_snapshot_and_the_archive() {
    let (site, up, steps, _) = trimmed().await;
    let webhook: Value = serde_json::from_str(bodies_of(&steps).next().expect("a webhook")).expect("JSON");
    let number = webhook["data"]["raw_digits"].as_str().expect("a number").to_owned();
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    assert!(log_of(&site, "data").await.contains(&digits), "the snapshot has it");
    let archived = || async { log_of_archive(&site).await };
    assert!(archived().await.contains(&digits), "the archive has it");
    let done = json(&site, &["erase", &number, "--yes", "--archive", "old.jsonl.gz"]).await[0].clone();
    assert!(done["archived"].as_u64() > Some(0), "{done}");
    assert!(!log_of(&site, "data").await.contains(&digits), "the number is in the log");
    assert!(!archived().await.contains(&digits), "the number is in the archive");
    site.quiet().await;
    site.verified().await;
    up.terminated().await.with_code(0);
    fs::remove_dir_all(site.file("data/projection")).expect("it is removed");
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    site.verified().await;
    up.terminated().await.with_code(0);
}

/// What the archive holds, as text.
async fn log_of_archive(site: &Site) -> String {
    let path = site.file("old.jsonl.gz");
    let unpacked =
        tokio::process::Command::new("gzip").arg("-dc").arg(path).output().await.expect("gzip runs");
    String::from_utf8(unpacked.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_on_nats_is_trimmed_under_running_roles() {
    let server = NatsServer::start();
    let site = Site::new(5, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[server.url()], LOG);
    let mut replicas = [("projector", 1), ("projector", 2), ("front-writer", 1), ("ingest", 1)]
        .map(|(role, number)| Replica::start(site.folder(), role, number));
    for replica in &mut replicas {
        replica.up().is_up().await;
    }
    let balancer = Balancer::new();
    balancer.add(replicas[3].up().ready().await);
    for webhook in bodies_of(&random_history(5, CALLS, PARTIES)) {
        balancer.deliver(ACCOUNT, webhook).await;
    }
    let [one, two] = [0, 1].map(|place| replicas[place].path().to_owned());
    quiet(&site, &one, CALLS as usize).await;
    let taken = json(&site, &["log", "snapshot", "--path", &one]).await;
    let before = taken["through"].to_string();
    site.run(&["log", "archive", "--before", &before, "old.jsonl.gz", "--path", &one]).await.with_code(0);
    let trim = ["log", "trim", "--before", &before, "--archive", "old.jsonl.gz", "--yes", "--path", &one];
    site.run(&trim).await.with_code(0);
    for path in [&one, &two] {
        quiet(&site, path, CALLS as usize).await;
        let words = ["replay", "--verify", "--path", path];
        assert_eq!(json(&site, &words).await["same"], true, "{path}");
        let words = ["replay", "--verify", "--archive", "old.jsonl.gz", "--path", path];
        assert_eq!(json(&site, &words).await["same"], true, "{path}");
    }
    // One begins anew.
    let said = replicas[1].terminate().await;
    assert!(!said.contains("set aside"), "a trimmed log is taken for another one:\n{said}");
    fs::remove_dir_all(site.file(&two).join("projection")).expect("it is removed");
    replicas[1] = Replica::start(site.folder(), "projector", 2);
    replicas[1].up().is_up().await;
    quiet(&site, &two, CALLS as usize).await;
    assert_eq!(json(&site, &["replay", "--verify", "--path", &two]).await["same"], true);
    for replica in &mut replicas {
        replica.terminate().await;
    }
}
