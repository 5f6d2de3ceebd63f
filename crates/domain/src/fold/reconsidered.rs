//! Calls that were left out are to be decided again, because an operator asked for it.

use super::{Folded, Output, Place, set_timer, settled};
use crate::call::Settled;
use crate::decision::Verdict;
use crate::fact::Read;
use crate::ids::CallId;
use crate::limits::RECONSIDERED_CALLS_MAX;
use crate::record::CallsReconsidered;
use crate::rule::{self, Rule};
use crate::state::{Backing, Key, State};

/// Takes the verdict off the calls that were left out and have not been decided since.
pub(super) fn reconsidered<B: Backing>(
    state: &mut State<B>,
    place: Place,
    again: &CallsReconsidered,
) -> Folded<B> {
    let mut outputs = Vec::new();
    for call in again.calls.iter().take(RECONSIDERED_CALLS_MAX) {
        outputs.extend(decide_again(state, place, *call, again.history)?);
    }
    Ok(outputs)
}

/// The call settles at the place of this record, as one that was read from Aircall long after its end. A call that is logged,
/// refused, erased or unknown stays as it is.
fn decide_again<B: Backing>(state: &mut State<B>, place: Place, id: CallId, history: bool) -> Folded<B> {
    let Some(mut call) = state.call(id)? else { return Ok(Vec::new()) };
    let party = call.settled.as_ref().map(|settled| state.party(&settled.party)).transpose()?.flatten();
    let Some((party_id, mut party)) = party else { return Ok(Vec::new()) };
    match &call.verdict {
        Some(Verdict::LeftOut { reason }) => {
            let mut account = state.account()?;
            let left_out = account.left_out.entry(*reason).or_default();
            *left_out = left_out.saturating_sub(1);
            state.write(&Key::Account, account);
        }
        Some(_) if !rule::holds(Rule::OnlyLeftOutCallsAreReconsidered) => {}
        Some(_) | None => return Ok(Vec::new()),
    }
    call.verdict = None;
    if rule::holds(Rule::ReconsideredCallSettlesAgain) {
        let read = Read { history, update: false };
        call.settled = Some(Settled { reconsidered: true, ..settled(place, &party_id, &call, Some(read)) });
        // What is known of its conversation and contact has to be as recent as this.
        call.last_received_at = call.last_received_at.max(place.received_at);
    }
    set_timer(state, id, &mut call)?;
    party.enqueue(id, place.sequence);
    state.write(&Key::Call(id), call);
    state.put_party(&party_id, party);
    Ok(vec![Output::Touched(party_id)])
}
