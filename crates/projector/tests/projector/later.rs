//! A log that a later release has written to: this one folds on and decides nothing, because that one may have decided already.

use calltrail_domain::state::LaterRecords;
use calltrail_domain::vocabulary::VERSION;
use calltrail_projector::InMemory;
use calltrail_projector::limits::RECORDS_BEFORE_MARKER;

use crate::bench::{Bench, NUMBER, OTHER, introduced};
use crate::company::{ACCOUNT, webhook};

const OTHER_NUMBER: &str = "+447700900124";

/// A call is decided on; then a later release decides, and another call comes. This one starts on that log.
fn gone_back() -> Bench {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    bench.settle(&bench.published[0].clone());
    bench.run();
    assert_eq!(bench.count("effects.decided"), 2);
    let last = bench.log.len() as u64;
    let mut bench = Bench::on(InMemory::default(), bench.log);
    bench.later.insert(last);
    bench.append(webhook(2, OTHER_NUMBER, "call.ended"));
    bench
}

#[test]
fn nothing_is_decided_after_a_record_of_a_later_release() {
    let mut bench = gone_back();
    let last = *bench.later.first().expect("there is one");
    bench.run();
    bench.append(webhook(3, NUMBER, "call.ended"));
    bench.run();
    // A start does not make it forget.
    let mut bench = Bench { later: bench.later, ..Bench::on(bench.store, bench.log) };
    bench.run();
    bench.append(webhook(4, NUMBER, "call.ended"));
    bench.run();
    assert_eq!(bench.count("effects.decided"), 2);
    assert_eq!(bench.machine.progress().checkpoint, bench.log.len() as u64, "it folds on");
    let later = bench.machine.later_records().expect("memory does not fail");
    assert_eq!(later, [(ACCOUNT, LaterRecords { count: 1, last, needs: VERSION + 1 })]);
}

/// A marker says that nothing is left to be decided: the calls that wait would never come to Front.
#[test]
fn no_marker_covers_what_waits_for_a_later_release() {
    let mut bench = gone_back();
    for call in 0..=RECORDS_BEFORE_MARKER {
        bench.append(webhook(100 + call, NUMBER, "call.created"));
    }
    bench.run();
    assert_eq!(bench.count("effects.decided"), 2);
}

#[test]
fn release_that_reads_the_record_decides_what_has_waited() {
    let mut bench = gone_back();
    bench.run();
    let mut bench = Bench::on(InMemory::default(), bench.log);
    bench.run();
    assert_eq!(bench.count("effects.decided"), 3);
    assert!(bench.machine.later_records().expect("memory does not fail").is_empty());
}

#[test]
fn later_record_of_one_account_holds_no_other() {
    let mut bench = Bench::of_two(InMemory::default(), Vec::new());
    bench.run();
    bench.append_to(OTHER, webhook(1, NUMBER, "call.created"));
    bench.later.insert(bench.log.len() as u64);
    for (account, call) in [(OTHER, 2), (ACCOUNT, 3)] {
        bench.append_to(account, webhook(call, NUMBER, "call.ended"));
    }
    bench.run();
    let decided = bench.log.iter().filter(|(_, record)| record.body.kind() == "effects.decided");
    assert_eq!(decided.map(|(account, _)| *account).collect::<Vec<_>>(), [ACCOUNT]);
}
