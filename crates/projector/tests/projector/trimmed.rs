//! A log that is trimmed under a machine that has not folded everything: nothing is missed.

use calltrail_projector::WhyAgain;

use crate::bench::{Bench, NUMBER};
use crate::company::webhook;

const TRIMMED_TO: u64 = 5;

/// A machine on an empty store, or one that has folded so much, and a log with more.
fn bench(folded: usize) -> Bench {
    let mut bench = Bench::new();
    bench.run();
    for call in 1..=8 {
        bench.append(webhook(call, NUMBER, "call.created"));
    }
    let log = std::mem::take(&mut bench.log);
    let mut first = Bench::on(Default::default(), log[..folded].to_vec());
    if folded > 0 {
        first.run();
    }
    Bench::on(first.store, log)
}

fn trim(bench: &mut Bench) {
    bench.erased.extend(1..=TRIMMED_TO);
    bench.base = Some(TRIMMED_TO);
}

/// Until it reads records for the first time.
fn until_it_reads(bench: &mut Bench) {
    while bench.seen.last() != Some(&"tail") {
        assert!(bench.step());
    }
}

#[test]
fn an_empty_store_that_found_a_whole_log_begins_again_when_it_is_trimmed() {
    let mut bench = bench(0);
    until_it_reads(&mut bench);
    trim(&mut bench);
    bench.run();
    assert_eq!(bench.ended, Some(WhyAgain::Trimmed { checkpoint: 0 }));
}

#[test]
fn a_store_from_before_what_was_trimmed_off_begins_again() {
    for folded in [2, 3, 4] {
        let mut bench = bench(folded);
        trim(&mut bench);
        bench.run();
        assert_eq!(bench.ended, Some(WhyAgain::Trimmed { checkpoint: folded as u64 }), "{folded}");
    }
}

#[test]
fn a_store_that_has_all_that_was_trimmed_off_goes_on() {
    for folded in [5, 6, 8] {
        let mut bench = bench(folded);
        trim(&mut bench);
        bench.run();
        assert_eq!(bench.ended, None, "{folded}");
    }
}

/// No snapshot was taken of this log: its first records were erased.
#[test]
fn an_empty_store_folds_a_log_whose_first_records_were_erased() {
    let mut bench = bench(0);
    bench.erased.extend(1..=TRIMMED_TO);
    bench.run();
    assert_eq!(bench.ended, None);
}
