//! What Front refused for good is listed, looked at, retried and given up: while the program runs, while nothing runs, and on NATS.

use std::fs;
use std::time::Instant;

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::{CallScript, LINES};
use calltrail_simulator::front::{RepeatAnswer, ScriptedAnswer};
use serde_json::{Value, json};

use super::aircall::Aircall;
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::machines::replica::{Balancer, Replica, on_jetstream, quiet, status};
use super::site::{ACCOUNT, Site};

const CALLER: &str = "+447700900123";
/// 2026-01-05 09:00 UTC.
const BEGAN_S: i64 = 1_767_603_600;
const LOG: &str = "[log.jetstream]\nurl = \"{urls}\"\nlog_gib_max = 1\n";

/// The webhooks of a missed call.
fn missed(id: i64) -> Vec<String> {
    let call = CallScript::inbound(id, LINES[0], CALLER, BEGAN_S + id * 3_600);
    call.events().into_iter().map(|event| event.body.to_string()).collect()
}

/// Front refuses every import, or none.
fn refuse(site: &Site, yes: bool) {
    site.front().front(|front| {
        front.clear_script();
        if yes {
            front.script(ScriptedAnswer {
                method: Some("POST".to_owned()),
                path_ends: Some("/imported_messages".to_owned()),
                status: 405,
                json: Some(
                    json!({ "_error": { "status": 405, "title": "Not Allowed", "message": "no calls" } }),
                ),
                ..ScriptedAnswer::default()
            });
        }
    });
}

async fn list(site: &Site, words: &[&str]) -> Value {
    let words = [&["dead-letters", "list", "--format", "json"], words].concat();
    site.run(&words).await.with_code(0).json()
}

fn effects(letters: &Value) -> Vec<&str> {
    let letters = letters.as_array().expect("a list").iter();
    letters.map(|letter| letter["effect"].as_str().expect("a key")).collect()
}

fn in_front(site: &Site) -> usize {
    site.ledger().messages().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_calls_are_listed_retried_and_given_up() {
    let site = Site::new(3, RepeatAnswer::AcceptedAndResolves).await;
    let mut up = site.up();
    let aircall = Aircall::posting_to(up.ready().await);
    refuse(&site, true);
    for call in 1..=4 {
        for webhook in missed(call) {
            aircall.deliver(&webhook).await;
        }
    }
    site.quiet().await;
    assert_eq!(effects(&list(&site, &[]).await), ["1:call", "2:call", "3:call", "4:call"]);
    let text = site.run(&["dead-letters", "list"]).await.with_code(0).stdout;
    assert!(
        text.contains("1:call") && text.contains("405 no calls") && text.contains("4 dead letters"),
        "{text}"
    );
    assert!(!text.contains("7700900123"), "{text}");
    let shown = site.run(&["dead-letters", "show", "2:call"]).await.with_code(0).stdout;
    assert!(shown.contains("POST /inboxes/") && shown.contains("Missed call - Support line"), "{shown}");
    let said = site.run(&["status"]).await.with_code(0).stdout;
    assert!(said.contains("4 effects, for good; `calltrail dead-letters list`"), "{said}");

    // Front still refuses: the letter comes again.
    site.run(&["dead-letters", "retry", "1:call"]).await.with_code(0);
    site.quiet().await;
    assert_eq!(effects(&list(&site, &["--reason", "NO CALLS"]).await).len(), 4);

    refuse(&site, false);
    let retried = site.run(&["dead-letters", "retry", "1:call", "2:call"]).await.with_code(0).stdout;
    assert!(retried.contains("is sent again"), "{retried}");
    site.quiet().await;
    assert_eq!((effects(&list(&site, &[]).await), in_front(&site)), (vec!["3:call", "4:call"], 2));
    let plan = site.run(&["dead-letters", "drop", "3:call"]).await.with_code(0).stdout;
    assert!(plan.contains("run it again with --yes"), "{plan}");
    assert_eq!(effects(&list(&site, &[]).await).len(), 2, "nothing was given up");
    site.run(&["dead-letters", "drop", "3:call", "--yes"]).await.with_code(0);
    let trail = site.run(&["trail", "3"]).await.with_code(0).stdout;
    assert!(
        trail.contains("an operator asked to retry 1:call") && trail.contains("to drop 3:call"),
        "{trail}"
    );

    // While nothing runs.
    up.terminated().await.with_code(0);
    assert_eq!(effects(&list(&site, &["--of", CALLER]).await), ["4:call"]);
    site.run(&["dead-letters", "retry", "--all"]).await.with_code(0);
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    assert_eq!((effects(&list(&site, &[]).await).len(), in_front(&site)), (0, 3));
    assert_eq!(site.status().await["accounts"][ACCOUNT]["rejected"], 0);
    let none = site.run(&["dead-letters", "list"]).await.with_code(0).stdout;
    assert_eq!(none, "Front has refused nothing that is still open.\n");

    // Whoever folds the log from its first record has the same state, and Front hears nothing of it.
    up.killed().await;
    fs::remove_dir_all(site.file("data/projection")).expect("it is removed");
    let mut up = site.up();
    up.ready().await;
    site.quiet().await;
    site.verified().await;
    assert_eq!(in_front(&site), 3);
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letter_that_is_not_there_is_refused_with_its_reason() {
    let (site, up, _) = Site::with_calls(3).await;
    let records = site.records().await;
    for (words, expect) in [
        (&["show", "1:call"][..], "1:call is not refused"),
        (&["retry", "1:call"], "`calltrail dead-letters list` shows what is"),
        (&["retry"], "say which"),
        (&["drop", "--yes"], "say which"),
        (&["retry", "--all", "--reason", "no"], "--all goes with no other choice"),
        (&["list", "--of", "+447700900999"], "nothing is known of this number"),
        (&["list", "--account", "nobody"], "there is no such account"),
    ] {
        let said = site.run(&[&["dead-letters"], words].concat()).await.with_code(1).stderr;
        assert!(said.contains(expect), "{words:?}: {said}");
    }
    let said = site.run(&["dead-letters", "show", "call"]).await.with_code(2).stderr;
    assert!(said.contains("it reads like 812:duration"), "{said}");
    assert_eq!(site.records().await, records);
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_call_is_retried_on_nats() {
    let server = NatsServer::start();
    let site = Site::new(5, RepeatAnswer::AcceptedAndResolves).await;
    on_jetstream(&site, &[server.url()], LOG);
    let mut replicas = [("projector", 1), ("front-writer", 1), ("ingest", 1)]
        .map(|(role, number)| Replica::start(site.folder(), role, number));
    for replica in &mut replicas {
        replica.up().is_up().await;
    }
    let balancer = Balancer::new();
    balancer.add(replicas[2].up().ready().await);
    refuse(&site, true);
    for webhook in missed(1) {
        balancer.deliver(ACCOUNT, &webhook).await;
    }
    let path = replicas[0].path().to_owned();
    let started = Instant::now();
    while status(&site, &path).await["accounts"][ACCOUNT]["rejected"] != 1 {
        assert!(started.elapsed() < QUIET_MAX, "the call is not refused");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let letters = list(&site, &["--path", &path]).await;
    assert_eq!(
        (effects(&letters), letters[0]["refused_at"].is_string()),
        (vec!["1:call"], true),
        "{letters:#}"
    );
    refuse(&site, false);
    site.run(&["dead-letters", "retry", "1:call", "--path", &path]).await.with_code(0);
    quiet(&site, &path, 1).await;
    assert_eq!((effects(&list(&site, &["--path", &path]).await).len(), in_front(&site)), (0, 1));
    for replica in &mut replicas {
        replica.terminate().await;
    }
}
