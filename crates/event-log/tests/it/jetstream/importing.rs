//! An import by the operator's key, and what the roles meet meanwhile.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::conformance::import::ImportFixture;
use calltrail_event_log::jetstream::importing::{self, BeginError};
use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::jetstream::{JetStream, declared};
use calltrail_event_log::ports::{EventLog, FILLER_KIND, Import, LoggedRecord};
use calltrail_event_log::testing::NatsServer;

use super::across::WORDS;
use super::roles::Keys;
use super::{record, settings};

calltrail_event_log::import_suite!(Importing);

const ACK_WAIT: Duration = Duration::from_secs(30);

/// A server that knows the keys of the roles, and a log that an import has closed to them.
struct Importing {
    server: NatsServer,
    keys: Keys,
    operator: JetStream,
}

#[async_trait]
impl ImportFixture for Importing {
    async fn open() -> Self {
        let keys = Keys::new();
        let server = NatsServer::with(&keys.accounts(&WORDS));
        let operator = keys.connected(vec![server.url()], Role::Operator).await;
        importing::begin(&operator, &settings(ACK_WAIT)).await.expect("an import begins");
        Self { server, keys, operator }
    }

    fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(self.operator.clone())
    }

    fn import(&self) -> Arc<dyn Import> {
        Arc::new(self.operator.clone())
    }

    async fn end(&mut self) {
        importing::end(&self.operator, &settings(ACK_WAIT)).await.expect("the import ends");
    }
}

impl Importing {
    async fn begin(&self) -> Result<(), BeginError> {
        importing::begin(&self.operator, &settings(ACK_WAIT)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_appends_only_when_the_import_is_over() {
    let mut site = Importing::open().await;
    let ingest = site.keys.connected(vec![site.server.url()], Role::Ingest).await;
    let refused = ingest.append(vec![record(1)]).await.expect_err("the log takes nothing from a role");
    assert!(refused.is_retryable(), "the webhook stays in the spool: {refused}");
    let imported =
        LoggedRecord { sequence: 4, account: "acme".to_owned(), kind: "k".to_owned(), body: "4".into() };
    site.operator.import(vec![imported], 4).await.expect("a record is imported");
    site.begin().await.expect("an import that was begun goes on");
    site.end().await;
    assert_eq!(ingest.append(vec![record(5)]).await.expect("the log is open"), [5]);
    let found =
        declared::create_missing(&site.operator, &settings(ACK_WAIT)).await.expect("the rest is made");
    assert!(found.iter().any(|finding| finding.to_string() == "stream CALLS is as declared"), "{found:?}");
    let refused = site.begin().await.expect_err("the log holds records");
    assert!(matches!(refused, BeginError::NotEmpty), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_log_of_the_roles_is_taken_for_an_import() {
    let mut site = Importing::open().await;
    site.end().await;
    site.begin().await.expect("nothing was ever in it");
}

/// As an import leaves it that is killed between a group and the erasure of its fillers.
#[tokio::test(flavor = "multi_thread")]
async fn a_filler_that_was_left_is_known_by_its_kind() {
    let site = Importing::open().await;
    site.operator.import(Vec::new(), 2).await.expect("two gaps are made");
    let filler = |sequence| LoggedRecord {
        sequence,
        account: FILLER_KIND.to_owned(),
        kind: FILLER_KIND.to_owned(),
        body: Default::default(),
    };
    site.operator.import(vec![filler(3)], 3).await.expect("a filler is a record like any other");
    let left = site.operator.read_after(0, 10).await.expect("reading works");
    assert_eq!(left, [filler(3)]);
    site.operator.erase(&[3]).await.expect("it is erased");
    assert_eq!(site.operator.last_given().await.expect("it is known"), 3);
}
