//! Records of decisions are cut by their bytes: nothing is too large to pass.

use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::ids::PhoneNumber;
use calltrail_domain::record::{AircallEvent, RecordBody};
use calltrail_event_log::limits::BODY_BYTES_MAX;

use crate::bench::{Bench, introduced};

/// A call that has ended, with so many comments of so many bytes.
fn commented(call: u64, comments: usize, bytes: usize) -> RecordBody {
    let number = format!("+4477009001{call:02}");
    let comment =
        |id: usize| format!(r#"{{"id":{id},"content":"{}","posted_at":1646389750}}"#, "x".repeat(bytes));
    let comments: Vec<_> = (1..=comments).map(comment).collect();
    let body = format!(
        r#"{{"resource":"call","event":"call.ended","timestamp":1646389786,"token":"","data":{{"id":{call},
        "direction":"inbound","status":"done","started_at":1646389739,"answered_at":1646389740,
        "ended_at":1646389756,"raw_digits":"{number}","comments":[{}],
        "number":{{"id":41065,"name":"Support line"}}}}}}"#,
        comments.join(",")
    );
    RecordBody::AircallEvent(AircallEvent { number: Some(PhoneNumber::from_e164(&number)), body })
}

fn decided(bench: &Bench) -> Vec<&EffectsDecided> {
    bench
        .log
        .iter()
        .filter_map(|(_, record)| match &record.body {
            RecordBody::EffectsDecided(decided) => Some(decided),
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
        })
        .collect()
}

/// Calls of as many parties with comments of this size; all of it comes to Front, in records that the log takes.
fn check(calls: u64, comments: usize, bytes: usize, records_at_least: usize) {
    let mut bench = introduced();
    for call in 1..=calls {
        bench.append(commented(call, comments, bytes));
    }
    bench.run();
    // The contacts are looked up first.
    for item in bench.published.clone() {
        bench.settle(&item);
    }
    let looked_up = decided(&bench).len();
    bench.run();
    let brought = &decided(&bench)[looked_up..];
    assert!(brought.len() >= records_at_least, "{} records", brought.len());
    let decisions: usize = brought.iter().map(|decided| decided.decisions.len()).sum();
    assert_eq!(decisions as u64, calls, "each call is decided once");
    let (last, before) = brought.split_last().expect("some records");
    assert!(last.complete && before.iter().all(|decided| !decided.complete));
    for (_, record) in &bench.log {
        assert!(record.encode().len() <= BODY_BYTES_MAX, "a record of {} bytes", record.encode().len());
    }
}

#[test]
fn many_long_comments_come_in_several_records() {
    check(20, 14, 8_000, 3);
}

#[test]
fn the_longest_comments_come_in_several_records() {
    check(12, 15, 10_000, 2);
}

#[test]
fn short_calls_share_one_record() {
    check(20, 0, 0, 1);
}
