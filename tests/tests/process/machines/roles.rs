//! Roles as processes on a real nats-server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use calltrail::engine::STOP_MAX;
use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;

use super::super::aircall::bodies_of;
use super::super::limits::{LOOK_EVERY, QUIET_MAX};
use super::super::metrics::{Scraped, check_documented};
use super::super::program::run_in;
use super::super::site::Site;
use super::super::up::Up;
use super::replica::{on_jetstream, status};

const CALLS: u32 = 6;

/// A site whose log is on this server.
async fn site_on(url: &str, more: &str) -> Site {
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[url.to_owned()], &format!("[log.jetstream]\nurl = \"{{urls}}\"\n{more}"));
    site
}

fn start(site: &Site, role: &str, path: &str) -> Up {
    Up::start_with(site.folder(), &[role, "--path", path], &[])
}

/// A reader of an Aircall that it has no reason yet to ask.
fn start_reader(site: &Site, path: &str) -> Up {
    let aircall = [
        ("CALLTRAIL__ACCOUNT__0__AIRCALL__BASE_URL", "http://127.0.0.1:9"),
        ("CALLTRAIL__ACCOUNT__0__AIRCALL__API_ID", "api-id"),
        ("CALLTRAIL__ACCOUNT__0__AIRCALL__API_TOKEN", "api-token"),
    ];
    Up::start_with(site.folder(), &["reader", "--path", path], &aircall)
}

async fn deliver(address: SocketAddr, body: &str) -> u16 {
    let url = format!("http://{address}/webhooks/acme/aircall");
    let sent = reqwest::Client::new().post(url).body(body.to_owned()).send().await;
    sent.expect("the receiver answers").status().as_u16()
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
    let roles = [("projector", "p"), ("front-writer", "w1"), ("front-writer", "w2"), ("ingest", "i")];
    let mut ups: Vec<_> = roles.map(|(role, path)| start(&site, role, path)).into();
    ups.push(start_reader(&site, "r"));
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
    for (path, role) in [("p", "projector"), ("w1", "front-writer"), ("i", "ingest"), ("r", "reader")] {
        assert_eq!(status(&site, path).await["process"]["role"], role);
    }
    let verify = ["replay", "--verify", "--format", "json"];
    let live = site.run(&[&verify[..], &["--path", "p"]].concat()).await.with_code(0).json();
    let none = site.run(&[&verify[..], &["--path", "w1"]].concat()).await.with_code(1);
    assert!(none.stderr.contains("ask one that runs `calltrail projector`"), "{}", none.stderr);

    let rebuild = ["replay", "--rebuild", "--format", "json", "--path", "p"];
    let records = status(&site, "p").await["records"].clone();
    for _ in 0..2 {
        let rebuilt = site.run(&rebuild).await.with_code(0).json();
        assert_eq!((&rebuilt["before"], &rebuilt["after"]), (&live["live_hash"], &live["live_hash"]));
    }
    let past =
        site.run(&["replay", "--until", "999999", "--format", "json", "--path", "p"]).await.with_code(0);
    assert_eq!(past.json()["state_hash"], live["live_hash"]);
    site.run(&["replay", "--diff", "--path", "p"]).await.with_code(0);
    assert_eq!(status(&site, "p").await["records"], records, "a replay appended something");
    let none = site.run(&["replay", "--rebuild", "--path", "w1"]).await.with_code(1);
    assert!(none.stderr.contains("ask one that runs `calltrail projector`"), "{}", none.stderr);

    for up in ups {
        let ended = up.terminated().await.with_code(0);
        assert!(!ended.stderr.contains("\"level\":\"ERROR\""), "{}", ended.stderr);
    }
    let at_rest = site.run(&[&verify[..], &["--path", "p"]].concat()).await.with_code(0).json();
    assert_eq!(at_rest["live_hash"], live["live_hash"]);
    let rebuilt = site.run(&rebuild).await.with_code(0).json();
    assert_eq!((&rebuilt["before"], &rebuilt["after"]), (&live["live_hash"], &live["live_hash"]));
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
async fn everything_in_one_process_takes_webhooks_while_jetstream_is_away() {
    let mut server = NatsServer::start();
    let site = site_on(&server.url(), "").await;
    start(&site, "up", "data").is_up().await;
    server.kill();
    let [webhooks_at] = free_addresses();
    let listen = webhooks_at.to_string();
    let up = Up::start_with(site.folder(), &["up", "--path", "data", "--listen", &listen], &[]);
    let history = random_history(6, CALLS, 2);
    answered(webhooks_at, "").await;
    for body in bodies_of(&history) {
        assert_eq!(deliver(webhooks_at, body).await, 200);
    }
    // A stop before it was up is as orderly as any other, and what it took is there afterwards.
    let stopped = up.terminated().await.with_code(0);
    assert!(!stopped.stderr.contains("\"level\":\"ERROR\""), "{}", stopped.stderr);
    let mut up = start(&site, "up", "data");
    server.start_again();
    up.is_up().await;
    quiet(&site, "data", bodies_of(&history).count() as u64).await;
    up.terminated().await.with_code(0);
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
        let tries = || up.said().lines().filter(|line| line.contains("the log is out of reach")).count();
        let started = Instant::now();
        while tries() == 0 {
            assert!(started.elapsed() < QUIET_MAX, "{role} does not say so:\n{}", up.said());
            tokio::time::sleep(LOOK_EVERY).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(tries() <= 4, "{} tries in some 2 s:\n{}", tries(), up.said());
        up.terminated().await.with_code(0);
    }
    // It goes on when the server is back.
    let mut up = start(&site, "projector", "projector");
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.start_again();
    up.is_up().await;
    up.terminated().await.with_code(0);
}

/// A claim lasts longer here than the test: what is not handed back is not taken up.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_told_to_stop_hands_back_what_it_holds() {
    let server = NatsServer::start();
    let site = site_on(&server.url(), "").await;
    let file = site.file("calltrail.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("path = \"data\"\n", "ack_wait_seconds = 1000\n")).unwrap();
    site.front().front(|front| {
        let mut faults = front.faults().clone();
        (faults.slow_permille, faults.slow_ms) = (1_000, 700);
        front.set_faults(faults);
    });
    let mut ups = [("projector", "p"), ("front-writer", "w1"), ("ingest", "i")]
        .map(|(role, path)| start(&site, role, path));
    for up in &mut ups {
        up.is_up().await;
    }
    let webhooks_at = ups[2].ready().await;
    let history = random_history(5, CALLS, 1);
    for body in bodies_of(&history) {
        assert_eq!(deliver(webhooks_at, body).await, 200);
    }
    let started = Instant::now();
    while site.front().front(|front| front.requests_seen()) < 3 {
        assert!(started.elapsed() < QUIET_MAX, "the writer sends nothing");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let [projector, first, ingest] = ups;
    first.terminated().await.with_code(0);
    let mut second = start(&site, "front-writer", "w2");
    second.is_up().await;
    quiet(&site, "p", bodies_of(&history).count() as u64).await;
    for up in [projector, second, ingest] {
        up.terminated().await.with_code(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_taken_without_the_log_and_reach_it_later() {
    let mut server = NatsServer::start();
    let site = site_on(&server.url(), "").await;
    server.kill();
    let history = random_history(4, CALLS, 2);
    let bodies: Vec<_> = bodies_of(&history).collect();
    let (before, after) = bodies.split_at(bodies.len() / 2);
    for (part, more) in [(before, 0), (after, before.len())] {
        let mut ingest = start(&site, "ingest", "i");
        let webhooks_at = ingest.ready().await;
        assert_eq!(answered(ingest.operator_at(), "health/ready").await.0, 200);
        for body in part {
            assert_eq!(deliver(webhooks_at, body).await, 200);
        }
        let spool = status(&site, "i").await["process"]["spool"].clone();
        assert_eq!((&spool["records"], &spool["accepting"]), (&(more + part.len()).into(), &true.into()));
        Scraped::of(ingest.operator_at()).await.check("spool_records", &(more + part.len()).into());
        ingest.killed().await;
    }
    let mut ingest = start(&site, "ingest", "i");
    ingest.is_up().await;
    server.start_again();
    let mut projector = start(&site, "projector", "p");
    projector.is_up().await;
    let mut writer = start(&site, "front-writer", "w");
    writer.is_up().await;
    quiet(&site, "p", bodies.len() as u64).await;
    let scraped = Scraped::of(ingest.operator_at()).await;
    scraped.check("spool_records", &0.into());
    scraped.check("spool_forwarded_total", &bodies.len().into());
    let tail = site.run(&["log", "tail", "--path", "x", "--kind", "aircall.event"]).await.with_code(0);
    assert_eq!(tail.stdout.lines().count(), bodies.len());
    for up in [ingest, projector, writer] {
        up.terminated().await.with_code(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_goes_away_shows_in_health_and_holds_up_no_stop() {
    let mut server = NatsServer::start();
    let site = site_on(&server.url(), "").await;
    let mut ups = [("up", "u"), ("projector", "p"), ("front-writer", "w"), ("ingest", "i")]
        .map(|(role, path)| (role, start(&site, role, path)));
    for (_, up) in &mut ups {
        up.is_up().await;
    }
    server.kill();
    for (role, up) in &ups {
        let expect =
            if *role == "ingest" { (200, "ready\n") } else { (503, "connection to the log is lost") };
        until_answered(up.operator_at(), expect).await;
        let scraped = Scraped::of(up.operator_at()).await;
        scraped.check("log_connected", &0.into());
        assert!(scraped.samples["log_disconnected_seconds"] > 0.0);
    }
    server.start_again();
    for (role, up) in &ups {
        until_answered(up.operator_at(), (200, "ready\n")).await;
        if *role != "ingest" {
            Scraped::of(up.operator_at()).await.check("log_reconnects_total", &1.into());
        }
    }
    server.kill();
    for (role, up) in ups {
        until_answered(up.operator_at(), if role == "ingest" { (200, "ready") } else { (503, "lost") }).await;
        let told = Instant::now();
        up.terminated().await.with_code(0);
        assert!(told.elapsed() < STOP_MAX, "{role} took {:?} to end", told.elapsed());
    }
}

async fn until_answered(operator_at: SocketAddr, expect: (u16, &str)) {
    let started = Instant::now();
    loop {
        let found = answered(operator_at, "health/ready").await;
        if found.0 == expect.0 && found.1.contains(expect.1) {
            return;
        }
        assert!(started.elapsed() < QUIET_MAX, "{found:?} is not {expect:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_is_none_is_told_and_not_tried_again() {
    let server = NatsServer::start();
    let site = site_on(&server.url(), "nkey_seed = { env = \"FRONT_API_TOKEN\" }\n").await;
    for words in [&["projector"][..], &["streams", "apply"]] {
        let ran = site.run(words).await.with_code(1);
        assert!(ran.stderr.contains("no nkey of a user"), "{}", ran.stderr);
    }
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
    // One that was enlarged will do, so that whatever waits for this command starts; one that is too small will not.
    for (gib, code, declared) in [(1, 0, "1073741824"), (9, 1, "9663676416")] {
        let text = text.replace("log_gib_max = 1", &format!("log_gib_max = {gib}"));
        std::fs::write(&file, &text).unwrap();
        let differs = site.run(&["streams", "apply"]).await.with_code(code);
        let expect = format!("stream CALLS: differs (max_bytes is 8589934592, declared is {declared})");
        assert!(differs.stdout.contains(&expect), "{}", differs.stdout);
        check_found(&examined(&site, "streams").await, "problem", "max_bytes");
    }

    std::fs::write(&file, text.replace("monitor_urls", "# monitor_urls")).unwrap();
    check_found(&examined(&site, "nats sync").await, "warning", "not known");
    server.kill();
    check_found(&examined(&site, "nats").await, "problem", "no NATS server");
    check_found(&examined(&site, "streams").await, "skipped", "not known");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_that_is_configured_otherwise_than_is_recorded_is_told() {
    let server = NatsServer::start();
    let site = site_on(&server.url(), "").await;
    let differs = "policy_differs{account=\"acme\"}";
    let mut first = start(&site, "projector", "data");
    first.is_up().await;
    Scraped::of(first.operator_at()).await.check(differs, &0.into());
    check_found(&examined(&site, "policy").await, "ok", "what is recorded");
    let locale = [("CALLTRAIL__ACCOUNT__0__LOCALE", "fr")];
    let mut second = Up::start_with(site.folder(), &["projector", "--path", "other"], &locale);
    second.is_up().await;
    Scraped::of(second.operator_at()).await.check(differs, &0.into());
    let started = Instant::now();
    while Scraped::of(first.operator_at()).await.samples[differs] < 1.0 {
        assert!(started.elapsed() < QUIET_MAX, "the first one does not tell");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    check_found(&examined(&site, "policy").await, "problem", "another one decides for acme");
    let text = site.run(&["status"]).await.with_code(0).stdout;
    assert!(text.contains("another one decides"), "{text}");
    for up in [first, second] {
        up.terminated().await.with_code(0);
    }
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
    assert!(stranger.stderr.contains("does not know this process's key"), "{}", stranger.stderr);
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
        let shown = ended.stderr.contains("ermissions violation") || ended.stderr.contains("\"SU");
        assert!(!shown, "refused, or a seed is shown: {}", ended.stderr);
    }
    run_in(site.folder(), &["log", "tail", "--path", "x"], &operator).await.with_code(0);
}

/// Status and text; asked again until somebody listens.
pub(in super::super) async fn answered(address: SocketAddr, path: &str) -> (u16, String) {
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
pub(in super::super) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners: [_; N] =
        std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    listeners.map(|listener| listener.local_addr().expect("an address"))
}
