//! One day played through: one seed, one virtual clock, one run.

use calltrail_simulator::front::{Front, Ledger};

use super::company::{self, Caller, Rules, callers};
use super::engine::Engine;
use super::limits::DAY_STARTS_AT_S;
use super::neighbour;
use super::oracle::calls;
use super::people::{Deed, People};
use super::script::{Delivery, deliveries};

/// A person looks for something to do in every so many seconds.
const LOOK_EVERY_S: i64 = 20;
/// People stay longer than the last call, until the last of what comes late.
const EVENING_S: i64 = 4_500;

/// What a day is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) calls: u32,
    pub(crate) callers: usize,
    /// From the first call to the last one.
    pub(crate) lasts_s: u64,
    pub(crate) rules: Rules,
}

/// Everything that happened, and what Front shows in the end.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) callers: Vec<Caller>,
    pub(crate) rules: Rules,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) ledger: Ledger,
    /// The keys of what Front refused for good.
    pub(crate) refused: Vec<String>,
    /// The call event log.
    pub(crate) records: Vec<Vec<u8>>,
}

/// What comes from outside of the engine.
enum Outside {
    Aircall(String),
    Person,
    Neighbour,
}

/// Plays the day to its end, and on until nothing is left to be done.
pub(crate) fn play(plan: Plan) -> Played {
    let Plan { seed, rules, .. } = plan;
    let callers = callers(plan.callers);
    let deliveries = deliveries(seed, plan.calls, plan.lasts_s, &callers);
    let front = Front::new(company::front(&callers, rules), seed);
    let starts_ms = DAY_STARTS_AT_S * 1000;
    let mut engine = Engine::start(starts_ms, front, company::policy(rules), company::settings(), seed ^ 3);
    let happens_ms = calls::happens_ms(&calls::calls(&deliveries, &callers, rules));
    let mut people = People::new(seed ^ 4, &callers, happens_ms, rules);
    for (at_ms, outside) in timeline(plan, &deliveries) {
        engine.run_until(at_ms);
        match outside {
            Outside::Aircall(body) => engine.deliver(&body),
            Outside::Person => people.look(&mut engine),
            Outside::Neighbour => engine.in_front(neighbour::send),
        }
    }
    engine.run_dry();
    let ledger = engine.in_front(|_, front| front.ledger());
    let records = engine.records().map(<[u8]>::to_vec).collect();
    let deeds = people.into_deeds();
    Played { callers, rules, deliveries, deeds, ledger, refused: engine.refused(), records }
}

fn timeline(plan: Plan, deliveries: &[Delivery]) -> Vec<(i64, Outside)> {
    let mut timeline: Vec<_> =
        deliveries.iter().map(|one| (one.at_ms, Outside::Aircall(one.body.clone()))).collect();
    timeline.extend(
        neighbour::times(plan.seed ^ 5, plan.lasts_s).into_iter().map(|at_ms| (at_ms, Outside::Neighbour)),
    );
    let looks = (i64::try_from(plan.lasts_s).expect("a day is short") + EVENING_S) / LOOK_EVERY_S;
    let look = |number| ((DAY_STARTS_AT_S + number * LOOK_EVERY_S) * 1000 + 7, Outside::Person);
    timeline.extend((1..looks).map(look));
    timeline.sort_by_key(|(at_ms, _)| *at_ms);
    timeline
}
