//! A person is erased while the program runs, while nothing runs, and on NATS; killed half-way; and nothing comes back.

use std::fs;
use std::time::{Duration, Instant};

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;

use super::aircall::{Aircall, bodies_of};
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::machines::replica::{Balancer, Replica, on_jetstream, quiet};
use super::program::command_in;
use super::site::{ACCOUNT, Site};

const CALLS: u32 = 16;
const PARTIES: u32 = 4;
const LOG: &str = "[log.jetstream]\nurl = \"{urls}\"\nlog_gib_max = 1\n";
/// When an erasure is killed, after its start.
const KILLED_AFTER: [Duration; 6] = [
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(60),
    Duration::from_millis(80),
    Duration::from_millis(120),
    Duration::from_millis(160),
];

/// Whom the first webhook of a history is about: the number, as it was dialled, and its digits.
fn somebody(webhooks: &[String]) -> (String, String) {
    let first: Value = serde_json::from_str(&webhooks[0]).expect("a webhook is JSON");
    let number = first["data"]["raw_digits"].as_str().expect("a number").to_owned();
    let digits = number.chars().filter(char::is_ascii_digit).collect();
    (number, digits)
}

fn of_somebody<'w>(webhooks: &'w [String], number: &str) -> Vec<&'w String> {
    let quoted = format!("{number:?}");
    webhooks.iter().filter(|webhook| webhook.contains(&quoted)).collect()
}

/// The same call, made again: with ids and times of its own.
fn another_call(webhooks: &[&String]) -> Vec<String> {
    let first: Value = serde_json::from_str(webhooks[0]).expect("a webhook is JSON");
    let id = first["data"]["id"].as_i64().expect("an id");
    let own = webhooks.iter().filter(|webhook| webhook.contains(&id.to_string()));
    own.map(|webhook| webhook.replace(&id.to_string(), &(id + 7_000_000).to_string())).collect()
}

/// Everything that the log holds, as text.
async fn log_of(site: &Site, path: &str) -> String {
    site.run(&["log", "export", "-", "--path", path]).await.with_code(0).stdout
}

async fn erased(site: &Site, number: &str, path: &str) -> Value {
    let words = ["erase", number, "--yes", "--format", "json", "--path", path];
    site.run(&words).await.with_code(0).json()[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_erased_under_a_running_program() {
    let (site, mut up, steps) = Site::with_calls(CALLS).await;
    let webhooks: Vec<_> = bodies_of(&steps).map(ToOwned::to_owned).collect();
    let (number, digits) = somebody(&webhooks);
    let own = of_somebody(&webhooks, &number);
    assert!(own.len() > 4 && own.len() < webhooks.len(), "of several callers");

    let plan = site.run(&["erase", &number]).await.with_code(0);
    assert!(
        plan.stdout.contains("run it again with --yes") && plan.stdout.contains("Front: conversations cnv_")
    );
    assert!(!plan.stdout.contains(&digits), "no number is shown");
    assert!(log_of(&site, "data").await.contains(&digits), "a plan erases nothing");

    let done = erased(&site, &number, "data").await;
    assert_eq!(done["done"], true);
    assert!(done["records"]["aircall.event"].as_u64() >= Some(own.len() as u64), "{done}");
    let log = log_of(&site, "data").await;
    assert!(!log.contains(&digits), "the number is in the log");
    assert!(log.contains("party.erased"));
    site.quiet().await;
    site.verified().await;

    // Aircall repeats what it sent before.
    let requests = site.ledger().messages().len();
    let aircall = Aircall::posting_to(up.ready().await);
    for webhook in &own {
        aircall.deliver(webhook).await;
    }
    site.quiet().await;
    assert_eq!(site.ledger().messages().len(), requests, "nothing comes back");
    site.verified().await;
    let again = erased(&site, &number, "data").await;
    assert_eq!(again["records"]["aircall.event"], own.len(), "what came since is erased too");
    assert!(!log_of(&site, "data").await.contains(&digits));

    // A later call is a call like any other.
    for webhook in another_call(&own) {
        aircall.deliver(&webhook).await;
    }
    site.quiet().await;
    assert!(site.ledger().messages().len() > requests, "a new call is logged");
    site.verified().await;
    let said = up.terminated().await.with_code(0).stderr;
    assert!(!said.contains("set aside"), "erased records are taken for another log:\n{said}");

    // The state is the same for whoever has never seen the erased records.
    fs::remove_dir_all(site.file("data/projection")).expect("it is removed");
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    site.verified().await;
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_erasure_goes_on_where_it_was() {
    let (site, up, steps) = Site::with_calls(CALLS).await;
    let webhooks: Vec<_> = bodies_of(&steps).map(ToOwned::to_owned).collect();
    let (number, digits) = somebody(&webhooks);
    up.terminated().await.with_code(0);
    for life in KILLED_AFTER {
        let words = ["erase", &number, "--yes", "--path", "data"];
        let mut erase = command_in(site.folder(), &words).spawn().expect("the program runs");
        tokio::time::sleep(life).await;
        erase.kill().await.expect("it is killed, or has ended");
    }
    erased(&site, &number, "data").await;
    assert!(!log_of(&site, "data").await.contains(&digits), "the number is in the log");
    let requests = site.ledger().messages().len();
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    site.verified().await;
    assert_eq!(site.ledger().messages().len(), requests);
    let said = up.terminated().await.with_code(0).stderr;
    assert!(!said.contains("set aside"), "erased records are taken for another log:\n{said}");
    let nothing = erased(&site, &number, "data").await;
    assert_eq!(nothing["records"], serde_json::json!({}), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_erased_while_something_is_under_way() {
    let site = Site::new(2, RepeatAnswer::AcceptedAndResolves).await;
    let webhooks: Vec<_> = bodies_of(&random_history(2, 2, 1)).map(ToOwned::to_owned).collect();
    let (number, digits) = somebody(&webhooks);
    site.front().front(|front| {
        front.set_faults(calltrail_simulator::front::Faults { down: true, ..Default::default() })
    });
    let mut up = site.up();
    let aircall = Aircall::posting_to(up.ready().await);
    for webhook in &webhooks {
        aircall.deliver(webhook).await;
    }
    let started = Instant::now();
    loop {
        let refused = site.run(&["erase", &number, "--yes"]).await.with_code(1);
        assert!(!refused.stderr.contains(&digits), "{}", refused.stderr);
        if refused.stderr.contains("not over yet") {
            break;
        }
        assert!(started.elapsed() < QUIET_MAX, "{}", refused.stderr);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    assert!(log_of(&site, "data").await.contains(&digits), "nothing was erased");
    up.terminated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_erased_on_nats_under_running_roles() {
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
    let webhooks: Vec<_> = bodies_of(&random_history(5, CALLS, PARTIES)).map(ToOwned::to_owned).collect();
    let (number, digits) = somebody(&webhooks);
    for webhook in &webhooks {
        balancer.deliver(ACCOUNT, webhook).await;
    }
    let [one, two] = [0, 1].map(|place| replicas[place].path().to_owned());
    quiet(&site, &one, CALLS as usize).await;
    erased(&site, &number, &one).await;
    assert!(!log_of(&site, &one).await.contains(&digits), "the number is in the log");
    for path in [&one, &two] {
        quiet(&site, path, CALLS as usize).await;
        let words = ["replay", "--verify", "--format", "json", "--path", path];
        assert_eq!(site.run(&words).await.with_code(0).json()["same"], true, "{path}");
    }
    for replica in &mut replicas {
        let said = replica.terminate().await;
        assert!(!said.contains("set aside"), "erased records are taken for another log:\n{said}");
    }
}
