//! `calltrail up` on a disk that is full before it starts: it answers 503 until there is room, or says what it lacks and ends.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use calltrail_simulator::aircall::random_history;

use super::aircall::{Aircall, bodies_of};
use super::full_disk::{
    FREE_MIB_MIN, ON_A_SMALL_DISK, check_short, fill, move_data_to, post, run_with_a_small_disk,
    site_with_free_min, webhooks,
};
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::machines::roles::{answered, free_addresses};
use super::site::{ACCOUNT, Site};
use super::up::Up;

const LOG_TAKES_NOTHING: [&str; 2] = ["disk_short", "log_unavailable"];

#[test]
fn a_start_on_a_full_disk_answers_503_and_recovers_by_itself() {
    run_with_a_small_disk("process::full_start::with_a_log_and_a_reserve");
}

#[test]
fn a_start_on_a_full_disk_without_a_reserve_recovers_or_says_what_it_lacks() {
    run_with_a_small_disk("process::full_start::with_a_log_and_no_reserve");
}

#[test]
fn a_first_start_on_a_full_disk_says_what_it_lacks_and_leaves_nothing() {
    run_with_a_small_disk("process::full_start::with_nothing");
}

/// A site with its data on the small disk and a receiver at a known place; where that is, and where health is answered.
struct Placed {
    site: Site,
    data: PathBuf,
    filler: PathBuf,
    webhooks_at: SocketAddr,
    operator_at: SocketAddr,
}

impl Placed {
    async fn on(disk: &Path) -> Self {
        let site = site_with_free_min(FREE_MIB_MIN).await;
        let data = disk.join("data");
        move_data_to(&site, &data);
        let [webhooks_at, operator_at] = free_addresses();
        let file = site.file("calltrail.toml");
        let written = fs::read_to_string(&file).expect("there is a configuration");
        let placed = written
            .replacen("\nlisten = \"127.0.0.1:0\"", &format!("\nlisten = \"{webhooks_at}\""), 1)
            .replacen(
                "operator_listen = \"127.0.0.1:0\"",
                &format!("operator_listen = \"{operator_at}\""),
                1,
            );
        fs::write(&file, placed).expect("the configuration is written");
        Self { site, data, filler: disk.join("filler"), webhooks_at, operator_at }
    }

    /// Takes some calls, which are in Front when this returns, and ends as `kill -9` does, or as a supervisor does.
    async fn with_calls(&self, killed: bool) {
        let mut up = self.site.up();
        let aircall = Aircall::posting_to(up.ready().await);
        for body in bodies_of(&random_history(7, 3, 2)) {
            aircall.deliver(body).await;
        }
        self.site.quiet().await;
        if killed {
            up.killed().await;
        } else {
            up.terminated().await.with_code(0);
        }
    }

    /// Waits until a webhook is answered; it must be refused for now, and health must say so.
    async fn check_refused(&self, webhook: &str) {
        let (status, said) = answered(self.operator_at, "health/ready").await;
        assert_eq!(status, 503, "{said}");
        let (status, answer) = post(self.webhooks_at, webhook).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(status == 503 && LOG_TAKES_NOTHING.contains(&error), "{status} {answer}");
        let (status, said) = answered(self.operator_at, "health/ready").await;
        assert!(status == 503 && said.contains("disk of `log.path` is short"), "{status} {said}");
    }

    /// Gives the disk back, and waits until webhooks are taken and everything is in Front. Nothing from before is lost.
    async fn check_recovers(&self, mut up: Up, webhook: &str, stored_before: usize) {
        fs::remove_file(&self.filler).expect("the filler goes");
        up.ready().await;
        wait_for_stored(self.webhooks_at, webhook, &up).await;
        self.site.quiet().await;
        check_short(&self.site, &up, false).await;
        assert!(self.site.records().await.len() > stored_before, "records are lost");
        self.site.verified().await;
        let said = up.terminated().await.with_code(0).stderr;
        assert!(!said.contains("panicked") && !said.contains("set aside"), "{said}");
    }
}

/// True when it answers a webhook; false when it ends.
async fn goes_on(up: &mut Up, webhooks_at: SocketAddr, webhook: &str) -> bool {
    let url = format!("http://{webhooks_at}/webhooks/{ACCOUNT}/aircall");
    let answered = async {
        // Refused before it listens, and reset when it ends.
        while reqwest::Client::new().post(&url).body(webhook.to_owned()).send().await.is_err() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = answered => true,
        () = async { while up.is_running() { tokio::time::sleep(LOOK_EVERY).await } } => false,
    }
}

async fn wait_for_stored(webhooks_at: SocketAddr, webhook: &str, up: &Up) {
    let started = Instant::now();
    while post(webhooks_at, webhook).await.0 != 200 {
        assert!(started.elapsed() < QUIET_MAX, "webhooks are not taken again:\n{}", up.said());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small disk, which the test above mounts"]
async fn with_a_log_and_a_reserve() {
    let Some(disk) = env::var_os(ON_A_SMALL_DISK) else { return };
    let placed = Placed::on(Path::new(&disk)).await;
    placed.with_calls(false).await;
    let stored = placed.site.records().await.len();
    let [first, second, third] = &webhooks()[..3] else { panic!("three webhooks") };
    fill(&placed.filler);
    let up = placed.site.up();
    placed.check_refused(first).await;
    // A supervisor may be less patient than it.
    up.killed().await;
    let up = placed.site.up();
    placed.check_refused(second).await;
    placed.check_recovers(up, third, stored).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small disk, which the test above mounts"]
async fn with_a_log_and_no_reserve() {
    let Some(disk) = env::var_os(ON_A_SMALL_DISK) else { return };
    for killed in [false, true] {
        let placed = Placed::on(Path::new(&disk)).await;
        placed.with_calls(killed).await;
        let stored = placed.site.records().await.len();
        fs::remove_file(placed.data.join("log.reserve")).expect("it is given up");
        fill(&placed.filler);
        let [first, second] = &webhooks()[..2] else { panic!("two webhooks") };
        let mut up = placed.site.up();
        // A file that was closed is opened without any room. One that was not may need some to be repaired.
        if goes_on(&mut up, placed.webhooks_at, first).await {
            placed.check_refused(first).await;
        } else {
            assert!(killed, "it ends for want of room that it does not need:\n{}", up.said());
            let said = up.ended().await.with_code(1).stderr;
            assert!(said.contains("log.redb") && said.contains("No space left"), "{said}");
            up = placed.site.up();
        }
        placed.check_recovers(up, second, stored).await;
        fs::remove_dir_all(&placed.data).expect("the data is removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small disk, which the test above mounts"]
async fn with_nothing() {
    let Some(disk) = env::var_os(ON_A_SMALL_DISK) else { return };
    let placed = Placed::on(Path::new(&disk)).await;
    fill(&placed.filler);
    let said = placed.site.run(&["up"]).await.with_code(1).stderr;
    assert!(said.contains(placed.data.to_str().expect("a text")) && said.contains("No space left"), "{said}");
    assert!(!placed.data.join("log.redb").exists(), "half a log is there");
    fs::remove_file(&placed.filler).expect("the filler goes");
    placed.with_calls(false).await;
    placed.site.verified().await;
}
