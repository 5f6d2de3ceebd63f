//! A log of a million records, with everything decided and settled, for `tests/million`, which measures what it takes to fold,
//! move and trim it: `CALLTRAIL_MILLION=folder cargo test -p calltrail-projector --release -- --ignored million`.

use std::path::PathBuf;
use std::sync::Arc;

use calltrail_domain::record::Record;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{EventLog as _, NewRecord};
use tokio::task::JoinSet;

use crate::company::{ACCOUNT, Company, webhook};

const RECORDS_DEFAULT: u64 = 1_000_000;
/// Webhooks of one call. With the decisions and what comes of them it has some ten records.
const OF_A_CALL: [&str; 5] =
    ["call.created", "call.ringing_on_agent", "call.answered", "call.hungup", "call.ended"];
const CALLERS: u64 = 10_000;
/// Calls that come at once. Those before are settled first.
const CALLS_AT_ONCE: u64 = 500;
/// Writers of the Front that takes everything.
const WRITERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it makes what tests/million measures"]
async fn a_million_records_are_made() {
    let folder = PathBuf::from(std::env::var("CALLTRAIL_MILLION").expect("CALLTRAIL_MILLION names a folder"));
    let wanted = std::env::var("CALLTRAIL_RECORDS").ok().map(|count| count.parse().expect("a number"));
    let wanted: u64 = wanted.unwrap_or(RECORDS_DEFAULT);
    std::fs::create_dir_all(&folder).expect("a folder");
    let log = Embedded::open(&folder.join("log.redb"), &Options::default()).expect("a new log");
    let company = Arc::new(Company { log, ..Company::new() });
    let handle = company.start();
    let mut calls = 0;
    while company.log.tail().await.expect("answers") < wanted {
        let webhooks: Vec<_> = (calls..calls + CALLS_AT_ONCE).flat_map(webhooks_of).collect();
        for group in webhooks.chunks(1_000) {
            company.log.append(group.to_vec()).await.expect("the log takes it");
        }
        calls += CALLS_AT_ONCE;
        settle(&company, &handle).await;
        if calls % 10_000 == 0 {
            println!("{calls} calls, {} records", company.log.tail().await.expect("answers"));
        }
    }
    handle.stop().await.expect("it ends well");
    company.log.clone().close().await;
}

/// Until nothing waits.
async fn settle(company: &Arc<Company>, handle: &calltrail_projector::Handle) {
    loop {
        company.folded(handle).await;
        let pending = handle.pending().await.expect("it runs");
        let (effects, calls) =
            pending.values().fold((0, 0), |sum, one| (sum.0 + one.effects, sum.1 + one.calls));
        if effects == 0 && calls == 0 {
            return;
        }
        let items =
            company.log.stats().await.expect("answers").outbox.iter().map(|lane| lane.items).sum::<usize>();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (company, share) = (Arc::clone(company), (items + WRITERS - 1 - writer) / WRITERS);
            writers.spawn(async move {
                for _ in 0..share {
                    company.settle_next().await;
                }
            });
        }
        writers.join_all().await;
    }
}

fn webhooks_of(call: u64) -> Vec<NewRecord> {
    let number = format!("+4477009{:05}", call % CALLERS);
    let at = i64::try_from(1_700_000_000_000 + call * 10_000).expect("a time");
    let record = |event: &&str| {
        let record =
            Record { received_at: Timestamp::from_millis(at), body: webhook(call + 1, &number, event) };
        let kind = record.body.kind().to_owned();
        NewRecord { account: ACCOUNT.to_owned(), kind, body: record.encode().into() }
    };
    OF_A_CALL.iter().map(record).collect()
}
