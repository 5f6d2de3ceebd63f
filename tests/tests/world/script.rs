//! What happens in a scenario: calls, people in Front, and trouble.

use calltrail_aircall_reader::Kind;
use calltrail_simulator::aircall::{AGENTS, Agent, CallScript, LINES, Line};
use calltrail_simulator::front::{Action, Fault, Front, MassAction, PlannedFault};
use serde_json::{Value, json};

use super::Given;

pub(crate) const CALLER: &str = "+447700900123";
pub(crate) const OTHER: &str = "+447700900124";

pub(crate) const SUPPORT: Line = LINES[0];
pub(crate) const BILLING: Line = LINES[1];
pub(crate) const MENU: Line = LINES[2];

pub(crate) const NOOR: Agent = AGENTS[0];
pub(crate) const IRIS: Agent = AGENTS[1];
pub(crate) const PAVEL: Agent = AGENTS[2];

/// Call 1 starts an hour later: 2026-01-05 08:00 UTC.
const CALLS_FROM_S: i64 = 1_767_596_400;
const HOUR_S: i64 = 3_600;

/// When the call of this id starts: one an hour.
pub(crate) fn starts_at_s(id: i64) -> i64 {
    CALLS_FROM_S + id * HOUR_S
}

/// An inbound call on the support line; missed until it is answered.
pub(crate) fn inbound(id: i64, from: &str) -> CallScript {
    inbound_on(SUPPORT, id, from)
}

/// The same at another time.
pub(crate) fn inbound_at(id: i64, from: &str, at_s: i64) -> CallScript {
    CallScript::inbound(id, SUPPORT, from, at_s)
}

/// An inbound call on this line.
pub(crate) fn inbound_on(line: Line, id: i64, from: &str) -> CallScript {
    CallScript::inbound(id, line, from, starts_at_s(id))
}

/// An inbound call on the support line that this agent answers.
pub(crate) fn answered(id: i64, from: &str, by: Agent) -> CallScript {
    inbound(id, from).rings(by, 0).answered(by, 5).ends(65)
}

/// An outbound call on the support line; unanswered until it is answered.
pub(crate) fn outbound(id: i64, to: &str, by: Agent) -> CallScript {
    CallScript::outbound(id, SUPPORT, to, by, starts_at_s(id))
}

/// One thing that happens. The next one happens when Front shows all that follows from it.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Aircall posts these bodies in this order.
    Webhooks(Vec<String>),
    /// Aircall posts these bodies; a person acts as soon as Front shows the first activity.
    Meanwhile(Vec<String>, Vec<Action>),
    /// Aircall posts these bodies; the engine is started anew as soon as Front has been sent the first activity.
    RestartMeanwhile(Vec<String>, Box<Given>),
    /// A teammate acts on the conversation of whoever called last, once after the other.
    People(Vec<Action>),
    /// A teammate merges the conversation of whoever called last into that of another contact.
    MergeInto(&'static str),
    /// A teammate acts on the newest conversation of this contact.
    PersonOn(&'static str, Action),
    /// A mass action on the conversation of whoever called last: no webhook reports it, and perhaps no event either.
    Mass(MassAction, bool),
    /// A teammate acts on the conversation of whoever called last, and Front's webhook of it is lost.
    Unheard(Action),
    /// Nothing happens until Front has been asked for its events.
    Poll,
    /// A teammate gives this number to a new contact of that name.
    MoveNumber(&'static str, &'static str),
    /// A teammate merges the contact of one number into that of another.
    MergeContacts(&'static str, &'static str),
    /// The engine is started anew, with this configuration.
    Restart(Box<Given>),
    /// The same, and its projection store is lost.
    RestartFromLog(Box<Given>),
    /// The next matching requests to Front go wrong.
    Trouble(PlannedFault),
    /// Aircall knows these calls, no webhook tells of them, and they are read: as history, or as what was missed.
    Read(Vec<String>, Kind),
    /// The same with a missed call that begins now.
    ReadNow(i64),
    /// An operator has these calls decided again: as history, or as what was missed.
    Reconsider(Vec<u64>, bool),
    /// An operator has these effects retried, each as it was settled last; if not retried, given up.
    DealWith(&'static [&'static str], bool),
    /// How long slow answers take.
    SlowAnswersMs(u64),
    /// Front tells nothing for longer than a second.
    Silence,
    /// Something changes in Front that it reports to no one.
    InFront(fn(&mut Front, i64)),
    /// Aircall posts these bodies, and work waits for an operator; the step is over when `status` says so.
    Waits(Vec<String>, &'static str),
    /// Nothing happens until Front shows this activity.
    Until(&'static str),
}

/// A call, its webhooks in the order of time.
pub(crate) fn call(script: CallScript) -> Step {
    Step::Webhooks(bodies(&[script]))
}

/// An operator has these effects retried.
pub(crate) fn retry(effects: &'static [&'static str]) -> Step {
    Step::DealWith(effects, true)
}

/// An operator gives these effects up.
pub(crate) fn give_up(effects: &'static [&'static str]) -> Step {
    Step::DealWith(effects, false)
}

/// Calls from before the engine.
pub(crate) fn history(scripts: &[CallScript]) -> Step {
    Step::Read(bodies(scripts), Kind::Backfill)
}

/// Calls whose webhooks were lost.
pub(crate) fn missed(scripts: &[CallScript]) -> Step {
    Step::Read(bodies(scripts), Kind::Recover)
}

/// Of a call, the webhooks of these events alone.
pub(crate) fn told(script: CallScript, events: &[&str]) -> Step {
    let named = script.events().into_iter().filter(|event| events.contains(&event.name));
    Step::Webhooks(named.map(|event| event.body.to_string()).collect())
}

/// The same with whatever `change` makes of each body.
pub(crate) fn changed(script: CallScript, change: impl Fn(&mut Value)) -> Step {
    let with_change = |mut body: Value| {
        change(&mut body["data"]);
        body.to_string()
    };
    Step::Webhooks(script.events().into_iter().map(|event| with_change(event.body)).collect())
}

/// Several calls at once, one after the other's webhooks.
pub(crate) fn calls(scripts: &[CallScript]) -> Step {
    Step::Webhooks(bodies(scripts))
}

/// A call of somebody of whom Aircall knows a name and an e-mail.
pub(crate) fn call_of(script: CallScript, first_name: &str, last_name: &str, email: &str) -> Step {
    let contact = json!({
        "first_name": first_name,
        "last_name": last_name,
        "emails": [{ "id": 1, "label": "Work", "value": email }],
    });
    changed(script, |data| data["contact"] = contact.clone())
}

/// The webhooks of the calls, each call's in the order of time.
pub(crate) fn bodies(scripts: &[CallScript]) -> Vec<String> {
    scripts.iter().flat_map(CallScript::events).map(|event| event.body.to_string()).collect()
}

/// A teammate acts on the conversation of whoever called last.
pub(crate) fn person(action: Action) -> Step {
    Step::People(vec![action])
}

/// The engine is started anew, with this configuration.
pub(crate) fn restart(given: Given) -> Step {
    Step::Restart(Box::new(given))
}

/// The next requests of this kind go wrong, so many of them.
pub(crate) fn trouble(method: &str, path_contains: &str, fault: Fault, times: u32) -> Step {
    let (method, path_contains) = (method.to_owned(), path_contains.to_owned());
    Step::Trouble(PlannedFault { method, path_contains, fault, times })
}
