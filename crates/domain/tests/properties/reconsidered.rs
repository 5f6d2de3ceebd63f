//! Calls that the rules left out are decided again on purpose, and nothing else is.

use calltrail_domain::decision::{LeftOut, Verdict};
use calltrail_domain::effect::{Action, ImportActivity, NumberedEffect, Sender, WorkItem};
use calltrail_domain::fact::Fact;
use calltrail_domain::ids::{CallId, EffectKind, LineId};
use calltrail_domain::limits::RECONSIDERED_CALLS_MAX;
use calltrail_domain::policy::Policy;
use calltrail_domain::record::CallsReconsidered;

use crate::engine::{Engine, policy};
use crate::traces::{ended, logged, verdict};

const LEFT_OUT: Option<Verdict> = Some(Verdict::LeftOut { reason: LeftOut::Line });

/// The line of every call is left out from now on, or is not any more.
fn leave_out(engine: &mut Engine, yes: bool) {
    let mut rules = Policy { front_webhooks: false, ..policy() };
    rules.skip_lines.extend(yes.then_some(LineId(7)));
    engine.append(Fact::PolicyChanged(rules));
}

fn reconsider(engine: &mut Engine, calls: impl IntoIterator<Item = u64>, history: bool) {
    let calls = calls.into_iter().map(CallId).collect();
    engine.append(Fact::CallsReconsidered(CallsReconsidered { calls, history }));
}

/// An engine that has left out these calls of party 1, under rules that log them by now.
fn left_out(calls: &[u64]) -> Engine {
    let mut engine = Engine::new();
    leave_out(&mut engine, true);
    for call in calls {
        ended(&mut engine, *call, 1, true);
        engine.run_dry();
    }
    leave_out(&mut engine, false);
    engine.run_dry();
    assert!(calls.iter().all(|call| verdict(&engine, *call) == LEFT_OUT), "by itself none comes back");
    engine
}

/// Runs dry; everything that was published, with the items that brought it.
pub(crate) fn published(engine: &mut Engine) -> Vec<WorkItem> {
    let mut items = Vec::new();
    loop {
        let decided = engine.decide();
        items.extend(engine.published.first().cloned());
        if !engine.settle_one_item() && decided == 0 {
            return items;
        }
    }
}

fn imports(items: &[WorkItem]) -> Vec<ImportActivity> {
    let effects = items.iter().flat_map(|item| &item.effects);
    let import = |effect: &NumberedEffect| match &effect.effect.action {
        Action::ImportActivity(import) => Some(import.clone()),
        _ => None,
    };
    effects.filter_map(import).collect()
}

fn counts(engine: &Engine) -> (u64, u64) {
    let account = engine.state.account().expect("memory does not fail");
    (account.left_out.values().sum(), account.logged.values().sum())
}

#[test]
fn reconsidered_calls_are_logged_once() {
    let mut engine = left_out(&[1, 2]);
    assert_eq!(counts(&engine), (2, 0));
    for _ in 0..3 {
        reconsider(&mut engine, [1], false);
        reconsider(&mut engine, [1], true);
        engine.run_dry();
    }
    assert_eq!(counts(&engine), (1, 1));
    assert_eq!(logged(&engine, 1).subject, "Inbound call - Support");
    assert_eq!(verdict(&engine, 2), LEFT_OUT, "no one asked for it");
    let effects = engine.effects_in_log();
    let own: Vec<_> = effects.iter().filter(|(_, _, key)| key == "1:call").collect();
    assert_eq!(own.len(), 1, "{effects:?}");
    assert_eq!(Engine::rebuilt(&engine.log).state.digest(), engine.state.digest());
}

#[test]
fn record_folded_twice_changes_nothing() {
    let mut engine = left_out(&[1]);
    reconsider(&mut engine, [1], false);
    let (mut once, last) = (engine.state.digest(), engine.log.last().cloned().expect("never empty"));
    for decided in [false, true] {
        if decided {
            engine.run_dry();
            once = engine.state.digest();
        }
        let outputs = calltrail_domain::fold::fold(&mut engine.state, last.0, &last.1).expect("memory");
        engine.state.commit();
        assert_eq!((outputs, engine.state.digest()), (Vec::new(), once.clone()), "decided: {decided}");
    }
}

#[test]
fn what_is_not_left_out_stays_as_it_is() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, true);
    engine.run_dry();
    // One that waits for its decision, and one that no one has heard of.
    ended(&mut engine, 2, 1, true);
    leave_out(&mut engine, true);
    let before = engine.state.digest();
    reconsider(&mut engine, [1, 2, 3], true);
    assert_eq!(engine.state.digest(), before);
    engine.run_dry();
    assert!(!engine.state.call(CallId(2)).expect("memory").expect("told").is_history());
}

#[test]
fn rules_that_still_leave_the_call_out_leave_it_counted_once() {
    let mut engine = left_out(&[1]);
    leave_out(&mut engine, true);
    for _ in 0..2 {
        reconsider(&mut engine, [1], false);
        assert_eq!(counts(&engine), (0, 0), "it waits");
        engine.run_dry();
        assert_eq!((counts(&engine), verdict(&engine, 1)), ((1, 0), LEFT_OUT));
    }
}

#[test]
fn old_call_disturbs_no_one() {
    for with_conversation in [false, true] {
        let mut engine = left_out(&[1]);
        if with_conversation {
            ended(&mut engine, 2, 1, false);
            engine.run_dry();
        }
        reconsider(&mut engine, [1], true);
        let items = published(&mut engine);
        assert!(items.iter().all(|item| item.bulk), "live calls go first");
        let imports = imports(&items);
        assert!(!imports.is_empty());
        for import in imports {
            let assigns = matches!(import.from, Sender::Agent { assign: true, .. });
            assert!(import.skips_rules && !assigns, "{import:?}");
            assert_eq!(import.archived, !with_conversation, "a conversation stays as it is");
        }
        assert_eq!(logged(&engine, 1).opens_segment, !with_conversation);
    }
}

#[test]
fn recent_call_belongs_to_the_segment_of_its_time() {
    let mut engine = left_out(&[1]);
    ended(&mut engine, 2, 1, false);
    engine.run_dry();
    engine.archive(1);
    reconsider(&mut engine, [1], false);
    let items = published(&mut engine);
    assert!(items.iter().all(|item| !item.bulk));
    assert!(!logged(&engine, 1).opens_segment, "it ended before the conversation was archived");
}

#[test]
fn what_was_read_before_a_call_was_left_out_is_read_again() {
    let mut engine = Engine::new();
    leave_out(&mut engine, false);
    ended(&mut engine, 1, 1, true);
    engine.run_dry();
    ended(&mut engine, 2, 1, true);
    engine.decide();
    leave_out(&mut engine, true);
    engine.run_dry();
    assert_eq!(verdict(&engine, 2), LEFT_OUT);
    leave_out(&mut engine, false);
    reconsider(&mut engine, [2], false);
    engine.run_dry();
    let call = engine.state.call(CallId(2)).expect("memory").expect("told");
    let reads = call
        .effects
        .iter()
        .filter(|(key, _)| matches!(key.kind, EffectKind::Observe | EffectKind::ObserveAgain(_)));
    assert_eq!(reads.count(), 2, "{:?}", call.effects);
    assert!(!logged(&engine, 2).status_unread);
}

#[test]
fn one_record_reads_no_more_calls_than_its_bound() {
    let calls: Vec<_> = (1..=RECONSIDERED_CALLS_MAX as u64 + 2).collect();
    let mut engine = left_out(&calls);
    reconsider(&mut engine, calls, true);
    engine.run_dry();
    assert_eq!(counts(&engine), (2, RECONSIDERED_CALLS_MAX as u64));
}
