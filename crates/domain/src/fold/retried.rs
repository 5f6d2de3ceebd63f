//! Effects that Front refused are decided again, or given up, because an operator asked for it.

use super::{Folded, Output, Place, set_timer, settled};
use crate::call::{ACCEPTED, Call, Settled};
use crate::decision::Verdict;
use crate::effect::Outcome;
use crate::fact::Read;
use crate::ids::{EffectKey, EffectKind};
use crate::limits::RETRIED_EFFECTS_MAX;
use crate::record::{EffectsDropped, EffectsRetried};
use crate::rule::{self, Rule};
use crate::state::{Backing, Key, State, StateError};

/// Takes back what was decided about the effects that were refused and not decided again since.
pub(super) fn retried<B: Backing>(state: &mut State<B>, place: Place, again: &EffectsRetried) -> Folded<B> {
    let mut outputs = Vec::new();
    for (key, ordinal) in again.effects.iter().take(RETRIED_EFFECTS_MAX) {
        outputs.extend(decide_again(state, place, *key, *ordinal, again.history)?);
    }
    Ok(outputs)
}

/// The effects stay refused, and count as such no longer.
pub(super) fn dropped<B: Backing>(state: &mut State<B>, dropped: &EffectsDropped) -> Folded<B> {
    for (key, ordinal) in dropped.effects.iter().take(RETRIED_EFFECTS_MAX) {
        let Some(mut call) = refused(state, *key, *ordinal)? else { continue };
        uncount(state, *key)?;
        if let Some(effect) = call.effects.get_mut(key) {
            effect.dropped = true;
        }
        state.write(&Key::Call(key.call), call);
    }
    Ok(Vec::new())
}

/// The effect's call, if Front refused the effect under this ordinal and no operator has dealt with that.
fn refused<B: Backing>(
    state: &State<B>,
    key: EffectKey,
    ordinal: u64,
) -> Result<Option<Call>, StateError<B::Error>> {
    let Some(call) = state.call(key.call)? else { return Ok(None) };
    let Some(effect) = call.effects.get(&key) else { return Ok(None) };
    let is_refused = matches!(effect.outcome, Some(Outcome::Rejected { .. }));
    let is_meant = effect.ordinal == ordinal && is_refused && !effect.dropped;
    Ok((is_meant || !rule::holds(Rule::OnlyRefusedEffectsAreRetried)).then_some(call))
}

fn decide_again<B: Backing>(
    state: &mut State<B>,
    place: Place,
    key: EffectKey,
    ordinal: u64,
    history: bool,
) -> Folded<B> {
    let Some(mut call) = refused(state, key, ordinal)?.filter(|call| may_be_retried(call, key)) else {
        return Ok(Vec::new());
    };
    let party = call.settled.as_ref().map(|settled| state.party(&settled.party)).transpose()?.flatten();
    let Some((party_id, mut party)) = party else { return Ok(Vec::new()) };
    uncount(state, key)?;
    if call.effects.remove(&key).is_some_and(|effect| may_be_in_front(key, effect.outcome.as_ref())) {
        call.retried.insert(key);
    }
    if key.kind == EffectKind::Call {
        take_back(state, &mut call)?;
        let read = Read { history, update: false };
        call.settled = Some(Settled { reconsidered: true, ..settled(place, &party_id, &call, Some(read)) });
        set_timer(state, key.call, &mut call)?;
    }
    // What is known of its conversation and contact has to be as recent as this.
    call.last_received_at = call.last_received_at.max(place.received_at);
    party.enqueue(key.call, place.sequence);
    state.write(&Key::Call(key.call), call);
    state.put_party(&party_id, party);
    Ok(vec![Output::Touched(party_id)])
}

/// The call's own activity is retried once everything of the call has ended, since what depends on it is decided anew; a part
/// only of a call that is in Front. Reads are made again by themselves; whether the conversation should still be assigned or
/// reopened is for people to say by then.
fn may_be_retried(call: &Call, key: EffectKey) -> bool {
    match key.kind {
        EffectKind::Call => call.effects.values().all(|effect| effect.outcome.is_some()),
        kind if kind.is_part() => !call.is_refused(key.call),
        _ => false,
    }
}

/// A refused import is known not to be in Front, and known there by its external id if that is wrong. Front has no key for
/// other effects, and an import that it took and never showed may still appear.
fn may_be_in_front(key: EffectKey, outcome: Option<&Outcome>) -> bool {
    let is_taken = matches!(outcome, Some(Outcome::Rejected { status: ACCEPTED, .. }));
    is_taken || matches!(key.kind, EffectKind::Comment(_) | EffectKind::Tag(_))
}

/// The call waits for its decision once more, and with it the parts that were left out because it was refused. A contact that
/// could not be looked up is looked up again.
fn take_back<B: Backing>(state: &mut State<B>, call: &mut Call) -> Result<(), StateError<B::Error>> {
    if let Some(Verdict::Logged(logged)) = call.verdict.take() {
        let mut account = state.account()?;
        let count = account.logged.entry(logged.call_type).or_default();
        *count = count.saturating_sub(1);
        state.write(&Key::Account, account);
    }
    if rule::holds(Rule::RetriedCallBringsItsParts) {
        call.effects.retain(|key, effect| match effect.outcome {
            Some(Outcome::Skipped { .. }) => false,
            Some(Outcome::Rejected { .. }) => key.kind != EffectKind::Contact,
            _ => true,
        });
    }
    Ok(())
}

fn uncount<B: Backing>(state: &mut State<B>, key: EffectKey) -> Result<(), StateError<B::Error>> {
    // Refused reads are not counted.
    if !key.kind.is_read() {
        let mut account = state.account()?;
        account.rejected = account.rejected.saturating_sub(1);
        state.write(&Key::Account, account);
    }
    Ok(())
}
