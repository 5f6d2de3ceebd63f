//! The rules of an erasure, switched off one after the other: what they keep away then happens. A process of its own, because a switch is
//! for the whole of it.

#[path = "../properties/engine.rs"]
#[expect(dead_code, reason = "the other tests use all of it")]
mod engine;

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::fact::Fact;
use calltrail_domain::ids::{CallId, PartyId};
use calltrail_domain::record::PartyErased;
use calltrail_domain::rule::{Rule, switch_off};
use engine::{Engine, snapshot};

const CALL: u64 = 7;

/// Appends the erasure of a call so many places after the one where it belongs.
fn erased(engine: &mut Engine, late: u64) {
    let last = engine.log.last().expect("never empty").0.sequence;
    // This engine gives every tenth sequence.
    engine.append(Fact::PartyErased(Box::new(PartyErased {
        through: last + 9 - late,
        part: 1,
        parties: BTreeSet::from([PartyId::new("0a1b")]),
        calls: BTreeSet::from([CallId(CALL)]),
        conversations: BTreeSet::new(),
        contacts: BTreeSet::new(),
        records: Vec::new(),
        pieces: BTreeMap::from([("erased/7".to_owned(), Some(serde_json::json!({ "at": 1 })))]),
    })));
}

/// True when a webhook of the call brings it back.
fn comes_back(late: u64) -> bool {
    let mut engine = Engine::new();
    erased(&mut engine, late);
    engine.append(Fact::CallSnapshot(Box::new(snapshot(CALL, 1, 3, true))));
    engine.state.call(CallId(CALL)).expect("memory does not fail").is_some()
}

#[test]
fn each_rule_of_an_erasure_is_needed() {
    assert!(!comes_back(0), "an erased call stays erased");
    assert!(comes_back(1), "an erasure in another place means nothing");
    switch_off(Rule::ErasureFollowsItsState);
    assert!(!comes_back(1));
    switch_off(Rule::ErasedCallStaysErased);
    assert!(comes_back(0));
}
