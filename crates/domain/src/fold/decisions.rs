//! Decisions, folded: the first record of a step counts.

use super::{Folded, Output, Place};
use crate::call::{Call, EffectState};
use crate::decision::{Decision, EffectsDecided, Logged, Verdict};
use crate::effect::NumberedEffect;
use crate::party::{Party, Thread};
use crate::state::{Backing, Key, State, StateError};

pub(super) fn decided<B: Backing>(state: &mut State<B>, place: Place, decided: &EffectsDecided) -> Folded<B> {
    if decided.decisions.is_empty() {
        let mut account = state.account()?;
        account.covered_through = account.covered_through.max(decided.through);
        state.write(&Key::Account, &account)?;
    }
    let mut outputs = Vec::new();
    for decision in &decided.decisions {
        outputs.extend(step(state, place, decided.through, decision)?);
    }
    Ok(outputs)
}

/// A decision of another step, of a party that was joined meanwhile or about another call was made on a state that is
/// gone: whoever decided it decides again.
fn step<B: Backing>(state: &mut State<B>, place: Place, through: u64, decision: &Decision) -> Folded<B> {
    let Some(mut party) = state.party_itself(&decision.party)? else { return Ok(Vec::new()) };
    if party.step + 1 != decision.step || party.queue.front() != Some(&decision.call) {
        return Ok(Vec::new());
    }
    let Some(mut call) = state.call(decision.call)? else { return Ok(Vec::new()) };
    party.step = decision.step;
    party.decided_through = party.decided_through.max(through);
    take_verdict(state, &mut party, &mut call, decision)?;
    take_effects(&mut party, &mut call, decision);
    let mut outputs: Vec<_> = party.cut(&decision.party).map(Output::Publish).into_iter().collect();
    if !party.queue.is_empty() && decision.verdict != Verdict::ReadFirst {
        party.touched = place.sequence;
        outputs.push(Output::Touched(decision.party.clone()));
    }
    state.write(&Key::Call(decision.call), &call)?;
    state.put_party(&decision.party, party)?;
    Ok(outputs)
}

fn take_verdict<B: Backing>(
    state: &mut State<B>,
    party: &mut Party,
    call: &mut Call,
    decision: &Decision,
) -> Result<(), StateError<B::Error>> {
    let mut account = state.account()?;
    match &decision.verdict {
        Verdict::ReadFirst => return Ok(()),
        Verdict::LeftOut { reason } => *account.left_out.entry(*reason).or_default() += 1,
        Verdict::Logged(logged) => {
            *account.logged.entry(logged.call_type).or_default() += 1;
            open_segment(party, logged);
        }
    }
    party.queue.pop_front();
    call.verdict = Some(decision.verdict.clone());
    state.write(&Key::Account, &account)
}

fn open_segment(party: &mut Party, logged: &Logged) {
    if !logged.opens_segment {
        return;
    }
    match party.thread.as_mut().filter(|thread| thread.reference == logged.thread) {
        Some(thread) => {
            thread.segment.subject.clone_from(&logged.subject);
            thread.segment.ended = false;
        }
        None => {
            party.thread =
                Some(Thread::new(logged.thread.clone(), logged.inbox.clone(), logged.subject.clone()));
        }
    }
}

/// Ordinals are given here, in log order; an effect key that was ever decided is not taken again.
fn take_effects(party: &mut Party, call: &mut Call, decision: &Decision) {
    for effect in &decision.effects {
        if call.effects.contains_key(&effect.key) {
            continue;
        }
        party.ordinal += 1;
        let numbered = NumberedEffect { ordinal: party.ordinal, effect: effect.clone() };
        call.effects.insert(effect.key, EffectState { ordinal: party.ordinal, outcome: None });
        party.backlog.push(numbered);
    }
}
