//! Traces in which an effect came twice, late or never, or a subject changed when it should not: each was seen once.

use calltrail_domain::decision::{LeftOut, Logged, Verdict};
use calltrail_domain::effect::{Act, Action, ConversationStatus, EffectSettled, Outcome, WorkItem};
use calltrail_domain::fact::{
    Agent, CallSnapshot, ConversationChange, ConversationChanged, Fact, Transfer, TransferTarget,
};
use calltrail_domain::fold::party_of_number;
use calltrail_domain::ids::{CallId, ContactId, ConversationId};
use calltrail_domain::record::ConversationMerged;
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;

use crate::engine::{Engine, number, snapshot};

pub(crate) fn ended(engine: &mut Engine, call: u64, party: u8, answered: bool) {
    engine.append(Fact::CallSnapshot(Box::new(snapshot(call, party, 3, answered))));
}

fn told(engine: &mut Engine, snapshot: CallSnapshot) {
    engine.append(Fact::CallSnapshot(Box::new(snapshot)));
}

pub(crate) fn verdict(engine: &Engine, call: u64) -> Option<Verdict> {
    engine.state.call(CallId(call)).expect("memory").and_then(|call| call.verdict)
}

pub(crate) fn logged(engine: &Engine, call: u64) -> Logged {
    match verdict(engine, call) {
        Some(Verdict::Logged(logged)) => logged,
        other => panic!("call {call} has the verdict {other:?}"),
    }
}

pub(crate) fn last_at(engine: &Engine) -> Timestamp {
    engine.log.last().expect("never empty").0.received_at
}

pub(crate) fn conversation(engine: &Engine, party: u8) -> Option<ConversationId> {
    let id = party_of_number(&engine.state, &number(party)).expect("memory")?;
    engine.state.party(&id).expect("memory")?.1.thread?.conversation
}

pub(crate) fn event(
    engine: &mut Engine,
    conversation: &ConversationId,
    change: ConversationChange,
    at: Timestamp,
) {
    let received_at = last_at(engine);
    engine.append(Fact::ConversationChanged(ConversationChanged {
        conversation: conversation.clone(),
        at,
        received_at: Some(received_at),
        change,
        contact: None,
    }));
}

pub(crate) fn settle(engine: &mut Engine, item: &WorkItem, index: usize, outcome: Outcome) {
    let effect = &item.effects[index];
    engine.append(Fact::EffectSettled(EffectSettled {
        party: item.party.clone(),
        ordinal: effect.ordinal,
        key: effect.effect.key,
        attempts: 1,
        outcome,
    }));
}

pub(crate) fn applied(conversation: &ConversationId, at: Timestamp) -> Outcome {
    Outcome::Applied {
        conversation: Some(conversation.clone()),
        message_uid: None,
        at,
        unconfirmed: false,
        comment: None,
    }
}

fn later(at: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(at.as_millis() + millis)
}

#[test]
fn two_parties_whose_conversations_were_merged_both_hear_of_its_archiving() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, false);
    ended(&mut engine, 2, 2, false);
    engine.run_dry();
    let from = conversation(&engine, 1).expect("logged");
    let into = conversation(&engine, 2).expect("logged");
    engine.append(Fact::ConversationMerged(ConversationMerged { from, into: into.clone() }));
    let at = last_at(&engine);
    event(&mut engine, &into, ConversationChange::Archived, at);
    ended(&mut engine, 3, 2, true);
    engine.run_dry();
    assert!(logged(&engine, 3).opens_segment);
}

#[test]
fn an_older_party_decides_nothing_while_a_younger_one_brings_the_conversation() {
    let mut engine = Engine::new();
    engine.shared_contacts = true;
    ended(&mut engine, 1, 2, false);
    engine.decide();
    let slow_look_up = engine.published.remove(0);
    ended(&mut engine, 2, 3, false);
    engine.run_dry();
    let theirs = conversation(&engine, 3).expect("logged");
    ended(&mut engine, 3, 3, false);
    engine.decide();
    let under_way = engine.published.remove(0);
    let found = Outcome::ContactFound { contact: ContactId::new("crd_1"), created: false, replaces: None };
    settle(&mut engine, &slow_look_up, 0, found);
    engine.decide();
    for index in 0..under_way.effects.len() {
        let at = last_at(&engine);
        settle(&mut engine, &under_way, index, applied(&theirs, at));
    }
    engine.run_dry();
    ended(&mut engine, 4, 3, false);
    engine.run_dry();
    assert_eq!(conversation(&engine, 2), Some(theirs.clone()));
    assert_eq!(conversation(&engine, 3), Some(theirs));
}

#[test]
fn calls_that_wait_when_two_numbers_join_are_logged_in_the_order_in_which_they_settled() {
    let mut engine = Engine::new();
    engine.shared_contacts = true;
    ended(&mut engine, 1, 2, false);
    engine.decide();
    engine.settle_one_item();
    engine.decide();
    let opening = engine.published.remove(0);
    ended(&mut engine, 2, 3, false);
    ended(&mut engine, 3, 2, false);
    engine.decide();
    engine.settle_one_item();
    engine.decide();
    for index in 0..opening.effects.len() {
        let at = last_at(&engine);
        settle(&mut engine, &opening, index, applied(&ConversationId::new("cnv_1"), at));
    }
    engine.run_dry();
    let logged = engine.effects_in_log().into_iter().map(|(_, _, key)| key);
    let calls: Vec<_> = logged.filter(|key| key.ends_with(":call")).collect();
    assert_eq!(calls, ["1:call", "2:call", "3:call"]);
}

#[test]
fn an_archive_that_a_skewed_clock_makes_look_older_still_leads_to_a_reopening() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, false);
    engine.run_dry();
    let open = conversation(&engine, 1).expect("logged");
    let at = last_at(&engine);
    event(&mut engine, &open, ConversationChange::Archived, at);
    ended(&mut engine, 2, 1, true);
    engine.decide();
    let item = engine.published.remove(0);
    let now = last_at(&engine);
    for index in 0..item.effects.len() {
        settle(&mut engine, &item, index, applied(&open, later(now, 5_000)));
    }
    event(&mut engine, &open, ConversationChange::Archived, later(now, 3_000));
    ended(&mut engine, 3, 1, true);
    engine.decide();
    assert!(logged(&engine, 3).opens_segment);
    let item = engine.published.remove(0);
    assert!(item.effects.iter().any(|effect| matches!(effect.effect.action, Action::ReopenConversation(_))));
}

#[test]
fn a_conversation_that_is_gone_for_good_is_not_written_to_again() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, false);
    engine.run_dry();
    let before = logged(&engine, 1).thread;
    (0..200).for_each(|_| engine.append(Fact::Other));
    ended(&mut engine, 2, 1, true);
    engine.decide();
    let item = engine.published.remove(0);
    assert!(matches!(item.effects[0].effect.action, Action::ObserveConversation(_)));
    settle(&mut engine, &item, 0, Outcome::Rejected { status: 404, reason: "Not found".to_owned() });
    engine.decide();
    assert_ne!(logged(&engine, 2).thread, before);
}

#[test]
fn a_call_that_settles_while_the_first_import_is_out_sees_what_was_done_to_the_conversation_since() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, false);
    engine.decide();
    engine.settle_one_item();
    engine.decide();
    let item = engine.published.remove(0);
    let new = ConversationId::new("cnv_new");
    let at = last_at(&engine);
    event(&mut engine, &new, ConversationChange::Archived, at);
    ended(&mut engine, 2, 1, true);
    engine.decide();
    settle(&mut engine, &item, 0, applied(&new, at));
    engine.decide();
    assert!(logged(&engine, 2).opens_segment);
}

#[test]
fn after_two_transfers_the_last_agent_has_the_call_and_a_failed_one_changes_nothing() {
    let agent = |id| Agent { id, name: None, email: None };
    let mut engine = Engine::new();
    let mut moving = snapshot(1, 1, 1, true);
    moving.agent = Some(agent(1));
    for (seconds, by, to, succeeded) in
        [(10, 1, 2, true), (20, 2, 3, true), (30, 3, 4, true), (31, 3, 4, false)]
    {
        moving.at = Timestamp::from_seconds(1_700_000_060 + seconds);
        let to = Some(TransferTarget::Agent(agent(to)));
        moving.transfer = Some(Transfer { at: moving.at, succeeded, by: Some(agent(by)), to });
        told(&mut engine, moving.clone());
    }
    let mut last = snapshot(1, 1, 3, true);
    last.agent = Some(agent(1));
    told(&mut engine, last);
    let call = engine.state.call(CallId(1)).expect("memory").expect("told");
    assert_eq!(call.told.agent().map(|agent| agent.id), Some(3));
}

#[test]
fn merger_into_a_conversation_archived_long_ago_ends_the_segment() {
    for acts in [Vec::new(), vec![Act { at: Timestamp::from_seconds(1), archived: true }]] {
        let mut engine = Engine::new();
        ended(&mut engine, 2, 1, false);
        engine.run_dry();
        let from = conversation(&engine, 1).expect("logged");
        let into = ConversationId::new("cnv_survivor");
        engine.append(Fact::ConversationMerged(ConversationMerged { from, into: into.clone() }));
        ended(&mut engine, 3, 1, true);
        engine.decide();
        let item = engine.published.remove(0);
        let (status, at) = (ConversationStatus::Archived, last_at(&engine));
        settle(
            &mut engine,
            &item,
            0,
            Outcome::Observed { conversation: into, status, at, acts, inboxes: Vec::new(), contact: None },
        );
        engine.run_dry();
        assert!(logged(&engine, 3).opens_segment);
    }
}

/// The next call reads the conversation: a read shows this status, and these acts where it is news.
fn reads(engine: &mut Engine, believed: bool, status: ConversationStatus, acts: &[Act]) {
    engine.decide();
    let item = engine.published.remove(0);
    let Action::ObserveConversation(wanted) = &item.effects[0].effect.action else { panic!("{item:?}") };
    assert_eq!(wanted.segment_ended, Some(believed));
    answers(engine, &item, status, acts);
}

fn answers(engine: &mut Engine, item: &WorkItem, status: ConversationStatus, acts: &[Act]) {
    let (conversation, at) = (conversation(engine, 1).expect("logged"), last_at(engine));
    let acts = acts.to_vec();
    let seen = Outcome::Observed { conversation, status, at, acts, inboxes: Vec::new(), contact: None };
    settle(engine, item, 0, seen);
    engine.run_dry();
}

/// A person archives while the read is asked for, and an import of ours opens the conversation again, or the person does.
#[test]
fn status_is_no_answer_to_what_became_known_since_it_was_asked_for() {
    use ConversationStatus::{Open, Snoozed};
    for (status, comes_back) in [(Open, false), (Open, true), (Snoozed, true)] {
        let mut engine = Engine::new();
        ended(&mut engine, 2, 1, false);
        engine.run_dry();
        (0..200).for_each(|_| engine.append(Fact::Other));
        ended(&mut engine, 3, 1, true);
        engine.decide();
        let asked = engine.published.remove(0);
        let ours = conversation(&engine, 1).expect("logged");
        let archived = Act { at: last_at(&engine), archived: true };
        event(&mut engine, &ours, ConversationChange::Archived, archived.at);
        answers(&mut engine, &asked, status, &[]);
        assert!(!logged(&engine, 3).opens_segment, "it settled before the archiving");
        let back = Act { at: later(archived.at, 4_000), archived: false };
        ended(&mut engine, 4, 1, true);
        reads(&mut engine, true, status, &[archived, back][..1 + usize::from(comes_back)]);
        assert_eq!(logged(&engine, 4).opens_segment, !comes_back, "{status:?}");
    }
}

#[test]
fn archived_status_is_no_answer_to_a_return_known_since() {
    for archives_again in [false, true] {
        let mut engine = Engine::new();
        ended(&mut engine, 2, 1, false);
        engine.run_dry();
        let ours = conversation(&engine, 1).expect("logged");
        let archived = Act { at: last_at(&engine), archived: true };
        event(&mut engine, &ours, ConversationChange::Archived, archived.at);
        (0..200).for_each(|_| engine.append(Fact::Other));
        ended(&mut engine, 3, 1, true);
        engine.decide();
        let asked = engine.published.remove(0);
        let back = Act { at: last_at(&engine), archived: false };
        event(&mut engine, &ours, ConversationChange::Reopened, back.at);
        answers(&mut engine, &asked, ConversationStatus::Archived, &[]);
        assert!(logged(&engine, 3).opens_segment, "it settled before the return was known");
        let again = Act { at: last_at(&engine), archived: true };
        ended(&mut engine, 4, 1, true);
        let acts = [archived, back, again];
        reads(&mut engine, false, ConversationStatus::Archived, &acts[..2 + usize::from(archives_again)]);
        assert_eq!(logged(&engine, 4).opens_segment, archives_again);
    }
}

#[test]
fn snooze_that_a_call_ended_opens_no_segment() {
    let mut engine = Engine::new();
    ended(&mut engine, 2, 1, false);
    engine.run_dry();
    let snoozed_at = last_at(&engine);
    for (call, status) in [(3, ConversationStatus::Snoozed), (5, ConversationStatus::Archived)] {
        ended(&mut engine, call, 1, true);
        engine.decide();
        let item = engine.published.remove(0);
        let conversation = conversation(&engine, 1).expect("logged");
        let acts = match status {
            ConversationStatus::Archived => vec![Act { at: snoozed_at, archived: false }],
            _ => Vec::new(),
        };
        let at = last_at(&engine);
        settle(
            &mut engine,
            &item,
            0,
            Outcome::Observed { conversation, status, at, acts, inboxes: Vec::new(), contact: None },
        );
        engine.run_dry();
        assert!(!logged(&engine, call).opens_segment, "{status:?}");
    }
}

#[test]
fn an_old_call_that_somebody_tags_is_left_out() {
    let mut engine = Engine::new();
    let mut tagged = snapshot(2, 1, 4, false);
    tagged.started_at = Some(Timestamp::from_seconds(1_600_000_000));
    tagged.ended_at = Some(Timestamp::from_seconds(1_600_000_030));
    told(&mut engine, tagged);
    engine.append(Fact::TimerElapsed(Timer::CallEnd { call: CallId(2) }));
    engine.run_dry();
    assert_eq!(verdict(&engine, 2), Some(Verdict::LeftOut { reason: LeftOut::Old }));
}

#[test]
fn a_call_before_the_accounts_first_record_settles_at_its_timer() {
    let mut engine = Engine::new();
    let first_records: Vec<_> = engine.log.drain(..).map(|(_, fact)| fact).collect();
    engine.state = calltrail_domain::state::State::new(Default::default());
    ended(&mut engine, 1, 1, false);
    first_records.into_iter().for_each(|fact| engine.append(fact));
    engine.run_dry();
    assert_eq!(verdict(&engine, 1), None);
    engine.append(Fact::TimerElapsed(Timer::CallEnd { call: CallId(1) }));
    engine.run_dry();
    assert_eq!(logged(&engine, 1).subject, "Missed call - Support");
}

#[test]
fn whatever_a_webhook_holds_a_decision_stays_small() {
    const DECISION_BYTES: usize = 16 * 1024;
    let mut engine = Engine::new();
    let long = "é".repeat(50_000);
    let mut huge = snapshot(1, 1, 3, true);
    huge.tags = Some((0..100).map(|n| format!("{n} {long}")).collect());
    huge.missed_reason = Some(long.clone());
    huge.agent = Some(Agent { id: 5, name: Some(long.clone()), email: Some(format!("a@{long}")) });
    let emails = (0..100).map(|n| format!("{n}@{long}")).collect();
    huge.contact = Some(calltrail_domain::fact::ContactHint { name: Some(long.clone()), emails });
    let target = Agent { id: 6, name: Some(long), email: None };
    let to = Some(TransferTarget::Agent(target));
    huge.transfer = Some(Transfer { at: huge.at, succeeded: true, by: None, to });
    told(&mut engine, huge);
    engine.run_dry();
    assert_eq!(logged(&engine, 1).subject, "Inbound call - Support");
    for (_, fact) in &engine.log {
        if let Fact::EffectsDecided(decided) = fact {
            assert!(serde_json::to_vec(decided).expect("JSON").len() < DECISION_BYTES);
        }
    }
}
