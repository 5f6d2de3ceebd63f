//! Writers over one embedded store against the simulated Front, whose last minute is not empty.

use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::effect::{Action, Effect, ImportActivity, NumberedEffect, Sender, WorkItem};
use calltrail_domain::ids::{CallId, EffectKey, EffectKind, InboxId, PartyId, PhoneNumber, ThreadRef};
use calltrail_domain::policy::ImportType;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{Class, KeyValue, NewItem, Outbox};
use calltrail_front::{Client, Resource};
use calltrail_front_writer::budget::{self, Ask, Budget, Offer};
use calltrail_front_writer::{Confirm, Counters, Rate, Settings, Timing, WriterOptions, run};
use calltrail_simulator::front::{Front, FrontOptions, Request, RequestEntry, SpanMs};
use calltrail_simulator::http::{Clock, Handle, serve};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::watch;

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
    stores: Embedded,
    limit: u32,
    _folder: tempfile::TempDir,
}

impl Site {
    /// A company of so many requests a minute, which has had one of them at each of these ages.
    pub(super) async fn new(limit: u32, ages_ms: impl Iterator<Item = i64>, path: &str) -> Self {
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
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stores =
            Embedded::open(&folder.path().join("log.redb"), &Options::default()).expect("a new store");
        Self { front, stores, limit, _folder: folder }
    }

    /// The past requests were sent by writers of this account: their budget knows them.
    pub(super) async fn remember(&self) {
        let mut budget = Budget::default();
        let ask = Ask { class: Class::Live, resource: Resource::Teammates, patient: false };
        for request in self.requests() {
            budget.take(request.at_ms, ask, Offer::Slot { at_ms: request.at_ms });
        }
        let value = serde_json::to_vec(&budget).expect("a budget has a JSON form");
        self.stores.create(budget::BUCKET, ACCOUNT, value.into()).await.expect("the store is new");
    }

    /// A missed call of somebody new: two requests, the import and a look for it.
    pub(super) async fn publish(&self, call: u64, class: Class) {
        let key = EffectKey { call: CallId(call), kind: EffectKind::Call };
        let number = PhoneNumber::from_e164(format!("+4477009{call:05}"));
        let activity = ImportActivity {
            inbox: InboxId::new("inb_1"),
            thread: ThreadRef::new(format!("thread{call}")),
            import_type: ImportType::Custom,
            subject: "Missed call - Support".to_owned(),
            body: format!("Missed call\n\n{}", key.marker()),
            created_at: Timestamp::from_seconds(1_699_999_999),
            from: Sender::Customer { number: Some(number), name: None, line_number: None },
            archived: false,
            with_audio: false,
        };
        let effect = Arc::new(Effect { key, action: Action::ImportActivity(activity) });
        let item = WorkItem {
            party: PartyId::new(format!("p{call}")),
            item: 1,
            publication: 1,
            conversation: None,
            effects: vec![NumberedEffect { ordinal: 1, effect }],
        };
        let body = serde_json::to_vec(&item).expect("an item has a JSON form").into();
        let new = NewItem { account: ACCOUNT.to_owned(), class, id: item.message_id(), body };
        self.stores.publish(new).await.expect("the item is taken");
    }

    /// So many writers of two workers each, with the whole limit for them, until the outbox is empty.
    pub(super) async fn work(&self, writers: usize) {
        let (stop, stopped) = watch::channel(false);
        let running: Vec<_> =
            (0..writers).map(|name| tokio::spawn(self.writer(name, stopped.clone()))).collect();
        let idle = async {
            while !self.stores.stats().await.expect("stats are read").outbox.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, idle).await.expect("every item is done");
        stop.send(true).expect("the writers listen");
        for writer in running {
            writer.await.expect("a writer stops when told to");
        }
    }

    fn writer(&self, name: usize, stopped: watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
        let settings = Settings {
            account: ACCOUNT.parse().expect("a good account id"),
            confirm: Confirm::Item,
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
            clock: Arc::new(|| Timestamp::from_millis(Clock::system().now_ms())),
            counters: Arc::<Counters>::default(),
        };
        let stores = Arc::new(self.stores.clone());
        run(options, stores.clone(), stores.clone(), stores, stopped)
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
        let requests = self.requests();
        let let_in = requests.iter().filter(|request| request.status != Some(TOO_MANY));
        let times: Vec<_> = let_in.map(|request| request.at_ms).collect();
        let within = |from: &i64| times.iter().filter(|at| (*from..from + WINDOW_MS).contains(*at)).count();
        times.iter().map(within).max().unwrap_or(0)
    }
}
