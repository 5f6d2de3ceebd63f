//! A log to which others append all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use calltrail_event_log::embedded::Embedded;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};

use crate::company::{Company, webhook};

/// Whenever somebody looks at the tail, it has moved on.
#[derive(Debug)]
struct Busy {
    log: Embedded,
    is_busy: Arc<AtomicBool>,
}

#[async_trait]
impl EventLog for Busy {
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        self.log.append(group).await
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        self.log.read_after(sequence, max).await
    }

    async fn tail(&self) -> Result<u64, LogError> {
        let tail = self.log.tail().await?;
        if self.is_busy.load(Ordering::SeqCst) {
            let record = NewRecord {
                account: "other".to_owned(),
                kind: "number.created".to_owned(),
                body: r#"{"v":1,"kind":"number.created","received_at":1}"#.into(),
            };
            self.log.append(vec![record]).await?;
        }
        Ok(tail)
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.log.erase(sequences).await
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        self.log.trim(before).await
    }
}

#[tokio::test]
async fn steady_traffic_does_not_keep_decisions_and_timers_waiting() {
    let company = Company::new();
    let is_busy = Arc::new(AtomicBool::new(false));
    let log = Busy { log: company.log.clone(), is_busy: is_busy.clone() };
    let handle = company.start_on(Arc::new(log));
    company.folded(&handle).await;
    company.append(webhook(1, "+447700900123", "call.ended")).await;
    company.append(webhook(2, "+447700900124", "call.hungup")).await;
    is_busy.store(true, Ordering::SeqCst);
    company.settle_next().await;
    company.settle_next().await;
    company.now.fetch_add(121_000, Ordering::SeqCst);
    let of_the_second = company.settle_next().await;
    assert_eq!(of_the_second.item, 1, "the second party's look-up");
    handle.stop().await.expect("it ends well");
}
