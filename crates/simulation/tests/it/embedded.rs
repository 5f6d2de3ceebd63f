//! The embedded backend, with a file of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::conformance::{Fixture, Ports};
use calltrail_event_log::embedded::{Embedded, Options};
use tempfile::TempDir;

pub(crate) struct EmbeddedFixture {
    folder: TempDir,
    options: Options,
    store: Embedded,
}

#[async_trait]
impl Fixture for EmbeddedFixture {
    async fn open(ack_wait: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options { ack_wait, ..Options::default() };
        let store = Embedded::open(&folder.path().join("log.redb"), &options).expect("a new store");
        Self { folder, options, store }
    }

    fn ports(&self) -> Ports {
        let store = Arc::new(self.store.clone());
        Ports { log: store.clone(), outbox: store.clone(), key_value: store }
    }

    async fn restart(&mut self) {
        self.store.close().await;
        let path = self.folder.path().join("log.redb");
        self.store = Embedded::open(&path, &self.options).expect("the store opens again");
    }
}
