//! A day in rounds: what each call is for, and a bulk of calls and acts by chance.

use std::collections::BTreeMap;

use calltrail_simulator::aircall::{AGENTS, CallEvent, CallScript, LINES};
use calltrail_simulator::front::{Act, Action, Subject};

use crate::dice::Dice;

/// Callers who ring by chance; all have a conversation before the outage.
const BULK_PARTIES: usize = 6;
const BULK_FIRST: i64 = 9_000;
/// In a day whose hours are seconds, the end is told so long after the hang-up.
const TOLD_AFTER_S: i64 = 1;
const HOUR_S: i64 = 3_600;
const PAVEL: &str = "tea_3";

/// The callers who have a part of their own.
pub(in super::super) mod caller {
    pub(crate) const ARCHIVED_THEN_CALLS: &str = "+44 7700 900301";
    pub(crate) const CALLS_THEN_ARCHIVED: &str = "+44 7700 900302";
    pub(crate) const ARCHIVED_AND_REOPENED: &str = "+44 7700 900303";
    pub(crate) const MOVED: &str = "+44 7700 900304";
    pub(crate) const COMMENTED: &str = "+44 7700 900305";
    pub(crate) const ASSIGNED_THEN_CALLS: &str = "+44 7700 900306";
    pub(crate) const CALLS_AGAIN_FIRST: &str = "+44 7700 900307";
    pub(crate) const BEFORE_THE_OVERLAP: &str = "+44 7700 900308";
    pub(crate) const CALLS_THEN_ASSIGNED: &str = "+44 7700 900309";
    pub(crate) const IN_FLIGHT: &str = "+44 7700 900310";
    pub(crate) const NEW_TRANSFERRED: &str = "+44 7700 900311";
    pub(crate) const NEW_MISSED: &str = "+44 7700 900312";
}
use caller::*;

/// A seeded day. Every round begins at a time of its own, so that the rounds may wait for one another.
#[derive(Debug)]
pub(in super::super) struct Day {
    dice: Dice,
    next_bulk: i64,
    calls: BTreeMap<i64, (i64, CallScript)>,
}

impl Day {
    pub(in super::super) fn of(seed: u64) -> Self {
        Self { dice: Dice(seed), next_bulk: BULK_FIRST, calls: BTreeMap::new() }
    }

    /// Calls that have been told of so far.
    pub(in super::super) fn calls(&self) -> u64 {
        self.calls.len() as u64
    }

    /// Everybody who is known before the outage.
    pub(in super::super) fn morning(&mut self, at_s: i64) -> Vec<CallEvent> {
        let [noor, iris, _] = AGENTS;
        let missed = [
            (101, ARCHIVED_THEN_CALLS),
            (102, CALLS_THEN_ARCHIVED),
            (103, ARCHIVED_AND_REOPENED),
            (104, MOVED),
            (106, ASSIGNED_THEN_CALLS),
            (107, CALLS_AGAIN_FIRST),
            (109, CALLS_THEN_ASSIGNED),
        ];
        let mut calls: Vec<_> =
            missed.into_iter().map(|(id, from)| (id, inbound(id, from, at_s).ends(2))).collect();
        calls.push((105, inbound(105, COMMENTED, at_s).answered(noor, 1).ends(2)));
        let mut events = self.take(calls, at_s);
        for party in 0..BULK_PARTIES {
            events.extend(self.bulk_call(party, at_s));
        }
        let long_ago_s = at_s - 15 * HOUR_S;
        let long = inbound(108, BEFORE_THE_OVERLAP, long_ago_s).answered(iris, 5).ends(14 * HOUR_S);
        events.extend(self.take(vec![(108, long)], long_ago_s));
        events
    }

    /// What is told of, and not yet in Front, when everything goes down.
    pub(in super::super) fn last_before(&mut self, at_s: i64) -> Vec<CallEvent> {
        let [noor, iris, _] = AGENTS;
        let calls = vec![
            (110, inbound(110, IN_FLIGHT, at_s).rings(noor, 0).answered(noor, 1).ends(2)),
            (111, outbound(111, ARCHIVED_THEN_CALLS, at_s).answered(iris, 1).ends(2)),
        ];
        let mut events = self.take(calls, at_s);
        events.extend(self.bulk(3, at_s));
        events
    }

    /// People go on while everything is down, before calls come.
    pub(in super::super) fn first_acts(&mut self) -> Vec<Act> {
        let mut acts = vec![
            act(ARCHIVED_THEN_CALLS, Action::Archive),
            act(ARCHIVED_AND_REOPENED, Action::Archive),
            act(ARCHIVED_AND_REOPENED, Action::Reopen),
            act(MOVED, Action::Move("inb_3".into())),
            act(ASSIGNED_THEN_CALLS, Action::Assign(PAVEL.into())),
            act(CALLS_AGAIN_FIRST, Action::Archive),
        ];
        acts.extend(self.bulk_acts());
        acts
    }

    /// Nobody takes the webhooks of these.
    pub(in super::super) fn during(&mut self, at_s: i64) -> Vec<CallEvent> {
        let [noor, iris, pavel] = AGENTS;
        let calls = vec![
            (201, inbound(201, ARCHIVED_THEN_CALLS, at_s).ends(2)),
            (202, inbound(202, CALLS_THEN_ARCHIVED, at_s).voicemail().ends(2)),
            (203, inbound(203, ARCHIVED_AND_REOPENED, at_s).ends(2)),
            (204, outbound(204, MOVED, at_s).answered(noor, 1).ends(2)),
            (
                205,
                inbound(205, NEW_TRANSFERRED, at_s)
                    .rings(iris, 0)
                    .answered(iris, 1)
                    .transferred(pavel, 2)
                    .recorded()
                    .ends(3),
            ),
            (206, inbound(206, ASSIGNED_THEN_CALLS, at_s).answered(noor, 1).ends(2)),
            (207, inbound(207, CALLS_AGAIN_FIRST, at_s).ends(2)),
            (208, inbound(208, CALLS_THEN_ASSIGNED, at_s).answered(iris, 1).ends(2)),
            (209, inbound(209, NEW_MISSED, at_s).rings(noor, 0).rings(iris, 1).ends(2)),
        ];
        let mut events = self.take(calls, at_s);
        events.extend(self.bulk(4, at_s));
        events.extend(self.later(105, at_s, |call, after_s| {
            call.commented("Sent the *invoice* again", after_s).tagged("Refund", after_s + 1)
        }));
        events.extend(self.later(108, at_s, |call, after_s| call.commented("Will call back", after_s)));
        events
    }

    /// What people do about the calls that they cannot see yet.
    pub(in super::super) fn second_acts(&mut self) -> Vec<Act> {
        let mut acts = vec![
            act(CALLS_THEN_ARCHIVED, Action::Archive),
            act(CALLS_THEN_ASSIGNED, Action::Assign(PAVEL.into())),
        ];
        acts.extend(self.bulk_acts());
        acts
    }

    /// The last of them.
    pub(in super::super) fn afternoon(&mut self, at_s: i64) -> Vec<CallEvent> {
        let calls = vec![
            (211, inbound(211, ARCHIVED_THEN_CALLS, at_s).ends(2)),
            (212, outbound(212, NEW_MISSED, at_s).answered(AGENTS[0], 1).ends(2)),
        ];
        let mut events = self.take(calls, at_s);
        events.extend(self.bulk(3, at_s));
        events.extend(self.later(205, at_s, |call, after_s| {
            call.tagged("Refund", after_s).commented("Wants her money back", after_s + 1)
        }));
        events
    }

    /// A call whose webhooks arrive before the missed ones are read.
    pub(in super::super) fn first_after(&mut self, at_s: i64) -> Vec<CallEvent> {
        let call = inbound(301, CALLS_AGAIN_FIRST, at_s).answered(AGENTS[2], 1).ends(2);
        self.take(vec![(301, call)], at_s)
    }

    /// As any other day: what comes when all is well again.
    pub(in super::super) fn evening(&mut self, at_s: i64) -> Vec<CallEvent> {
        let calls = vec![
            (401, inbound(401, NEW_TRANSFERRED, at_s).ends(2)),
            (402, outbound(402, CALLS_THEN_ARCHIVED, at_s).answered(AGENTS[1], 1).ends(2)),
        ];
        let mut events = self.take(calls, at_s);
        events.extend(self.bulk(3, at_s));
        events.extend(self.later(212, at_s, |call, after_s| call.commented("All is well", after_s)));
        events
    }

    fn take(&mut self, calls: Vec<(i64, CallScript)>, at_s: i64) -> Vec<CallEvent> {
        let mut events = Vec::new();
        for (id, call) in calls {
            let call = call.end_told(TOLD_AFTER_S);
            events.extend(call.events());
            self.calls.insert(id, (at_s, call));
        }
        events
    }

    /// What happens to a call long after it was told of.
    fn later(
        &mut self,
        id: i64,
        at_s: i64,
        change: impl FnOnce(CallScript, i64) -> CallScript,
    ) -> Vec<CallEvent> {
        let (started_s, call) = self.calls.remove(&id).expect("a call that was told of");
        let call = change(call, at_s - started_s);
        let events = call.events().into_iter().filter(|event| event.at_s >= at_s).collect();
        self.calls.insert(id, (started_s, call));
        events
    }

    fn bulk(&mut self, calls: usize, at_s: i64) -> Vec<CallEvent> {
        let first = self.dice.place(BULK_PARTIES);
        (0..calls).flat_map(|number| self.bulk_call((first + number) % BULK_PARTIES, at_s)).collect()
    }

    fn bulk_call(&mut self, party: usize, at_s: i64) -> Vec<CallEvent> {
        let id = self.next_bulk;
        self.next_bulk += 1;
        let agent = AGENTS[self.dice.place(AGENTS.len())];
        let from = bulk_party(party);
        let call = match self.dice.roll(5) {
            0 => inbound(id, &from, at_s).answered(agent, 1).ends(2),
            1 => inbound(id, &from, at_s).voicemail().ends(2),
            2 => CallScript::outbound(id, LINES[1], &from, agent, at_s).answered(agent, 1).ends(2),
            3 => CallScript::outbound(id, LINES[1], &from, agent, at_s).ends(2),
            _ => CallScript::inbound(id, LINES[3], &from, at_s).ends(2),
        };
        self.take(vec![(id, call)], at_s)
    }

    fn bulk_acts(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        for party in 0..BULK_PARTIES {
            let party = bulk_party(party);
            match self.dice.roll(5) {
                0 | 1 => acts.push(act(&party, Action::Archive)),
                2 => acts.extend([act(&party, Action::Archive), act(&party, Action::Reopen)]),
                3 => acts.push(act(&party, Action::Move("inb_4".into()))),
                _ => {}
            }
        }
        acts
    }
}

fn bulk_party(number: usize) -> String {
    format!("+44 7700 90040{number}")
}

fn inbound(id: i64, from: &str, at_s: i64) -> CallScript {
    CallScript::inbound(id, LINES[0], from, at_s)
}

fn outbound(id: i64, to: &str, at_s: i64) -> CallScript {
    CallScript::outbound(id, LINES[0], to, AGENTS[0], at_s)
}

fn act(on: &str, action: Action) -> Act {
    Act { by: "tea_2".into(), on: Subject::Contact(on.replace(' ', "")), action }
}
