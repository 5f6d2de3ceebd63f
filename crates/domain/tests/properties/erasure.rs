//! A person is erased: one state whether the erased records were folded before or are gone, and nothing comes back.

use std::collections::BTreeSet;

use calltrail_domain::erase::Person;
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::{Place, fold, party_of_number};
use calltrail_domain::ids::{CallId, LineId, PartyId};
use calltrail_domain::record::{CallsReconsidered, PartyErased};
use calltrail_domain::state::{Key, Memory, State};
use calltrail_domain::time::Timestamp;
use proptest::prelude::*;

use crate::engine::{Engine, number, policy, snapshot};

const CALLS: u64 = 12;
const PARTIES: u64 = 4;

#[derive(Debug, Clone)]
enum Act {
    Webhook {
        call: u64,
        stage: usize,
    },
    Decide,
    Front,
    Archive {
        party: u8,
    },
    /// The rules leave out every call from now on, or none.
    LeaveOut(bool),
    /// These calls, of several parties, are decided again.
    Reconsider {
        calls: BTreeSet<u64>,
        history: bool,
    },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1..CALLS, 0_usize..5).prop_map(|(call, stage)| Act::Webhook { call, stage }),
        3 => Just(Act::Decide),
        3 => Just(Act::Front),
        1 => (0_u8..4).prop_map(|party| Act::Archive { party }),
        1 => any::<bool>().prop_map(Act::LeaveOut),
        1 => (prop::collection::btree_set(1..CALLS, 1..6), any::<bool>())
            .prop_map(|(calls, history)| Act::Reconsider { calls, history }),
    ];
    prop::collection::vec(act, 1..80)
}

fn party_of(call: u64) -> u8 {
    u8::try_from(call % PARTIES).expect("small")
}

fn webhook(call: u64, stage: usize) -> Fact {
    Fact::CallSnapshot(Box::new(snapshot(call, party_of(call), stage, call.is_multiple_of(2))))
}

/// An engine in which every call has ended and everything is in Front.
fn run(acts: &[Act], shared_contacts: bool) -> Engine {
    let mut engine = Engine::new();
    engine.shared_contacts = shared_contacts;
    for act in acts {
        match act {
            Act::Webhook { call, stage } => engine.append(webhook(*call, *stage)),
            Act::Decide => drop(engine.decide()),
            Act::Front => drop(engine.settle_one_item()),
            Act::Archive { party } => engine.archive(*party),
            Act::LeaveOut(yes) => {
                let mut rules = policy();
                rules.skip_lines.extend(yes.then_some(LineId(7)));
                engine.append(Fact::PolicyChanged(rules));
            }
            Act::Reconsider { calls, history } => {
                let calls = calls.iter().copied().map(CallId).collect();
                engine.append(Fact::CallsReconsidered(CallsReconsidered { calls, history: *history }));
            }
        }
    }
    (1..CALLS).for_each(|call| engine.append(webhook(call, 3)));
    engine.run_dry();
    // A later call is logged.
    engine.append(Fact::PolicyChanged(policy()));
    engine
}

pub(crate) fn folded(log: &[(Place, Fact)]) -> State<Memory> {
    let mut state = State::new(Memory::default());
    for (place, fact) in log {
        fold(&mut state, *place, fact).expect("memory does not fail");
        state.commit();
    }
    state
}

/// An erasure of the caller with this number, and the places of the records that it erases.
pub(crate) struct Erasure {
    pub(crate) root: PartyId,
    pub(crate) person: Person,
    pub(crate) records: BTreeSet<u64>,
    pub(crate) parts: Vec<PartyErased>,
}

pub(crate) fn erase(engine: &Engine, party: u8) -> Erasure {
    let root = party_of_number(&engine.state, &number(party)).expect("memory").expect("a party");
    let person = Person::of(&engine.state, &root).expect("memory");
    assert!(person.under_way(&engine.state).expect("memory").is_nothing());
    let owned = engine.log.iter().filter(|(_, fact)| person.owns(fact)).map(|(place, _)| place.sequence);
    let records: BTreeSet<u64> = owned.collect();
    let gapped = folded(&without(&engine.log, &records));
    let through = engine.log.last().expect("never empty").0.sequence;
    let target = person.without(&engine.state, &root, Timestamp::from_millis(1)).expect("memory");
    let sequences: Vec<_> = records.iter().copied().collect();
    let parts = person.erasure(through, &sequences, &engine.state, &gapped, &target);
    Erasure { root, person, records, parts }
}

fn without(log: &[(Place, Fact)], records: &BTreeSet<u64>) -> Vec<(Place, Fact)> {
    log.iter().filter(|(place, _)| !records.contains(&place.sequence)).cloned().collect()
}

/// The records of an erasure where they belong, `late` places too late.
pub(crate) fn placed(parts: &[PartyErased], late: u64) -> Vec<(Place, Fact)> {
    let received_at = Timestamp::from_millis(1);
    let place = |part: &PartyErased| Place { sequence: part.through + part.part + late, received_at };
    parts.iter().map(|part| (place(part), Fact::PartyErased(Box::new(part.clone())))).collect()
}

fn differing(one: &State<Memory>, other: &State<Memory>) -> Vec<String> {
    let [one, other] = [one, other].map(|state| &state.backing().0);
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn erased_records_may_have_been_folded_or_not(
        acts in acts(),
        shared: bool,
        party in 0_u8..4,
        interrupted in prop::bits::u64::ANY,
    ) {
        let engine = run(&acts, shared);
        let Erasure { root, person, records, parts } = erase(&engine, party);
        let erased = |log: &[(Place, Fact)]| folded(&[log, &placed(&parts, 0)].concat());
        let live = erased(&engine.log);
        prop_assert_eq!(&live.digest(), &erased(&without(&engine.log, &records)).digest());
        // Killed half-way: some are gone, some are not yet.
        let some = records.iter().enumerate().filter(|(n, _)| interrupted >> (n % 64) & 1 == 1).map(|(_, record)| *record);
        let part = erased(&without(&engine.log, &some.collect()));
        prop_assert_eq!(differing(&live, &part), Vec::<String>::new());

        // Nothing personal is left, in the state or in the log.
        for (key, piece) in &live.backing().0 {
            let stored = format!("{key} {}", String::from_utf8_lossy(&piece.encode()));
            for number in &person.numbers {
                prop_assert!(!stored.contains(number.as_str()), "{}", stored);
            }
            for call in &person.calls {
                prop_assert_ne!(key, &Key::Call(*call).to_string());
            }
        }
        let (_, shell) = live.party(&root).expect("memory").expect("a shell");
        let (_, before) = engine.state.party(&root).expect("memory").expect("a party");
        prop_assert_eq!((shell.step, shell.ordinal, shell.item), (before.step, before.ordinal, before.item));
        prop_assert!(shell.thread.is_none() && shell.contact.is_none());

        // Everybody else's state is what it was.
        for (key, piece) in &engine.state.backing().0 {
            let is_others = match key.split_once('/') {
                Some(("party", id)) => !person.parties.contains(&PartyId::new(id)),
                Some(("call", id)) => !person.calls.contains(&CallId(id.parse().expect("a call"))),
                Some(_) => false,
                None => key != "strays",
            };
            if is_others {
                prop_assert_eq!(live.backing().0.get(key), Some(piece), "{}", key);
            }
        }
    }

    #[test]
    fn what_comes_late_brings_nothing_back_and_a_new_call_begins_anew(
        acts in acts(),
        shared: bool,
        party in 0_u8..4,
    ) {
        let mut engine = run(&acts, shared);
        let Erasure { root, person, records, parts } = erase(&engine, party);
        let log = [without(&engine.log, &records), placed(&parts, 0)].concat();
        let shared_contacts = engine.shared_contacts;
        engine = Engine::rebuilt(&log);
        engine.shared_contacts = shared_contacts;
        engine.published.clear();
        let before = engine.state.digest();
        for call in &person.calls {
            (0..5).for_each(|stage| engine.append(webhook(call.0, stage)));
        }
        prop_assert_eq!(&engine.state.digest(), &before, "a late webhook means nothing");
        prop_assert_eq!(engine.decide(), 0);

        let call = (20..).find(|call| party_of(*call) == party).expect("there is one");
        engine.append(webhook(call, 3));
        engine.run_dry();
        let new = engine.state.call(CallId(call)).expect("memory").expect("a call");
        prop_assert!(new.verdict.is_some());
        let settled = new.settled.expect("it has ended");
        let (id, _) = engine.state.party(&settled.party).expect("memory").expect("a party");
        let ordinals: Vec<_> = new.effects.values().map(|effect| effect.ordinal).collect();
        if id == root {
            let shell = parts.iter().find_map(|part| part.pieces.get(&format!("party/{root}"))).expect("a shell");
            let given = shell.as_ref().expect("a shell")["party"]["ordinal"].as_u64().expect("a number");
            prop_assert!(ordinals.iter().all(|ordinal| *ordinal > given), "{ordinals:?} after {given}");
        }
        prop_assert!(!ordinals.is_empty());
    }
}

#[test]
fn an_erasure_in_another_place_means_nothing() {
    let engine = run(&[], false);
    let Erasure { parts, .. } = erase(&engine, 1);
    for late in [1, 7] {
        let state = folded(&[&engine.log[..], &placed(&parts, late)].concat());
        assert_eq!(state.digest(), engine.state.digest());
    }
}
