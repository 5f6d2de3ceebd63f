//! The JetStream backend against the contract of the ports, on a nats-server of its own for every case.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::conformance::{Fixture, Ports};
use calltrail_event_log::jetstream::declared::{self, Settings};
use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::jetstream::{JetStream, Options, Tls};
use calltrail_event_log::testing::NatsServer;

mod suite {
    calltrail_event_log::conformance_suite!(super::JetStreamFixture);
}

/// A server and a connection to it. A restart kills the server and connects anew.
pub(crate) struct JetStreamFixture {
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

pub(crate) async fn connected(url: &str) -> JetStream {
    let options =
        Options { urls: vec![url.to_owned()], role: Role::Operator, nkey_seed: None, tls: Tls::default() };
    JetStream::connect(&options).await.expect("the server takes the connection")
}

pub(crate) fn settings(ack_wait: Duration) -> Settings {
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Settings {
        accounts: named(&["acme", "other"]),
        buckets: named(&["fences", "budget", "b"]),
        replicas: 1,
        ack_wait,
        log_bytes_max: 1024 * 1024 * 1024,
    }
}
