//! The same contract for a role that is in an account of its own, as the keys of the roles have it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::conformance::{Fixture, Ports};
use calltrail_event_log::jetstream::permissions::{Role, Words};
use calltrail_event_log::jetstream::{JetStream, declared};
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};
use calltrail_event_log::testing::NatsServer;

use super::roles::Keys;
use super::settings;

mod suite {
    calltrail_event_log::conformance_suite!(super::AcrossAccounts);
}

/// One that does everything may append whatever the suite appends.
pub(super) const WORDS: Words<'static> = Words { kinds: |_| &[">"], buckets: &["fences", "budget", "b"] };

/// A server, and a connection to it by the key of `up`; and one by the operator's, who alone erases.
struct AcrossAccounts {
    server: NatsServer,
    keys: Keys,
    jetstream: JetStream,
    operator: JetStream,
}

#[derive(Debug)]
struct Erasable {
    log: JetStream,
    operator: JetStream,
}

#[async_trait]
impl Fixture for AcrossAccounts {
    async fn open(ack_wait: Duration) -> Self {
        let keys = Keys::new();
        let server = NatsServer::with(&keys.accounts(&WORDS));
        let operator = keys.connected(vec![server.url()], Role::Operator).await;
        declared::create_missing(&operator, &settings(ack_wait)).await.expect("everything is made");
        let jetstream = keys.connected(vec![server.url()], Role::Up).await;
        Self { server, keys, jetstream, operator }
    }

    fn ports(&self) -> Ports {
        Ports {
            log: Arc::new(Erasable { log: self.jetstream.clone(), operator: self.operator.clone() }),
            outbox: Arc::new(self.jetstream.clone()),
            key_value: Arc::new(self.jetstream.clone()),
        }
    }

    async fn restart(&mut self) {
        self.server.kill();
        self.server.start_again();
        self.jetstream = self.keys.connected(vec![self.server.url()], Role::Up).await;
        self.operator = self.keys.connected(vec![self.server.url()], Role::Operator).await;
    }
}

#[async_trait]
impl EventLog for Erasable {
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        self.log.append(group).await
    }

    async fn append_once(&self, id: &str, group: Vec<NewRecord>) -> Result<(), LogError> {
        self.log.append_once(id, group).await
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        self.log.read_after(sequence, max).await
    }

    async fn tail(&self) -> Result<u64, LogError> {
        self.log.tail().await
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.operator.erase(sequences).await
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        self.operator.trim(before).await
    }
}
