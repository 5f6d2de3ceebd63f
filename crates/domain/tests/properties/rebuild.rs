//! Rebuilds: the log twice, the log under other rules, the log cut short.

use calltrail_domain::fact::Fact;
use calltrail_domain::fold::Place;
use calltrail_domain::policy::{Locale, Threading};
use calltrail_domain::state::{Memory, Piece};
use proptest::prelude::*;

use crate::engine::{Engine, policy, snapshot};

#[derive(Debug, Clone)]
enum Act {
    Webhook { call: u64, stage: usize },
    Decide,
    Front,
    Archive { party: u8 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1_u64..12, 0_usize..5).prop_map(|(call, stage)| Act::Webhook { call, stage }),
        3 => Just(Act::Decide),
        3 => Just(Act::Front),
        1 => (0_u8..4).prop_map(|party| Act::Archive { party }),
    ];
    prop::collection::vec(act, 1..80)
}

fn party_of(call: u64) -> u8 {
    u8::try_from(call % 4).expect("small")
}

fn run(acts: &[Act], shared_contacts: bool) -> Engine {
    let mut engine = Engine::new();
    engine.shared_contacts = shared_contacts;
    for act in acts {
        match act {
            Act::Webhook { call, stage } => {
                let told = snapshot(*call, party_of(*call), *stage, call % 2 == 0);
                engine.append(Fact::CallSnapshot(Box::new(told)));
            }
            Act::Decide => drop(engine.decide()),
            Act::Front => drop(engine.settle_one_item()),
            Act::Archive { party } => engine.archive(*party),
        }
    }
    engine
}

fn pieces(engine: &Engine) -> Memory {
    engine.state.backing().clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_piece_reads_back_as_what_it_was(acts in acts(), shared: bool) {
        let engine = run(&acts, shared);
        for (key, piece) in pieces(&engine).0 {
            prop_assert_eq!(&Piece::decode(&key, &piece.encode()).expect("readable"), piece.as_ref());
        }
    }

    #[test]
    fn a_log_with_every_record_twice_folds_to_the_same_state(acts in acts(), shared: bool) {
        let mut engine = run(&acts, shared);
        engine.run_dry();
        let twice: Vec<_> = engine
            .log
            .iter()
            .flat_map(|(place, fact)| {
                let again = Place { sequence: place.sequence + 1, ..*place };
                [(*place, fact.clone()), (again, fact.clone())]
            })
            .collect();
        prop_assert_eq!(pieces(&engine), pieces(&Engine::rebuilt(&twice)));
    }

    #[test]
    fn no_effect_key_is_decided_twice_and_ordinals_have_no_gap(acts in acts(), shared: bool) {
        let mut engine = run(&acts, shared);
        engine.run_dry();
        let effects = engine.effects_in_log();
        let mut keys: Vec<_> = effects.iter().map(|(_, _, key)| key.clone()).collect();
        let all = keys.len();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(all, keys.len());
        for (party, _, _) in &effects {
            let ordinals: Vec<_> = effects.iter().filter(|e| e.0 == *party).map(|e| e.1).collect();
            prop_assert_eq!(&ordinals, &(1..=ordinals.len() as u64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_settled_call_gets_a_verdict(acts in acts(), shared: bool) {
        let mut engine = run(&acts, shared);
        engine.run_dry();
        for call in 1..12 {
            let call = engine.state.call(calltrail_domain::ids::CallId(call)).expect("memory");
            if let Some(call) = call.filter(|call| call.settled.is_some()) {
                prop_assert!(call.verdict.is_some());
            }
        }
    }

    #[test]
    fn a_rebuild_under_other_rules_decides_nothing_anew(acts in acts(), shared: bool) {
        let mut engine = run(&acts, shared);
        engine.run_dry();
        let mut other = policy();
        other.subject = "Another subject for {line}".to_owned();
        other.locale = Locale::De;
        other.threading = Threading::Segment;
        other.types.clear();
        let mut rebuilt = Engine::rebuilt(&engine.log);
        rebuilt.append(Fact::PolicyChanged(other.clone()));
        prop_assert_eq!(rebuilt.decide(), 0);

        // Even a policy that was there from the start changes neither decisions nor what they led to.
        let mut log = engine.log.clone();
        log[1].1 = Fact::PolicyChanged(other);
        let mut rebuilt = Engine::rebuilt(&log);
        prop_assert_eq!(rebuilt.decide(), 0);
        prop_assert_eq!(rebuilt.effects_in_log(), engine.effects_in_log());
    }

    #[test]
    fn an_engine_that_comes_up_on_half_a_log_goes_on_to_the_same_effects(acts in acts(), cut in 0.0_f64..1.0) {
        let mut engine = run(&acts, false);
        let webhooks: Vec<_> =
            engine.log.iter().filter(|(_, fact)| matches!(fact, Fact::CallSnapshot(_))).cloned().collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a short list")]
        let kept = 2 + ((engine.log.len() - 2) as f64 * cut) as usize;
        let mut second = Engine::rebuilt(&engine.log[..kept]);
        for (_, fact) in webhooks {
            second.append(fact);
        }
        engine.run_dry();
        second.run_dry();
        let calls = |engine: &Engine| {
            let mut keys: Vec<_> = engine.effects_in_log().into_iter().map(|(_, _, key)| key).collect();
            keys.retain(|key| key.ends_with(":call") || key.ends_with(":duration"));
            keys.sort();
            keys
        };
        prop_assert_eq!(calls(&engine), calls(&second));
    }
}
