//! A log that moves from a file to NATS and back, as the operators' page says: killed half-way, with erased records, and
//! while webhooks keep coming.

use std::fs;
use std::path::Path;
use std::time::Duration;

use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{EventLog as _, NewRecord};
use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;

use super::aircall::{Aircall, bodies_of};
use super::machines::replica::{Balancer, Replica, on_jetstream, quiet};
use super::oracle::Oracle;
use super::parts::parts_of;
use super::program::command_in;
use super::site::{ACCOUNT, Site};

const CALLS: u32 = 24;
const PARTIES: u32 = 8;
const LOG: &str = "[log.jetstream]\nurl = \"{urls}\"\nlog_gib_max = 1\nmanage = false\n";
/// Records of a log that takes a while to import.
const MANY: usize = 12_000;
/// When an import is killed, after its start.
const KILLED_AFTER: [Duration; 5] = [
    Duration::from_millis(60),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(500),
    Duration::from_millis(800),
];

/// A folder with a log in a file that has erased records at its beginning, in between and at its end.
async fn log_of_many(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    let log = Embedded::open(&folder.join("log.redb"), &Options::default()).expect("a new log");
    let numbers: Vec<_> = (1..=MANY).collect();
    for group in numbers.chunks(1_000) {
        let record = |number: &usize| {
            let body = format!(
                r#"{{"v":1, "kind":"call.summarised","received_at":1,"data":{{"n":{number},"x":"é{}"}}}}"#,
                "x".repeat(number % 400)
            );
            NewRecord { account: ACCOUNT.to_owned(), kind: "call.summarised".to_owned(), body: body.into() }
        };
        log.append(group.iter().map(record).collect()).await.expect("records are appended");
    }
    let erased =
        (1..=3).chain((4..MANY as u64).step_by(97)).chain(2_000..2_100).chain(MANY as u64 - 1..=MANY as u64);
    log.erase(&erased.collect::<Vec<_>>()).await.expect("records are erased");
    log.close().await;
}

async fn export(site: &Site, path: &str, to: &str) -> Vec<u8> {
    site.run(&["log", "export", to, "--path", path]).await.with_code(0);
    fs::read(site.file(to)).expect("the export is there")
}

/// Imports after the import was killed again and again.
async fn import_killed(site: &Site, file: &str, path: &str) {
    for life in KILLED_AFTER {
        let mut import = command_in(site.folder(), &["log", "import", file, "--path", path]);
        let mut import = import.spawn().expect("the program runs");
        tokio::time::sleep(life).await;
        import.kill().await.expect("it is killed, or has ended");
        if is_done(site, path) {
            break;
        }
    }
    if !is_done(site, path) {
        let ran = site.run(&["log", "import", file, "--path", path]).await;
        // One that was killed when it was all but over has ended.
        assert!(ran.code == Some(0) || ran.stderr.contains("holds records"), "{}", ran.stderr);
    }
}

fn is_done(site: &Site, path: &str) -> bool {
    site.file(path).join("log.redb").exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_the_same_after_it_went_to_nats_and_back() {
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    let server = NatsServer::start();
    log_of_many(&site.file("one")).await;
    let embedded = fs::read_to_string(site.file("calltrail.toml")).expect("the site has a configuration");
    let one = export(&site, "one", "one.jsonl.gz").await;

    on_jetstream(&site, &[server.url()], LOG);
    import_killed(&site, "one.jsonl.gz", "elsewhere").await;
    let two = export(&site, "elsewhere", "two.jsonl.gz").await;
    assert!(one == two, "the log on NATS is another");
    let again = site.run(&["log", "import", "one.jsonl.gz", "--path", "elsewhere"]).await.with_code(1);
    assert!(again.stderr.contains("holds records"), "{}", again.stderr);

    fs::write(site.file("calltrail.toml"), embedded).expect("the configuration is written");
    import_killed(&site, "two.jsonl.gz", "three").await;
    let three = export(&site, "three", "three.jsonl.gz").await;
    assert!(one == three, "the log in the file is another");
    let again = site.run(&["log", "import", "one.jsonl.gz", "--path", "three"]).await.with_code(1);
    assert!(again.stderr.contains("log.redb is there"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_export_is_refused_before_anything_is_made() {
    let (site, up, _) = Site::with_calls(2).await;
    let whole = export(&site, "data", "log.jsonl").await;
    assert_eq!(whole, export(&site, "data", "again.jsonl").await, "two exports of one log");
    up.terminated().await.with_code(0);
    fs::write(site.file("cut.jsonl"), &whole[..whole.len() - 20]).expect("a file");
    let refused = site.run(&["log", "import", "cut.jsonl", "--path", "new"]).await.with_code(1);
    assert!(refused.stderr.contains("it is cut after record"), "{}", refused.stderr);
    assert!(!site.file("new").exists(), "nothing is made");
    site.run(&["log", "import", "log.jsonl", "--path", "new"]).await.with_code(0);
    let shown = site.run(&["log", "export", "-", "--path", "new"]).await.with_code(0).stdout;
    assert_eq!(shown.as_bytes(), whole);
}

/// From one machine to many, and back: work is under way when it is killed, and calls come all the while.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_loses_no_call_and_shows_none_twice() {
    let site = Site::new(3, RepeatAnswer::AcceptedAndResolves).await;
    let server = NatsServer::start();
    let embedded = fs::read_to_string(site.file("calltrail.toml")).expect("the site has a configuration");
    let history = random_history(3, CALLS, PARTIES);
    let (oracle, parts) = (Oracle::of(bodies_of(&history)), parts_of(bodies_of(&history), 4));
    let mut up = site.up();
    let aircall = Aircall::posting_to(up.ready().await);
    for body in &parts[0].webhooks {
        aircall.deliver(body).await;
    }
    // Some of it is in Front, some is on its way, some is not decided.
    site.imported(2).await;

    // 1: webhooks come to an ingest, which keeps them. 2: the old process ends.
    on_jetstream(&site, &[server.url()], LOG);
    let mut ingest = Replica::start(site.folder(), "ingest", 1);
    let balancer = Balancer::new();
    balancer.add(ingest.up().ready().await);
    for body in &parts[1].webhooks {
        balancer.deliver(ACCOUNT, body).await;
    }
    up.killed().await;
    let nats = fs::read_to_string(site.file("calltrail.toml")).expect("the site has a configuration");
    fs::write(site.file("calltrail.toml"), &embedded).expect("the configuration is written");
    export(&site, "data", "log.jsonl.gz").await;
    fs::write(site.file("calltrail.toml"), &nats).expect("the configuration is written");
    site.run(&["log", "import", "log.jsonl.gz", "--path", "elsewhere"]).await.with_code(0);
    site.run(&["streams", "apply"]).await.with_code(0);
    let mut roles =
        [("projector", 1), ("front-writer", 1)].map(|(role, n)| Replica::start(site.folder(), role, n));
    for replica in &mut roles {
        replica.up().is_up().await;
    }
    for body in &parts[2].webhooks {
        balancer.deliver(ACCOUNT, body).await;
    }
    let path = roles[0].path().to_owned();
    let path = path.as_str();
    quiet(&site, path, parts[0].calls + parts[1].calls + parts[2].calls).await;

    // Back: the spool is empty when the ingest has ended.
    ingest.terminate().await;
    roles[1].terminate().await;
    quiet(&site, path, parts[0].calls + parts[1].calls + parts[2].calls).await;
    let words = ["replay", "--verify", "--format", "json", "--path", path];
    let on_nats = site.run(&words).await.with_code(0).json();
    roles[0].terminate().await;
    export(&site, "elsewhere", "back.jsonl.gz").await;
    fs::write(site.file("calltrail.toml"), &embedded).expect("the configuration is written");
    fs::rename(site.file("data"), site.file("old")).expect("the old folder is put away");
    site.run(&["log", "import", "back.jsonl.gz"]).await.with_code(0);
    fs::rename(site.file(path).join("projection"), site.file("data/projection")).expect("a projection");
    let in_a_file = site.verified().await;
    assert_eq!(in_a_file["live_hash"], on_nats["live_hash"], "the state is another");
    let mut up = site.up();
    let aircall = Aircall::posting_to(up.ready().await);
    for body in &parts[3].webhooks {
        aircall.deliver(body).await;
    }
    site.imported(oracle.activities()).await;
    site.quiet().await;
    oracle.check_activities(&site.ledger());
    let ledger = site.ledger();
    for conversation in &ledger.conversations {
        let mut comments: Vec<_> = conversation.comments.iter().map(|comment| &comment.body).collect();
        comments.sort();
        let count = comments.len();
        comments.dedup();
        assert_eq!(comments.len(), count, "a comment is there twice");
    }
    site.verified().await;
    up.terminated().await.with_code(0);
}
