//! What is answered 200 is in the log.

use calltrail_domain::record::RecordBody;
use calltrail_ingest::{CountersNow, Reason};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::site::{EVENT, front_headers, gzip, site};

fn body_of(answer: &str) -> Value {
    serde_json::from_str(answer).expect("answers are JSON")
}

#[tokio::test]
async fn a_webhook_of_aircall_is_one_record_when_200_is_answered() {
    let (site, log) = site().await;
    let answer = site.post("/webhooks/acme/aircall", &[], EVENT).await;
    assert_eq!(answer.status, 200);
    let records = log.records().await;
    let [(logged, record)] = &records[..] else { panic!("one record, not {}", records.len()) };
    assert_eq!(body_of(&answer.body), json!({"status":"stored","sequence":logged.sequence}));
    assert_eq!((logged.account.as_str(), logged.kind.as_str()), ("acme", "aircall.event"));
    assert!(matches!(&record.body, RecordBody::AircallEvent(event) if !event.body.contains("good")));
}

#[tokio::test]
async fn a_webhook_of_front_is_one_record() {
    let (site, log) = site().await;
    let body = r#"{"type":"conversation_archived","payload":{}}"#;
    let answer = site.post("/webhooks/acme/front", &front_headers(body), body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let records = log.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].0.account.as_str(), records[0].0.kind.as_str()), ("acme", "front.event"));
}

#[tokio::test]
async fn the_challenge_of_front_is_echoed_and_not_stored() {
    let (site, log) = site().await;
    let body = r#"{"type":"sync","authorization":{"id":"cmp_1"}}"#;
    let mut headers = front_headers(body);
    headers.push(("x-front-challenge", "echo-me".to_owned()));
    let answer = site.post("/webhooks/acme/front", &headers, body).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"challenge":"echo-me"}"#));
    assert!(answer.head.contains("content-type: application/json"));
    assert!(log.is_empty().await);
    assert_eq!(site.counters("acme").challenges, 1);
}

#[tokio::test]
async fn webhook_address_may_end_in_a_slash() {
    let (site, log) = site().await;
    assert_eq!(site.post("/webhooks/acme/aircall/", &[], EVENT).await.status, 200);
    let body = r#"{"type":"conversation_archived","payload":{}}"#;
    assert_eq!(site.post("/webhooks/acme/front/", &front_headers(body), body).await.status, 200);
    assert_eq!(log.records().await.len(), 2);
}

#[tokio::test]
async fn packed_bodies_and_byte_order_marks_are_the_same_record() {
    let (site, log) = site().await;
    for (coding, body) in [
        ("gzip", gzip(EVENT.as_bytes())),
        ("GZIP", gzip(EVENT.as_bytes())),
        ("x-gzip", gzip(EVENT.as_bytes())),
        ("identity, gzip", gzip(EVENT.as_bytes())),
        ("gzip", [gzip(&EVENT.as_bytes()[..20]), gzip(&EVENT.as_bytes()[20..])].concat()),
        ("gzip", gzip(format!("\u{feff}{EVENT}").as_bytes())),
        ("identity", format!("\u{feff}{EVENT}").into_bytes()),
    ] {
        let headers = [("content-encoding", coding.to_owned())];
        let answer = site.post_bytes("/webhooks/acme/aircall", &headers, &body).await;
        assert_eq!(answer.status, 200, "{coding}: {}", answer.body);
    }
    let kept: Vec<_> = log.records().await.into_iter().map(|(_, record)| record.body).collect();
    assert_eq!(kept.len(), 7);
    assert!(kept.iter().all(|body| *body == kept[0]));
    let RecordBody::AircallEvent(event) = &kept[0] else { panic!("Aircall sent it") };
    assert_eq!(event.body, EVENT.replace(r#""good""#, r#""""#));
}

#[tokio::test]
async fn the_longest_body_is_stored_whatever_is_in_it() {
    let (site, log) = site().await;
    let frame = r#"{"event":"x","token":"good","pad":""}"#.len();
    let quotes = r#"\""#.repeat((calltrail_ingest::limits::BODY_BYTES_MAX - frame) / 2);
    let body = format!(r#"{{"event":"x","token":"good","pad":"{quotes}"}}"#);
    let answer = site.post("/webhooks/acme/aircall", &[], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(log.records().await.len(), 1);
}

#[tokio::test]
async fn webhooks_that_come_together_are_each_stored() {
    let (site, log) = site().await;
    let posts = (0..20).map(|_| site.post("/webhooks/acme/aircall", &[], EVENT));
    let answers = join_all(posts).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(log.records().await.len(), 20);
    assert_eq!(site.counters("acme").stored, 20);
}

#[tokio::test]
async fn the_counters_tell_what_became_of_every_request() {
    let (site, _log) = site().await;
    site.post("/webhooks/acme/aircall", &[], EVENT).await;
    site.post("/webhooks/acme/aircall", &[], &EVENT.replace("call.created", "user.opened.v2")).await;
    site.post("/webhooks/acme/aircall", &[], &EVENT.replace("\"data\"", "\"dates\"")).await;
    let odd = r#"{"event":"call.ended","token":"good","data":{"id":812,"answered_at":"soon"}}"#;
    site.post("/webhooks/acme/aircall", &[], odd).await;
    site.post("/webhooks/acme/aircall", &[], &EVENT.replace("good", "bad")).await;
    site.post("/webhooks/acme/front", &[], "{}").await;
    site.post("/webhooks/nobody/aircall", &[], EVENT).await;
    site.post("/elsewhere", &[], EVENT).await;
    let came_up = |counters: CountersNow| {
        let refused = counters.refused.into_iter().filter(|(_, count)| *count > 0).collect();
        serde_json::to_value(CountersNow { refused, ..counters }).unwrap()
    };
    assert_eq!(site.counters("acme").refused.len(), Reason::ALL.len(), "every counter is there from 0");
    let acme = came_up(site.counters("acme"));
    let expect = json!({"received":6,"stored":4,"stored_without_meaning":2,"unreadable_calls":1,"unreadable_times":1,"challenges":0,"refused":{"unauthenticated":2}});
    assert_eq!(acme, expect);
    let elsewhere = came_up(site.elsewhere());
    assert_eq!(elsewhere["refused"], json!({"not_found":1,"unknown_account":1}));
    assert_eq!(site.counters("plain").received, 0);
}
