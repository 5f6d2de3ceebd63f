//! Calls that were read from Aircall's API: history disturbs nobody, what was missed is logged as if it had come in time.

use calltrail_domain::effect::{Action, Effect, ImportActivity, Sender, WorkItem};
use calltrail_domain::fact::{CallEvent, CallSnapshot, Comment, ConversationChange, Fact, Read};
use calltrail_domain::ids::{CallId, ConversationId};
use calltrail_domain::time::Timestamp;

use crate::engine::{Engine, snapshot};
use crate::traces::{conversation, ended, event, last_at, logged};

const HISTORY: Read = Read { history: true, update: false };
const MISSED: Read = Read { history: false, update: false };

/// A call as it is read, `ended_before` seconds before the last record.
fn read(engine: &mut Engine, call: u64, party: u8, answered: bool, ended_before: i64, read: Read) {
    let now = last_at(engine);
    let at = |before: i64| Timestamp::from_millis(now.as_millis() - before * 1000);
    engine.append(Fact::CallSnapshot(Box::new(CallSnapshot {
        event: CallEvent::Ended,
        at: now,
        received_at: now,
        started_at: Some(at(ended_before + 30)),
        answered_at: answered.then(|| at(ended_before + 25)),
        ended_at: Some(at(ended_before)),
        read: Some(read),
        ..snapshot(call, party, 4, answered)
    })));
}

/// Everything that was published, with the items that brought it.
fn published(engine: &mut Engine) -> Vec<WorkItem> {
    let mut items = Vec::new();
    loop {
        let decided = engine.decide();
        items.extend(engine.published.first().cloned());
        if !engine.settle_one_item() && decided == 0 {
            return items;
        }
    }
}

fn effects(items: &[WorkItem], call: u64) -> Vec<Effect> {
    let all = items.iter().flat_map(|item| &item.effects).map(|numbered| (*numbered.effect).clone());
    all.filter(|effect| effect.key.call == CallId(call) && !effect.action.is_read()).collect()
}

fn imports(items: &[WorkItem], call: u64) -> Vec<ImportActivity> {
    let effects = effects(items, call).into_iter();
    let import = |effect: Effect| match effect.action {
        Action::ImportActivity(import) => Some(import),
        _ => None,
    };
    effects.filter_map(import).collect()
}

fn reopens(items: &[WorkItem], call: u64) -> bool {
    effects(items, call).iter().any(|effect| matches!(effect.action, Action::ReopenConversation(_)))
}

fn assigns(import: &ImportActivity) -> bool {
    matches!(import.from, Sender::Agent { assign: true, .. })
}

#[test]
fn history_makes_an_archived_conversation_without_rules_and_assignee() {
    let mut engine = Engine::new();
    read(&mut engine, 1, 1, true, 1_000_000, HISTORY);
    let items = published(&mut engine);
    assert!(items.iter().all(|item| item.bulk), "live calls go first");
    let of_history = imports(&items, 1);
    assert!(!of_history.is_empty());
    for import in of_history {
        assert!(import.archived && import.skips_rules && !assigns(&import), "{import:?}");
    }
}

#[test]
fn a_live_call_after_history_has_a_segment_of_its_own_and_reopens() {
    let mut engine = Engine::new();
    read(&mut engine, 1, 1, true, 1_000_000, HISTORY);
    engine.run_dry();
    // Front's webhooks are heard, so that the status needs no read.
    let at = last_at(&engine);
    event(&mut engine, &ConversationId::new("cnv_other"), ConversationChange::Other, at);
    ended(&mut engine, 2, 1, false);
    let items = published(&mut engine);
    let live = logged(&engine, 2);
    assert!(live.opens_segment);
    assert_eq!(live.subject, "Missed call - Support");
    assert!(reopens(&items, 2));
    assert!(imports(&items, 2).iter().all(|import| !import.archived && !import.skips_rules));
    assert!(items.iter().all(|item| !item.bulk));
}

#[test]
fn history_goes_into_a_conversation_as_it_is() {
    for archive in [false, true] {
        let mut engine = Engine::new();
        ended(&mut engine, 1, 1, false);
        engine.run_dry();
        if archive {
            engine.archive(1);
        }
        read(&mut engine, 2, 1, true, 1_000_000, HISTORY);
        let items = published(&mut engine);
        let history = logged(&engine, 2);
        assert!(!history.opens_segment, "{archive}");
        assert_eq!(history.subject, "Missed call - Support", "{archive}");
        assert!(!reopens(&items, 2), "{archive}");
        assert!(imports(&items, 2).iter().all(|import| import.archived == archive), "{archive}");
    }
}

#[test]
fn a_missed_call_belongs_to_the_segment_of_the_time_at_which_it_ended() {
    for (ended_before, opens) in [(25, false), (5, true)] {
        let mut engine = Engine::new();
        ended(&mut engine, 1, 1, false);
        engine.run_dry();
        let own = conversation(&engine, 1).expect("logged");
        let archived_at = Timestamp::from_millis(last_at(&engine).as_millis() - 5_000);
        event(&mut engine, &own, ConversationChange::Archived, archived_at);
        read(&mut engine, 2, 1, true, ended_before, MISSED);
        let items = published(&mut engine);
        assert_eq!(logged(&engine, 2).opens_segment, opens, "{ended_before}");
        assert_eq!(reopens(&items, 2), opens, "{ended_before}");
        for import in imports(&items, 2) {
            assert_eq!((import.archived, import.skips_rules), (!opens, false), "{ended_before}");
        }
    }
}

#[test]
fn what_came_late_is_added_to_calls_that_are_known_alone() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, true);
    engine.run_dry();
    let comment = Comment { id: 9, posted_at: None, by: None, text: "Call back".to_owned(), left_out: 0 };
    for call in [1, 2] {
        let told = CallSnapshot {
            comments: vec![comment.clone()],
            read: Some(Read { history: true, update: true }),
            ..snapshot(call, 1, 4, true)
        };
        engine.append(Fact::CallSnapshot(Box::new(told)));
    }
    let items = published(&mut engine);
    assert_eq!(effects(&items, 1).len(), 1);
    assert!(engine.state.call(CallId(2)).expect("memory").is_none());
}

#[test]
fn a_call_that_came_as_webhooks_and_was_read_appears_once() {
    let keys = |acts: &[bool]| {
        let mut engine = Engine::new();
        for is_read in acts {
            if *is_read {
                read(&mut engine, 1, 1, true, 40, MISSED);
            } else {
                ended(&mut engine, 1, 1, true);
            }
            engine.run_dry();
        }
        engine.effects_in_log().into_iter().map(|(_, _, key)| key).collect::<Vec<_>>()
    };
    let expect = keys(&[false]);
    for acts in [&[true][..], &[true, false], &[false, true], &[true, true, false, true]] {
        assert_eq!(keys(acts), expect, "{acts:?}");
    }
}

#[test]
fn an_item_that_holds_a_live_call_is_live() {
    let mut engine = Engine::new();
    read(&mut engine, 1, 1, true, 1_000_000, HISTORY);
    engine.decide();
    ended(&mut engine, 2, 1, false);
    let items = published(&mut engine);
    let with_live =
        items.iter().filter(|item| item.effects.iter().any(|numbered| numbered.effect.key.call == CallId(2)));
    assert!(with_live.clone().count() > 0);
    assert!(with_live.into_iter().all(|item| !item.bulk));
}
