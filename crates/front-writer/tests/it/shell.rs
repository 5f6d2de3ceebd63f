//! The shell over HTTP, with the embedded stores: what it performs is what the machine said.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes as Body;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::EffectKind;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{Class, EventLog, KeyValue, NewItem, Outbox};
use calltrail_front::Client;
use calltrail_front_writer::fence::{BUCKET, Fence};
use calltrail_front_writer::{Confirm, Counters, Rate, Settings, Timing, WriterOptions, run};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::world::{assign, import, item, word};

const PATIENCE: Duration = Duration::from_secs(30);

/// A Front of one conversation.
#[derive(Default)]
struct Fake {
    requests: Vec<String>,
    imports: Vec<Value>,
    assignee: Option<String>,
    /// So many imports are done and answered with 500.
    broken: usize,
}

type Shared = Arc<Mutex<Fake>>;

async fn answer(State(fake): State<Shared>, method: Method, uri: Uri, body: Body) -> Response {
    let mut fake = fake.lock().expect("the lock is whole");
    let path = uri.path().to_owned();
    fake.requests.push(format!("{method} {path}"));
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    let link = "https://example.api.frontapp.com/conversations/cnv_1";
    match (method.as_str(), path.as_str()) {
        ("GET", "/teammates") => {
            Json(json!({"_results": [{"id": "tea_1", "email": "iris@example.com"}]})).into_response()
        }
        ("POST", "/inboxes/inb_1/imported_messages") => {
            let known = fake.imports.iter().any(|one| one["external_id"] == parsed["external_id"]);
            if !known {
                fake.imports.push(parsed);
            }
            if fake.broken > 0 {
                fake.broken -= 1;
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            let uid = format!("u{}", fake.imports.len());
            let limit = [("x-ratelimit-limit", "120")];
            (StatusCode::ACCEPTED, limit, Json(json!({"status": "accepted", "message_uid": uid})))
                .into_response()
        }
        ("GET", path) if path.starts_with("/messages/") => {
            Json(json!({"id": "msg_1", "message_uid": "u1", "_links": {"related": {"conversation": link}}}))
                .into_response()
        }
        ("GET", "/conversations/cnv_1/messages") => {
            let shown = fake.imports.iter().map(|one| json!({"text": one["body"]})).collect::<Vec<_>>();
            Json(json!({"_results": shown})).into_response()
        }
        ("GET", "/conversations/cnv_1") => {
            let assignee = fake.assignee.as_ref().map(|id| json!({"id": id}));
            Json(json!({"id": "cnv_1", "status": "unassigned", "assignee": assignee})).into_response()
        }
        ("PUT", "/conversations/cnv_1/assignee") => {
            fake.assignee = parsed["assignee_id"].as_str().map(str::to_owned);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Everything that a writer needs, on loopback and in a folder of its own.
struct Bench {
    fake: Shared,
    base: String,
    stores: Embedded,
    counters: Arc<Counters>,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let fake = Shared::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("a bound port"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&fake));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().expect("a folder");
        let stores =
            Embedded::open(&folder.path().join("log.redb"), &Options::default()).expect("a new store");
        Self { fake, base, stores, counters: Arc::default(), _folder: folder }
    }

    async fn publish(&self, item: &WorkItem) {
        let body = serde_json::to_vec(item).expect("an item has a JSON form").into();
        let new = NewItem { account: "acme".to_owned(), class: Class::Live, id: item.message_id(), body };
        self.stores.publish(new).await.expect("the item is taken");
    }

    /// Writers of two processes until the log holds so many records.
    async fn run_until(&self, records: usize) -> Vec<Record> {
        let (stop, stopped) = watch::channel(false);
        let writers: Vec<_> = ["a", "b"].map(|name| tokio::spawn(self.writer(name, stopped.clone()))).into();
        let read = tokio::time::timeout(PATIENCE, async {
            loop {
                let logged = self.stores.read_after(0, 1_000).await.expect("the log is read");
                if logged.len() >= records {
                    return logged;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let logged = read.await.expect("the facts come");
        let idle = tokio::time::timeout(PATIENCE, async {
            while !self.stores.stats().await.expect("stats are read").outbox.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        idle.await.expect("the items are acknowledged");
        stop.send(true).expect("the writers listen");
        for writer in writers {
            writer.await.expect("a writer stops when told to");
        }
        logged.iter().map(|record| Record::decode(&record.body).expect("a record")).collect()
    }

    fn writer(&self, instance: &str, stopped: watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
        let settings = Settings {
            account: "acme".parse().expect("a good account id"),
            confirm: Confirm::Item,
            rate: Rate::Share(0.5),
            timing: Timing { attempt: Duration::from_secs(2), grace: Duration::from_secs(2) },
        };
        let client = Client::new(&self.base, SecretString::from("secret")).expect("a loopback client");
        let options = WriterOptions {
            settings,
            client,
            instance: instance.to_owned(),
            workers: 2,
            extend_every: Duration::from_secs(8),
            clock: Arc::new(clock),
            counters: Arc::clone(&self.counters),
        };
        let (log, outbox, store): (Arc<dyn EventLog>, Arc<dyn Outbox>, Arc<dyn KeyValue>) =
            (Arc::new(self.stores.clone()), Arc::new(self.stores.clone()), Arc::new(self.stores.clone()));
        run(options, log, outbox, store, stopped)
    }
}

fn outcomes(records: &[Record]) -> Vec<String> {
    let settled = |record: &Record| match &record.body {
        RecordBody::EffectSettled(fact) => Some(format!("{} {}", fact.key, word(&fact.outcome))),
        _ => None,
    };
    records.iter().filter_map(settled).collect()
}

#[tokio::test]
async fn a_call_goes_from_the_outbox_into_front_and_its_facts_into_the_log() {
    let bench = Bench::new().await;
    let effects =
        vec![import(7, EffectKind::Call), import(7, EffectKind::Duration), assign(7, "iris@example.com")];
    bench.publish(&item(None, effects)).await;
    let records = bench.run_until(3).await;
    let expect = ["7:call applied cnv_1", "7:duration applied cnv_1", "7:assign applied cnv_1"];
    assert_eq!(outcomes(&records), expect);
    let fence = bench.stores.get(BUCKET, "acme.p1").await.expect("the store answers").expect("a fence");
    let fence: Fence = serde_json::from_slice(&fence.value).expect("a fence is JSON");
    assert_eq!(fence.settled_through, 3);
    let fake = bench.fake.lock().expect("the lock is whole");
    assert_eq!((fake.imports.len(), fake.assignee.as_deref()), (2, Some("tea_1")));
    assert_eq!(fake.imports[1]["conversation_id"], "cnv_1");
    assert_eq!(bench.counters.requests_total(), fake.requests.len() as u64);
    assert!(bench.counters.outcomes().contains(&("applied", 3)));
}

#[tokio::test]
async fn an_import_answered_with_500_is_sent_again_and_is_there_once() {
    let bench = Bench::new().await;
    bench.fake.lock().expect("the lock is whole").broken = 1;
    bench.publish(&item(None, vec![import(7, EffectKind::Call)])).await;
    let records = bench.run_until(1).await;
    assert_eq!(outcomes(&records), ["7:call applied cnv_1"]);
    let fake = bench.fake.lock().expect("the lock is whole");
    let sent = fake.requests.iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!((sent, fake.imports.len()), (2, 1));
}

#[tokio::test]
async fn the_limit_that_front_reports_is_noted_for_all_replicas() {
    let bench = Bench::new().await;
    bench.publish(&item(None, vec![import(7, EffectKind::Call)])).await;
    bench.run_until(1).await;
    let budget = bench.stores.get("budget", "acme").await.expect("the store answers").expect("a budget");
    let budget: calltrail_front_writer::budget::Budget =
        serde_json::from_slice(&budget.value).expect("a budget is JSON");
    assert_eq!(budget.limit(Rate::Share(0.5)), 60);
}
