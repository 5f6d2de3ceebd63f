//! A writer's surroundings over HTTP and with the embedded stores: a Front of one conversation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Json, Router};
use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::InboxId;
use calltrail_domain::policy::Locale;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{Class, EventLog, KeyValue, NewItem, Outbox};
use calltrail_front::Client;
use calltrail_front_writer::{Confirm, Counters, Inboxes, Rate, Settings, Timing, WriterOptions, run};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::world::word;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A Front of one conversation.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) requests: Vec<String>,
    pub(crate) imports: Vec<Value>,
    pub(crate) assignee: Option<String>,
    /// When the first request came.
    pub(crate) first_at: Option<Timestamp>,
    /// So many imports are done and answered with 500.
    pub(crate) broken: usize,
    /// So many imports are answered with 429.
    pub(crate) too_many: usize,
    /// When there is more of the rate again, in Unix seconds: until then nothing is left.
    pub(crate) reset_s: Option<i64>,
    /// Imports are answered with this, and nothing is done.
    pub(crate) refuses: Option<StatusCode>,
    /// Imports are answered once it opens.
    pub(crate) gate: Option<Arc<Gate>>,
}

/// Where an import waits for its answer.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) reached: Notify,
    pub(crate) open: Notify,
}

type Shared = Arc<Mutex<Fake>>;

async fn answer(State(fake): State<Shared>, method: Method, uri: Uri, body: Bytes) -> Response {
    let is_import = uri.path().ends_with("/imported_messages");
    let gate = fake.lock().expect("the lock is whole").gate.clone().filter(|_| is_import);
    if let Some(gate) = gate {
        gate.reached.notify_one();
        gate.open.notified().await;
    }
    let mut fake = fake.lock().expect("the lock is whole");
    fake.first_at.get_or_insert_with(clock);
    fake.requests.push(format!("{method} {}", uri.path()));
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    if is_import { fake.import(parsed) } else { fake.other(&method, uri.path(), &parsed) }
}

impl Fake {
    fn import(&mut self, import: Value) -> Response {
        if let Some(status) = self.refuses {
            let title = status.canonical_reason().unwrap_or_default();
            return (status, Json(json!({"_error": {"title": title}}))).into_response();
        }
        if self.too_many > 0 {
            self.too_many -= 1;
            let slow_down = Json(json!({"_error": {"status": 429, "title": "Too many requests"}}));
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], slow_down).into_response();
        }
        if !self.imports.iter().any(|one| one["external_id"] == import["external_id"]) {
            self.imports.push(import);
        }
        if self.broken > 0 {
            self.broken -= 1;
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let uid = format!("u{}", self.imports.len());
        let accepted = Json(json!({"status": "accepted", "message_uid": uid}));
        let mut headers = vec![("x-ratelimit-limit", "120".to_owned())];
        if let Some(reset_s) = self.reset_s {
            headers.push(("x-ratelimit-remaining", "0".to_owned()));
            headers.push(("x-ratelimit-reset", reset_s.to_string()));
        }
        (StatusCode::ACCEPTED, AppendHeaders(headers), accepted).into_response()
    }

    fn other(&mut self, method: &Method, path: &str, parsed: &Value) -> Response {
        let link = "https://example.api.frontapp.com/conversations/cnv_1";
        match (method.as_str(), path) {
            ("GET", "/teammates") => {
                Json(json!({"_results": [{"id": "tea_1", "email": "iris@example.com"}]})).into_response()
            }
            ("GET", path) if path.starts_with("/messages/") => {
                let related = json!({"related": {"conversation": link}});
                Json(json!({"id": "msg_1", "message_uid": "u1", "_links": related})).into_response()
            }
            ("GET", "/conversations/cnv_1/messages") => {
                let shown = self.imports.iter().map(|one| json!({"text": one["body"]})).collect::<Vec<_>>();
                Json(json!({"_results": shown})).into_response()
            }
            ("GET", "/conversations/cnv_1") => {
                let assignee = self.assignee.as_ref().map(|id| json!({"id": id}));
                Json(json!({"id": "cnv_1", "status": "unassigned", "assignee": assignee})).into_response()
            }
            ("PUT", "/conversations/cnv_1/assignee") => {
                self.assignee = parsed["assignee_id"].as_str().map(str::to_owned);
                StatusCode::NO_CONTENT.into_response()
            }
            _ => {
                let unknown = Json(json!({"_error": {"status": 404, "title": "Not found"}}));
                (StatusCode::NOT_FOUND, unknown).into_response()
            }
        }
    }
}

pub(crate) fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Everything that writers need, on loopback and in a folder of its own.
pub(crate) struct Bench {
    pub(crate) stores: Embedded,
    pub(crate) counters: Arc<Counters>,
    /// The writers' names, each a process of its own, and their workers.
    pub(crate) writers: Vec<&'static str>,
    pub(crate) workers: usize,
    pub(crate) confirm: Confirm,
    pub(crate) extend_every: Duration,
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) store: Arc<dyn KeyValue>,
    fake: Shared,
    pub(crate) base: String,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with_claims_of(Options::default().ack_wait).await
    }

    /// A bench whose claims lapse after `ack_wait`.
    pub(crate) async fn with_claims_of(ack_wait: Duration) -> Self {
        let fake = Shared::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("a bound port"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&fake));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options { ack_wait, ..Options::default() };
        let stores = Embedded::open(&folder.path().join("log.redb"), &options).expect("a new store");
        Self {
            counters: Arc::default(),
            writers: vec!["a", "b"],
            workers: 2,
            confirm: Confirm::Item,
            extend_every: ack_wait / 3,
            clock: Arc::new(clock),
            outbox: Arc::new(stores.clone()),
            store: Arc::new(stores.clone()),
            stores,
            fake,
            base,
            _folder: folder,
        }
    }

    pub(crate) fn front(&self) -> MutexGuard<'_, Fake> {
        self.fake.lock().expect("the lock is whole")
    }

    pub(crate) async fn publish(&self, item: &WorkItem, class: Class) {
        let body = serde_json::to_vec(item).expect("an item has a JSON form").into();
        let new = NewItem { account: "acme".to_owned(), class, id: item.message_id(), body };
        self.stores.publish(new).await.expect("the item is taken");
    }

    /// The writers at work until the log holds so many records and the outbox nothing.
    pub(crate) async fn run_until(&self, records: usize) -> Vec<Record> {
        let (stop, stopped) = watch::channel(false);
        let writers: Vec<_> =
            self.writers.iter().map(|name| tokio::spawn(self.writer(name, stopped.clone()))).collect();
        let logged = tokio::time::timeout(PATIENCE, async {
            loop {
                let logged = self.stores.read_after(0, 1_000).await.expect("the log is read");
                let idle = self.stores.stats().await.expect("stats are read").outbox.is_empty();
                if logged.len() >= records && idle {
                    return logged;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        let logged = logged.await.expect("the facts come and the items are acknowledged");
        stop.send(true).expect("the writers listen");
        for writer in writers {
            writer.await.expect("a writer stops when told to");
        }
        logged.iter().map(|record| Record::decode(&record.body).expect("a record")).collect()
    }

    pub(crate) fn writer(
        &self,
        instance: &str,
        stopped: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + use<> {
        let settings = Settings {
            account: "acme".parse().expect("a good account id"),
            confirm: self.confirm,
            rate: Rate::Share(0.5),
            inboxes: Inboxes { default: InboxId::new("inb_1"), by_line: BTreeMap::new() },
            locale: Locale::En,
            timing: Timing { attempt: Duration::from_secs(2), grace: Duration::from_secs(2) },
        };
        let client = Client::new(&self.base, SecretString::from("secret")).expect("a loopback client");
        let options = WriterOptions {
            settings,
            client,
            audio: None,
            instance: instance.to_owned(),
            workers: self.workers,
            extend_every: self.extend_every,
            poll_every: None,
            clock: Arc::clone(&self.clock),
            counters: Arc::clone(&self.counters),
        };
        let log: Arc<dyn EventLog> = Arc::new(self.stores.clone());
        run(options, log, Arc::clone(&self.outbox), Arc::clone(&self.store), stopped)
    }
}

pub(crate) fn outcomes(records: &[Record]) -> Vec<String> {
    let settled = |record: &Record| match &record.body {
        RecordBody::EffectSettled(fact) => Some(format!("{} {}", fact.key, word(&fact.outcome))),
        _ => None,
    };
    records.iter().filter_map(settled).collect()
}
