//! What the caller chose, whom the call rang on and when it must have been answered, told in any order.

use calltrail_domain::fact::{Agent, AnsweredGuess, CallSnapshot, Fact, MenuChoice, Rung};
use calltrail_domain::ids::CallId;
use calltrail_domain::policy::{Anonymous, CallType};
use calltrail_domain::time::Timestamp;
use proptest::prelude::*;

use crate::engine::{Engine, policy, snapshot};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_100 + seconds)
}

fn choice(seconds: i64, title: &str) -> MenuChoice {
    MenuChoice { at: at(seconds), title: Some(title.to_owned()), key: None }
}

fn rung(seconds: i64, id: u64, name: Option<&str>, declined: bool) -> Rung {
    let agent = Agent { id, name: name.map(str::to_owned), email: None };
    Rung { at: at(seconds), agent, declined }
}

fn told() -> Vec<CallSnapshot> {
    let plain = || snapshot(1, 1, 0, false);
    vec![
        CallSnapshot { menu: vec![choice(1, "Sales")], ..plain() },
        CallSnapshot { menu: vec![choice(1, "Sales"), choice(4, "Orders")], ..plain() },
        CallSnapshot { rung: Some(rung(9, 7, Some("Mei"), false)), ..plain() },
        CallSnapshot { rung: Some(rung(12, 7, None, true)), ..plain() },
        CallSnapshot { rung: Some(rung(8, 9, Some("Pavel"), false)), ..plain() },
        CallSnapshot { answered_guess: Some(AnsweredGuess { over: false, at: at(20) }), ..plain() },
        CallSnapshot { answered_guess: Some(AnsweredGuess { over: false, at: at(15) }), ..plain() },
        CallSnapshot { answered_guess: Some(AnsweredGuess { over: true, at: at(0) }), ..plain() },
    ]
}

proptest! {
    #[test]
    fn menu_rung_agents_and_guess_merge_in_any_order(
        order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..8_usize, 0..6),
    ) {
        let mut engine = Engine::new();
        for place in order.iter().chain(&again) {
            engine.append(Fact::CallSnapshot(Box::new(told()[*place].clone())));
        }
        let call = engine.state.call(CallId(1)).expect("memory").expect("told");
        let menu: Vec<_> = call.told.menu().cloned().collect();
        prop_assert_eq!(menu, vec![choice(1, "Sales"), choice(4, "Orders")]);
        let expect = [rung(8, 9, Some("Pavel"), false), rung(9, 7, Some("Mei"), true)];
        prop_assert_eq!(call.told.rung(), expect.iter().collect::<Vec<_>>());
        prop_assert_eq!(call.told.answered_at(), Some(at(15)));
        prop_assert_eq!(call.told.call_type(), CallType::InboundAnswered);
    }
}

#[test]
fn readable_answer_time_beats_a_guess() {
    let mut engine = Engine::new();
    let guessed = AnsweredGuess { over: false, at: at(1) };
    for told in [
        CallSnapshot { answered_guess: Some(guessed), ..snapshot(1, 1, 1, false) },
        CallSnapshot { answered_at: Some(at(3)), ..snapshot(1, 1, 1, false) },
    ] {
        engine.append(Fact::CallSnapshot(Box::new(told)));
    }
    let call = engine.state.call(CallId(1)).expect("memory").expect("told");
    assert_eq!(call.told.answered_at(), Some(at(3)));
}

#[test]
fn skipping_anonymous_leaves_out_withheld_numbers_only() {
    for (shown, expect) in [(None, 0), (Some("ext. 12"), 1)] {
        let mut engine = Engine::new();
        let skipping = calltrail_domain::policy::Policy { anonymous: Anonymous::Skip, ..policy() };
        engine.append(Fact::PolicyChanged(skipping));
        let shown_number = shown.map(str::to_owned);
        let told = CallSnapshot { number: None, shown_number, ..snapshot(1, 1, 3, false) };
        engine.append(Fact::CallSnapshot(Box::new(told)));
        engine.run_dry();
        let account = engine.state.account().expect("memory");
        assert_eq!(account.logged.values().sum::<u64>(), expect, "{shown:?}");
        assert_eq!(account.left_out.values().sum::<u64>(), 1 - expect, "{shown:?}");
    }
}
