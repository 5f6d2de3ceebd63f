//! Calls of short codes and extensions: a party and a contact of their own, by a custom handle.

use calltrail_domain::effect::{Action, Sender};
use calltrail_domain::fact::{CallSnapshot, Fact};
use calltrail_domain::fold::party_of_number;
use calltrail_domain::ids::PhoneNumber;
use calltrail_domain::policy::{Anonymous, ImportType, Policy};

use crate::engine::{Engine, policy, snapshot};

fn called(call: u64, code: &str) -> Fact {
    let number = Some(PhoneNumber::from_code(code));
    Fact::CallSnapshot(Box::new(CallSnapshot { number, ..snapshot(call, 1, 3, false) }))
}

#[test]
fn short_codes_are_parties_with_custom_handles() {
    let mut engine = Engine::new();
    let strict = Policy { anonymous: Anonymous::Skip, import_type: ImportType::Sms, ..policy() };
    engine.append(Fact::PolicyChanged(strict));
    for (call, code) in [(1, "116117"), (2, "116117"), (3, "*86")] {
        engine.append(called(call, code));
        engine.run_dry();
    }
    let party = |code: &str| party_of_number(&engine.state, &PhoneNumber::from_code(code)).expect("memory");
    assert!(party("116117").is_some() && party("*86").is_some());
    assert_ne!(party("116117"), party("*86"));
    let decided = engine.log.iter().filter_map(|(_, fact)| match fact {
        Fact::EffectsDecided(decided) => Some(&decided.decisions),
        _ => None,
    });
    let mut seen = Vec::new();
    for effect in decided.flatten().flat_map(|decision| &decision.effects) {
        match &effect.action {
            Action::LookUpContact(wanted) => {
                assert_eq!(wanted.import_type, ImportType::Custom);
                let number = wanted.number.as_ref().expect("a code is looked up");
                seen.push(format!("{} look up", number.as_str()));
            }
            Action::ImportActivity(import) => {
                assert_eq!(import.import_type, ImportType::Custom);
                let Sender::Customer { number: Some(number), .. } = &import.from else { panic!("missed") };
                seen.push(format!("{} {}", number.as_str(), import.thread.as_str()));
            }
            _ => {}
        }
    }
    let thread = "116117 calltrail:1";
    assert_eq!(seen, ["116117 look up", thread, thread, "*86 look up", "*86 calltrail:3"]);
}
