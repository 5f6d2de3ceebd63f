//! What a log that is away costs those who wait for an answer. Run by hand:
//! `cargo test --release -p calltrail-ingest --test it -- --ignored --nocapture cost::`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use calltrail_event_log::ports::{EventLog, LogError};
use calltrail_ingest::{Forwarder, Intake, ServerLimits, Spool, SpoolOptions};
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use crate::elsewhere::{Elsewhere, Fate, event, open, roomy, site_on, until};
use crate::site::{NOW, Site, TestLog, request};

const ROUNDS: usize = 9;
const CONNECTIONS: usize = 32;
const WEBHOOKS_PER_CONNECTION: usize = 250;
const BODY_BYTES: usize = 2_048;

/// A site on a spool of its own, its forwarder, and the log behind it.
struct Place {
    name: &'static str,
    site: Site,
    spool: Option<Spool>,
    _log: TestLog,
    _folder: TempDir,
    _go_on: watch::Sender<bool>,
    /// Answers per second, and the longest wait for one, of each round.
    rounds: Vec<(f64, Duration)>,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, to be read and not to pass"]
async fn answers_with_the_log_reachable_and_away() {
    let log = || TestLog::open();
    let mut places = [
        place("the log itself is the spool", log(), |log| Err(log.log.clone())).await,
        place("spool, log reachable", log(), |log| Ok(log.log.clone())).await,
        place("spool, log hangs", log(), |_| Ok(Elsewhere::new(|_| Fate::Hangs))).await,
        place("spool, log refuses", log(), |_| {
            Ok(Elsewhere::new(|_| Fate::Refused(LogError::storage("no server"))))
        })
        .await,
    ];
    for _ in 0..ROUNDS {
        for place in &mut places {
            let round = round(&place.site).await;
            place.rounds.push(round);
            if let Some(spool) = place.spool.as_ref().filter(|_| place.name.ends_with("reachable")) {
                until(spool, |now| now.records == 0).await;
            }
        }
    }
    let medians: Vec<f64> = places.iter().map(|place| median(&place.rounds)).collect();
    println!("\n{CONNECTIONS} connections, bodies of {BODY_BYTES} bytes, median of {ROUNDS} rounds in turn");
    for (place, answers) in places.iter().zip(&medians) {
        let waiting = place.spool.as_ref().map_or(0, |spool| spool.now().records);
        let worst = place.rounds.iter().map(|(_, worst)| *worst).max().unwrap_or_default();
        let ratio = answers / medians[1];
        println!(
            "{:<30} {answers:>8.0} answers/s, {ratio:.2} of reachable, longest wait {worst:>7.1?}, {waiting} in the spool",
            place.name
        );
    }
}

/// `behind` gives the log to forward to, or the one to append to at once.
async fn place(
    name: &'static str,
    log: TestLog,
    behind: impl FnOnce(&TestLog) -> Result<Arc<dyn EventLog>, Arc<dyn EventLog>>,
) -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (go_on, stopped) = watch::channel(false);
    let (site, spool) = match behind(&log) {
        Ok(behind) => {
            let options = SpoolOptions { high_water_bytes: u64::MAX, ..roomy() };
            let spool = open(folder.path(), options).await;
            tokio::spawn(Forwarder::new(spool.clone(), behind).run(stopped));
            (site_on(&spool).await, Some(spool))
        }
        Err(log) => {
            let intake = Intake::Log { log, disk: None, opens: None };
            (Site::start_on(intake, ServerLimits::default(), Arc::new(|| NOW)).await, None)
        }
    };
    Place { name, site, spool, _log: log, _folder: folder, _go_on: go_on, rounds: Vec::new() }
}

async fn round(site: &Site) -> (f64, Duration) {
    let pad = format!(r#""pad":"{}","raw_digits""#, "x".repeat(BODY_BYTES));
    let body = event(1).replace(r#""raw_digits""#, &pad);
    let request = String::from_utf8(request("/webhooks/acme/aircall", &[], &body)).expect("text");
    let request = request.replace("connection: close\r\n", "");
    let began = Instant::now();
    let worst = join_all((0..CONNECTIONS).map(|_| converse(site, request.as_bytes()))).await;
    let answers = (CONNECTIONS * WEBHOOKS_PER_CONNECTION) as f64;
    (answers / began.elapsed().as_secs_f64(), worst.into_iter().max().unwrap_or_default())
}

/// One webhook after the other; returns the longest wait.
async fn converse(site: &Site, request: &[u8]) -> Duration {
    let mut stream = site.connect().await;
    let mut longest = Duration::ZERO;
    let mut answer = Vec::new();
    for _ in 0..WEBHOOKS_PER_CONNECTION {
        answer.clear();
        let began = Instant::now();
        stream.write_all(request).await.expect("the site reads");
        while !answer.ends_with(b"}") {
            assert!(stream.read_buf(&mut answer).await.expect("the site answers") > 0, "the site hung up");
        }
        longest = longest.max(began.elapsed());
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    }
    longest
}

fn median(rounds: &[(f64, Duration)]) -> f64 {
    let mut answers: Vec<f64> = rounds.iter().map(|(answers, _)| *answers).collect();
    answers.sort_by(f64::total_cmp);
    answers[answers.len() / 2]
}
