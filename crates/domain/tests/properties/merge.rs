//! Webhooks of a call: any order, any number of times.

use calltrail_domain::fact::Fact;
use proptest::prelude::*;

use crate::engine::{Engine, snapshot};

proptest! {
    #[test]
    fn any_order_and_any_duplication_of_a_calls_webhooks_gives_the_same_state(
        order in Just(vec![0_usize, 1, 2, 3, 4]).prop_shuffle(),
        again in prop::collection::vec(0_usize..5, 0..8),
        answered: bool,
    ) {
        let mut straight = Engine::new();
        let mut shuffled = Engine::new();
        // Waits count from the earliest receive time, so it is the same for all; positions are not compared.
        let at = |stage| {
            let mut told = snapshot(1, 1, stage, answered);
            told.received_at = calltrail_domain::time::Timestamp::from_seconds(1_700_000_000);
            Fact::CallSnapshot(Box::new(told))
        };
        (0..5).for_each(|stage| straight.append(at(stage)));
        order.iter().chain(&again).for_each(|stage| shuffled.append(at(*stage)));
        let call = |engine: &Engine| {
            let mut call = engine.state.call(calltrail_domain::ids::CallId(1)).expect("memory").expect("told");
            let settled = call.settled.take().expect("call.ended was among them");
            (call.told_at, call.retyped_at) = (0, 0);
            (call, settled.party)
        };
        prop_assert_eq!(call(&straight), call(&shuffled));
    }
}
