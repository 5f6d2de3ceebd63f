//! Calls that were left out are decided again on purpose, plan first: while the program runs, while nothing runs, and on NATS.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;

use super::aircall::{Aircall, bodies_of};
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::machines::replica::{Balancer, Replica, on_jetstream, quiet, status};
use super::program::{Ran, command_in};
use super::site::{ACCOUNT, Site};

const CALLS: u32 = 10;
const PARTIES: u32 = 3;
const LEAVE_OUT: &str = "[account.calls]\nskip_lines = [41065, 41026, 41078, 41117]\n";
const LOG: &str = "[log.jetstream]\nurl = \"{urls}\"\nlog_gib_max = 1\n";
/// Calls of any time.
const ALL: [&str; 5] = ["reconsider", "--from", "2000-01-01", "--to", "2100-01-01"];
/// When a command is killed, after its start.
const KILLED_AFTER_MS: [u64; 6] = [20, 40, 60, 90, 130, 200];

fn webhooks(seed: u64) -> Vec<String> {
    bodies_of(&random_history(seed, CALLS, PARTIES)).map(ToOwned::to_owned).collect()
}

/// The configuration leaves out every line, or none.
fn leave_out(site: &Site, yes: bool) {
    let file = site.file("calltrail.toml");
    let text = fs::read_to_string(&file).expect("the site has a configuration").replace(LEAVE_OUT, "");
    let timing = "[account.timing]\n";
    let text = if yes { text.replace(timing, &format!("{LEAVE_OUT}{timing}")) } else { text };
    fs::write(&file, text).expect("it is written anew");
}

async fn reconsider(site: &Site, words: &[&str]) -> Ran {
    site.run(&[&ALL[..], words].concat()).await
}

async fn left_out(site: &Site, path: &str) -> u64 {
    let status = status(site, path).await;
    let reasons = status["accounts"][ACCOUNT]["left_out"].as_object().into_iter().flatten();
    reasons.filter_map(|(_, count)| count.as_u64()).sum()
}

/// The calls of a plan, and how many of them would be logged.
fn planned(plan: &Value) -> (usize, usize) {
    let parties = plan["accounts"][0]["parties"].as_array().expect("parties");
    let calls: Vec<_> = parties.iter().flat_map(|party| party["calls"].as_array().expect("calls")).collect();
    (calls.len(), calls.iter().filter(|call| call["becomes"] == "logged").count())
}

/// Every call is in Front, and nothing is there twice.
fn check_front(site: &Site) {
    let ledger = site.ledger();
    let ids: Vec<_> = ledger.messages().iter().map(|message| message.external_id.clone()).collect();
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "an activity is there twice: {ids:?}");
    assert_eq!(ids.iter().filter(|id| id.ends_with(":call")).count(), CALLS as usize, "{ids:?}");
}

/// A site whose calls were all left out, and a process that still runs under those rules.
async fn site_that_left_all_out() -> (Site, super::up::Up) {
    let site = Site::new(3, RepeatAnswer::AcceptedAndResolves).await;
    leave_out(&site, true);
    let mut up = site.up();
    let aircall = Aircall::posting_to(up.ready().await);
    for webhook in webhooks(3) {
        aircall.deliver(&webhook).await;
    }
    site.quiet().await;
    assert_eq!((left_out(&site, "data").await, site.ledger().messages().len()), (u64::from(CALLS), 0));
    (site, up)
}

#[tokio::test(flavor = "multi_thread")]
async fn left_out_calls_appear_once_after_a_change_of_rules() {
    let (site, up) = site_that_left_all_out().await;
    let records = site.records().await;
    let same = reconsider(&site, &["--apply"]).await.with_code(0).stdout;
    assert!(same.contains("nothing to decide again; 10 calls stay left out"), "{same}");

    // The configuration has changed, and the running process has not seen it.
    leave_out(&site, false);
    let text = reconsider(&site, &[]).await.with_code(0).stdout;
    assert!(text.contains("other rules") && text.contains("run it again with --apply"), "{text}");
    let refused = reconsider(&site, &["--apply"]).await.with_code(1).stderr;
    assert!(refused.contains("start calltrail with this configuration"), "{refused}");
    assert_eq!(site.records().await, records, "nothing is written");

    // A plan at rest and beside the process is the same, and writes nothing.
    up.terminated().await.with_code(0);
    let at_rest = reconsider(&site, &["--format", "json"]).await.with_code(0).json();
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    let records = site.records().await;
    let running = reconsider(&site, &["--format", "json"]).await.with_code(0).json();
    assert_eq!((planned(&running), planned(&at_rest)), ((10, 10), (10, 10)), "{running:#}");
    assert_eq!(running["accounts"][0]["parties"], at_rest["accounts"][0]["parties"]);
    assert_eq!(running["accounts"][0]["other_rules"], false);
    assert_eq!((site.records().await, site.ledger().messages().len()), (records, 0));

    let call = running["accounts"][0]["parties"][0]["calls"][0]["call"].to_string();
    let one = site.run(&["reconsider", "--call", &call, "--apply"]).await.with_code(0).stdout;
    assert!(one.contains("1 calls go to Front"), "{one}");
    let all = reconsider(&site, &["--apply"]).await.with_code(0).stdout;
    assert!(all.contains("9 calls go to Front"), "{all}");
    site.quiet().await;
    check_front(&site);
    assert_eq!(left_out(&site, "data").await, 0);
    site.verified().await;

    let records = site.records().await;
    for words in [&["--apply"][..], &[]] {
        let again = reconsider(&site, words).await.with_code(0).stdout;
        assert!(again.contains("nothing to decide again"), "{again}");
    }
    let named = site.run(&["reconsider", "--call", &call, "--apply"]).await.with_code(0).stdout;
    assert!(named.contains("is logged: it is not left out"), "{named}");
    assert_eq!(site.records().await, records, "nothing is written");
    let trail = site.run(&["trail", &call]).await.with_code(0).stdout;
    assert!(trail.contains(&format!("an operator asked to decide call {call} again")), "{trail}");

    // Whoever folds the log from its first record has the same state, and Front hears nothing of it.
    up.killed().await;
    fs::remove_dir_all(site.file("data/projection")).expect("it is removed");
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    site.verified().await;
    check_front(&site);
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_reconsideration_is_run_again() {
    let (site, up) = site_that_left_all_out().await;
    up.terminated().await.with_code(0);
    leave_out(&site, false);
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    let words = [&ALL[..], &["--apply"]].concat();
    for after_ms in KILLED_AFTER_MS {
        let mut command = command_in(site.folder(), &words).spawn().expect("the program runs");
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        command.kill().await.expect("it is killed, or has ended");
    }
    // The process is killed while it is asked, and between a plan and its application.
    reconsider(&site, &[]).await.with_code(0);
    let mut command = command_in(site.folder(), &words).spawn().expect("the program runs");
    tokio::time::sleep(Duration::from_millis(KILLED_AFTER_MS[2])).await;
    up.killed().await;
    command.wait().await.expect("it ends");
    reconsider(&site, &["--apply"]).await.with_code(0);
    let mut up = site.up();
    up.ready().await;
    reconsider(&site, &["--apply"]).await.with_code(0);
    site.quiet().await;
    check_front(&site);
    site.verified().await;
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_with_its_reason() {
    let (site, up) = site_that_left_all_out().await;
    let records = site.records().await;
    for (words, expect) in [
        (&["--from", "1d", "--to", "2d"][..], "give an earlier --from"),
        (&["--of", "+447700900999"], "nothing is known of this number"),
        (&["--call", "987654321"], "the log does not know call 987654321"),
        (&["--from", "1d", "--account", "nobody"], "there is no such account"),
    ] {
        let said = site.run(&[&["reconsider"], words].concat()).await.with_code(1).stderr;
        assert!(said.contains(expect), "{words:?}: {said}");
    }
    assert_eq!(site.records().await, records);
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn left_out_calls_are_decided_again_on_nats() {
    let server = NatsServer::start();
    let site = Site::new(5, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[server.url()], LOG);
    leave_out(&site, true);
    let mut replicas = [("projector", 1), ("front-writer", 1), ("ingest", 1)]
        .map(|(role, number)| Replica::start(site.folder(), role, number));
    for replica in &mut replicas {
        replica.up().is_up().await;
    }
    let balancer = Balancer::new();
    balancer.add(replicas[2].up().ready().await);
    for webhook in webhooks(5) {
        balancer.deliver(ACCOUNT, &webhook).await;
    }
    let path = replicas[0].path().to_owned();
    let started = Instant::now();
    while left_out(&site, &path).await < u64::from(CALLS) {
        assert!(started.elapsed() < QUIET_MAX, "not all calls are left out");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    replicas[0].terminate().await;
    leave_out(&site, false);
    replicas[0].start_again(site.folder());
    replicas[0].up().is_up().await;
    let plan = reconsider(&site, &["--format", "json", "--path", &path]).await.with_code(0).json();
    assert_eq!(planned(&plan), (10, 10), "{plan:#}");
    reconsider(&site, &["--apply", "--path", &path]).await.with_code(0);
    quiet(&site, &path, CALLS as usize).await;
    check_front(&site);
    let again = reconsider(&site, &["--apply", "--path", &path]).await.with_code(0).stdout;
    assert!(again.contains("nothing to decide again"), "{again}");
    let verified = site.run(&["replay", "--verify", "--format", "json", "--path", &path]).await;
    assert_eq!(verified.with_code(0).json()["same"], true);
    for replica in &mut replicas {
        replica.terminate().await;
    }
}
