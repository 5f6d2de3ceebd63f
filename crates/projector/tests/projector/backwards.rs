//! A log that went backwards: it is noticed, folded again, and what a projector decided on the lost part does not count.

use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::hash::of_record;
use calltrail_domain::record::RecordBody;
use calltrail_domain::time::Timestamp;
use calltrail_projector::{Came, InMemory, Pieces as _, WhyAgain};

use crate::bench::{Bench, NUMBER, introduced};
use crate::company::webhook;

/// A machine that has folded an account's first records and two calls, with what came of them.
fn ahead() -> Bench {
    let mut bench = introduced();
    for (call, number) in [(1, NUMBER), (2, "+447700900124")] {
        bench.append(webhook(call, number, "call.ended"));
        bench.run();
    }
    bench
}

/// The log loses its last records, and others come.
fn lose(bench: &mut Bench, records: usize, calls: std::ops::Range<u64>) {
    bench.log.truncate(bench.log.len() - records);
    for call in calls {
        bench.append(webhook(call, &format!("+4477009002{call:02}"), "call.ended"));
    }
}

fn decided(bench: &Bench, call: u64) -> bool {
    bench.log.iter().any(|(_, record)| match &record.body {
        RecordBody::EffectsDecided(decided) => {
            decided.decisions.iter().any(|decision| decision.call.0 == call)
        }
        RecordBody::AccountCreated(_)
        | RecordBody::PolicyChanged(_)
        | RecordBody::AircallEvent(_)
        | RecordBody::FrontEvent(_)
        | RecordBody::AircallRead(_)
        | RecordBody::FrontPolled(_)
        | RecordBody::EffectSettled(_)
        | RecordBody::ConversationMerged(_)
        | RecordBody::TimerElapsed(_)
        | RecordBody::PartyErased(_)
        | RecordBody::StateSnapshot(_)
        | RecordBody::CallsReconsidered(_)
        | RecordBody::EffectsRetried(_)
        | RecordBody::EffectsDropped(_)
        | RecordBody::Unknown { .. } => false,
    })
}

/// The machine asks for another one, and has asked for nothing of the ports since it knew.
fn check_folds_again(bench: &mut Bench, expect: WhyAgain) {
    let (records, published) = (bench.log.len(), bench.published.len());
    bench.run();
    assert_eq!(bench.ended, Some(expect));
    assert!(!bench.machine.progress().caught_up);
    assert_eq!(
        (bench.log.len(), bench.published.len()),
        (records, published),
        "nothing is told of a stale state"
    );
    assert!(!bench.step() && bench.seen.ends_with(&["fold again"; 2]), "it does nothing else");
    let mut next = Bench::on(InMemory::default(), bench.log.clone());
    next.run();
    assert!(next.machine.progress().caught_up);
}

#[test]
fn a_log_that_ends_before_the_checkpoint_is_folded_again() {
    let mut bench = ahead();
    let checkpoint = bench.log.len() as u64;
    lose(&mut bench, 2, 0..0);
    check_folds_again(&mut bench, WhyAgain::Behind { checkpoint, tail: checkpoint - 2 });
    let looks = bench.seen.iter().rev().take(9).filter(|name| **name == "tail").count();
    assert_eq!(looks, 4, "a new leader may lack the last records for a moment");
}

#[test]
fn a_start_on_a_log_that_ends_before_the_checkpoint_folds_again() {
    let mut bench = ahead();
    let checkpoint = bench.log.len() as u64;
    lose(&mut bench, 1, 0..0);
    let mut next = Bench::on(bench.store.clone(), bench.log.clone());
    check_folds_again(&mut next, WhyAgain::Behind { checkpoint, tail: checkpoint - 1 });
}

#[test]
fn a_log_with_another_record_at_the_checkpoint_is_folded_again() {
    for at_start in [false, true] {
        let mut bench = ahead();
        let sequence = bench.log.len() as u64;
        lose(&mut bench, 2, 3..5);
        let mut bench = if at_start { Bench::on(bench.store.clone(), bench.log.clone()) } else { bench };
        check_folds_again(&mut bench, WhyAgain::OtherRecord { sequence });
    }
}

#[test]
fn records_that_do_not_follow_on_the_checkpoint_are_not_folded() {
    let mut bench = ahead();
    bench.run();
    let sequence = bench.log.len() as u64;
    // Between two ticks the log loses its end and grows beyond where it was.
    while bench.seen.last() != Some(&"read") {
        bench.step();
    }
    lose(&mut bench, 2, 3..8);
    let after = usize::try_from(sequence).expect("a short log");
    bench.came = Came::Records {
        before: bench.hash_at(sequence),
        first: bench.first(),
        records: bench.foldings(after),
    };
    check_folds_again(&mut bench, WhyAgain::OtherRecord { sequence });
}

#[test]
fn a_log_that_begins_with_another_record_is_folded_again() {
    let mut bench = ahead();
    bench.log[0].1.received_at = Timestamp::from_millis(1);
    check_folds_again(&mut bench, WhyAgain::OtherFirst);
}

#[test]
fn a_tail_that_lags_for_a_moment_changes_nothing() {
    let mut bench = ahead();
    bench.hidden = 2;
    for _ in 0..3 {
        bench.step();
        assert_eq!(bench.ended, None);
    }
    assert!(!bench.machine.progress().caught_up, "it is not ready meanwhile");
    bench.hidden = 0;
    bench.append(webhook(3, "+447700900125", "call.ended"));
    bench.run();
    assert_eq!(bench.ended, None);
    assert!(bench.machine.progress().caught_up && decided(&bench, 3));
}

/// The record of decisions that is in the log last.
fn last_decided(bench: &Bench) -> EffectsDecided {
    let last = bench.log.iter().rev().find_map(|(_, record)| match &record.body {
        RecordBody::EffectsDecided(decided) => Some(decided.clone()),
        RecordBody::AccountCreated(_)
        | RecordBody::PolicyChanged(_)
        | RecordBody::AircallEvent(_)
        | RecordBody::FrontEvent(_)
        | RecordBody::AircallRead(_)
        | RecordBody::FrontPolled(_)
        | RecordBody::EffectSettled(_)
        | RecordBody::ConversationMerged(_)
        | RecordBody::TimerElapsed(_)
        | RecordBody::PartyErased(_)
        | RecordBody::StateSnapshot(_)
        | RecordBody::CallsReconsidered(_)
        | RecordBody::EffectsRetried(_)
        | RecordBody::EffectsDropped(_)
        | RecordBody::Unknown { .. } => None,
    });
    last.expect("something was decided")
}

#[test]
fn a_decision_rests_on_the_record_that_was_folded_last() {
    let bench = ahead();
    let decided = last_decided(&bench);
    let (_, record) = &bench.log[usize::try_from(decided.through).expect("a short log") - 1];
    assert_eq!(decided.basis, Some(of_record(&record.encode())));
}

/// A log that lost `lost` records, to which a projector that was ahead appends a decision that covers all of it; then the
/// same without the decision. The calls must be decided either way.
fn check_stale(lost: usize, come: std::ops::Range<u64>, basis: impl Fn(Option<u64>) -> Option<u64>) {
    let mut bench = ahead();
    let stale = EffectsDecided {
        through: bench.log.len() as u64,
        basis: basis(bench.hash_at(bench.log.len() as u64)),
        decisions: Vec::new(),
        complete: true,
    };
    lose(&mut bench, lost, come.clone());
    bench.append(RecordBody::EffectsDecided(stale));
    let mut next = Bench::on(InMemory::default(), bench.log.clone());
    next.run();
    assert_eq!(next.machine.troubles().stale_decisions, 1);
    assert_eq!(next.ended, None, "this machine has folded the log that there is");
    for call in come {
        assert!(decided(&next, call), "call {call} is covered by a decision that nobody made for it");
    }
    let mut again = Bench::on(InMemory::default(), next.log.clone());
    again.at_once = 1;
    again.run();
    assert_eq!(again.store, next.store, "a rebuild drops the same");
}

#[test]
fn a_decision_through_its_own_position_is_dropped() {
    check_stale(3, 5..7, |_| None);
    check_stale(4, 5..8, |basis| basis);
}

#[test]
fn a_decision_on_another_record_is_dropped() {
    check_stale(2, 5..9, |basis| basis);
    check_stale(4, 5..12, |basis| basis);
}

#[test]
fn a_decision_of_an_earlier_release_without_a_basis_counts() {
    let mut bench = ahead();
    let decided = EffectsDecided {
        through: bench.log.len() as u64 - 1,
        basis: None,
        decisions: Vec::new(),
        complete: true,
    };
    bench.append(RecordBody::EffectsDecided(decided));
    bench.run();
    assert_eq!((bench.machine.troubles().stale_decisions, bench.ended), (0, None));
}

#[test]
fn parties_of_a_dropped_decision_are_decided_again() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    let through = bench.log.len();
    bench.run();
    // The decision as one that was made with another record there.
    let place = bench.log.iter().position(|(_, record)| record.body.kind() == "effects.decided");
    let place = place.expect("it was decided");
    bench.log.truncate(place + 1);
    let RecordBody::EffectsDecided(decided) = &mut bench.log[place].1.body else { panic!("a decision") };
    assert_eq!(decided.through as usize, through);
    decided.basis = decided.basis.map(|basis| basis ^ 1);
    let mut next = Bench::on(InMemory::default(), bench.log.clone());
    next.run();
    assert_eq!((next.count("effects.decided"), next.published.len()), (2, 1));
    assert_eq!(next.machine.troubles().stale_decisions, 1);
}

#[test]
fn the_store_keeps_which_log_it_has_folded() {
    let bench = ahead();
    let lineage = bench.store.lineage().expect("memory does not fail");
    for sequence in 1..=bench.log.len() as u64 {
        assert_eq!(lineage.hash_at(sequence), bench.hash_at(sequence));
    }
    assert_eq!(lineage.hash_at(bench.log.len() as u64 + 1), None);
}

#[test]
fn an_erased_record_is_no_other_log() {
    for restarted in [false, true] {
        let mut bench = ahead();
        let checkpoint = bench.log.len() as u64;
        // What it has folded last, and what the log begins with.
        bench.erased.extend([1, checkpoint - 2, checkpoint - 1, checkpoint]);
        bench.append(webhook(7, "+447700900207", "call.ended"));
        if restarted {
            let erased = std::mem::take(&mut bench.erased);
            bench = Bench { erased, ..Bench::on(bench.store.clone(), bench.log.clone()) };
        }
        bench.run();
        assert_eq!(bench.ended, None, "restarted: {restarted}");
        assert!(decided(&bench, 7), "it goes on");
    }
}

#[test]
fn another_log_with_gaps_is_folded_again() {
    let mut bench = ahead();
    let checkpoint = bench.log.len() as u64;
    lose(&mut bench, 3, 0..5);
    bench.erased.extend([checkpoint]);
    check_folds_again(&mut bench, WhyAgain::OtherRecord { sequence: checkpoint - 1 });
}
