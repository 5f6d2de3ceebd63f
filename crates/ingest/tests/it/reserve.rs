//! A disk that is really full: nothing is lost, and the spool is drained all the same.

use std::env;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use calltrail_ingest::SpoolOptions;

use crate::elsewhere::{Elsewhere, Fate, Running, event, open, site_on, until};
use crate::site::Site;

const FOLDER: &str = "CALLTRAIL_TEST_SMALL_DISK";
/// The reserve, and as much again for the spool.
const MOUNT: &str = r#"mount -t tmpfs -o size=64m none "$0" && exec "$@""#;
const PAD_BYTES: usize = 200_000;

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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small disk, which the test above mounts"]
async fn on_a_small_disk() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let reserve = folder.join("spool.reserve");
    let options = SpoolOptions { disk_free_min_bytes: 1024 * 1024, ..SpoolOptions::default() };
    let spool = open(folder, options).await;
    let site = site_on(&spool).await;
    let (stored, mut next) = post_until_refused(&site, 1).await;
    fill(&folder.join("filler"));
    let (further, _) = post_until_refused(&site, next).await;
    assert!(
        reserve.exists() && stored.len() > 20 && further.len() < 5,
        "{} and {} were stored",
        stored.len(),
        further.len()
    );
    next += 1_000;

    let log = Elsewhere::new(|_| Fate::Taken);
    let forwarder = Running::start(&spool, &log);
    // Whether the reserve is needed for that depends on the free pages inside the file.
    until(&spool, |now| now.records == 0).await;
    let calls = log.calls("acme");
    for call in stored.iter().chain(&further) {
        assert!(calls.contains(call), "call {call} was answered 200 and is lost");
    }

    until(&spool, |now| now.accepting).await;
    assert!(reserve.exists(), "the drained spool has made room for it");
    let answer = site.post("/webhooks/acme/aircall", &[], &event(next)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    until(&spool, |now| now.records == 0).await;
    assert_eq!(log.calls("acme").last(), Some(&next));
    forwarder.stop().await;
}

/// Posts long webhooks; returns the calls that were stored, and the next one.
async fn post_until_refused(site: &Site, first: u64) -> (Vec<u64>, u64) {
    let mut stored = Vec::new();
    for call in first.. {
        let pad = format!(r#""pad":"{}","raw_digits""#, "x".repeat(PAD_BYTES));
        let answer =
            site.post("/webhooks/acme/aircall", &[], &event(call).replace(r#""raw_digits""#, &pad)).await;
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{}", answer.body);
            return (stored, call + 1);
        }
        stored.push(call);
    }
    unreachable!("no disk is endless")
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
