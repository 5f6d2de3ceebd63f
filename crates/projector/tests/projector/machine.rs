//! The machine alone, driven operation by operation: what is refused, what comes in between, what is lost.

use calltrail_domain::record::RecordBody;
use calltrail_projector::InMemory;

use crate::bench::{Bench, NUMBER, introduced};
use crate::company::webhook;

#[test]
fn a_call_is_decided_published_and_committed_in_that_order() {
    let mut bench = introduced();
    bench.seen.clear();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    assert_eq!(bench.seen, ["tail", "identify", "read", "append", "tail", "read", "publish", "tail", "read"]);
    let item = bench.published[0].clone();
    bench.settle(&item);
    while bench.published.len() == 1 {
        bench.step();
    }
    // Nothing of it is committed. The item is at the outbox, and a machine that comes up now tells it again.
    let mut next = Bench::on(bench.store.clone(), bench.log.clone());
    next.run();
    assert_eq!(next.published, bench.published[1..]);
}

#[test]
fn an_append_that_is_refused_is_decided_again() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.refuses = ["append"].into();
    bench.run();
    assert_eq!((bench.count("effects.decided"), bench.published.len()), (0, 0));
    assert!(bench.seen.ends_with(&["append", "sleep", "tail", "read"]), "{:?}", bench.seen);
    bench.run();
    assert_eq!((bench.count("effects.decided"), bench.published.len()), (1, 1));
}

#[test]
fn an_account_is_introduced_until_the_log_has_it() {
    let mut bench = Bench::new();
    bench.refuses = ["append", "append"].into();
    for _ in 0..6 {
        bench.step();
        assert!(!bench.machine.progress().caught_up, "the receivers wait for the account's first record");
    }
    assert_eq!(bench.seen, ["tail", "append", "sleep", "append", "sleep", "append"]);
    bench.run();
    assert_eq!((bench.count("account.created"), bench.machine.progress().caught_up), (1, true));
}

#[test]
fn a_port_that_does_not_answer_is_asked_again() {
    let mut bench = Bench::new();
    bench.refuses = ["tail", "tail", "read"].into();
    bench.run();
    assert_eq!(bench.machine.progress().checkpoint, 2);
}

#[test]
fn a_record_that_comes_while_it_catches_up_does_not_open_the_gate() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    let gate = bench.log.len() as u64;
    let mut late = Bench::on(InMemory::default(), bench.log.clone());
    late.at_once = 1;
    while late.machine.progress().checkpoint < gate {
        assert!(late.published.is_empty() && !late.machine.progress().caught_up);
        late.append(webhook(2, NUMBER, "call.created"));
        assert!(late.step(), "there is more to read");
    }
    assert!(late.log.len() as u64 > gate, "more has come meanwhile");
    late.run();
    assert_eq!(late.published, bench.published, "what is outstanding, once");
    assert_eq!(late.count("effects.decided"), 1, "nothing is decided anew");
}

#[test]
fn a_lost_item_is_asked_for_and_published_again_by_a_record() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    bench.now += 121_000;
    bench.run();
    assert_eq!((bench.seen.contains(&"holds"), bench.published.len()), (true, 1), "it waits in the queue");
    bench.loses = true;
    bench.run();
    assert_eq!(bench.published.len(), 1, "it was asked for a moment ago");
    bench.now += 121_000;
    bench.run();
    assert_eq!((bench.count("timer.elapsed"), bench.published.len()), (1, 2));
    assert_eq!((bench.published[1].item, bench.published[1].publication), (1, 2));
}

#[test]
fn a_timer_waits_until_what_came_before_it_is_folded() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.hungup"));
    bench.run();
    bench.now += 121_000;
    // The end is in the log when the tick comes, and is not read yet.
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    assert_eq!((bench.count("timer.elapsed"), bench.published.len()), (0, 1));
}

#[test]
fn nothing_is_decided_before_all_that_is_in_the_log_is_read() {
    let mut bench = introduced();
    bench.at_once = 1;
    for event in ["call.created", "call.ended", "call.tagged", "call.commented"] {
        bench.append(webhook(1, NUMBER, event));
    }
    let told = bench.log.len() as u64;
    bench.run();
    let Some(RecordBody::EffectsDecided(decided)) =
        bench.log.get(told as usize).map(|(_, record)| &record.body)
    else {
        panic!("a decision")
    };
    assert_eq!(decided.through, told);
}
