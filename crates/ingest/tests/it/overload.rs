//! When the log cannot take more: 503, and never a 200 that could be lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};
use calltrail_ingest::ServerLimits;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Notify, Semaphore};

use crate::site::{Answer, EVENT, Site, answer, read_all, request};

/// A log whose appends wait until the test opens it.
#[derive(Debug)]
pub(crate) struct Gate {
    waiting: Notify,
    open: Semaphore,
    outcome: Result<(), LogError>,
}

impl Gate {
    fn closed(outcome: Result<(), LogError>) -> Arc<Self> {
        Arc::new(Self { waiting: Notify::new(), open: Semaphore::new(0), outcome })
    }

    pub(crate) fn open(outcome: Result<(), LogError>) -> Arc<Self> {
        let gate = Self::closed(outcome);
        gate.open.add_permits(1000);
        gate
    }
}

#[async_trait]
impl EventLog for Gate {
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        self.waiting.notify_one();
        self.open.acquire().await.expect("the gate is never removed").forget();
        self.outcome.clone().map(|()| (1..).take(group.len()).collect())
    }

    async fn read_after(&self, _sequence: u64, _max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        Ok(Vec::new())
    }

    async fn tail(&self) -> Result<u64, LogError> {
        Ok(0)
    }

    async fn erase(&self, _sequences: &[u64]) -> Result<(), LogError> {
        Ok(())
    }

    async fn trim(&self, _before: u64) -> Result<(), LogError> {
        Ok(())
    }
}

fn check_503(answer: &Answer, error: &str) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    assert!(answer.body.contains(&format!(r#""error":"{error}""#)), "{}", answer.body);
}

#[tokio::test]
async fn a_log_that_refuses_is_503() {
    for failure in [LogError::storage("disk full at canary"), LogError::Closed, LogError::Conflict] {
        let site = Site::start(Gate::open(Err(failure)), ServerLimits::default()).await;
        let answer = site.post("/webhooks/acme/aircall", &[], EVENT).await;
        check_503(&answer, "log_unavailable");
        assert!(!answer.body.contains("canary"));
        assert_eq!(site.counters("acme").stored, 0);
    }
}

#[tokio::test]
async fn a_log_that_does_not_answer_in_time_is_503() {
    let limits = ServerLimits { append_timeout: Duration::from_millis(20), ..ServerLimits::default() };
    let site = Site::start(Gate::closed(Ok(())), limits).await;
    check_503(&site.post("/webhooks/acme/aircall", &[], EVENT).await, "log_unavailable");
}

#[tokio::test]
async fn an_append_too_many_is_503_and_the_first_is_still_stored() {
    let gate = Gate::closed(Ok(()));
    let limits =
        ServerLimits { appends_max: 1, room_wait: Duration::from_millis(20), ..ServerLimits::default() };
    let site = Site::start(gate.clone(), limits).await;
    let mut first = site.connect().await;
    first.write_all(&request("/webhooks/acme/aircall", &[], EVENT)).await.unwrap();
    gate.waiting.notified().await;
    check_503(&site.post("/webhooks/acme/aircall", &[], EVENT).await, "overloaded");
    let unauthentic = site.post("/webhooks/acme/aircall", &[], &EVENT.replace("good", "bad")).await;
    assert_eq!(unauthentic.status, 401, "refusals need no place");
    gate.open.add_permits(1);
    assert_eq!(answer(&read_all(&mut first).await).status, 200);
    gate.open.add_permits(1);
    assert_eq!(site.post("/webhooks/acme/aircall", &[], EVENT).await.status, 200, "the place is free again");
}

#[tokio::test]
async fn no_200_is_answered_before_the_log_has_the_record() {
    let gate = Gate::closed(Ok(()));
    let site = Site::start(gate.clone(), ServerLimits::default()).await;
    let mut stream = site.connect().await;
    stream.write_all(&request("/webhooks/acme/aircall", &[], EVENT)).await.unwrap();
    gate.waiting.notified().await;
    assert_eq!(site.counters("acme").stored, 0);
    let stopping = site.stop();
    gate.open.add_permits(1);
    assert_eq!(answer(&read_all(&mut stream).await).status, 200, "what is under way ends, also at shutdown");
    stopping.await.unwrap();
}
