//! A log file that is put back from a copy, as the operators' page says, with calls before and after.

use std::fs;
use std::time::Instant;

use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::RepeatAnswer;

use super::aircall::{Aircall, bodies_of};
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::oracle::Oracle;
use super::parts::{Part, parts_of};
use super::site::Site;
use super::up::Up;

const CALLS: u32 = 24;
const PARTIES: u32 = 8;

/// What is put back: the file alone, beside a projection that has folded more; or all of it, into an empty folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Into {
    TheFolder,
    AnEmptyFolder,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_file_put_back_beside_a_newer_projection_loses_no_later_call() {
    check(5, Into::TheFolder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_file_put_back_into_an_empty_folder_loses_no_later_call() {
    check(6, Into::AnEmptyFolder).await;
}

async fn check(seed: u64, into: Into) {
    let site = Site::new(seed, RepeatAnswer::AcceptedAndResolves).await;
    let history = random_history(seed, CALLS, PARTIES);
    let oracle = Oracle::of(bodies_of(&history));
    let parts = parts_of(bodies_of(&history), 3);
    let up = delivered(&site, &parts[0], parts[0].calls).await;
    up.terminated().await.with_code(0);
    let (log, copy) = (site.file("data/log.redb"), site.file("copy.redb"));
    fs::copy(&log, &copy).expect("the log is copied");

    let up = delivered(&site, &parts[1], parts[0].calls + parts[1].calls).await;
    up.terminated().await.with_code(0);
    if into == Into::AnEmptyFolder {
        fs::remove_dir_all(site.file("data")).expect("the folder is emptied");
        fs::create_dir(site.file("data")).expect("the folder is made");
    }
    fs::copy(&copy, &log).expect("the log is put back");

    let up = delivered(&site, &parts[2], parts[0].calls + parts[2].calls).await;
    oracle.check_activities(&site.ledger());
    site.verified().await;
    let status = site.status().await;
    assert!(status["folded"].as_u64() <= status["records"].as_u64(), "{status:#}");
    let said = up.terminated().await.with_code(0).stderr;
    let is_set_aside = said.contains("projection store set aside");
    assert_eq!(is_set_aside, into == Into::TheFolder, "{said}");
}

/// Starts the program and posts a part of the history; returns when the log has so many calls and all is in Front.
async fn delivered(site: &Site, part: &Part<'_>, calls: usize) -> Up {
    let mut up = site.up();
    let aircall = Aircall::posting_to(up.ready().await);
    for body in &part.webhooks {
        aircall.deliver(body).await;
    }
    let started = Instant::now();
    loop {
        site.quiet().await;
        let status = site.status().await;
        let logged = status["accounts"]["acme"]["logged"].as_object().into_iter().flatten();
        if logged.filter_map(|(_, count)| count.as_u64()).sum::<u64>() == calls as u64 {
            return up;
        }
        assert!(started.elapsed() < QUIET_MAX, "calls are not logged: {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
