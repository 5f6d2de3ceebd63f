//! A disk that is really full: nothing is lost, and the reserve lets the spool be drained all the same.

use std::env;
use std::fs::File;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use calltrail_ingest::SpoolOptions;
use calltrail_ingest::limits::FORWARD_BYTES_MAX;

use crate::elsewhere::{Elsewhere, Fate, Running, event, open, site_on, until};
use crate::site::Site;

const FOLDER: &str = "CALLTRAIL_TEST_SMALL_DISK";
/// The reserve, and as much again for the spool.
const MOUNT: &str = r#"mount -t tmpfs -o size=64m none "$0" && exec "$@""#;
/// A page of redb. What is longer than half of one has a page of its own.
const PAGE_BYTES: u64 = 4_096;
/// redb writes the pages that a commit frees down in lists of so many, each in a page of its own.
const FREED_LIST_PAGES: u64 = 400;
/// Of records that have a page each, so many fill the first group that is forwarded, and more.
const RECORDS_OF_A_PAGE: u64 = 600;
const PAGE_PAD_BYTES: usize = 1_900;
/// They make the file long enough to be compacted in the end.
const LONG_RECORDS: u64 = 80;
const LONG_PAD_BYTES: usize = 200_000;
/// The file is not changed for less than that after two commits that failed.
const RECOVERED_AFTER: Duration = Duration::from_secs(1);

/// Runs the test below in a process that sees a small disk. Who may not mount one does not get to see this.
#[test]
fn a_disk_that_is_full_loses_nothing_and_lets_the_spool_be_drained() {
    let mut may_mount = Command::new("unshare");
    if !may_mount.args(["--map-root-user", "--mount", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: this user may mount no disk");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let child = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", MOUNT])
        .arg(folder.path())
        .arg(env::current_exe().expect("this test has a path"))
        .args(["--exact", "reserve::on_a_small_disk", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("the child starts");
    let said = [child.stdout, child.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(child.status.success(), "{}{}", said[0], said[1]);
    assert!(said[0].contains("1 passed"), "{}", said[0]);
}

/// The file holds pages that a commit can use though the disk is full: as many as the last commit has freed. An erasure of many
/// records needs more, as it has to write down what it frees.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small disk, which the test above mounts"]
async fn on_a_small_disk() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let reserve = folder.join("spool.reserve");
    // Webhooks are taken until a commit fails.
    let options = SpoolOptions { disk_free_min_bytes: 0, ..SpoolOptions::default() };
    let spool = open(folder, options).await;
    let site = site_on(&spool).await;
    let of_a_page = 1..=RECORDS_OF_A_PAGE;
    let mut stored = post_all(&site, of_a_page, PAGE_PAD_BYTES).await;
    let record_bytes = spool.now().bytes / RECORDS_OF_A_PAGE;
    assert!(record_bytes > PAGE_BYTES / 2, "{record_bytes} bytes share a page");
    assert!(
        FORWARD_BYTES_MAX as u64 / record_bytes > FREED_LIST_PAGES,
        "one list takes {record_bytes} bytes each"
    );
    let mut next = RECORDS_OF_A_PAGE + LONG_RECORDS + 1;
    stored.extend(post_all(&site, RECORDS_OF_A_PAGE + 1..=next - 1, LONG_PAD_BYTES).await);
    fill(&folder.join("filler"));
    stored.extend(post_until_commits_fail(&site, &mut next).await);
    assert!(reserve.exists(), "it is given up for what can wait");
    tokio::time::sleep(RECOVERED_AFTER).await;

    let there = Arc::new(Mutex::new(Vec::new()));
    let log = Elsewhere::new({
        let (there, reserve) = (Arc::clone(&there), reserve.clone());
        move |_| {
            there.lock().expect("no test panics with it").push(reserve.exists());
            Fate::Taken
        }
    });
    let forwarder = Running::start(&spool, &log);
    let now = until(&spool, |now| now.records == 0).await;
    assert_eq!(log.calls("acme"), stored, "what was answered 200 is lost, or there twice");
    let there = there.lock().expect("no test panics with it").clone();
    assert_eq!(there[..2], [true, false], "at the first group, and at the second, when the first was erased");
    assert!(now.failures > 0, "it was given up without need");

    until(&spool, |now| now.accepting).await;
    assert!(reserve.exists(), "the drained spool has made room for it");
    assert_eq!(post(&site, next, 0).await, 200);
    until(&spool, |now| now.records == 0).await;
    assert_eq!(log.calls("acme").last(), Some(&next));
    forwarder.stop().await;
}

/// The status that a webhook about this call is answered with, padded with so much.
async fn post(site: &Site, call: u64, pad_bytes: usize) -> u16 {
    let pad = format!(r#""pad":"{}","raw_digits""#, "x".repeat(pad_bytes));
    let body = event(call).replace(r#""raw_digits""#, &pad);
    site.post("/webhooks/acme/aircall", &[], &body).await.status
}

/// Posts webhooks that are all stored; returns their calls.
async fn post_all(site: &Site, calls: RangeInclusive<u64>, pad_bytes: usize) -> Vec<u64> {
    for call in calls.clone() {
        assert_eq!(post(site, call, pad_bytes).await, 200, "call {call}");
    }
    calls.collect()
}

/// Posts webhooks until two in a row are refused: the second one with the file opened once more, and every page free that may be.
/// Returns the calls that were stored.
async fn post_until_commits_fail(site: &Site, next: &mut u64) -> Vec<u64> {
    let (mut stored, mut refused) = (Vec::new(), 0);
    while refused < 2 {
        match post(site, *next, PAGE_PAD_BYTES).await {
            200 => {
                stored.push(*next);
                refused = 0;
            }
            status => {
                assert_eq!(status, 503);
                refused += 1;
            }
        }
        *next += 1;
    }
    stored
}

/// Takes what is free, to the last byte.
fn fill(filler: &Path) {
    let mut file = File::create(filler).expect("a new file");
    let full = loop {
        if let Err(error) = file.write_all(&[0; 4096]) {
            break error;
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
}
