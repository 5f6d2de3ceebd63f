//! The logged calls of each caller, in the order of their decisions.

use std::collections::BTreeMap;

use super::front::{Activity, Kind};
use super::parties::Who;
use super::records::{Decided, Place, SettledBy};
use super::view::AccountView;
use crate::evidence::PlannedCall;

/// A logged call among those of its caller, in the order of their decisions.
#[derive(Debug)]
pub(super) struct Entry<'v, 'a> {
    pub(super) call: &'a PlannedCall,
    pub(super) decided: Decided<'a>,
    /// Where the last record stands that logs it: what came before that may have been known.
    pub(super) last: Place,
    pub(super) settled: Option<&'v SettledBy>,
    pub(super) activity: Option<&'v Activity<'a>>,
}

pub(super) type Chains<'v, 'a> = BTreeMap<&'v Who, Vec<Entry<'v, 'a>>>;

pub(super) fn chains<'v, 'a>(account: &'v AccountView<'a>) -> Chains<'v, 'a> {
    let mut chains: Chains<'v, 'a> = BTreeMap::new();
    for call in &account.evidence.calls {
        let logged: Vec<_> =
            account.records.decisions_of(call.id).filter(|decided| decided.logged().is_some()).collect();
        let first = logged.iter().find(|decided| decided.is_first && !account.records.is_undone(decided));
        let (Some(who), Some(first), Some(last)) = (account.callers.of_call(call.id), first, logged.last())
        else {
            continue;
        };
        let activity = account.front.activity(call.id, Kind::Call);
        chains.entry(who).or_default().push(Entry {
            call,
            decided: **first,
            last: last.place,
            settled: account.records.settles.get(&call.id),
            activity,
        });
    }
    for chain in chains.values_mut() {
        chain.sort_by_key(|entry| (entry.decided.place.sequence, entry.decided.decision.step));
    }
    chains
}
