//! A replay's memory does not grow with the log. Slow, so it runs on demand:
//! `cargo test -p calltrail-projector --release -- --ignored --nocapture memory`.

use calltrail_domain::record::{AccountCreated, PartyKey, Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog as _, NewRecord};
use calltrail_projector::rebuild_at_rest;

use crate::company::{ACCOUNT, Company, webhook};

const RECORDS: u64 = 200_000;
/// Webhooks of one call.
const OF_A_CALL: [&str; 5] =
    ["call.created", "call.ringing_on_agent", "call.hungup", "call.ended", "call.tagged"];
/// After so many the same calls come again: the state stays as large as it is, and the log grows.
const CALLS: u64 = 2_000;
/// What the second half of the log may add to what the first half took.
const GROWTH_KB_MAX: u64 = 96 * 1024;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes, and is about memory only"]
async fn memory_stays_flat_while_two_hundred_thousand_records_are_folded() {
    let company = Company::new();
    let key = AccountCreated { party_key: PartyKey::from_random([7; 32]) };
    company.append(RecordBody::AccountCreated(key)).await;
    for first in (0..RECORDS).step_by(1_000) {
        company.log.append((first..first + 1_000).map(record).collect()).await.expect("the log takes it");
    }
    let mut resident = Vec::new();
    let mut note = |at: u64| {
        if at / (RECORDS / 8) > resident.len() as u64 {
            resident.push(of_this_process("VmRSS:"));
            println!("{at} records: {} MB resident", of_this_process("VmRSS:") / 1024);
        }
    };
    let began = std::time::Instant::now();
    let rebuilt = rebuild_at_rest(&company.log, &company.store(), &mut note).await.expect("it is rebuilt");
    println!(
        "{} records in {:?}, peak {} MB",
        rebuilt.records,
        began.elapsed(),
        of_this_process("VmHWM:") / 1024
    );
    let (half, end) = (resident[3], resident.last().copied().expect("it was noted"));
    assert!(end < half + GROWTH_KB_MAX, "{half} kB at the half, {end} kB at the end");
}

fn record(index: u64) -> NewRecord {
    let call = index / OF_A_CALL.len() as u64 % CALLS;
    let event = OF_A_CALL[usize::try_from(index).expect("64 bits") % OF_A_CALL.len()];
    let number = format!("+4477009{call:05}");
    let at = i64::try_from(1_700_000_000_000 + index * 1_000).expect("a time");
    let record = Record { received_at: Timestamp::from_millis(at), body: webhook(call + 1, &number, event) };
    NewRecord {
        account: ACCOUNT.to_owned(),
        kind: record.body.kind().to_owned(),
        body: record.encode().into(),
    }
}

fn of_this_process(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("it is named");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}
