//! What the servers answer goes to whatever subject a client names, and they do not ask whether the client may publish
//! there. So it must reach nothing outside of the account of the role.

use std::time::Duration;

use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::{Client, HeaderMap, jetstream};
use calltrail_event_log::jetstream::declared;
use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::ports::{Class, EventLog as _, KeyValue as _, NewItem, NewRecord, Outbox as _};
use calltrail_event_log::testing::NatsServer;

use super::roles::{Keys, TABLE, WORDS, called};
use super::{record, settings};

/// Where an answer would do harm, and who may publish there anyway.
const TARGETS: [(&str, &[Role]); 6] = [
    ("$JS.API.STREAM.DELETE.CALLS", &[]),
    ("$JS.API.STREAM.PURGE.CALLS", &[]),
    ("$JS.API.STREAM.DELETE.KV_fences", &[]),
    ("$KV.fences.acme.p1", &[Role::FrontWriter, Role::Up]),
    ("calls.acme.unheard", &[]),
    ("outbox.acme.live.forged", &[Role::Projector, Role::Up]),
];

/// What an answer may be made of: nothing, a message, a description, an acknowledgement.
const PAYLOADS: [&str; 4] = ["", "{}", r#"{"batch":1,"no_wait":true}"#, r#"{"last_by_subj":"calls.>"}"#];

const HEADERS: [&[(&str, &str)]; 4] = [
    &[],
    &[("Nats-Batch-Id", "first"), ("Nats-Batch-Sequence", "1")],
    &[("Nats-Batch-Id", "whole"), ("Nats-Batch-Sequence", "1"), ("Nats-Batch-Commit", "1")],
    &[("Nats-Rollup", "all")],
];

/// What is on its way when everything was sent is there by then.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// The operator is left out: whoever makes a consumer may have it deliver anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_is_answered_reaches_nothing_that_it_may_not_publish_to() {
    for role in [Role::Ingest, Role::Projector, Role::FrontWriter, Role::Up] {
        let keys = Keys::new();
        let server = NatsServer::with(&keys.accounts(&WORDS));
        let urls = || vec![server.url()];
        let operator = keys.connected(urls(), Role::Operator).await;
        declared::create_missing(&operator, &settings(Duration::from_secs(30))).await.expect("all is made");
        let up = keys.connected(urls(), Role::Up).await;
        let first = NewRecord { kind: "decided".to_owned(), ..record(1) };
        up.append(vec![first]).await.expect("a record is stored");
        let item =
            NewItem { account: "acme".to_owned(), class: Class::Live, id: "i".to_owned(), body: "1".into() };
        up.publish(item).await.expect("an item is stored");
        let revision = up.create("fences", "acme.p1", "1".into()).await.expect("a fence is made");

        let client = connected(&keys, &server, role).await;
        for (target, _) in TARGETS.into_iter().filter(|(_, may)| !may.contains(&role)) {
            for (subject, _) in TABLE.iter().filter(|(_, may)| may.contains(&role)) {
                send_all(&client, &called(subject, role), target).await;
            }
        }
        client.flush().await.expect("everything is sent");
        tokio::time::sleep(ON_ITS_WAY).await;

        let who = role.as_str();
        let admin = jetstream::new(connected(&keys, &server, Role::Operator).await);
        let records = operator.read_after(0, 1).await.expect("the log is there");
        assert_eq!(records[0].sequence, 1, "{who}: the log lost its first record");
        assert_eq!(last(&admin, "CALLS", "calls.acme.unheard").await, None, "{who}: a record was forged");
        assert_eq!(
            last(&admin, "OUTBOX", "outbox.acme.live.forged").await,
            None,
            "{who}: an item was forged"
        );
        let fence = last(&admin, "KV_fences", "$KV.fences.acme.p1").await;
        assert_eq!(fence, Some(revision), "{who}: the fence is another");
    }
}

async fn send_all(client: &Client, subject: &str, answered_on: &str) {
    // The servers tell of the way of a message where this says so.
    let traced = [("Nats-Trace-Dest", answered_on)];
    for payload in PAYLOADS {
        for pairs in HEADERS.into_iter().chain([&traced[..]]) {
            let mut headers = HeaderMap::new();
            pairs.iter().for_each(|(name, value)| headers.insert(*name, *value));
            let (subject, answered_on) = (subject.to_owned(), answered_on.to_owned());
            let sent = client.publish_with_reply_and_headers(subject, answered_on, headers, payload.into());
            sent.await.expect("it is queued");
        }
    }
}

/// The sequence of the last message with this subject.
async fn last(admin: &jetstream::Context, stream: &str, subject: &str) -> Option<u64> {
    let stream = admin.get_stream(stream).await.expect("the stream is there");
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Some(message.sequence),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => None,
        Err(error) => panic!("{subject} cannot be looked for: {error}"),
    }
}

async fn connected(keys: &Keys, server: &NatsServer, role: Role) -> Client {
    let options = async_nats::ConnectOptions::with_nkey(keys.seed(role));
    let options = options.custom_inbox_prefix(format!("_INBOX_{}", role.as_str()));
    options.connect(server.url()).await.expect("the role is let in")
}
