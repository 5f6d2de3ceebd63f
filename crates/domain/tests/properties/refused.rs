//! Calls that Front refuses: they leave no trace in the party, and no part of them is shown alone.

use calltrail_domain::effect::Outcome;
use calltrail_domain::fact::{CallSnapshot, ConversationChange, Fact, Media};
use calltrail_domain::ids::{CallId, EffectKey, EffectKind, MediaLink};

use crate::engine::{Engine, snapshot};
use crate::traces::{applied, conversation, event, last_at, logged, settle};

pub(crate) fn ended(engine: &mut Engine, call: u64, answered: bool) {
    engine.append(Fact::CallSnapshot(Box::new(snapshot(call, 1, 3, answered))));
    engine.decide();
}

fn recorded(engine: &mut Engine, call: u64) {
    let link = MediaLink::new(&format!("https://assets.aircall.io/calls/{call}/recording"));
    let recording = Media::Linked(link.expect("a good link"));
    let told = CallSnapshot { recording, ..snapshot(call, 1, 4, true) };
    engine.append(Fact::CallSnapshot(Box::new(told)));
    engine.decide();
}

/// Front's answers to the next item: the call's own activity is refused, and the rest is skipped as a writer does.
pub(crate) fn refuse(engine: &mut Engine, call: u64) {
    let item = engine.published.remove(0);
    for index in 0..item.effects.len() {
        let because_of = EffectKey { call: CallId(call), kind: EffectKind::Call };
        let outcome = if item.effects[index].effect.key == because_of {
            Outcome::Rejected { status: 403, reason: "no".to_owned() }
        } else {
            Outcome::Skipped { because_of }
        };
        settle(engine, &item, index, outcome);
    }
    engine.decide();
}

pub(crate) fn look_up(engine: &mut Engine) {
    assert!(engine.settle_one_item(), "the read is done");
    engine.decide();
}

fn keys(engine: &Engine) -> Vec<String> {
    engine.effects_in_log().into_iter().map(|(_, _, key)| key).collect()
}

#[test]
fn call_after_a_refused_first_call_has_its_own_subject() {
    let mut engine = Engine::new();
    ended(&mut engine, 2, false);
    look_up(&mut engine);
    ended(&mut engine, 3, true);
    refuse(&mut engine, 2);
    engine.run_dry();
    let next = logged(&engine, 3);
    assert_eq!(
        (next.subject.as_str(), next.opens_segment, next.thread.as_str()),
        ("Inbound call - Support", true, "calltrail:3")
    );
}

#[test]
fn call_after_a_refused_opener_opens_the_segment_itself() {
    let mut engine = Engine::new();
    ended(&mut engine, 2, false);
    engine.run_dry();
    engine.archive(1);
    ended(&mut engine, 4, false);
    ended(&mut engine, 3, true);
    refuse(&mut engine, 4);
    engine.run_dry();
    let next = logged(&engine, 3);
    assert_eq!((next.subject.as_str(), next.opens_segment), ("Inbound call - Support", true));
    assert_eq!(next.thread.as_str(), "calltrail:2", "the conversation stays");
    assert!(keys(&engine).contains(&"3:reopen".to_owned()));
}

#[test]
fn call_after_a_refused_later_call_goes_on_with_the_segment() {
    let mut engine = Engine::new();
    ended(&mut engine, 2, false);
    engine.run_dry();
    ended(&mut engine, 4, false);
    refuse(&mut engine, 4);
    ended(&mut engine, 3, true);
    engine.run_dry();
    let next = logged(&engine, 3);
    assert_eq!((next.subject.as_str(), next.opens_segment), ("Missed call - Support", false));
}

#[test]
fn recording_of_a_refused_call_is_not_shown_alone() {
    for is_known_before in [false, true] {
        let mut engine = Engine::new();
        ended(&mut engine, 1, true);
        look_up(&mut engine);
        if is_known_before {
            recorded(&mut engine, 1);
        }
        refuse(&mut engine, 1);
        if !is_known_before {
            recorded(&mut engine, 1);
        }
        ended(&mut engine, 3, true);
        engine.run_dry();
        recorded(&mut engine, 1);
        engine.run_dry();
        assert!(!keys(&engine).contains(&"1:recording".to_owned()), "known before: {is_known_before}");
        assert!(matches!(logged(&engine, 3), logged if logged.opens_segment));
    }
}

#[test]
fn recording_waits_until_its_call_is_in_front() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, true);
    engine.run_dry();
    ended(&mut engine, 3, true);
    let item = engine.published.remove(0);
    recorded(&mut engine, 3);
    let decided = |engine: &Engine| {
        let call = engine.state.call(CallId(3)).expect("memory").expect("told");
        call.has_decided(CallId(3), EffectKind::Recording)
    };
    assert!(!decided(&engine), "it waits");
    let conversation = conversation(&engine, 1).expect("logged");
    for index in 0..item.effects.len() {
        let at = last_at(&engine);
        settle(&mut engine, &item, index, applied(&conversation, at));
    }
    engine.run_dry();
    assert!(decided(&engine));
}

#[test]
fn archiving_during_a_refused_opening_still_ends_the_segment_before() {
    let mut engine = Engine::new();
    ended(&mut engine, 2, false);
    engine.run_dry();
    engine.archive(1);
    ended(&mut engine, 4, false);
    let conversation = conversation(&engine, 1).expect("logged");
    let at = last_at(&engine);
    event(&mut engine, &conversation, ConversationChange::Reopened, at);
    refuse(&mut engine, 4);
    ended(&mut engine, 3, true);
    engine.run_dry();
    assert_eq!(logged(&engine, 3).subject, "Missed call - Support", "a person brought it back");
}

#[test]
fn a_fact_counts_for_an_effect_that_no_item_holds_yet() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, true);
    engine.run_dry();
    ended(&mut engine, 3, true);
    look_up(&mut engine);
    ended(&mut engine, 5, true);
    let first = engine.published.remove(0);
    let party = engine.state.party(&first.party).expect("memory").expect("known").1;
    let waiting = party.backlog[0].clone();
    let conversation = conversation(&engine, 1).expect("logged");
    let mut other = first.clone();
    other.effects = vec![waiting.clone()];
    let at = last_at(&engine);
    settle(&mut engine, &other, 0, applied(&conversation, at));
    let party = engine.state.party(&first.party).expect("memory").expect("known").1;
    assert!(!party.backlog.iter().any(|effect| effect.ordinal == waiting.ordinal));
    let call = engine.state.call(waiting.effect.key.call).expect("memory").expect("told");
    assert!(call.effects[&waiting.effect.key].outcome.is_some());
}
