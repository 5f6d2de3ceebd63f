//! Who ended with a call, after transfers to agents and to outside.

use calltrail_domain::fact::{Agent, CallSnapshot, Fact, Transfer, TransferTarget};
use calltrail_domain::ids::CallId;
use proptest::prelude::*;

use crate::engine::{Engine, snapshot};

const OUTSIDE: u64 = 0;

fn agent(id: u64) -> Agent {
    Agent { id, name: Some(format!("Agent {id}")), email: Some(format!("agent{id}@example.com")) }
}

/// One transfer after the other, `(by, to)`; each webhook names `user` as who has the call.
fn webhooks(transfers: &[(u64, u64)], user: impl Fn(usize) -> u64) -> Vec<CallSnapshot> {
    let mut told: Vec<_> = (0..2).map(|stage| snapshot(1, 1, stage, true)).collect();
    for (place, (by, to)) in transfers.iter().enumerate() {
        let mut moving = snapshot(1, 1, 1, true);
        moving.at = moving.at.plus(std::time::Duration::from_secs(5 * (place as u64 + 1)));
        let to = if *to == OUTSIDE { TransferTarget::External } else { TransferTarget::Agent(agent(*to)) };
        moving.transfer =
            Some(Transfer { at: moving.at, succeeded: true, by: Some(agent(*by)), to: Some(to) });
        moving.agent = Some(agent(user(place)));
        told.push(moving);
    }
    let mut ended = snapshot(1, 1, 3, true);
    ended.agent = Some(agent(user(transfers.len())));
    told.push(ended);
    told
}

fn last_agent(told: Vec<CallSnapshot>) -> u64 {
    let mut engine = Engine::new();
    told.into_iter().for_each(|told| engine.append(Fact::CallSnapshot(Box::new(told))));
    let call = engine.state.call(CallId(1)).expect("memory").expect("told");
    call.told.agent().expect("an agent had it").id
}

/// Whether `user` stays with the first agent, or moves on with the call.
fn check(transfers: &[(u64, u64)], expect: u64) {
    let first = transfers[0].0;
    assert_eq!(last_agent(webhooks(transfers, |_| first)), expect, "{transfers:?}, user stays");
    let has_it = |place: usize| {
        let to_agents = transfers[..place].iter().rev().map(|(_, to)| *to).find(|to| *to != OUTSIDE);
        to_agents.unwrap_or(first)
    };
    assert_eq!(last_agent(webhooks(transfers, has_it)), expect, "{transfers:?}, user moves on");
}

#[test]
fn agent_before_an_external_transfer_ended_with_the_call() {
    check(&[(1, OUTSIDE)], 1);
    check(&[(1, 2), (2, OUTSIDE)], 2);
    check(&[(1, 2), (2, 3), (3, OUTSIDE)], 3);
    check(&[(1, 2), (2, OUTSIDE), (2, OUTSIDE)], 2);
}

#[test]
fn agent_who_gets_the_call_back_ended_with_it() {
    check(&[(1, 2), (2, 1)], 1);
    check(&[(1, 2), (2, 1), (1, OUTSIDE)], 1);
}

#[test]
fn failed_transfer_is_matched_by_the_agents_id() {
    let mut told = webhooks(&[(1, 2)], |_| 1);
    let mut failed = told[2].clone();
    let renamed = Agent { name: Some("Iris L.".to_owned()), email: None, ..agent(2) };
    failed.at = failed.at.plus(std::time::Duration::from_secs(2));
    failed.transfer = Some(Transfer {
        at: failed.at,
        succeeded: false,
        by: Some(agent(1)),
        to: Some(TransferTarget::Agent(renamed)),
    });
    told.insert(3, failed);
    assert_eq!(last_agent(told), 1);
}

#[test]
fn same_transfer_with_another_spelling_is_one() {
    let mut told = webhooks(&[(1, 2)], |_| 1);
    let mut again = told[2].clone();
    if let Some(transfer) = &mut again.transfer {
        transfer.by = Some(Agent { name: None, ..agent(1) });
    }
    told.insert(3, again);
    let mut engine = Engine::new();
    told.into_iter().for_each(|told| engine.append(Fact::CallSnapshot(Box::new(told))));
    let call = engine.state.call(CallId(1)).expect("memory").expect("told");
    assert_eq!(call.told.transfers().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn last_agent_does_not_depend_on_the_order_of_webhooks(
        path in prop::collection::vec(0_u64..5, 1..5),
        order in any::<prop::sample::Index>(),
    ) {
        let mut has_it = 1;
        let transfers: Vec<_> = path
            .into_iter()
            .map(|to| {
                let by = has_it;
                has_it = if to == OUTSIDE { has_it } else { to };
                (by, to)
            })
            .collect();
        let mut told = webhooks(&transfers, |_| 1);
        let expect = last_agent(told.clone());
        prop_assert_eq!(expect, has_it);
        let by = order.index(told.len());
        told.rotate_left(by);
        prop_assert_eq!(last_agent(told), expect);
    }
}
