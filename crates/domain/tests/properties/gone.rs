//! Conversations that Front does not have any more: the calls that were to go there are decided again, in a new one.

use calltrail_domain::effect::{Action, ConversationStatus, Outcome, WorkItem};
use calltrail_domain::fact::{CallSnapshot, Fact, Media};
use calltrail_domain::ids::{ConversationId, MediaLink};

use crate::engine::{Engine, snapshot};
use crate::traces::{applied, conversation, last_at, logged, settle};

fn ended(engine: &mut Engine, call: u64, answered: bool) {
    engine.append(Fact::CallSnapshot(Box::new(snapshot(call, 1, 3, answered))));
    engine.decide();
}

/// A party with a conversation, and one call in it.
fn with_conversation() -> (Engine, ConversationId) {
    let mut engine = Engine::new();
    ended(&mut engine, 2, false);
    engine.run_dry();
    let known = conversation(&engine, 1).expect("the first import was seen");
    (engine, known)
}

/// The next item that is no read. Reads find every conversation open, or all but `living` trashed.
fn next_write(engine: &mut Engine, living: Option<&str>) -> Option<WorkItem> {
    for _ in 0..20 {
        engine.decide();
        if engine.published.is_empty() {
            return None;
        }
        let item = engine.published.remove(0);
        let Action::ObserveConversation(wanted) = &item.effects[0].effect.action else { return Some(item) };
        let (conversation, at) = (wanted.conversation.clone(), last_at(engine));
        let is_there = living.is_none_or(|living| conversation.as_str() == living);
        let status = if is_there { ConversationStatus::Open } else { ConversationStatus::Trashed };
        settle(
            engine,
            &item,
            0,
            Outcome::Observed {
                conversation,
                status,
                at,
                acts: Vec::new(),
                inboxes: Vec::new(),
                contact: None,
            },
        );
    }
    panic!("the status is read again and again")
}

/// Front says of the next item, effect by effect, that its conversation is gone.
fn lose(engine: &mut Engine) -> WorkItem {
    let item = next_write(engine, None).expect("there is something to lose");
    for index in 0..item.effects.len() {
        let conversation = item.conversation.clone().expect("the item has a conversation");
        let at = last_at(engine);
        settle(engine, &item, index, Outcome::Gone { conversation, at });
    }
    item
}

/// Every effect of every item is applied in this conversation, a new one.
fn go_on(engine: &mut Engine, conversation: &str) {
    while let Some(item) = next_write(engine, Some(conversation)) {
        let known = item.conversation.as_ref().is_none_or(|known| known.as_str() == conversation);
        assert!(known, "it is a new conversation: {:?}", item.conversation);
        for index in 0..item.effects.len() {
            let at = last_at(engine);
            settle(engine, &item, index, applied(&ConversationId::new(conversation), at));
        }
    }
}

fn keys(engine: &Engine) -> Vec<String> {
    engine.effects_in_log().into_iter().map(|(_, _, key)| key).collect()
}

#[test]
fn call_whose_conversation_is_gone_opens_a_new_one() {
    let (mut engine, _) = with_conversation();
    ended(&mut engine, 3, true);
    lose(&mut engine);
    go_on(&mut engine, "cnv_new");
    let again = logged(&engine, 3);
    assert_eq!(
        (again.subject.as_str(), again.opens_segment, again.thread.as_str()),
        ("Inbound call - Support", true, "calltrail:3")
    );
    assert_eq!(conversation(&engine, 1), Some(ConversationId::new("cnv_new")));
    assert_eq!(keys(&engine).iter().filter(|key| *key == "3:call").count(), 2, "decided again");
    let counted = engine.state.account().expect("memory").logged;
    assert_eq!(counted.values().sum::<u64>(), 2, "each call is counted once");
}

#[test]
fn lost_calls_keep_their_order_and_share_the_new_conversation() {
    let (mut engine, _) = with_conversation();
    ended(&mut engine, 3, false);
    for call in [4, 5] {
        ended(&mut engine, call, call == 5);
    }
    let mut lost = Vec::new();
    while lost.len() < 3 {
        lost.extend(lose(&mut engine).effects.into_iter().map(|effect| effect.effect.key.to_string()));
    }
    assert_eq!(lost[..3], ["3:call", "4:call", "5:call"]);
    go_on(&mut engine, "cnv_new");
    let threads: Vec<_> = [3, 4, 5].map(|call| logged(&engine, call).thread.as_str().to_owned()).into();
    assert_eq!(threads, ["calltrail:3"; 3]);
    let calls: Vec<_> = keys(&engine).into_iter().filter(|key| key.ends_with(":call")).collect();
    assert_eq!(calls[calls.len() - 3..], ["3:call", "4:call", "5:call"]);
}

#[test]
fn what_comes_late_for_a_deleted_call_is_left_out_once() {
    let (mut engine, _) = with_conversation();
    ended(&mut engine, 3, true);
    engine.run_dry();
    let link = MediaLink::new("https://assets.aircall.io/calls/3/recording").expect("a good link");
    let told = CallSnapshot { recording: Media::Linked(link), ..snapshot(3, 1, 4, true) };
    engine.append(Fact::CallSnapshot(Box::new(told)));
    lose(&mut engine);
    assert!(next_write(&mut engine, None).is_none());
    assert_eq!(keys(&engine).iter().filter(|key| *key == "3:recording").count(), 1);
    ended(&mut engine, 6, false);
    go_on(&mut engine, "cnv_new");
    assert!(logged(&engine, 6).opens_segment, "the next call begins a new conversation");
}

#[test]
fn conversation_is_forgotten_whatever_front_reported_of_it_before() {
    let (mut engine, known) = with_conversation();
    ended(&mut engine, 3, false);
    let item = next_write(&mut engine, None).expect("the call is decided");
    let long_ago = calltrail_domain::time::Timestamp::from_millis(1);
    settle(&mut engine, &item, 0, Outcome::Gone { conversation: known, at: long_ago });
    let next = next_write(&mut engine, None).expect("the call is decided again");
    assert_eq!(next.conversation, None);
}
