//! Front's events about conversations that are not known yet.

use calltrail_domain::effect::{Action, ConversationStatus, Outcome};
use calltrail_domain::fact::ConversationChange;
use calltrail_domain::ids::ConversationId;
use calltrail_domain::limits::STRAY_EVENTS_MAX;

use crate::engine::{Engine, snapshot};
use crate::traces::{applied, ended, event, last_at, logged, settle};

/// The first import is under way; a person archives its conversation, and `others` foreign ones are archived after it.
fn archived_among(others: usize) -> (Engine, ConversationId) {
    let mut engine = Engine::new();
    ended(&mut engine, 2, 1, false);
    engine.decide();
    engine.settle_one_item();
    engine.decide();
    let ours = ConversationId::new("cnv_ours");
    let at = last_at(&engine);
    event(&mut engine, &ours, ConversationChange::Archived, at);
    for number in 0..others {
        let at = last_at(&engine);
        let foreign = ConversationId::new(format!("cnv_{number}"));
        event(&mut engine, &foreign, ConversationChange::Archived, at);
    }
    let opening = engine.published.remove(0);
    for index in 0..opening.effects.len() {
        let at = last_at(&engine);
        settle(&mut engine, &opening, index, applied(&ours, at));
    }
    engine.decide();
    (engine, ours)
}

/// Answers a read with what Front holds.
fn observe(engine: &mut Engine, conversation: &ConversationId) {
    let item = engine.published.remove(0);
    assert!(matches!(item.effects[0].effect.action, Action::ObserveConversation(_)));
    let (conversation, at) = (conversation.clone(), last_at(engine));
    let status = ConversationStatus::Archived;
    settle(
        engine,
        &item,
        0,
        Outcome::Observed { conversation, status, at, acts: Vec::new(), inboxes: Vec::new(), contact: None },
    );
    engine.decide();
}

#[test]
fn archiving_before_the_import_is_confirmed_counts() {
    for others in [0, 1, STRAY_EVENTS_MAX - 1] {
        let (mut engine, _) = archived_among(others);
        ended(&mut engine, 3, 1, true);
        engine.run_dry();
        assert!(logged(&engine, 3).opens_segment, "{others} others");
    }
}

#[test]
fn status_is_read_where_an_event_may_have_been_dropped() {
    for others in [STRAY_EVENTS_MAX, STRAY_EVENTS_MAX + 44, 3 * STRAY_EVENTS_MAX] {
        let (mut engine, ours) = archived_among(others);
        ended(&mut engine, 3, 1, true);
        engine.decide();
        observe(&mut engine, &ours);
        engine.run_dry();
        assert!(logged(&engine, 3).opens_segment, "{others} others");
    }
}

#[test]
fn events_dropped_before_the_call_settled_cost_no_read() {
    let mut engine = Engine::new();
    for number in 0..2 * STRAY_EVENTS_MAX {
        let at = last_at(&engine);
        event(&mut engine, &ConversationId::new(format!("cnv_{number}")), ConversationChange::Archived, at);
    }
    ended(&mut engine, 2, 1, false);
    engine.run_dry();
    engine.append(calltrail_domain::fact::Fact::CallSnapshot(Box::new(snapshot(4, 1, 3, false))));
    engine.decide();
    assert!(
        engine.published.iter().flat_map(|item| &item.effects).all(|effect| !effect.effect.action.is_read())
    );
}
