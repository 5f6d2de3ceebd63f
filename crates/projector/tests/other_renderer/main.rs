//! The log of one release, folded anew by another that renders other texts and shows more of a call. A process of its own,
//! because a switch is for the whole of it.

#[path = "../projector/bench.rs"]
#[expect(dead_code, reason = "the other tests use all of it")]
mod bench;
#[path = "../projector/company.rs"]
#[expect(dead_code, reason = "the other tests use all of it")]
mod company;

use calltrail_domain::record::{AircallEvent, RecordBody};
use calltrail_domain::rule::{Rule, switch_off};
use calltrail_projector::InMemory;

use bench::{Bench, introduced};
use company::webhook;

/// The webhook of a call whose recording is there.
fn recorded(call: u64, number: &str) -> RecordBody {
    let RecordBody::AircallEvent(event) = webhook(call, number, "call.ended") else { panic!("a webhook") };
    let recording = r#""answered_at":1646389745,"asset":"https://assets.aircall.io/calls/2/recording","#;
    let body = event.body.replace(r#""answered_at":null,"#, recording);
    assert!(body.contains(recording), "{body}");
    RecordBody::AircallEvent(AircallEvent { body, ..event })
}

/// Front does everything that it was told, but the last `but` items.
fn settle(bench: &mut Bench, settled: &mut usize, but: usize) {
    bench.run();
    while *settled + but < bench.published.len() {
        let item = bench.published[*settled].clone();
        bench.settle(&item);
        *settled += 1;
        bench.run();
    }
}

/// What was handed to the writers, to the last letter.
fn text_of(bench: &Bench) -> String {
    serde_json::to_string(&bench.published).expect("items have a JSON form")
}

#[test]
fn rebuild_with_another_renderer_publishes_and_appends_nothing() {
    switch_off(Rule::TheRecordingIsShown);
    let (mut bench, mut settled) = (introduced(), 0);
    for (call, number) in [(1, "+447700900121"), (2, "+447700900122"), (3, "+447700900123")] {
        bench.append(webhook(call, number, "call.ended"));
        settle(&mut bench, &mut settled, 0);
        bench.append(recorded(call, number));
        settle(&mut bench, &mut settled, 0);
    }
    // Its last decision covers everything before. The item of the look-up is at the writers.
    bench.append(webhook(4, "+447700900124", "call.ended"));
    settle(&mut bench, &mut settled, 1);
    let (log, outstanding) = (bench.log.clone(), bench.published[settled..].to_vec());
    assert_eq!(outstanding.len(), 1);
    let shown = text_of(&bench);
    assert!(shown.contains("Waited: 17 s") && !shown.contains("calls/2/recording"), "{shown}");

    // The other release shows recordings, and no waits.
    switch_off(Rule::MissedCallShowsTheWait);
    for restarted in [false, true] {
        let store = if restarted { bench.store.clone() } else { InMemory::default() };
        let mut next = Bench::on(store, log.clone());
        for _ in 0..3 {
            next.run();
        }
        assert_eq!(next.log, log, "restarted: {restarted}");
        assert_eq!(next.published, outstanding, "what is at the writers is told as it was decided");
    }
    // What is decided from now on is rendered by the other release.
    let mut next = Bench::on(InMemory::default(), log);
    next.append(recorded(5, "+447700900125"));
    let mut settled = 0;
    settle(&mut next, &mut settled, 0);
    let shown = text_of(&next);
    assert!(shown.contains("4:call") && shown.contains("calls/2/recording"), "{shown}");
    assert!(!shown.contains("Waited"), "{shown}");
}
