//! Calls that wait with late parts: none of them is lost, whatever reaches the log before a decision does.

use calltrail_domain::fact::{CallSnapshot, Comment, Fact, Media};
use calltrail_domain::ids::{CallId, MediaLink};
use calltrail_domain::policy::{CallType, Policy};

use crate::engine::{Engine, policy, snapshot};

/// Calls of one party, all of them answered and in Front.
fn logged(calls: &[u64]) -> Engine {
    let mut engine = Engine::new();
    for call in calls {
        engine.append(Fact::CallSnapshot(Box::new(snapshot(*call, 1, 3, true))));
        engine.run_dry();
    }
    engine
}

fn commented(engine: &mut Engine, call: u64, id: u64) {
    let comment = Comment { id, posted_at: None, by: None, text: format!("note {id}"), left_out: 0 };
    let told = CallSnapshot { comments: vec![comment], ..snapshot(call, 1, 4, true) };
    engine.append(Fact::CallSnapshot(Box::new(told)));
}

fn recorded(engine: &mut Engine, call: u64) {
    let link = MediaLink::new(&format!("https://assets.aircall.io/calls/{call}/recording"));
    let recording = Media::Linked(link.expect("a good link"));
    let told = CallSnapshot { recording, ..snapshot(call, 1, 4, true) };
    engine.append(Fact::CallSnapshot(Box::new(told)));
}

fn shown(engine: &Engine, keys: &[&str]) {
    let decided: Vec<_> = engine.effects_in_log().into_iter().map(|(_, _, key)| key).collect();
    for key in keys {
        let times = decided.iter().filter(|decided| decided == key).count();
        assert_eq!(times, 1, "{key} among {decided:?}");
    }
}

#[test]
fn waiting_calls_survive_news_before_the_decision_is_folded() {
    let mut engine = logged(&[1, 3]);
    commented(&mut engine, 1, 11);
    commented(&mut engine, 3, 31);
    assert!(engine.decide_ahead(), "the first of them is decided");
    commented(&mut engine, 1, 12);
    engine.run_dry();
    shown(&engine, &["1:comment:11", "3:comment:31", "1:comment:12"]);
}

#[test]
fn three_waiting_calls_survive_news_of_each() {
    let mut engine = logged(&[1, 3, 5]);
    [1, 3, 5].into_iter().for_each(|call| recorded(&mut engine, call));
    for (call, id) in [(1, 11), (3, 31), (5, 51)] {
        engine.decide_ahead();
        commented(&mut engine, call, id);
        engine.decisions_arrive();
        engine.settle_one_item();
    }
    engine.run_dry();
    shown(
        &engine,
        &["1:recording", "3:recording", "5:recording", "1:comment:11", "3:comment:31", "5:comment:51"],
    );
}

#[test]
fn a_call_that_a_voicemail_brings_back_survives_too() {
    let mut engine = Engine::new();
    let types = [CallType::Voicemail, CallType::InboundAnswered].into();
    engine.append(Fact::PolicyChanged(Policy { types, ..policy() }));
    for (call, answered) in [(1, true), (2, false)] {
        engine.append(Fact::CallSnapshot(Box::new(snapshot(call, 1, 3, answered))));
        engine.run_dry();
    }
    commented(&mut engine, 1, 11);
    let voicemail = MediaLink::new("https://assets.aircall.io/calls/2/voicemail").expect("a good link");
    let told = CallSnapshot { voicemail: Media::Linked(voicemail), ..snapshot(2, 1, 4, false) };
    engine.append(Fact::CallSnapshot(Box::new(told)));
    assert!(engine.decide_ahead(), "the comment is decided");
    commented(&mut engine, 1, 12);
    engine.run_dry();
    shown(&engine, &["1:comment:11", "1:comment:12", "2:call", "2:voicemail"]);
}

#[test]
fn news_that_a_decision_covers_leave_nothing_waiting() {
    let mut engine = logged(&[1]);
    commented(&mut engine, 1, 11);
    commented(&mut engine, 1, 12);
    engine.run_dry();
    shown(&engine, &["1:comment:11", "1:comment:12"]);
    let call = engine.state.call(CallId(1)).expect("memory").expect("told");
    let party = engine.state.party(&call.settled.expect("settled").party).expect("memory").expect("known").1;
    assert!(party.queue.is_empty());
    assert_eq!(engine.decide(), 0);
}
