//! Calls that are where they were not expected: in a conversation that was put away before they settled, as becomes known
//! only afterwards, or in another one.

use calltrail_domain::effect::{Action, WorkItem};
use calltrail_domain::fact::{ConversationChange, Fact};
use calltrail_domain::ids::{CallId, ConversationId, EffectKind};
use calltrail_domain::record::ConversationMerged;
use calltrail_domain::time::Timestamp;

use crate::engine::Engine;
use crate::traces::{applied, conversation, ended, event, last_at, settle};

/// A party whose last call, 3, is in its conversation, which Front's webhooks were heard of before, so that no read came first.
/// Returns when that call settled.
fn with_two_calls() -> (Engine, ConversationId, Timestamp) {
    let mut engine = Engine::new();
    ended(&mut engine, 2, 1, false);
    engine.run_dry();
    let known = conversation(&engine, 1).expect("the import was seen");
    let heard_at = last_at(&engine);
    event(&mut engine, &known, ConversationChange::Other, heard_at);
    ended(&mut engine, 3, 1, false);
    let settled_at = settled_at_of(&engine, 3);
    engine.run_dry();
    (engine, known, settled_at)
}

fn settled_at_of(engine: &Engine, call: u64) -> Timestamp {
    let call = engine.state.call(CallId(call)).expect("memory").expect("it is known");
    call.settled.expect("it is over").at
}

fn moved(at: Timestamp, milliseconds: i64) -> Timestamp {
    Timestamp::from_millis(at.as_millis() + milliseconds)
}

fn reopenings(items: &[WorkItem]) -> Vec<(u64, Timestamp)> {
    let effects = items.iter().flat_map(|item| &item.effects);
    let reopenings = effects.filter_map(|numbered| match &numbered.effect.action {
        Action::ReopenConversation(wanted) => {
            Some((numbered.effect.key.call.0, wanted.unless_archived_after))
        }
        _ => None,
    });
    reopenings.collect()
}

fn decided(engine: &mut Engine) -> Vec<(u64, Timestamp)> {
    engine.published.clear();
    engine.decide();
    reopenings(&engine.published)
}

#[test]
fn what_was_put_away_before_the_last_call_is_looked_at_once() {
    for change in [ConversationChange::Archived, ConversationChange::Trashed] {
        let (mut engine, known, settled_at) = with_two_calls();
        event(&mut engine, &known, change.clone(), moved(settled_at, -1));
        assert_eq!(decided(&mut engine), [(3, settled_at)], "{change:?}");
        event(&mut engine, &known, change.clone(), moved(settled_at, -1));
        assert_eq!(decided(&mut engine), [], "{change:?} again");
    }
}

#[test]
fn what_was_put_away_after_the_last_call_stays_so() {
    for milliseconds in [0, 1, 600_000] {
        let (mut engine, known, settled_at) = with_two_calls();
        event(&mut engine, &known, ConversationChange::Archived, moved(settled_at, milliseconds));
        assert_eq!(decided(&mut engine), [], "{milliseconds} ms after it");
    }
}

#[test]
fn an_archiving_that_a_later_act_undid_needs_no_look() {
    let (mut engine, known, settled_at) = with_two_calls();
    event(&mut engine, &known, ConversationChange::Reopened, moved(settled_at, -1));
    event(&mut engine, &known, ConversationChange::Archived, moved(settled_at, -2));
    assert_eq!(decided(&mut engine), []);
}

#[test]
fn a_call_that_a_merger_took_elsewhere_looks_how_that_is() {
    let (mut engine, known, _) = with_two_calls();
    ended(&mut engine, 4, 1, false);
    let settled_at = settled_at_of(&engine, 4);
    engine.decide();
    while matches!(engine.published[0].effects[0].effect.action, Action::ObserveConversation(_)) {
        engine.settle_one_item();
        engine.decide();
    }
    let item = engine.published.remove(0);
    assert_eq!(item.effects[0].effect.key.kind, EffectKind::Call);
    let into = ConversationId::new("cnv_survivor");
    engine.append(Fact::ConversationMerged(ConversationMerged { from: known, into: into.clone() }));
    for index in 0..item.effects.len() {
        let at = last_at(&engine);
        settle(&mut engine, &item, index, applied(&into, at));
    }
    assert_eq!(decided(&mut engine), [(4, settled_at)]);
}
