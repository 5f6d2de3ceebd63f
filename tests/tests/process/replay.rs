//! `calltrail replay` in its other ways: a rebuild, a look at the past, and what another configuration would decide.

use std::fs;
use std::time::Duration;

use calltrail_domain::ids::PhoneNumber;
use calltrail_domain::record::{AircallEvent, Record, RecordBody};
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{EventLog as _, NewRecord};
use calltrail_simulator::aircall::{CallScript, LINES};
use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;

use super::program::command_in;
use super::site::{ACCOUNT, Site};

/// Calls that ring and never end: so many records to fold, and nothing to decide.
const RINGING: u32 = 300;
/// Moments at which a rebuild, or the process that rebuilds, is killed.
const KILLED_AFTER_MS: [u64; 3] = [0, 100, 400];

async fn json(site: &Site, words: &[&str], code: i32) -> Value {
    site.run(&[words, &["--format", "json"]].concat()).await.with_code(code).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_gives_the_same_state_and_front_sees_nothing_of_it() {
    let (site, up, _) = Site::with_calls(4).await;
    let before = (site.records().await, site.ledger().requests.len());
    for _ in 0..2 {
        let rebuilt = json(&site, &["replay", "--rebuild"], 0).await;
        assert_eq!(
            (&rebuilt["same"], &rebuilt["before"]),
            (&Value::from(true), &rebuilt["after"]),
            "{rebuilt:#}"
        );
        assert_eq!(site.verified().await["live_hash"], rebuilt["after"]);
    }
    site.quiet().await;
    assert_eq!((site.records().await, site.ledger().requests.len()), before);
    let running = json(&site, &["replay", "--rebuild"], 0).await;
    up.terminated().await.with_code(0);
    assert_eq!(json(&site, &["replay", "--rebuild"], 0).await, running, "at rest as beside the process");
    fs::remove_dir_all(site.file("data/projection")).unwrap();
    let text = site.run(&["replay", "--rebuild"]).await.with_code(0).stdout;
    assert!(
        text.contains("could not be read") && text.contains(running["after"].as_str().unwrap()),
        "{text}"
    );
    site.verified().await;
}

/// A log of many records, written before anything runs.
async fn site_with_a_long_log() -> Site {
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    fs::create_dir(site.file("data")).expect("the folder is writable");
    let log = Embedded::open(&site.file("data/log.redb"), &Options::default()).expect("a new log opens");
    let records: Vec<_> = (1..=RINGING).map(ringing).collect();
    for group in records.chunks(100) {
        log.append(group.to_vec()).await.expect("the log takes records");
    }
    log.close().await;
    site
}

fn ringing(call: u32) -> NewRecord {
    let script = CallScript::inbound(i64::from(call), LINES[0], "+44 7700 900123", 1_767_600_000);
    let body = script.events()[0].body.to_string();
    let number = Some(PhoneNumber::from_e164("+447700900123"));
    let body = RecordBody::AircallEvent(AircallEvent { number, body });
    let record = Record { received_at: calltrail::engine::now(), body };
    NewRecord {
        account: ACCOUNT.to_owned(),
        kind: record.body.kind().to_owned(),
        body: record.encode().into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_killed_at_any_moment_leaves_the_live_store_whole() {
    let site = site_with_a_long_log().await;
    let mut up = site.up();
    up.ready().await;
    let before = site.verified().await;
    for after_ms in KILLED_AFTER_MS {
        // The command is killed: the process goes on as it was.
        let mut command = command_in(site.folder(), &["replay", "--rebuild"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        command.kill().await.unwrap();
        assert_eq!(site.verified().await, before, "command killed after {after_ms} ms");
        // The process is killed.
        let mut command = command_in(site.folder(), &["replay", "--rebuild"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        up.killed().await;
        command.wait().await.unwrap();
        // At rest the command does the work by itself.
        let mut command = command_in(site.folder(), &["replay", "--rebuild"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        command.kill().await.unwrap();
        assert_eq!(site.verified().await, before, "killed after {after_ms} ms");
        up = site.up();
        up.ready().await;
        assert!(!up.said().contains("set aside"), "the store was not whole: {}", up.said());
        assert!(!site.file("data/projection.rebuild").exists(), "the start removes what is left");
        assert_eq!(site.verified().await, before, "started after {after_ms} ms");
    }
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_shown_at_a_record_and_at_a_time_running_or_not() {
    let (site, up, _) = Site::with_calls(4).await;
    let mut up = Some(up);
    let records = site.records().await;
    let last = records.last().unwrap();
    let logged = |past: &Value| -> u64 {
        past["accounts"][ACCOUNT]["logged"].as_object().unwrap().values().filter_map(Value::as_u64).sum()
    };
    let first_webhook = records.iter().find(|record| record["kind"] == "aircall.event").unwrap();
    let early = first_webhook["sequence"].to_string();
    let end = last["sequence"].to_string();
    let call = first_call(&site).await;
    let mut answers = Vec::new();
    for state in ["running", "at rest"] {
        let now = json(&site, &["replay", "--until", &end, "--of", &call], 0).await;
        assert_eq!((logged(&now), &now["until"]), (4, &last["sequence"]), "{state}: {now:#}");
        assert_eq!(now["state_hash"], site.verified().await["live_hash"], "{state}");
        let party = &now["parties"][0];
        let conversation = party["conversation"].as_str().unwrap();
        assert!(site.ledger().conversations.iter().any(|row| row.id.as_str() == conversation), "{party:#}");
        assert!(
            party["calls"].as_array().unwrap().iter().any(|row| row["call"].as_u64() == call.parse().ok())
        );
        let then = json(&site, &["replay", "--until", &early, "--party", &call], 0).await;
        assert_eq!((logged(&then), then["parties"].as_array().unwrap().len()), (0, 0), "{state}: {then:#}");
        let text = site.run(&["replay", "--until", &early, "--of", &call]).await.with_code(0).stdout;
        assert!(text.contains("nothing was known then"), "{text}");
        let tomorrow = json(&site, &["replay", "--until", "2100-01-01T00:00:00Z"], 0).await;
        let before = json(&site, &["replay", "--until", "2000-01-01T00:00:00Z"], 0).await;
        assert_eq!((&tomorrow["until"], &before["until"]), (&last["sequence"], &Value::from(0)), "{state}");
        answers.push((now, then, tomorrow));
        if let Some(up) = up.take() {
            up.terminated().await.with_code(0);
        }
    }
    assert_eq!(answers[0], answers[1]);
}

async fn first_call(site: &Site) -> String {
    let decided = site.run(&["log", "tail", "--kind", "effects.decided", "--format", "json"]).await;
    let text = decided.with_code(0).stdout;
    let call = text.split("\"call\":").nth(1).expect("a decision names its call");
    call.chars().take_while(char::is_ascii_digit).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_configuration_is_compared_with_what_was_decided() {
    let (site, up, _) = Site::with_calls(4).await;
    let records = site.records().await;
    let same = json(&site, &["replay", "--diff"], 0).await;
    assert_eq!(
        (&same["same"], &same["decisions"]),
        (&Value::from(true), &same["same_decisions"]),
        "{same:#}"
    );
    let configuration = fs::read_to_string(site.file("calltrail.toml")).unwrap();
    let other = configuration
        .replace("[account.timing]", "[account.calls]\nsubject = \"{line}: {type}\"\n[account.timing]");
    fs::write(site.file("calltrail.toml"), other).unwrap();
    let differs = json(&site, &["replay", "--diff"], 1).await;
    assert!(differs["subject"].as_u64() > Some(0), "{differs:#}");
    let text = site.run(&["replay", "--diff"]).await.with_code(1).stdout;
    assert!(
        text.contains("with another subject") && text.contains("party ") && text.contains(" -> "),
        "{text}"
    );
    json(&site, &["replay", "--diff", "--recorded-policy"], 0).await;
    assert_eq!(site.records().await, records, "nothing is written");
    up.terminated().await.with_code(0);
    let at_rest = json(&site, &["replay", "--diff"], 1).await;
    assert_eq!(at_rest, differs);
}
