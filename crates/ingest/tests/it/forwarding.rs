//! From the spool into the log: nothing is lost and the order is kept, whatever goes wrong on the way.

use calltrail_event_log::ports::LogError;
use futures_util::future::join;

use crate::elsewhere::{Elsewhere, Fate, Running, event, open, roomy, site_on, until};
use crate::site::Site;

const PER_ACCOUNT: u64 = 60;

async fn post(site: &Site, account: &str, calls: impl IntoIterator<Item = u64>) {
    let token = if account == "acme" { "good" } else { "plain-token" };
    for call in calls {
        let event = event(call).replace("good", token);
        let answer = site.post(&format!("/webhooks/{account}/aircall"), &[], &event).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// The same numbers for the same seed (splitmix64).
fn dice(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |sides| {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}

#[tokio::test]
async fn nothing_is_lost_and_the_order_is_kept_when_the_log_fails_at_random() {
    for seed in 0..12 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = open(folder.path(), roomy()).await;
        let site = site_on(&spool).await;
        let mut dice = dice(seed);
        let log = Elsewhere::new(move |_| match dice(6) {
            0 => Fate::TakenWithoutAnswer,
            1 => Fate::Refused(LogError::storage("no server")),
            2 => Fate::Refused(LogError::Conflict),
            3 => Fate::Hangs,
            _ => Fate::Taken,
        });
        let forwarder = Running::start(&spool, &log);
        join(post(&site, "acme", 1..=PER_ACCOUNT), post(&site, "plain", 1..=PER_ACCOUNT)).await;
        let now = until(&spool, |now| now.records == 0).await;
        assert_eq!((now.forwarded, now.set_aside, now.bytes), (2 * PER_ACCOUNT, 0, 0), "seed {seed}");
        for account in ["acme", "plain"] {
            // Whatever was sent again went under its first id, so that the log could tell.
            assert_eq!(log.calls(account), (1..=PER_ACCOUNT).collect::<Vec<_>>(), "seed {seed}");
        }
        forwarder.stop().await;
    }
}

#[tokio::test]
async fn a_range_in_doubt_keeps_its_id_though_more_has_come() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = open(folder.path(), roomy()).await;
    let site = site_on(&spool).await;
    post(&site, "acme", 1..=2).await;
    let log = Elsewhere::new(|_| Fate::TakenWithoutAnswer);
    let forwarder = Running::start(&spool, &log);
    until(&spool, |now| now.failures > 0).await;
    post(&site, "acme", 3..=5).await;
    until(&spool, |now| now.failures > 3).await;
    let [first] = &log.ids()[..] else { panic!("one id, not {:?}", log.ids()) };
    let (id, _) = first.split_once(":1-2:").expect("the id names the range");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    log.change(|_| Fate::Taken);
    until(&spool, |now| now.records == 0).await;
    forwarder.stop().await;
    spool.close().await;
    drop((spool, site));
    let spool = open(folder.path(), roomy()).await;
    let site = site_on(&spool).await;
    post(&site, "acme", [6]).await;
    let forwarder = Running::start(&spool, &log);
    until(&spool, |now| now.records == 0).await;
    let expect = ["1-2", "3-5", "6-6"].map(|range| format!("{id}:{range}:"));
    let (ids, count) = (log.ids(), expect.len());
    let begins = ids.iter().zip(&expect).all(|(id, begin)| id.starts_with(begin));
    assert!(begins && ids.len() == count, "a spool keeps its id, and never gives a number twice: {ids:?}");
    assert_eq!(log.calls("acme"), (1..=6).collect::<Vec<_>>());
    forwarder.stop().await;
}

/// Takes no group with one of these calls, ever.
fn refuses(poisoned: &'static [u64]) -> impl FnMut(&[u64]) -> Fate {
    move |calls| {
        if calls.iter().any(|call| poisoned.contains(call)) {
            Fate::Refused(LogError::TooLarge {
                kind: "aircall.event".to_owned(),
                size_bytes: 9,
                limit_bytes: 8,
            })
        } else {
            Fate::Taken
        }
    }
}

#[tokio::test]
async fn records_that_the_log_refuses_for_good_block_nothing_and_are_tried_again_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = open(folder.path(), roomy()).await;
    let site = site_on(&spool).await;
    post(&site, "acme", 1..=20).await;
    let log = Elsewhere::new(refuses(&[7, 13, 20, 22]));
    let forwarder = Running::start(&spool, &log);
    let now = until(&spool, |now| now.records == 0).await;
    assert_eq!((now.set_aside, now.forwarded, now.failures, now.oldest_at), (3, 17, 0, None));
    assert!(now.bytes > 0, "they are still in the spool");
    post(&site, "acme", 21..=23).await;
    let now = until(&spool, |now| now.records == 0).await;
    assert_eq!((now.set_aside, now.forwarded), (4, 19));
    let others: Vec<u64> = (1..=23).filter(|call| ![7, 13, 20, 22].contains(call)).collect();
    assert_eq!(log.calls("acme"), others);
    forwarder.stop().await;
    spool.close().await;
    drop((spool, site));
    let spool = open(folder.path(), roomy()).await;
    assert_eq!((spool.now().records, spool.now().set_aside), (4, 0));
    log.change(refuses(&[13]));
    let forwarder = Running::start(&spool, &log);
    let now = until(&spool, |now| now.records == 0).await;
    assert_eq!((now.set_aside, now.forwarded), (1, 3));
    assert_eq!(log.calls("acme"), others.into_iter().chain([7, 20, 22]).collect::<Vec<_>>());
    forwarder.stop().await;
}

#[tokio::test]
async fn who_is_asked_to_stop_forwards_what_is_left_first() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = open(folder.path(), roomy()).await;
    let site = site_on(&spool).await;
    post(&site, "acme", 1..=9).await;
    let mut refusals = 3;
    let log = Elsewhere::new(move |_| {
        refusals -= 1;
        if refusals < 0 { Fate::Taken } else { Fate::Refused(LogError::storage("no server")) }
    });
    Running::start(&spool, &log).stop().await;
    assert_eq!((spool.now().records, log.calls("acme").len()), (0, 9));
}

#[tokio::test]
async fn who_is_asked_to_stop_while_the_log_is_away_leaves_the_rest_to_the_next_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = open(folder.path(), roomy()).await;
    let site = site_on(&spool).await;
    post(&site, "acme", 1..=9).await;
    let log = Elsewhere::new(|_| Fate::Hangs);
    Running::start(&spool, &log).stop().await;
    spool.close().await;
    drop((spool, site));
    let spool = open(folder.path(), roomy()).await;
    assert_eq!(spool.now().records, 9);
    log.change(|_| Fate::Taken);
    Running::start(&spool, &log).stop().await;
    assert_eq!((spool.now().records, log.calls("acme")), (0, (1..=9).collect::<Vec<_>>()));
}

#[tokio::test]
async fn a_forwarder_ends_with_its_spool() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = open(folder.path(), roomy()).await;
    let forwarder = Running::start(&spool, &Elsewhere::new(|_| Fate::Taken));
    spool.close().await;
    forwarder.stop().await;
}
