//! Backends that break the contract, and the cases that catch them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use calltrail_event_log::conformance::{self, Fixture, Ports};
use calltrail_event_log::embedded::Embedded;
use calltrail_event_log::ports::{
    Claim, Class, EventLog, KeyValue, LogError, LoggedRecord, NewItem, NewRecord, Outbox, Versioned,
};

use crate::conformance::EmbeddedFixture;

/// The embedded store with one fault in each port.
struct Faulty(EmbeddedFixture);

#[async_trait]
impl Fixture for Faulty {
    async fn open(ack_wait: Duration) -> Self {
        Self(EmbeddedFixture::open(ack_wait).await)
    }

    fn ports(&self) -> Ports {
        let store = self.0.store().clone();
        Ports {
            log: Arc::new(DropsLastOfGroup(store.clone())),
            outbox: Arc::new(IgnoresDelay(store.clone())),
            key_value: Arc::new(IgnoresRevision(store)),
        }
    }

    async fn restart(&mut self) {
        self.0.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "left == right")]
async fn a_log_that_drops_the_last_record_of_a_group_is_caught() {
    conformance::log::concurrent_groups_never_interleave::<Faulty>().await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "left == right")]
async fn an_outbox_that_ignores_the_delay_is_caught() {
    conformance::outbox::a_release_delays::<Faulty>().await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "expected a conflict")]
async fn a_store_that_ignores_the_revision_is_caught() {
    conformance::key_value::an_old_revision_conflicts::<Faulty>().await;
}

#[derive(Debug)]
struct DropsLastOfGroup(Embedded);

#[async_trait]
impl EventLog for DropsLastOfGroup {
    async fn append(&self, mut group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        group.pop();
        self.0.append(group).await
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        self.0.read_after(sequence, max).await
    }

    async fn tail(&self) -> Result<u64, LogError> {
        self.0.tail().await
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.0.erase(sequences).await
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        self.0.trim(before).await
    }
}

#[derive(Debug)]
struct IgnoresDelay(Embedded);

#[async_trait]
impl Outbox for IgnoresDelay {
    async fn publish(&self, item: NewItem) -> Result<u64, LogError> {
        self.0.publish(item).await
    }

    async fn holds(&self, account: &str, class: Class, ticket: u64) -> Result<bool, LogError> {
        self.0.holds(account, class, ticket).await
    }

    async fn claim(
        &self,
        account: &str,
        class: Class,
        wait: Duration,
    ) -> Result<Option<Box<dyn Claim>>, LogError> {
        let claim = self.0.claim(account, class, wait).await?;
        Ok(claim.map(|claim| Box::new(ReleasesAtOnce(claim)) as Box<dyn Claim>))
    }
}

#[derive(Debug)]
struct ReleasesAtOnce(Box<dyn Claim>);

#[async_trait]
impl Claim for ReleasesAtOnce {
    fn id(&self) -> &str {
        self.0.id()
    }

    fn body(&self) -> &Bytes {
        self.0.body()
    }

    async fn extend(&self) -> Result<(), LogError> {
        self.0.extend().await
    }

    async fn done(self: Box<Self>) -> Result<(), LogError> {
        self.0.done().await
    }

    async fn release(self: Box<Self>, _after: Duration) -> Result<(), LogError> {
        self.0.release(Duration::ZERO).await
    }
}

#[derive(Debug)]
struct IgnoresRevision(Embedded);

#[async_trait]
impl KeyValue for IgnoresRevision {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError> {
        self.0.get(bucket, key).await
    }

    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError> {
        self.0.create(bucket, key, value).await
    }

    async fn update(&self, bucket: &str, key: &str, value: Bytes, _revision: u64) -> Result<u64, LogError> {
        let found = self.0.get(bucket, key).await?.ok_or(LogError::Conflict)?;
        self.0.update(bucket, key, value, found.revision).await
    }

    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError> {
        self.0.delete(bucket, key, revision).await
    }

    async fn now_ms(&self) -> Result<i64, LogError> {
        self.0.now_ms().await
    }
}
