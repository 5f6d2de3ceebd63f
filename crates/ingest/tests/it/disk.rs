//! Receivers on a log that is a file of this machine, and the disk under it.

use std::path::Path;
use std::sync::Arc;

use calltrail_event_log::disk::Disk;
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::EventLog as _;
use calltrail_ingest::{Intake, Reason, ServerLimits};
use serde_json::Value;
use tokio::sync::watch;

use crate::site::{EVENT, NOW, Site};

/// A receiver on a log in `folder`, of whose disk so much has to stay free.
async fn site_in(folder: &Path, min_bytes: u64) -> (Embedded, Site) {
    let file = folder.join("log.redb");
    let disk = Disk::under(&file, min_bytes);
    let options = Options { disk: Some(disk.clone()), ..Options::default() };
    let log = Embedded::open(&file, &options).expect("the log opens");
    let intake = Intake::Log { log: Arc::new(log.clone()), disk: Some(disk), opens: None };
    (log, Site::start_on(intake, ServerLimits::default(), Arc::new(|| NOW)).await)
}

#[tokio::test]
async fn webhooks_are_refused_while_the_disk_of_the_log_is_short() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (log, site) = site_in(folder.path(), u64::MAX).await;
    let answer = site.post("/webhooks/acme/aircall", &[], EVENT).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    let body: Value = serde_json::from_str(&answer.body).expect("refusals are JSON");
    assert_eq!(body["error"], "disk_short");
    assert_eq!(site.counters("acme").refused[&Reason::DiskShort], 1);
    assert_eq!(log.tail().await.expect("the log answers"), 0, "it was stored all the same");
    log.close().await;

    let (log, site) = site_in(folder.path(), 0).await;
    assert_eq!(site.post("/webhooks/acme/aircall", &[], EVENT).await.status, 200);
    assert_eq!(log.tail().await.expect("the log answers"), 1);
    assert!(folder.path().join("log.reserve").exists(), "nothing is kept for a disk that is full");
}

#[tokio::test]
async fn webhooks_are_refused_until_the_log_is_folded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = Embedded::open(&folder.path().join("log.redb"), &Options::default()).expect("the log opens");
    let (folded, opens) = watch::channel(false);
    let intake = Intake::Log { log: Arc::new(log.clone()), disk: None, opens: Some(opens) };
    let site = Site::start_on(intake, ServerLimits::default(), Arc::new(|| NOW)).await;
    let answer = site.post("/webhooks/acme/aircall", &[], EVENT).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    assert_eq!(site.counters("acme").refused[&Reason::LogUnavailable], 1);
    assert_eq!(log.tail().await.expect("the log answers"), 0, "it was stored all the same");
    folded.send_replace(true);
    assert_eq!(site.post("/webhooks/acme/aircall", &[], EVENT).await.status, 200);
    assert_eq!(log.tail().await.expect("the log answers"), 1);
}
