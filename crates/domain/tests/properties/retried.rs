//! Effects that Front refused are decided again on purpose, or given up, and nothing else is.

use std::collections::BTreeMap;

use calltrail_domain::decision::Verdict;
use calltrail_domain::effect::Outcome;
use calltrail_domain::fact::{CallSnapshot, Comment, Fact};
use calltrail_domain::ids::{CallId, ConversationId, EffectKey, EffectKind};
use calltrail_domain::limits::RETRIED_EFFECTS_MAX;
use calltrail_domain::record::{EffectsDropped, EffectsRetried};

use crate::engine::{Engine, snapshot};
use crate::reconsidered::published;
use crate::refused::{ended, look_up, refuse};
use crate::traces::{applied, conversation, last_at, logged, settle, verdict};

fn own(call: u64) -> EffectKey {
    EffectKey { call: CallId(call), kind: EffectKind::Call }
}

fn ordinal(engine: &Engine, key: EffectKey) -> u64 {
    engine.state.call(key.call).expect("memory").expect("told").effects[&key].ordinal
}

fn retry(engine: &mut Engine, key: EffectKey, ordinal: u64) {
    let effects = BTreeMap::from([(key, ordinal)]);
    engine.append(Fact::EffectsRetried(EffectsRetried { effects, history: false }));
}

fn drop_it(engine: &mut Engine, key: EffectKey, ordinal: u64) {
    let effects = BTreeMap::from([(key, ordinal)]);
    engine.append(Fact::EffectsDropped(EffectsDropped { effects }));
}

fn rejected(engine: &Engine) -> u64 {
    engine.state.account().expect("memory").rejected
}

fn times(engine: &Engine, key: &str) -> usize {
    engine.effects_in_log().iter().filter(|(_, _, decided)| decided == key).count()
}

/// Call 1, answered, is refused; its duration is skipped with it.
fn refused_call() -> Engine {
    let mut engine = Engine::new();
    ended(&mut engine, 1, true);
    look_up(&mut engine);
    refuse(&mut engine, 1);
    engine.run_dry();
    assert_eq!((rejected(&engine), conversation(&engine, 1)), (1, None));
    engine
}

/// Call 1 is in Front, and its comment was refused.
fn refused_comment() -> (Engine, EffectKey) {
    let mut engine = Engine::new();
    ended(&mut engine, 1, true);
    engine.run_dry();
    let comment = Comment { id: 9, text: "Call back".to_owned(), posted_at: None, by: None, left_out: 0 };
    let told = CallSnapshot { comments: vec![comment], ..snapshot(1, 1, 4, true) };
    engine.append(Fact::CallSnapshot(Box::new(told)));
    engine.decide();
    let item = engine.published.remove(0);
    settle(&mut engine, &item, 0, Outcome::Rejected { status: 413, reason: "no".to_owned() });
    engine.run_dry();
    let key = EffectKey { call: CallId(1), kind: EffectKind::Comment(9) };
    assert_eq!(rejected(&engine), 1);
    (engine, key)
}

#[test]
fn retried_call_is_logged_with_its_parts() {
    let mut engine = refused_call();
    let first = ordinal(&engine, own(1));
    retry(&mut engine, own(1), first);
    assert_eq!((rejected(&engine), verdict(&engine, 1)), (0, None), "it waits for its decision");
    engine.decide();
    if engine.published.is_empty() || engine.published[0].effects[0].effect.action.is_read() {
        engine.settle_one_item();
        engine.decide();
    }
    let item = engine.published[0].clone();
    assert!(item.effects.iter().all(|effect| !effect.retried), "none of it is in Front: {item:?}");
    engine.run_dry();
    assert!(conversation(&engine, 1).is_some());
    assert_eq!((times(&engine, "1:call"), times(&engine, "1:duration")), (2, 2));
    let account = engine.state.account().expect("memory");
    assert_eq!(account.logged.values().sum::<u64>(), 1, "counted once");
    assert_eq!(Engine::rebuilt(&engine.log).state.digest(), engine.state.digest());
}

#[test]
fn retry_means_one_refusal_alone() {
    let mut engine = refused_call();
    let first = ordinal(&engine, own(1));
    retry(&mut engine, own(1), first);
    retry(&mut engine, own(1), first);
    while engine.published.first().is_none_or(|item| item.effects[0].effect.action.is_read()) {
        assert!(engine.decide() > 0 || engine.settle_one_item());
    }
    refuse(&mut engine, 1);
    engine.run_dry();
    let before = engine.state.digest();
    retry(&mut engine, own(1), first);
    drop_it(&mut engine, own(1), first);
    assert_eq!(engine.state.digest(), before, "it was refused again under another ordinal");
    let second = ordinal(&engine, own(1));
    assert!(second > first);
    retry(&mut engine, own(1), second);
    engine.run_dry();
    assert_eq!((rejected(&engine), times(&engine, "1:call")), (0, 3));
}

#[test]
fn what_was_not_refused_is_not_retried() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, true);
    engine.run_dry();
    ended(&mut engine, 2, true);
    let before = engine.state.digest();
    for (call, kind) in [(1, EffectKind::Call), (1, EffectKind::Duration), (3, EffectKind::Call)] {
        let key = EffectKey { call: CallId(call), kind };
        for ordinal in 0..6 {
            retry(&mut engine, key, ordinal);
            drop_it(&mut engine, key, ordinal);
        }
    }
    assert_eq!(engine.state.digest(), before);
}

#[test]
fn refused_part_is_retried_alone() {
    let (mut engine, comment) = refused_comment();
    let first = ordinal(&engine, comment);
    retry(&mut engine, comment, first);
    engine.run_dry();
    assert_eq!((times(&engine, "1:comment:9"), times(&engine, "1:call")), (2, 1));
    assert_eq!(rejected(&engine), 0);
    assert!(matches!(verdict(&engine, 1), Some(Verdict::Logged(_))));
}

#[test]
fn dropped_effect_stays_refused_and_counts_no_more() {
    let (mut engine, comment) = refused_comment();
    let first = ordinal(&engine, comment);
    for _ in 0..2 {
        drop_it(&mut engine, comment, first);
        assert_eq!(rejected(&engine), 0);
    }
    let before = engine.state.digest();
    retry(&mut engine, comment, first);
    assert_eq!(engine.state.digest(), before, "it was given up");
    engine.run_dry();
    assert_eq!(times(&engine, "1:comment:9"), 1);
}

#[test]
fn call_waits_with_its_retry_until_all_of_it_has_ended() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, true);
    look_up(&mut engine);
    let item = engine.published.remove(0);
    settle(&mut engine, &item, 0, Outcome::Rejected { status: 405, reason: "no".to_owned() });
    let first = ordinal(&engine, own(1));
    let before = engine.state.digest();
    retry(&mut engine, own(1), first);
    assert_eq!(engine.state.digest(), before, "its duration is not settled yet");
    for index in 1..item.effects.len() {
        settle(&mut engine, &item, index, Outcome::Skipped { because_of: own(1) });
    }
    retry(&mut engine, own(1), first);
    engine.run_dry();
    assert_eq!((rejected(&engine), times(&engine, "1:call")), (0, 2));
}

#[test]
fn import_that_showed_nowhere_is_retried_without_what_is_there() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, true);
    look_up(&mut engine);
    let item = engine.published.remove(0);
    settle(&mut engine, &item, 0, Outcome::Rejected { status: 202, reason: "not shown".to_owned() });
    let at = last_at(&engine);
    for index in 1..item.effects.len() {
        settle(&mut engine, &item, index, applied(&ConversationId::new("cnv_9"), at));
    }
    engine.run_dry();
    let first = ordinal(&engine, own(1));
    retry(&mut engine, own(1), first);
    let items = published(&mut engine);
    let retried = items.iter().flat_map(|item| &item.effects).filter(|effect| effect.retried);
    let retried: Vec<_> = retried.map(|effect| effect.effect.key).collect();
    assert_eq!(retried, [own(1)], "whether it has appeared since is looked up");
    assert_eq!((times(&engine, "1:call"), times(&engine, "1:duration")), (2, 1));
    assert!(logged(&engine, 1).opens_segment);
}

#[test]
fn one_record_retries_no_more_than_its_bound() {
    let mut engine = Engine::new();
    let count = RETRIED_EFFECTS_MAX as u64 + 2;
    let mut effects = BTreeMap::new();
    for (call, party) in (1..=count).zip(1..) {
        engine.append(Fact::CallSnapshot(Box::new(snapshot(call, party, 3, false))));
        engine.decide();
        look_up(&mut engine);
        refuse(&mut engine, call);
        effects.insert(own(call), ordinal(&engine, own(call)));
    }
    assert_eq!(rejected(&engine), count);
    engine.append(Fact::EffectsRetried(EffectsRetried { effects, history: true }));
    assert_eq!(rejected(&engine), 2);
}
