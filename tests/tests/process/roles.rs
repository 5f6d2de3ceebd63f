//! Roles as processes on a real nats-server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;

use super::aircall::bodies_of;
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::metrics::{Scraped, check_documented};
use super::program::run_in;
use super::site::Site;
use super::up::Up;

const CALLS: u32 = 6;

/// A site whose log is on this server.
async fn site_on(url: &str, more: &str) -> Site {
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    let file = site.file("calltrail.toml");
    let text = std::fs::read_to_string(&file).expect("the site has a configuration");
    let log = format!("backend = \"jetstream\"\n[log.jetstream]\nurl = \"{url}\"\n{more}[http]\n");
    std::fs::write(&file, text.replace("[http]\n", &log)).expect("it is written anew");
    site
}

fn start(site: &Site, role: &str, path: &str) -> Up {
    Up::start_with(site.folder(), &[role, "--path", path], &[])
}

async fn deliver(address: SocketAddr, body: &str) -> u16 {
    let url = format!("http://{address}/webhooks/acme/aircall");
    let sent = reqwest::Client::new().post(url).body(body.to_owned()).send().await;
    sent.expect("the receiver answers").status().as_u16()
}

async fn status(site: &Site, path: &str) -> Value {
    site.run(&["status", "--path", path, "--format", "json"]).await.with_code(0).json()
}

/// Returns when the log holds so many records, and all is folded and settled.
async fn quiet(site: &Site, path: &str, records: u64) {
    let started = Instant::now();
    loop {
        let status = status(site, path).await;
        let account = &status["accounts"]["acme"];
        let is_folded = status["folded"] == status["records"] && status["records"].as_u64() >= Some(records);
        if is_folded && account["waiting_calls"] == 0 && account["pending_effects"] == 0 {
            return;
        }
        assert!(started.elapsed() < QUIET_MAX, "there is no progress: {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_apart_do_what_one_process_does() {
    let server = NatsServer::start();
    let site = site_on(&server.url(), "").await;
    let mut ups = [("projector", "p"), ("front-writer", "w1"), ("front-writer", "w2"), ("ingest", "i")]
        .map(|(role, path)| start(&site, role, path));
    for up in &mut ups {
        up.is_up().await;
    }
    let webhooks_at = ups[3].ready().await;
    let history = random_history(1, CALLS, 2);
    for body in bodies_of(&history) {
        assert_eq!(deliver(webhooks_at, body).await, 200);
    }
    assert_eq!(deliver(webhooks_at, "{}").await, 400);
    quiet(&site, "p", bodies_of(&history).count() as u64).await;

    let logged = status(&site, "p").await["accounts"]["acme"]["logged"].clone();
    let logged = logged.as_object().expect("counts").values().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(logged, u64::from(CALLS));
    let ledger = site.ledger();
    let messages = ledger.messages();
    let distinct: std::collections::BTreeSet<_> = messages.iter().map(|m| &m.external_id).collect();
    assert_eq!(distinct.len(), messages.len(), "an activity is there twice");
    let settled = |path: &'static str| {
        let site = &site;
        async move { status(site, path).await["accounts"]["acme"]["live"]["outcomes"]["applied"].as_u64() }
    };
    let applied = settled("w1").await.unwrap_or(0) + settled("w2").await.unwrap_or(0);
    assert!(applied >= messages.len() as u64, "{applied} of {} were settled", messages.len());

    let mut scraped = Vec::new();
    for up in &ups {
        scraped.push(Scraped::of(up.operator_at()).await);
    }
    check_documented(&scraped);
    for (path, role) in [("p", "projector"), ("w1", "front-writer"), ("i", "ingest")] {
        assert_eq!(status(&site, path).await["process"]["role"], role);
    }
    let verify = ["replay", "--verify", "--format", "json"];
    let live = site.run(&[&verify[..], &["--path", "p"]].concat()).await.with_code(0).json();
    let none = site.run(&[&verify[..], &["--path", "w1"]].concat()).await.with_code(1);
    assert!(none.stderr.contains("ask one that runs `calltrail projector`"), "{}", none.stderr);

    for up in ups {
        let ended = up.terminated().await.with_code(0);
        assert!(!ended.stderr.contains("\"level\":\"ERROR\""), "{}", ended.stderr);
    }
    let at_rest = site.run(&[&verify[..], &["--path", "p"]].concat()).await.with_code(0).json();
    assert_eq!(at_rest["live_hash"], live["live_hash"]);
    let rests = status(&site, "elsewhere").await;
    assert_eq!(rests["running"], false);
    assert_eq!(rests["accounts"]["acme"]["pending_effects"], 0);
    let tail =
        site.run(&["log", "tail", "--path", "elsewhere", "--kind", "aircall.event"]).await.with_code(0);
    assert_eq!(tail.stdout.lines().count(), bodies_of(&history).count());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_one_process_may_use_jetstream_too() {
    let server = NatsServer::start();
    let site = site_on(&server.url(), "").await;
    let mut up = start(&site, "up", "data");
    let webhooks_at = up.ready().await;
    let history = random_history(2, CALLS, 2);
    for body in bodies_of(&history) {
        assert_eq!(deliver(webhooks_at, body).await, 200);
    }
    quiet(&site, "data", bodies_of(&history).count() as u64).await;
    up.terminated().await.with_code(0);
    site.verified().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_its_log_waits_says_so_and_ends_at_once_when_told() {
    let mut server = NatsServer::start();
    let site = site_on(&server.url(), "").await;
    server.kill();
    for role in ["projector", "front-writer"] {
        let [operator_at] = free_addresses();
        let at = operator_at.to_string();
        let up = Up::start_with(site.folder(), &[role, "--path", role, "--operator-listen", &at], &[]);
        let answer = answered(operator_at, "health/ready").await;
        assert_eq!(answer.0, 503, "{role}");
        assert!(answer.1.starts_with("not ready: the log is not open yet"), "{role}: {}", answer.1);
        assert_eq!(answered(operator_at, "health/live").await.0, 200);
        let scraped = Scraped::of(operator_at).await;
        scraped.check("ready", &0.into());
        scraped.check("log_connected", &0.into());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let said = up.said();
        let tries = said.lines().filter(|line| line.contains("the log is out of reach")).count();
        assert!((1..=4).contains(&tries), "{tries} tries in 2 s:\n{said}");
        let told = Instant::now();
        up.terminated().await.with_code(0);
        assert!(told.elapsed() < Duration::from_secs(2), "{role} took {:?} to end", told.elapsed());
    }
    // It goes on when the server is back.
    let mut up = start(&site, "projector", "projector");
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.start_again();
    up.is_up().await;
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_alone_needs_a_log_that_is_shared() {
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    for role in ["ingest", "projector", "front-writer"] {
        let ran = site.run(&[role]).await.with_code(1);
        let expect = format!("`calltrail {role}` needs a log that several processes share");
        assert!(ran.stderr.contains(&expect) && ran.stderr.contains("`calltrail up`"), "{}", ran.stderr);
    }
    let ran = site.run(&["streams", "apply"]).await.with_code(1);
    assert!(ran.stderr.contains("which has no streams"), "{}", ran.stderr);
}

/// What the doctor says of the servers.
async fn examined(site: &Site, check: &str) -> Vec<(String, String)> {
    let findings = site.run(&["doctor", "--format", "json"]).await.json();
    let findings = findings.as_array().expect("a list").iter().filter(|finding| finding["check"] == check);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings.map(|finding| (text(&finding["state"]), text(&finding["what"]))).collect()
}

#[track_caller]
fn check_found(found: &[(String, String)], state: &str, what: &str) {
    let is_it = |(found, told): &(String, String)| found == state && told.contains(what);
    assert!(found.iter().any(is_it), "no {state} with {what:?}: {found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_the_servers() {
    let mut server = NatsServer::start();
    let monitored = format!("monitor_urls = [\"{}\", \"http://127.0.0.1:9\"]\n", server.monitor_url());
    let site = site_on(&server.url(), &format!("{monitored}manage = false\n")).await;
    check_found(&examined(&site, "nats").await, "ok", "nats-server 2.");
    check_found(&examined(&site, "streams").await, "problem", "missing: stream CALLS, stream OUTBOX");
    check_found(&examined(&site, "nats copies").await, "warning", "no second copy");
    let sync = examined(&site, "nats sync").await;
    check_found(&sync, "ok", "syncs every write");
    check_found(&sync, "warning", "http://127.0.0.1:9 is not answered");

    let dry = site.run(&["streams", "apply", "--dry-run"]).await.with_code(0);
    assert!(dry.stdout.contains("stream CALLS: missing"), "{}", dry.stdout);
    let made = site.run(&["streams", "apply"]).await.with_code(0);
    assert!(made.stdout.contains("bucket fences: made") && made.stdout.contains("consumer acme_live: made"));
    check_found(&examined(&site, "streams").await, "ok", "as declared");
    let again = site.run(&["streams", "apply", "--format", "json"]).await.with_code(0).json();
    assert!(
        again.as_array().expect("a list").iter().all(|found| found["state"] == "as_declared"),
        "{again:#}"
    );

    let file = site.file("calltrail.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("manage = false", "log_gib_max = 1");
    std::fs::write(&file, &text).unwrap();
    let differs = site.run(&["streams", "apply"]).await.with_code(1);
    let expect = "stream CALLS: differs (max_bytes is 8589934592, declared is 1073741824)";
    assert!(differs.stdout.contains(expect), "{}", differs.stdout);
    check_found(&examined(&site, "streams").await, "problem", "max_bytes");

    std::fs::write(&file, text.replace("monitor_urls", "# monitor_urls")).unwrap();
    check_found(&examined(&site, "nats sync").await, "warning", "not known");
    server.kill();
    check_found(&examined(&site, "nats").await, "problem", "no NATS server");
    check_found(&examined(&site, "streams").await, "skipped", "not known");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_does_its_part_with_its_own_key() {
    let keys = tempfile::tempdir().unwrap();
    let folder = keys.path().to_str().expect("UTF-8");
    let in_keys = |words: &'static [&'static str]| run_in(keys.path(), words, &[]);
    in_keys(&["streams", "keys", "--out", "."]).await.with_code(0);
    let block = in_keys(&["streams", "permissions", "--keys", "."]).await.with_code(0).stdout;
    let server = NatsServer::with(&block);
    let site = site_on(&server.url(), "manage = false\n").await;
    let key = |role: &str| format!("{folder}/{role}.nk");
    let variable = "CALLTRAIL__LOG__JETSTREAM__NKEY_SEED__FILE";
    let stranger = site.run(&["streams", "apply"]).await.with_code(1);
    assert!(stranger.stderr.contains("no NATS server"), "{}", stranger.stderr);
    let operator = [(variable, key("operator"))];
    let operator = operator.each_ref().map(|(name, value)| (*name, value.as_str()));
    run_in(site.folder(), &["streams", "apply"], &operator).await.with_code(0);

    let roles = [("projector", "p"), ("front-writer", "w"), ("ingest", "i")];
    let mut ups = roles.map(|(role, path)| {
        Up::start_with(site.folder(), &[role, "--path", path], &[(variable, key(role).as_str())])
    });
    for up in &mut ups {
        up.is_up().await;
    }
    let webhooks_at = ups[2].ready().await;
    let history = random_history(3, 2, 2);
    for body in bodies_of(&history) {
        assert_eq!(deliver(webhooks_at, body).await, 200);
    }
    let started = Instant::now();
    loop {
        let ran = run_in(site.folder(), &["status", "--path", "p", "--format", "json"], &operator).await;
        let account = ran.with_code(0).json()["accounts"]["acme"].clone();
        let logged = account["logged"].as_object().expect("counts").values().filter_map(Value::as_u64);
        if logged.sum::<u64>() == 2 && account["pending_effects"] == 0 {
            break;
        }
        assert!(started.elapsed() < QUIET_MAX, "there is no progress: {account:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    for up in ups {
        let ended = up.terminated().await.with_code(0);
        assert!(!ended.stderr.contains("ermissions violation"), "{}", ended.stderr);
    }
    run_in(site.folder(), &["log", "tail", "--path", "x"], &operator).await.with_code(0);
}

/// Status and text; asked again until somebody listens.
async fn answered(address: SocketAddr, path: &str) -> (u16, String) {
    let started = Instant::now();
    loop {
        match reqwest::get(format!("http://{address}/{path}")).await {
            Ok(answer) => return (answer.status().as_u16(), answer.text().await.expect("a text")),
            Err(error) => assert!(started.elapsed() < QUIET_MAX, "{error}"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Where nobody listens yet.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners: [_; N] =
        std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    listeners.map(|listener| listener.local_addr().expect("an address"))
}
