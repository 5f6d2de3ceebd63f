//! One, four and eight writers on one nats-server: together they use the limit, whole and never more.

use std::time::Duration;

use calltrail_event_log::ports::Class;
use calltrail_simulator::http::Clock;

use super::site::Site;

const LIMIT: u32 = 240;
/// Long enough that a writer that wastes slots shows, and that slots are reserved, waited for, met and passed on.
const WORK: Duration = Duration::from_secs(20);
/// More than can be sent meanwhile: two requests a call, 80 in this time.
const CALLS: u64 = 90;
/// Of the limit, while there is work.
const USED_MIN: f64 = 0.95;

#[tokio::test(flavor = "multi_thread")]
async fn one_writer_uses_the_whole_limit_and_no_more() {
    eprintln!("1 writers: {}", check(1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_writers_use_the_whole_limit_and_no_more() {
    eprintln!("4 writers: {}", check(4).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_use_the_whole_limit_and_no_more() {
    eprintln!("8 writers: {}", check(8).await);
}

/// Time is scaled by beginning with a minute whose requests are all used, evenly: one slot comes free after the other, and
/// every minute that ends during the test is one that the writers had to fill. Returns how full they were.
async fn check(writers: usize) -> String {
    let ages = (0..i64::from(LIMIT)).map(|nth| 60_000 - (nth + 1) * 60_000 / i64::from(LIMIT));
    let site = Site::on_jetstream(LIMIT, ages, "/teammates").await;
    site.remember().await;
    for call in 1..=CALLS {
        site.publish(call, Class::Live).await;
    }
    let from_ms = Clock::system().now_ms();
    site.work_until(writers, tokio::time::sleep(WORK)).await;
    let to_ms = from_ms + i64::try_from(WORK.as_millis()).expect("a short time");
    let (most, fewest) = (site.most_in_a_minute(), site.fewest_in_a_minute(from_ms, to_ms));
    assert_eq!(site.refused(), 0, "no request was one too many");
    assert!(most <= LIMIT as usize, "{most} in a minute");
    assert!(fewest as f64 >= f64::from(LIMIT) * USED_MIN, "only {fewest} in a minute, of {LIMIT}");
    format!("{fewest} to {most} requests in any minute, of {LIMIT}")
}
