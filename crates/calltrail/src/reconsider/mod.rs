//! Calls that the rules left out, and deciding them again on purpose: what would become of them now, and the records that
//! have it done.
//!
//! **Invariant:** a plan writes nothing. What it was made from may be out of date when it is applied: the fold takes only calls
//! that are still left out.

mod foresee;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use calltrail_domain::call::Call;
use calltrail_domain::decision::{LeftOut, Verdict};
use calltrail_domain::ids::{CallId, PartyId};
use calltrail_domain::limits::RECONSIDERED_CALLS_MAX;
use calltrail_domain::record::CallsReconsidered;
use calltrail_domain::state::State;
use calltrail_domain::time::Timestamp;
use calltrail_projector::{AccountPieces, Scan as _, Scratch};

use crate::cli::NumberOrParty;
use crate::config::AccountConfig;
use crate::engine::now;
use crate::trail::find;
use foresee::foresee;
pub(crate) use report::{AccountPlan, Plan};
use report::{CallPlan, Named, PartyPlan};

/// The start of every key of a call piece.
const CALL_PREFIX: &str = "call/";

/// Which calls are looked at: those to which all of it applies.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    /// They began from then on, and before the other.
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Timestamp,
    /// One of these; any when empty.
    pub(crate) calls: BTreeSet<CallId>,
    pub(crate) of: Option<&'a NumberOrParty>,
}

/// A call that is left out and was selected.
struct Found {
    call: CallId,
    began: Timestamp,
    reason: LeftOut,
    history: bool,
}

/// What would become of the selected calls in the state that `scratch` has folded, under the rules of the configuration.
///
/// # Errors
/// When nothing is known of what was asked about, or the scratch store cannot be read.
pub(crate) fn plan(
    scratch: &Scratch,
    accounts: &[&AccountConfig],
    selection: &Selection<'_>,
) -> anyhow::Result<Plan> {
    let (now, mut plan) = (now(), Plan::default());
    let mut unknown = selection.calls.clone();
    let mut is_party_known = selection.of.is_none();
    for (name, state) in scratch.accounts() {
        let Some(account) = accounts.iter().find(|account| account.id.as_str() == name) else { continue };
        let of = selection.of.map(|of| find(state, of)).transpose()?;
        if of.as_ref().is_some_and(Option::is_none) {
            continue;
        }
        is_party_known = true;
        let parties = left_out(account, state, selection, of.flatten().as_ref(), now, &mut plan.others)?;
        plan.accounts.push(of_account(scratch.read_to(), account, state, parties, now)?);
        for call in &selection.calls {
            if state.call(*call)?.is_some() {
                unknown.remove(call);
            }
        }
    }
    if !is_party_known {
        bail!(
            "nothing is known of this number, call, conversation or party; give a number with its country code (+44…), \
             Aircall's id of a call, Front's of a conversation (cnv_…), or a party's name as log lines show it"
        );
    }
    if !unknown.is_empty() {
        let unknown: Vec<_> = unknown.iter().map(ToString::to_string).collect();
        bail!("the log does not know call {}; `calltrail backfill --call` brings it in", unknown.join(", "));
    }
    Ok(plan)
}

/// The selected calls that are left out, by party. Those that were named and are not left out go to `others`.
fn left_out(
    account: &AccountConfig,
    state: &State<AccountPieces>,
    selection: &Selection<'_>,
    of: Option<&PartyId>,
    now: Timestamp,
    others: &mut Vec<Named>,
) -> anyhow::Result<BTreeMap<PartyId, Vec<Found>>> {
    let mut parties = BTreeMap::<_, Vec<_>>::new();
    for entry in state.backing().scan(CALL_PREFIX, None) {
        let (key, piece) = entry?;
        let (Some(call), Ok(id)) = (piece.call(), key[CALL_PREFIX.len()..].parse().map(CallId)) else {
            continue;
        };
        if !selection.calls.is_empty() && !selection.calls.contains(&id) {
            continue;
        }
        let (Some(Verdict::LeftOut { reason }), Some(settled)) = (&call.verdict, &call.settled) else {
            if !selection.calls.is_empty() {
                others.push(Named { account: account.id.to_string(), call: id, is: how_it_is(id, call) });
            }
            continue;
        };
        let began = call.told.started_at().unwrap_or(settled.at);
        let is_within = selection.from.is_none_or(|from| from <= began) && began < selection.to;
        let Some((party, _)) = state.party(&settled.party)?.filter(|_| is_within) else { continue };
        if of.is_some_and(|of| *of != party) {
            continue;
        }
        let ended = call.told.ended_at().unwrap_or(began);
        let history = now.since(ended) > account.timing.history_after;
        parties.entry(party).or_default().push(Found { call: id, began, reason: *reason, history });
    }
    parties.values_mut().for_each(|calls| calls.sort_by_key(|found| (found.began, found.call)));
    Ok(parties)
}

fn how_it_is(id: CallId, call: &Call) -> String {
    let is = match &call.verdict {
        Some(_) if call.is_refused(id) => "was refused by Front",
        Some(_) => "is logged",
        None if call.settled.is_some() => "waits for its decision",
        None => "has not ended",
    };
    is.to_owned()
}

fn of_account(
    sequence: u64,
    account: &AccountConfig,
    state: &State<AccountPieces>,
    parties: BTreeMap<PartyId, Vec<Found>>,
    now: Timestamp,
) -> anyhow::Result<AccountPlan> {
    let policy = account.policy();
    let other_rules = state.policy()?.as_ref() != Some(&policy);
    let mut plan = AccountPlan { account: account.id.to_string(), other_rules, parties: Vec::new() };
    for (party, found) in parties {
        let foreseen = foresee(sequence, state, &policy, &party, &found, now)?;
        let calls = found.iter().zip(foreseen.becomes);
        let calls = calls.map(|(found, becomes)| CallPlan::of(found, becomes)).collect();
        plan.parties.push(PartyPlan { party, requests: foreseen.requests, calls });
    }
    Ok(plan)
}

/// The records that have these calls decided again: history first, as it happened.
fn records(calls: impl Iterator<Item = (CallId, bool)>) -> Vec<CallsReconsidered> {
    let (history, recent): (Vec<_>, Vec<_>) = calls.partition(|(_, history)| *history);
    let chunks = history.chunks(RECONSIDERED_CALLS_MAX).chain(recent.chunks(RECONSIDERED_CALLS_MAX));
    let record = |chunk: &[(CallId, bool)]| CallsReconsidered {
        calls: chunk.iter().map(|(call, _)| *call).collect(),
        history: chunk[0].1,
    };
    chunks.map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::{CallId, RECONSIDERED_CALLS_MAX, records};

    #[test]
    fn records_are_bounded_and_history_comes_first() {
        let count = RECONSIDERED_CALLS_MAX as u64 * 2 + 1;
        let calls = (0..count).map(|call| (CallId(call), call % 2 == 0));
        let records = records(calls);
        let sizes: Vec<_> = records.iter().map(|record| (record.history, record.calls.len())).collect();
        assert_eq!(sizes, [(true, 100), (true, 1), (false, 100)]);
        let all = records.iter().flat_map(|record| record.calls.iter().map(|call| (*call, record.history)));
        assert!(all.clone().all(|(call, history)| (call.0 % 2 == 0) == history));
        assert_eq!(all.count() as u64, count);
    }
}
