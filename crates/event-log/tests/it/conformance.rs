//! The embedded backend against the contract of the ports.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::conformance::import::ImportFixture;
use calltrail_event_log::conformance::{Fixture, Ports};
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{EventLog, Import};
use tempfile::TempDir;

calltrail_event_log::conformance_suite!(EmbeddedFixture);
calltrail_event_log::import_suite!(EmbeddedFixture);

pub(crate) struct EmbeddedFixture {
    folder: TempDir,
    options: Options,
    store: Embedded,
}

impl EmbeddedFixture {
    pub(crate) fn store(&self) -> &Embedded {
        &self.store
    }
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
        Ports {
            log: Arc::new(self.store.clone()),
            outbox: Arc::new(self.store.clone()),
            key_value: Arc::new(self.store.clone()),
        }
    }

    async fn restart(&mut self) {
        self.store.close().await;
        let path = self.folder.path().join("log.redb");
        self.store = Embedded::open(&path, &self.options).expect("the store opens again");
    }
}

#[async_trait]
impl ImportFixture for EmbeddedFixture {
    async fn open() -> Self {
        <Self as Fixture>::open(Options::default().ack_wait).await
    }

    fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(self.store.clone())
    }

    fn import(&self) -> Arc<dyn Import> {
        Arc::new(self.store.clone())
    }

    async fn end(&mut self) {}
}

#[test]
fn no_case_of_the_suite_is_forgotten() {
    let list = include_str!("../../src/conformance/mod.rs");
    let sources = [
        include_str!("../../src/conformance/import.rs"),
        include_str!("../../src/conformance/key_value.rs"),
        include_str!("../../src/conformance/log.rs"),
        include_str!("../../src/conformance/names.rs"),
        include_str!("../../src/conformance/outbox.rs"),
    ];
    let mut cases = 0;
    for line in sources.iter().flat_map(|source| source.lines()) {
        if let Some(case) = line.strip_prefix("pub async fn ").and_then(|rest| rest.split('<').next()) {
            cases += 1;
            assert!(list.lines().any(|listed| listed.trim() == case), "{case} is not in the suite");
        }
    }
    assert!(cases > 30, "only {cases} cases were found");
}
