//! Decisions: subjects, segments, joins, and who decides first.

use calltrail_domain::decide::decide;
use calltrail_domain::decision::{EffectsDecided, Verdict};
use calltrail_domain::effect::Action;
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::party_of_number;
use calltrail_domain::ids::CallId;

use crate::engine::{Engine, number, snapshot};

fn ended(engine: &mut Engine, call: u64, party: u8, answered: bool) {
    engine.append(Fact::CallSnapshot(Box::new(snapshot(call, party, 3, answered))));
}

fn subject(engine: &Engine, call: u64) -> String {
    match engine.state.call(CallId(call)).expect("memory").expect("told").verdict {
        Some(Verdict::Logged(logged)) => logged.subject,
        other => format!("{other:?}"),
    }
}

#[test]
fn later_calls_carry_the_subject_of_the_segments_first_call_until_it_is_archived() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, false);
    engine.run_dry();
    ended(&mut engine, 2, 1, true);
    engine.run_dry();
    engine.archive(1);
    ended(&mut engine, 3, 1, true);
    engine.run_dry();
    ended(&mut engine, 4, 1, false);
    engine.run_dry();
    let subjects: Vec<_> = (1..5).map(|call| subject(&engine, call)).collect();
    let (missed, inbound) = ("Missed call - Support", "Inbound call - Support");
    assert_eq!(subjects, [missed, missed, inbound, inbound]);
}

#[test]
fn a_call_into_an_archived_conversation_reopens_it_but_not_over_a_later_archive() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, false);
    engine.run_dry();
    engine.archive(1);
    ended(&mut engine, 2, 1, false);
    engine.decide();
    let item = engine.published.last().expect("the call's item");
    let reopen = item.effects.iter().find_map(|effect| match &effect.effect.action {
        Action::ReopenConversation(reopen) => Some(reopen.unless_archived_after),
        _ => None,
    });
    let settled = engine.state.call(CallId(2)).expect("memory").expect("told").settled.expect("ended");
    assert_eq!(reopen, Some(settled.at));
}

#[test]
fn two_numbers_of_one_contact_share_a_party_before_the_second_ones_subject_is_decided() {
    let mut engine = Engine::new();
    engine.shared_contacts = true;
    ended(&mut engine, 1, 2, false);
    engine.run_dry();
    ended(&mut engine, 2, 3, true);
    engine.run_dry();
    let party = |n| party_of_number(&engine.state, &number(n)).expect("memory");
    assert_eq!(party(2), party(3));
    assert_eq!(subject(&engine, 2), "Missed call - Support");
}

#[test]
fn calls_of_two_parties_that_join_keep_the_order_of_the_log_whatever_the_clocks_said() {
    let mut engine = Engine::new();
    engine.shared_contacts = true;
    ended(&mut engine, 1, 2, false);
    engine.run_dry();
    ended(&mut engine, 2, 3, false);
    engine.decide();
    let earlier = Fact::CallSnapshot(Box::new(snapshot(3, 2, 3, false)));
    engine.append_behind(50, earlier);
    let settled = |call| engine.state.call(CallId(call)).expect("memory").expect("told").settled;
    assert!(settled(2).map(|it| it.at) > settled(3).map(|it| it.at), "the clocks say the opposite");
    engine.settle_one_item();
    let party = party_of_number(&engine.state, &number(3)).expect("memory").expect("settled");
    let joined = engine.state.party(&party).expect("memory").expect("known").1;
    let waiting: Vec<_> = joined.queue.iter().map(|waiting| waiting.call).collect();
    assert_eq!(waiting, [CallId(2), CallId(3)]);
}

#[test]
fn of_two_decisions_of_the_same_step_the_first_in_the_log_counts() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, false);
    let party = party_of_number(&engine.state, &number(1)).expect("memory").expect("settled");
    let first = decide(&engine.state, &party).expect("memory").expect("a look-up");
    let mut second = first.clone();
    second.effects.clear();
    let through = engine.log.last().expect("not empty").0.sequence;
    engine.append(Fact::EffectsDecided(EffectsDecided {
        through,
        basis: None,
        decisions: vec![first],
        complete: false,
    }));
    engine.append(Fact::EffectsDecided(EffectsDecided {
        through,
        basis: None,
        decisions: vec![second],
        complete: false,
    }));
    engine.run_dry();
    assert_eq!(subject(&engine, 1), "Missed call - Support");
    assert_eq!(engine.effects_in_log().len(), 2, "one look-up, one activity");
}

#[test]
fn a_marker_closes_everything_up_to_it_for_decisions() {
    let mut engine = Engine::new();
    ended(&mut engine, 1, 1, false);
    let through = engine.log.last().expect("not empty").0.sequence;
    engine.append(Fact::EffectsDecided(EffectsDecided {
        through,
        basis: None,
        decisions: Vec::new(),
        complete: false,
    }));
    assert_eq!(engine.decide(), 0);
    ended(&mut engine, 2, 1, false);
    assert_eq!(engine.decide(), 1);
}
