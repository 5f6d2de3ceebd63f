//! Writers over one embedded store against the simulated Front, whose last minute is not empty.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::effect::{Action, Effect, ImportActivity, NumberedEffect, Sender, WorkItem};
use calltrail_domain::ids::{CallId, EffectKey, EffectKind, InboxId, PartyId, PhoneNumber, ThreadRef};
use calltrail_domain::policy::{ImportType, Locale};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::jetstream::{self, JetStream, Tls, declared};
use calltrail_event_log::ports::{Class, EventLog, KeyValue, NewItem, Outbox};
use calltrail_event_log::testing::NatsServer;
use calltrail_front::{Client, Resource};
use calltrail_front_writer::budget::{self, Ask, Budget, Offer};
use calltrail_front_writer::{Confirm, Counters, Inboxes, Rate, Settings, Timing, WriterOptions, run};
use calltrail_front_writer::{dead_letter, fence};
use calltrail_simulator::front::{Front, FrontOptions, Request, RequestEntry, SpanMs};
use calltrail_simulator::http::{Clock, Handle, serve};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;
const ACCOUNT: &str = "acme";
/// Nothing waits so long when all is well.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const WINDOW_MS: i64 = 60_000;
const TOO_MANY: u16 = 429;
/// What only the others ask for.
pub(super) const OTHERS_PATH: &str = "/me";

pub(super) struct Site {
    pub(super) front: Handle,
    limit: u32,
    backend: Backend,
}

/// Where the writers' stores are.
enum Backend {
    /// In this process, which the writers share.
    Embedded { stores: Embedded, _folder: TempDir },
    /// On a server, to which each writer has a connection of its own.
    JetStream { server: Box<NatsServer>, own: JetStream },
}

/// The ports as one writer has them.
struct Ports {
    log: Arc<dyn EventLog>,
    outbox: Arc<dyn Outbox>,
    store: Arc<dyn KeyValue>,
}

impl Ports {
    fn of<T: EventLog + Outbox + KeyValue + 'static>(stores: T) -> Self {
        let stores = Arc::new(stores);
        Self { log: stores.clone(), outbox: stores.clone(), store: stores }
    }
}

impl Site {
    /// A company of so many requests a minute, which has had one of them at each of these ages.
    pub(super) async fn new(limit: u32, ages_ms: impl Iterator<Item = i64>, path: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stores =
            Embedded::open(&folder.path().join("log.redb"), &Options::default()).expect("a new store");
        Self::on(Backend::Embedded { stores, _folder: folder }, limit, ages_ms, path).await
    }

    /// The same on a nats-server.
    pub(super) async fn on_jetstream(limit: u32, ages_ms: impl Iterator<Item = i64>, path: &str) -> Self {
        let server = NatsServer::start();
        let own = connected(&server).await;
        let settings = declared::Settings {
            accounts: vec![ACCOUNT.to_owned()],
            buckets: [budget::BUCKET, fence::BUCKET, dead_letter::BUCKET].map(ToOwned::to_owned).to_vec(),
            replicas: 1,
            ack_wait: Options::default().ack_wait,
            log_bytes_max: LOG_BYTES_MAX,
        };
        declared::create_missing(&own, &settings).await.expect("the streams are made");
        Self::on(Backend::JetStream { server: Box::new(server), own }, limit, ages_ms, path).await
    }

    async fn on(backend: Backend, limit: u32, ages_ms: impl Iterator<Item = i64>, path: &str) -> Self {
        let mut options = FrontOptions::default();
        options.behaviour.requests_per_minute = limit;
        options.behaviour.visibility_lag_ms = SpanMs { min: 0, max: 20 };
        let mut front = Front::new(options, 7);
        let past = Request::bare("GET", path, front.token());
        let now_ms = Clock::system().now_ms();
        for age_ms in ages_ms {
            front.step(now_ms - age_ms, &past);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let front = serve(listener, front, Clock::system()).await.expect("it is loopback");
        Self { front, limit, backend }
    }

    /// The ports of one more process.
    async fn ports(&self) -> Ports {
        match &self.backend {
            Backend::Embedded { stores, .. } => Ports::of(stores.clone()),
            Backend::JetStream { server, .. } => Ports::of(connected(server).await),
        }
    }

    /// The ports of this test.
    fn own(&self) -> Ports {
        match &self.backend {
            Backend::Embedded { stores, .. } => Ports::of(stores.clone()),
            Backend::JetStream { own, .. } => Ports::of(own.clone()),
        }
    }

    /// The past requests were sent by writers of this account: their budget knows them.
    pub(super) async fn remember(&self) {
        let mut budget = Budget::default();
        let ask = Ask { class: Class::Live, resource: Resource::Teammates, patient: false };
        for request in self.requests() {
            budget.take(request.at_ms, ask, Offer::Slot { at_ms: request.at_ms });
        }
        let value = serde_json::to_vec(&budget).expect("a budget has a JSON form");
        self.own().store.create(budget::BUCKET, ACCOUNT, value.into()).await.expect("the store is new");
    }

    /// A missed call of somebody new: two requests, the import and a look for it.
    pub(super) async fn publish(&self, call: u64, class: Class) {
        let key = EffectKey { call: CallId(call), kind: EffectKind::Call };
        let number = PhoneNumber::from_e164(format!("+4477009{call:05}"));
        let activity = ImportActivity {
            inbox: InboxId::new("inb_1"),
            line: None,
            thread: ThreadRef::new(format!("thread{call}")),
            import_type: ImportType::Custom,
            subject: "Missed call - Support".to_owned(),
            body: format!("Missed call\n\n{}", key.marker()),
            created_at: Timestamp::from_seconds(1_699_999_999),
            from: Sender::Customer { number: Some(number), name: None, line_number: None },
            archived: false,
            with_audio: false,
            skips_rules: false,
        };
        let effect = Arc::new(Effect { key, action: Action::ImportActivity(activity) });
        let item = WorkItem {
            party: PartyId::new(format!("p{call}")),
            item: 1,
            publication: 1,
            conversation: None,
            effects: vec![NumberedEffect {
                ordinal: 1,
                effect,
                conversation: None,
                bulk: class == Class::Bulk,
                retried: false,
            }],
            bulk: class == Class::Bulk,
        };
        let body = serde_json::to_vec(&item).expect("an item has a JSON form").into();
        let new = NewItem { account: ACCOUNT.to_owned(), class, id: item.message_id(), body };
        self.own().outbox.publish(new).await.expect("the item is taken");
    }

    /// So many writers of two workers each, with the whole limit for them, until everything published is imported and seen.
    pub(super) async fn work(&self, writers: usize, published: u64) {
        let idle = async {
            while self.seen() < published {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        self.work_until(writers, timeout(PATIENCE, idle)).await.expect("every item is done");
    }

    /// So many writers, until something has happened; then every worker ends at a point where nothing is under way.
    pub(super) async fn work_until<T>(&self, writers: usize, until: impl Future<Output = T>) -> T {
        let (stop, stopped) = watch::channel(false);
        let mut running = Vec::new();
        for name in 0..writers {
            running.push(tokio::spawn(self.writer(name, self.ports().await, stopped.clone())));
        }
        let happened = until.await;
        stop.send(true).expect("the writers listen");
        for writer in running {
            writer.await.expect("a writer stops when told to");
        }
        happened
    }

    /// Activities that were looked for and found.
    fn seen(&self) -> u64 {
        let requests = self.requests();
        let looks = requests.iter().filter(|r| r.method == "GET" && r.path.starts_with("/messages/"));
        looks.filter(|look| look.status == Some(200)).count() as u64
    }

    fn writer(
        &self,
        name: usize,
        ports: Ports,
        stopped: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + use<> {
        let settings = Settings {
            account: ACCOUNT.parse().expect("a good account id"),
            confirm: Confirm::Item,
            inboxes: Inboxes { default: InboxId::new("inb_1"), by_line: BTreeMap::new() },
            locale: Locale::En,
            rate: Rate::RequestsPerMinute(self.limit),
            timing: Timing::default(),
        };
        let token = self.front.front(|front| front.token().to_owned());
        let client = Client::new(&self.front.base_url(), SecretString::from(token)).expect("it is loopback");
        let options = WriterOptions {
            settings,
            client,
            audio: None,
            instance: format!("writer{name}"),
            workers: 2,
            extend_every: Options::default().ack_wait / 3,
            poll_every: None,
            clock: Arc::new(|| Timestamp::from_millis(Clock::system().now_ms())),
            counters: Arc::<Counters>::default(),
        };
        run(options, ports.log, ports.outbox, ports.store, stopped)
    }

    pub(super) fn requests(&self) -> Vec<RequestEntry> {
        self.front.front(|front| front.ledger().requests)
    }

    /// Requests of the writers that Front refused for being too many.
    pub(super) fn refused(&self) -> usize {
        let requests = self.requests();
        let ours = requests.iter().filter(|request| request.path != OTHERS_PATH);
        ours.filter(|request| request.status == Some(TOO_MANY)).count()
    }

    /// The most requests that Front let in during any minute.
    pub(super) fn most_in_a_minute(&self) -> usize {
        let times = self.let_in();
        let within = |from: &i64| times.iter().filter(|at| (*from..from + WINDOW_MS).contains(*at)).count();
        times.iter().map(within).max().unwrap_or(0)
    }

    /// The fewest requests that Front let in during any minute that ended between `from_ms` and `to_ms`.
    pub(super) fn fewest_in_a_minute(&self, from_ms: i64, to_ms: i64) -> usize {
        let times = self.let_in();
        let within = |end: i64| times.iter().filter(|at| (end - WINDOW_MS..end).contains(*at)).count();
        (from_ms..to_ms).step_by(100).map(within).min().unwrap_or(0)
    }

    fn let_in(&self) -> Vec<i64> {
        let requests = self.requests();
        let let_in = requests.iter().filter(|request| request.status != Some(TOO_MANY));
        let_in.map(|request| request.at_ms).collect()
    }
}

async fn connected(server: &NatsServer) -> JetStream {
    let options = jetstream::Options {
        urls: vec![server.url()],
        role: Role::FrontWriter,
        nkey_seed: None,
        tls: Tls::default(),
    };
    JetStream::connect(&options).await.expect("the server takes the connection")
}
