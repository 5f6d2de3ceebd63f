//! A day of fourteen calls for the demo: six parties, four lines, three agents, all five call types; a recording, a
//! voicemail whose link comes late, and a comment an hour after its call.

use super::call::CallScript;
use super::cast::{AGENTS, Agent, LINES, Line};
use super::{Step, steps_of};
use crate::front::{Act, Action, ContactSeed, FrontOptions, Handle, Subject};
use crate::random::Random;

/// A history, and the Front company in which it makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The company, with the contact that two of the numbers belong to.
    pub front: FrontOptions,
    /// What happens, in the order of time, undisturbed.
    pub steps: Vec<Step>,
}

/// The party whose conversation is archived between two calls.
const ARCHIVED: &str = "+44 7700 900123";
/// The two numbers of the contact whom Front knows already.
const DANA: [&str; 2] = ["+44 7700 900200", "+44 7700 900201"];
/// What Aircall shows in place of a number that was withheld.
const WITHHELD: &str = "anonymous";
const AMERICAN: &str = "+1 202-555-0143";
const FRENCH: &str = "+33 6 39 98 12 34";
const GERMAN: &str = "+49 30 23125 123";

/// The day that begins at `starts_at_s` (Unix time); `seed` varies how long calls last.
#[must_use]
pub fn day(seed: u64, starts_at_s: i64) -> Day {
    let mut steps = steps_of(&calls(&mut Random::new(seed), starts_at_s));
    steps.push(Step::FrontAction {
        at_ms: (starts_at_s + minutes(150)) * 1000,
        act: Act { by: "tea_2".into(), on: Subject::Contact(e164(ARCHIVED)), action: Action::Archive },
    });
    steps.sort_by_key(Step::at_ms);
    Day { front: company(), steps }
}

fn calls(random: &mut Random, starts_at_s: i64) -> Vec<CallScript> {
    let [support, billing, menu, sales] = LINES;
    let [noor, iris, pavel] = AGENTS;
    let mut number = 0;
    let mut next = |after_min: i64| {
        number += 1;
        (811 + number, starts_at_s + minutes(after_min))
    };
    let mut inbound = |line: Line, outside: &str, after_min: i64| {
        let (id, at_s) = next(after_min);
        CallScript::inbound(id, line, outside, at_s)
    };
    let mut calls = vec![
        inbound(support, ARCHIVED, 5).rings(iris, 0).ends(19),
        inbound(billing, DANA[0], 20)
            .rings(noor, 0)
            .answered(noor, 9)
            .held(40, 62)
            .ends(talk(random))
            .commented("Sent the invoice again, to her new address", 3_600),
        inbound(menu, AMERICAN, 45).missed("abandoned_in_ivr").ends(14),
        inbound(support, FRENCH, 90)
            .rings(iris, 0)
            .answered(iris, 7)
            .transferred(pavel, 60)
            .recorded()
            .ends(talk(random)),
        inbound(sales, GERMAN, 120).rings(pavel, 0).voicemail().ends(38).link_comes(4 * 3_600),
        inbound(support, ARCHIVED, 180).rings(iris, 0).answered(iris, 5).ends(talk(random)),
        inbound(support, DANA[1], 200).rings(iris, 0).rings(noor, 10).voicemail().ends(47),
        inbound(menu, AMERICAN, 260)
            .rings(noor, 8)
            .answered(noor, 15)
            .transfer_failed(iris, 50)
            .ends(talk(random)),
        inbound(sales, FRENCH, 330).missed("out_of_opening_hours").ends(12),
        inbound(menu, WITHHELD, 310).missed("abandoned_in_ivr").ends(9),
    ];
    let mut outbound = |line: Line, outside: &str, agent: Agent, after_min: i64| {
        let (id, at_s) = next(after_min);
        CallScript::outbound(id, line, outside, agent, at_s)
    };
    calls.extend([
        outbound(support, ARCHIVED, iris, 60).answered(iris, 6).ends(talk(random)),
        outbound(sales, AMERICAN, pavel, 75).ends(25),
        outbound(sales, GERMAN, pavel, 225).answered(pavel, 11).ends(talk(random)),
        outbound(billing, DANA[0], noor, 290).ends(30),
    ]);
    calls
}

fn company() -> FrontOptions {
    let handles = DANA.iter().map(|digits| Handle::new("phone", &e164(digits))).collect();
    let dana = ContactSeed { id: "crd_dana".into(), name: "Dana Moreau".into(), handles };
    FrontOptions { contacts: vec![dana], ..FrontOptions::default() }
}

fn e164(digits: &str) -> String {
    digits.chars().filter(|character| *character == '+' || character.is_ascii_digit()).collect()
}

fn minutes(count: i64) -> i64 {
    count * 60
}

fn talk(random: &mut Random) -> i64 {
    90 + i64::try_from(random.below(400)).unwrap_or(0)
}
