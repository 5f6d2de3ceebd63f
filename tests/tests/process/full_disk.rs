//! `calltrail up` on a disk that becomes full: webhooks are refused before, the process goes on, and nothing that was
//! answered 200 is lost.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;
use serde_json::Value;

use super::aircall::{Aircall, bodies_of};
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::metrics::Scraped;
use super::program::{BUILT, program};
use super::site::{ACCOUNT, Site};
use super::up::Up;

pub(super) const ON_A_SMALL_DISK: &str = "CALLTRAIL_TEST_SMALL_DISK";
const MOUNT: &str = r#"mount -t tmpfs -o size=192m none "$0" && exec "$@""#;
/// Room that is given back at the end.
const BALLAST_BYTES: u64 = 72 << 20;
/// Of the disk, so much is to stay free.
pub(super) const FREE_MIB_MIN: u64 = 16;
/// The highest limit that there is.
const FREE_MIB_MAX: u64 = 1 << 20;
const PAD_BYTES: usize = 200_000;
/// So long the disk stays full.
const FULL_FOR: Duration = Duration::from_secs(3);

/// Where no disk can be mounted: a limit above what is free does the same.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_refused_while_the_disk_is_short_and_everything_says_so() {
    let site = site_with_free_min(FREE_MIB_MAX).await;
    if free_bytes(site.folder()) >= FREE_MIB_MAX << 20 {
        eprintln!("skipped: this disk is larger than any limit");
        return;
    }
    let mut up = site.up();
    let address = up.ready().await;
    let (status, answer) = post(address, &webhooks()[0]).await;
    assert_eq!((status, answer["error"].as_str()), (503, Some("disk_short")));
    check_short(&site, &up, true).await;
    assert!(up.said().contains("disk is short"), "no line says so:\n{}", up.said());
    up.terminated().await.with_code(0);

    write_free_min(&site, 1);
    let mut up = site.up();
    let address = up.ready().await;
    assert_eq!(post(address, &webhooks()[0]).await.0, 200);
    check_short(&site, &up, false).await;
    up.terminated().await.with_code(0);
}

#[test]
fn a_full_disk_ends_no_process_and_loses_nothing() {
    run_with_a_small_disk("process::full_disk::with_everything_on_a_small_disk");
}

#[test]
fn a_full_disk_under_the_projection_is_waited_for() {
    run_with_a_small_disk("process::full_disk::with_the_projection_on_a_small_disk");
}

/// Runs one of the tests below in a process that sees a small disk. Users who may not mount one skip it.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to see that one was skipped")]
pub(super) fn run_with_a_small_disk(test: &str) {
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
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(ON_A_SMALL_DISK, folder.path())
        .env(BUILT, program())
        .stdin(Stdio::null())
        .output()
        .expect("the child starts");
    let said = [child.stdout, child.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(child.status.success(), "{}{}", said[0], said[1]);
    assert!(said[0].contains("1 passed"), "{}", said[0]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small disk, which the test above mounts"]
async fn with_everything_on_a_small_disk() {
    let Some(disk) = env::var_os(ON_A_SMALL_DISK) else { return };
    let disk = Path::new(&disk);
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![0; usize::try_from(BALLAST_BYTES).expect("it fits")]).expect("there is room");
    let site = site_with_free_min(FREE_MIB_MIN).await;
    move_data_to(&site, &disk.join("data"));
    let mut up = site.up();
    let address = up.ready().await;

    let mut webhooks = webhooks().into_iter();
    let mut stored = BTreeSet::new();

    // Another program takes everything, to the last byte, faster than the disk is looked at: a commit fails.
    let filler = disk.join("filler");
    fill_until_a_commit_fails(&filler, address, &mut webhooks, &mut stored).await;
    wait_for(&up, "embedded log refused a commit").await;
    assert_eq!(post(address, &webhooks.next().expect("one more")).await.0, 503);
    fs::remove_file(&filler).expect("the filler goes");
    post_until_stored(&up, address, &mut webhooks, &mut stored).await;
    wait_for(&up, "embedded log takes changes again").await;

    // Until webhooks are refused, with the disk not yet full.
    let refused = post_until_refused(address, &mut webhooks, &mut stored).await;
    assert_eq!(refused["error"], "disk_short");
    assert!(stored.len() > 20, "{} were stored", stored.len());
    check_short(&site, &up, true).await;
    assert!(free_bytes(disk) > 0, "the gate closed when nothing was left");

    // The other program again, while calls are on their way to Front.
    fill(&filler);
    tokio::time::sleep(FULL_FOR).await;
    assert_eq!(post(address, &webhooks.next().expect("one more")).await.0, 503);
    assert!(!up.said().contains("panicked"), "{}", up.said());

    // There is room again: everything goes on by itself.
    fs::remove_file(&filler).expect("the filler goes");
    fs::remove_file(&ballast).expect("the ballast goes");
    post_until_stored(&up, address, &mut webhooks, &mut stored).await;
    site.quiet().await;
    check_short(&site, &up, false).await;
    let kept: BTreeSet<_> =
        site.records().await.iter().filter_map(|record| record["sequence"].as_u64()).collect();
    let lost: Vec<_> = stored.difference(&kept).collect();
    assert!(lost.is_empty(), "answered 200 and not in the log: {lost:?}");
    site.verified().await;
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small disk, which the test above mounts"]
async fn with_the_projection_on_a_small_disk() {
    let Some(disk) = env::var_os(ON_A_SMALL_DISK) else { return };
    let disk = Path::new(&disk);
    let site = site_with_free_min(1).await;
    let up = up_with_projection_in(&site, disk).await;
    let aircall = Aircall::posting_to(up.webhooks_at_now());
    let filler = disk.join("filler");
    fill(&filler);
    let history = random_history(5, 60, 20);
    for body in bodies_of(&history) {
        aircall.deliver(body).await;
    }
    wait_for(&up, "has no room on its disk").await;
    let health = reqwest::get(format!("http://{}/health/ready", up.operator_at())).await.expect("an answer");
    assert_eq!(health.status().as_u16(), 503, "it is taken for ready");

    fs::remove_file(&filler).expect("the filler goes");
    wait_for(&up, "projection store has room again").await;
    site.quiet().await;
    site.verified().await;
    let said = up.terminated().await.with_code(0).stderr;
    assert!(!said.contains("set aside"), "what was committed was folded again:\n{said}");
}

/// A program whose projection was moved to `disk`.
async fn up_with_projection_in(site: &Site, disk: &Path) -> Up {
    let mut up = site.up();
    up.ready().await;
    up.terminated().await.with_code(0);
    let made = site.file("data/projection");
    let copied = Command::new("cp").arg("-a").args([&made, disk]).status().expect("cp runs");
    assert!(copied.success());
    fs::remove_dir_all(&made).expect("the projection is removed");
    symlink(disk.join("projection"), &made).expect("a link is made");
    let mut up = site.up();
    up.ready().await;
    up
}

pub(super) async fn site_with_free_min(mib: u64) -> Site {
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    write_free_min(&site, mib);
    site
}

fn write_free_min(site: &Site, mib: u64) {
    let file = site.file("calltrail.toml");
    let written = fs::read_to_string(&file).expect("there is a configuration");
    let kept = written.lines().filter(|line| !line.starts_with("disk_free_min_mib"));
    let kept = kept.collect::<Vec<_>>().join("\n");
    let changed = kept.replacen("[log]", &format!("[log]\ndisk_free_min_mib = {mib}"), 1);
    fs::write(&file, changed).expect("the configuration is written");
}

pub(super) fn move_data_to(site: &Site, folder: &Path) {
    let file = site.file("calltrail.toml");
    let written = fs::read_to_string(&file).expect("there is a configuration");
    let path = format!("path = \"{}\"", folder.display());
    let changed = written.replacen("path = \"data\"", &path, 1);
    assert_ne!(changed, written);
    fs::write(&file, changed).expect("the configuration is written");
}

/// Webhooks of many calls, each longer than any of Aircall's.
pub(super) fn webhooks() -> Vec<String> {
    let pad = Value::from("x".repeat(PAD_BYTES));
    let history = random_history(3, 400, 2);
    let padded = bodies_of(&history).map(|body| {
        let mut webhook: Value = serde_json::from_str(body).expect("a webhook is JSON");
        webhook["pad"] = pad.clone();
        webhook.to_string()
    });
    padded.collect()
}

pub(super) async fn post(address: SocketAddr, body: &str) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().expect("an http client");
    let url = format!("http://{address}/webhooks/{ACCOUNT}/aircall");
    let answer = client.post(url).body(body.to_owned()).send().await.expect("an answer");
    let status = answer.status().as_u16();
    assert_eq!(status == 503, answer.headers().contains_key("retry-after"), "{status}");
    let text = answer.text().await.expect("an answer has a body");
    (status, serde_json::from_str(&text).expect("an answer is JSON"))
}

/// Posts until one is refused; returns its answer. The sequences of those that were stored are in `stored`.
async fn post_until_refused(
    address: SocketAddr,
    webhooks: &mut impl Iterator<Item = String>,
    stored: &mut BTreeSet<u64>,
) -> Value {
    for webhook in webhooks {
        let (status, answer) = post(address, &webhook).await;
        if status != 200 {
            assert_eq!(status, 503, "{answer}");
            return answer;
        }
        stored.insert(answer["sequence"].as_u64().expect("an answer names the record"));
    }
    panic!("all were stored, {} of them", stored.len())
}

/// The disk is looked at once a second. Fills it, and posts a webhook before the next look: tried until that is so.
async fn fill_until_a_commit_fails(
    filler: &Path,
    address: SocketAddr,
    webhooks: &mut impl Iterator<Item = String>,
    stored: &mut BTreeSet<u64>,
) {
    for webhook in webhooks {
        fill(filler);
        let (status, answer) = post(address, &webhook).await;
        if answer["error"] == "log_unavailable" {
            return;
        }
        assert_eq!((status, answer["error"].as_str()), (503, Some("disk_short")), "{answer}");
        fs::remove_file(filler).expect("the filler goes");
        while post(address, &webhook).await.1["sequence"]
            .as_u64()
            .is_none_or(|sequence| !stored.insert(sequence))
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    panic!("no commit failed on a full disk");
}

/// Posts one until it is stored.
async fn post_until_stored(
    up: &Up,
    address: SocketAddr,
    webhooks: &mut impl Iterator<Item = String>,
    stored: &mut BTreeSet<u64>,
) {
    let (started, webhook) = (Instant::now(), webhooks.next().expect("one more"));
    loop {
        let (status, answer) = post(address, &webhook).await;
        if status == 200 {
            stored.insert(answer["sequence"].as_u64().expect("an answer names the record"));
            return;
        }
        assert!(started.elapsed() < QUIET_MAX, "webhooks are not taken again:\n{}", up.said());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What status, metrics and health say of the disk.
pub(super) async fn check_short(site: &Site, up: &Up, is_short: bool) {
    let status = site.status().await;
    assert_eq!(status["process"]["disk_short"], is_short, "{status:#}");
    let scraped = Scraped::of(up.operator_at()).await;
    scraped.check("disk_short", &u8::from(is_short).into());
    let health = reqwest::get(format!("http://{}/health/ready", up.operator_at())).await.expect("an answer");
    assert_eq!(health.status().as_u16(), if is_short { 503 } else { 200 });
    let said = health.text().await.expect("a text");
    assert_eq!(said.contains("disk of `log.path` is short"), is_short, "{said}");
}

async fn wait_for(up: &Up, line: &str) {
    let started = Instant::now();
    while !up.said().contains(line) {
        assert!(started.elapsed() < QUIET_MAX, "no line says {line:?}:\n{}", up.said());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn free_bytes(folder: &Path) -> u64 {
    let stat = rustix::fs::statvfs(folder).expect("the disk answers");
    stat.f_bavail * stat.f_frsize
}

/// Takes what is free, to the last byte.
pub(super) fn fill(filler: &Path) {
    let mut file = File::create(filler).expect("a new file");
    for bytes in [1 << 20, 4_096] {
        let bytes = vec![0; bytes];
        let full = loop {
            if let Err(error) = file.write_all(&bytes) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }
}
