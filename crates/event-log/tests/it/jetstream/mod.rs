//! The JetStream backend against the contract of the ports, on a nats-server of its own for every case.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::conformance::{Fixture, Ports};
use calltrail_event_log::jetstream::declared::{self, Settings};
use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::jetstream::{JetStream, Options, Tls};
use calltrail_event_log::ports::{EventLog, LogError, NewRecord};
use calltrail_event_log::testing::NatsServer;

/// Servers that are not back after so many tries are broken.
const TRIES_MAX: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);

mod across;
mod cluster;
mod crash;
mod declarations;
mod importing;
mod replies;
mod roles;
mod stalls;
mod tls;

mod suite {
    calltrail_event_log::conformance_suite!(super::JetStreamFixture);
}

/// A server and a connection to it. A restart kills the server and connects anew.
struct JetStreamFixture {
    server: NatsServer,
    jetstream: JetStream,
}

#[async_trait]
impl Fixture for JetStreamFixture {
    async fn open(ack_wait: Duration) -> Self {
        let server = NatsServer::start();
        let jetstream = connected(&server.url()).await;
        declared::create_missing(&jetstream, &settings(ack_wait)).await.expect("everything is made");
        Self { server, jetstream }
    }

    fn ports(&self) -> Ports {
        Ports {
            log: Arc::new(self.jetstream.clone()),
            outbox: Arc::new(self.jetstream.clone()),
            key_value: Arc::new(self.jetstream.clone()),
        }
    }

    async fn restart(&mut self) {
        self.server.kill();
        self.server.start_again();
        self.jetstream = connected(&self.server.url()).await;
    }
}

async fn connected(url: &str) -> JetStream {
    connected_to(vec![url.to_owned()]).await
}

async fn connected_to(urls: Vec<String>) -> JetStream {
    let options = Options { urls, role: Role::Operator, nkey_seed: None, tls: Tls::default() };
    JetStream::connect(&options).await.expect("the server takes the connection")
}

fn record(number: u64) -> NewRecord {
    NewRecord { account: "acme".to_owned(), kind: "k".to_owned(), body: number.to_string().into() }
}

/// The numbers of all records, in the order of the log.
async fn numbers(log: &dyn EventLog) -> Vec<u64> {
    let tail = log.tail().await.expect("the tail is known");
    let (mut read, mut numbers) = (0, Vec::new());
    while read < tail {
        for record in log.read_after(read, 500).await.expect("reading works") {
            read = record.sequence;
            numbers.push(str::from_utf8(&record.body).expect("a text").parse().expect("a number"));
        }
    }
    numbers
}

/// Repeats what may fail while servers come and go, until it succeeds.
async fn at_last<T, F: Future<Output = Result<T, LogError>>>(mut ask: impl FnMut() -> F) -> T {
    for _ in 0..TRIES_MAX {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if error.is_retryable() => tokio::time::sleep(PAUSE).await,
            Err(error) => panic!("a retry cannot mend this: {error}"),
        }
    }
    panic!("the servers did not come back");
}

fn settings(ack_wait: Duration) -> Settings {
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Settings {
        accounts: named(&["acme", "other"]),
        buckets: named(&["fences", "budget", "b"]),
        replicas: 1,
        ack_wait,
        log_bytes_max: 1024 * 1024 * 1024,
    }
}
