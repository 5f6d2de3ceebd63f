//! The table of roles and subjects, on a real server: what a role may do it can, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use calltrail_event_log::jetstream::permissions::{Role, Words, accounts};
use calltrail_event_log::jetstream::{JetStream, Options, Tls, declared};
use calltrail_event_log::ports::{Class, EventLog as _, KeyValue as _, NewItem, NewRecord, Outbox as _};
use calltrail_event_log::testing::NatsServer;
use futures_util::StreamExt as _;
use nkeys::KeyPair;

use super::settings;

/// One word a role is enough to tell them apart.
fn kinds(role: Role) -> &'static [&'static str] {
    match role {
        Role::Ingest => &["webhook"],
        Role::Projector => &["decided"],
        Role::FrontWriter => &["settled"],
        Role::Reader => &["read"],
        Role::Up => &["webhook", "decided", "settled", "read"],
        Role::Operator => &[],
    }
}

pub(super) const WORDS: Words<'static> = Words { kinds, buckets: &["fences", "budget"] };

/// A subject that is published to, an example of its kind, and who may. The API by its name where the streams are.
pub(super) const TABLE: [(&str, &[Role]); 22] = {
    use Role::{FrontWriter as W, Ingest as I, Operator as O, Projector as P, Reader as R, Up as U};
    [
        ("calls.acme.webhook", &[I, U]),
        ("calls.acme.decided", &[P, U]),
        ("calls.acme.settled", &[W, U]),
        ("calls.acme.read", &[R, U]),
        ("calls.acme.unheard", &[]),
        ("outbox.acme.live.x", &[P, U]),
        ("import.calls.acme.webhook", &[O]),
        ("$KV.fences.acme.p", &[W, R, U, O]),
        ("$KV.other.k", &[]),
        ("$JS.API.DIRECT.GET.CALLS", &[P, R, U, O]),
        ("$JS.API.STREAM.MSG.GET.CALLS", &[P, R, U, O]),
        ("$JS.API.STREAM.MSG.GET.OUTBOX", &[P, U, O]),
        ("$JS.API.STREAM.MSG.GET.KV_fences", &[W, R, U, O]),
        ("$JS.API.CONSUMER.MSG.NEXT.OUTBOX.acme_live", &[W, U]),
        ("$JS.ACK.OUTBOX.acme_live.1.1.1.1.0", &[W, U]),
        ("$JS.API.STREAM.INFO.CALLS", &[I, P, W, R, U, O]),
        ("$JS.API.STREAM.CREATE.X", &[O]),
        ("$JS.API.STREAM.UPDATE.CALLS", &[O]),
        ("$JS.API.STREAM.PURGE.CALLS", &[O]),
        ("$JS.API.STREAM.DELETE.CALLS", &[]),
        ("$JS.API.STREAM.MSG.DELETE.CALLS", &[O]),
        ("$JS.API.CONSUMER.DELETE.OUTBOX.acme_live", &[]),
    ]
};

/// What is subscribed to, and who may.
const SUBSCRIPTIONS: [(&str, &[Role]); 5] = [
    ("changed.fences.acme.>", &[Role::FrontWriter, Role::Up]),
    ("logged.>", &[Role::Projector, Role::Reader, Role::Up, Role::Operator]),
    ("calls.>", &[]),
    ("_INBOX_front-writer.x", &[Role::FrontWriter]),
    ("$KV.>", &[]),
];

/// The subject as this role publishes to it: outside of the account of the streams, the API has another name.
pub(super) fn called(subject: &str, role: Role) -> String {
    if role == Role::Operator { subject.to_owned() } else { subject.replace("$JS.API", "CALLTRAIL.API") }
}

/// A key for each role.
pub(super) struct Keys(Vec<(Role, KeyPair)>);

impl Keys {
    pub(super) fn new() -> Self {
        Self(Role::ALL.into_iter().map(|role| (role, KeyPair::new_user())).collect())
    }

    /// The lines of the servers' configuration.
    pub(super) fn accounts(&self, words: &Words<'_>) -> String {
        let public: Vec<_> = self.0.iter().map(|(role, pair)| (*role, pair.public_key())).collect();
        accounts(&public, words)
    }

    pub(super) fn seed(&self, role: Role) -> String {
        let (_, pair) = self.0.iter().find(|(known, _)| *known == role).expect("every role has a key");
        pair.seed().expect("a seed")
    }

    pub(super) async fn connected(&self, urls: Vec<String>, role: Role) -> JetStream {
        let options = Options { urls, role, nkey_seed: Some(self.seed(role).into()), tls: Tls::default() };
        JetStream::connect(&options).await.expect("the role is let in")
    }
}

/// What no role may publish to.
const FORBIDDEN: &str = "forbidden.to.all";

struct Site {
    server: NatsServer,
    keys: Keys,
}

impl Site {
    fn start() -> Self {
        let keys = Keys::new();
        Self { server: NatsServer::with(&keys.accounts(&WORDS)), keys }
    }

    async fn connected(&self, role: Role) -> JetStream {
        self.keys.connected(vec![self.server.url()], role).await
    }

    /// The lines in which the server refused this role something, by the subject.
    async fn refused(&self, role: Role, ask: impl AsyncFnOnce(&async_nats::Client)) -> String {
        let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
        let client = async_nats::ConnectOptions::with_nkey(self.keys.seed(role))
            .event_callback(move |event| {
                // Nobody listens any more once the answer is known.
                let _ = told.send(event.to_string());
                std::future::ready(())
            })
            .connect(self.server.url())
            .await
            .expect("the role is let in");
        ask(&client).await;
        // The server answers in order: once it has refused this, which nobody may, it has refused all before.
        client.publish(FORBIDDEN, Bytes::new()).await.expect("it is queued");
        let mut lines = String::new();
        while let Some(line) = tells.recv().await {
            if line.contains(FORBIDDEN) {
                break;
            }
            lines.push_str(&line);
        }
        lines
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_publish_to_what_it_needs_and_to_nothing_else() {
    let site = Site::start();
    for role in Role::ALL {
        for (subject, may) in TABLE {
            let called = called(subject, role);
            let told = site
                .refused(role, async |client| {
                    client.publish(called.clone(), Bytes::new()).await.expect("it is queued");
                })
                .await;
            let is_refused = told.to_lowercase().contains("permissions violation for publish");
            assert_eq!(!is_refused, may.contains(&role), "{} to {called}: {told}", role.as_str());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_subscribe_to_what_it_needs_and_to_nothing_else() {
    let site = Site::start();
    for role in Role::ALL {
        for (subject, may) in SUBSCRIPTIONS {
            let told = site
                .refused(role, async |client| {
                    let subscriber = client.subscribe(subject).await.expect("it is queued");
                    client.flush().await.expect("it is sent");
                    drop(subscriber.take(0));
                })
                .await;
            let is_refused = told.to_lowercase().contains("permissions violation for subscription");
            assert_eq!(!is_refused, may.contains(&role), "{} to {subject}: {told}", role.as_str());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_key_is_let_in() {
    let site = Site::start();
    let stranger = Some(KeyPair::new_user().seed().expect("a seed").into());
    for nkey_seed in [None, stranger] {
        let options =
            Options { urls: vec![site.server.url()], role: Role::Operator, nkey_seed, tls: Tls::default() };
        assert!(JetStream::connect(&options).await.is_err());
    }
}

/// The table says what is forbidden; this, that nothing is which is needed.
#[tokio::test(flavor = "multi_thread")]
async fn each_role_can_do_its_work() {
    let site = Site::start();
    let operator = site.connected(Role::Operator).await;
    declared::create_missing(&operator, &settings(Duration::from_secs(30))).await.expect("all is made");
    let record =
        |kind: &str| NewRecord { account: "acme".to_owned(), kind: kind.to_owned(), body: "x".into() };
    let ingest = site.connected(Role::Ingest).await;
    ingest.append(vec![record("webhook"), record("webhook")]).await.expect("webhooks are stored");
    for role in [Role::Projector, Role::Up] {
        let projector = site.connected(role).await;
        assert!(projector.tail().await.expect("the tail is known") >= 2);
        assert!(projector.read_after(0, 10).await.expect("reading works").len() >= 2);
        projector.append(vec![record("decided")]).await.expect("a decision is stored");
        let id = role.as_str().to_owned();
        let item = NewItem { account: "acme".to_owned(), class: Class::Live, id, body: "x".into() };
        let ticket = projector.publish(item.clone()).await.expect("an item is published");
        assert_eq!(projector.publish(item).await.expect("it is held"), ticket);
        assert!(projector.holds("acme", Class::Live, ticket).await.expect("holds answers"));
    }
    for role in [Role::FrontWriter, Role::Up] {
        let writer = site.connected(role).await;
        let claim = writer.claim("acme", Class::Live, Duration::from_secs(10)).await.expect("claiming works");
        let claim = claim.expect("an item is handed out");
        claim.extend().await.expect("the claim is extended");
        let key = role.as_str();
        let revision = writer.create("fences", key, "1".into()).await.expect("a fence is made");
        writer.update("fences", key, "2".into(), revision).await.expect("a fence is changed");
        writer.get("budget", key).await.expect("a budget is read");
        writer.now_ms().await.expect("the clock answers");
        writer.append(vec![record("settled")]).await.expect("an outcome is stored");
        claim.done().await.expect("the item is done");
    }
    let before = operator.tail().await.expect("the tail is known");
    operator.erase(&[1]).await.expect("a record is erased");
    assert_eq!(operator.tail().await.expect("the tail is known"), before);
    assert_eq!(operator.read_after(0, 1).await.expect("reading works")[0].sequence, 2);
}
