//! Receivers on a spool: what they answer, whatever the log behind it does.

use std::path::Path;

use calltrail_event_log::ports::LogError;
use calltrail_ingest::{Reason, SpoolNow, SpoolOptions};
use serde_json::{Value, json};

use crate::elsewhere::{Elsewhere, Fate, Running, event, open, roomy, site_on, until};
use crate::site::{EVENT, NOW, Site};

/// Posts webhooks about these calls of `acme`, all of which are stored.
async fn post(site: &Site, calls: impl IntoIterator<Item = u64>) {
    for call in calls {
        let answer = site.post("/webhooks/acme/aircall", &[], &event(call)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"stored"}"#));
    }
}

async fn check_503(site: &Site) {
    let answer = site.post("/webhooks/acme/aircall", &[], EVENT).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    let body: Value = serde_json::from_str(&answer.body).expect("refusals are JSON");
    assert_eq!(body["error"], "spool_full");
}

async fn spool_and_site(folder: &Path, options: SpoolOptions) -> (calltrail_ingest::Spool, Site) {
    let spool = open(folder, options).await;
    let site = site_on(&spool).await;
    (spool, site)
}

#[tokio::test]
async fn webhooks_are_answered_while_the_log_hangs_or_refuses_and_all_get_there_in_order() {
    for away in [Fate::Hangs, Fate::Refused(LogError::storage("no server")), Fate::Refused(LogError::Closed)]
    {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (spool, site) = spool_and_site(folder.path(), roomy()).await;
        let log = Elsewhere::new(move |_| away.clone());
        let forwarder = Running::start(&spool, &log);
        post(&site, 1..=30).await;
        let now = until(&spool, |now| now.failures > 3).await;
        assert_eq!((now.records, now.oldest_at, now.accepting), (30, Some(NOW), true));
        assert_eq!((now.forwarded, log.calls("acme")), (0, vec![]));
        log.change(|_| Fate::Taken);
        let now = until(&spool, |now| now.records == 0).await;
        assert_eq!((now.forwarded, now.bytes, now.oldest_at), (30, 0, None));
        assert_eq!(log.calls("acme"), (1..=30).collect::<Vec<_>>());
        forwarder.stop().await;
    }
}

#[tokio::test]
async fn the_flood_of_one_account_leaves_room_in_the_spool_for_another() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = SpoolOptions { high_water_bytes: 20_000, accounts: 2, ..roomy() };
    let (spool, site) = spool_and_site(folder.path(), options).await;
    let mut call = 0;
    while site.post("/webhooks/acme/aircall", &[], &event(call)).await.status == 200 {
        call += 1;
    }
    check_503(&site).await;
    assert!(spool.now().accepting, "other accounts have room");
    let plain = EVENT.replace("good", "plain-token");
    assert_eq!(site.post("/webhooks/plain/aircall", &[], &plain).await.status, 200);

    let log = Elsewhere::new(|_| Fate::Taken);
    let forwarder = Running::start(&spool, &log);
    until(&spool, |now| now.records == 0).await;
    post(&site, call..call + 1).await;
    forwarder.stop().await;
}

#[tokio::test]
async fn a_spool_above_its_high_water_mark_refuses_until_it_is_drained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = SpoolOptions { high_water_bytes: 1_000, ..roomy() };
    let (spool, site) = spool_and_site(folder.path(), options).await;
    let mut stored = 0;
    while spool.now().accepting {
        stored += 1;
        post(&site, [stored]).await;
    }
    let full = spool.now();
    assert!(full.bytes >= 1_000 && stored > 1, "{full:?}");
    check_503(&site).await;
    assert_eq!(site.counters("acme").refused[&Reason::SpoolFull], 1);
    assert_eq!((spool.now().records, site.counters("acme").stored), (stored, stored), "it stored nothing");
    let log = Elsewhere::new(|_| Fate::Taken);
    let forwarder = Running::start(&spool, &log);
    until(&spool, |now| now.accepting && now.records == 0).await;
    post(&site, [99]).await;
    until(&spool, |now| now.records == 0).await;
    assert_eq!(log.calls("acme"), (1..=stored).chain([99]).collect::<Vec<_>>());
    forwarder.stop().await;
}

#[tokio::test]
async fn a_disk_that_is_short_refuses_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = SpoolOptions { disk_free_min_bytes: u64::MAX, ..SpoolOptions::default() };
    let (spool, site) = spool_and_site(folder.path(), options).await;
    check_503(&site).await;
    let now = spool.now();
    assert_eq!((now.accepting, now.records), (false, 0));
    assert!(now.disk_free_bytes.is_some_and(|free_bytes| free_bytes > 0), "{now:?}");
    spool.close().await;
    let (_spool, site) = spool_and_site(folder.path(), roomy()).await;
    post(&site, [1]).await;
}

#[tokio::test]
async fn what_is_in_the_spool_is_found_again_after_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (spool, site) = spool_and_site(folder.path(), roomy()).await;
    post(&site, 1..=3).await;
    let before = spool.now();
    spool.close().await;
    assert_eq!(
        site.post("/webhooks/acme/aircall", &[], EVENT).await.status,
        503,
        "a closed spool takes nothing"
    );
    let spool = open(folder.path(), roomy()).await;
    let found = spool.now();
    assert_eq!((found.records, found.bytes, found.oldest_at), (3, before.bytes, Some(NOW)));
}

#[tokio::test]
async fn what_is_told_of_a_spool_keeps_its_names() {
    let now = SpoolNow { records: 1, oldest_at: Some(NOW), accepting: true, ..SpoolNow::default() };
    let expect = json!({
        "records": 1, "bytes": 0, "oldest_at": NOW, "forwarded": 0, "failures": 0,
        "set_aside": 0, "accepting": true, "disk_free_bytes": null,
    });
    assert_eq!(serde_json::to_value(now).unwrap(), expect);
}
