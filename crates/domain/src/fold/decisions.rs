//! Decisions, folded: the first record of a step counts.

use std::sync::Arc;

use super::{Folded, Output, Place};
use crate::call::{Call, EffectState};
use crate::decision::{Decision, EffectsDecided, Logged, Verdict};
use crate::effect::{ConversationStatus, NumberedEffect};
use crate::limits::LATE_EFFECTS_PER_STEP_MAX;
use crate::parts;
use crate::party::{Party, Thread};
use crate::policy::Policy;
use crate::rule::{self, Rule};
use crate::state::{Backing, Key, State, StateError, Stored as _};

pub(super) fn decided<B: Backing>(state: &mut State<B>, place: Place, decided: &EffectsDecided) -> Folded<B> {
    if decided.complete || decided.decisions.is_empty() {
        let mut account = state.account()?;
        account.covered_through = account.covered_through.max(decided.through);
        state.write(&Key::Account, account);
    }
    let mut outputs = Vec::new();
    for decision in &decided.decisions {
        outputs.extend(step(state, place, decided.through, decision)?);
    }
    Ok(outputs)
}

/// A decision of another step, of a party that was joined meanwhile or about a call that does not wait for it was made
/// on a state that is gone: whoever decided it decides again. What came late is added whether this release would have
/// looked for it or not: a rebuild folds decisions and never remakes them.
fn step<B: Backing>(state: &mut State<B>, place: Place, through: u64, decision: &Decision) -> Folded<B> {
    let Some(mut party) = state.party_itself(&decision.party)? else { return Ok(Vec::new()) };
    let waits = party.queue.contains(&decision.call) || decision.verdict == Verdict::Added;
    let is_next = party.step + 1 == decision.step && waits;
    if !is_next && rule::holds(Rule::AStepCountsOnce) {
        return Ok(Vec::new());
    }
    let Some(mut call) = state.call(decision.call)? else { return Ok(Vec::new()) };
    party.step = decision.step;
    party.decided_through = party.decided_through.max(through);
    leave_passed_over(state, &mut party, decision)?;
    take_verdict(state, &mut party, &mut call, decision)?;
    take_effects(&mut party, &mut call, decision);
    come_back(state, place, through, &mut party, &call, decision)?;
    let mut outputs: Vec<_> = party.cut(&decision.party).map(Output::Publish).into_iter().collect();
    if !party.queue.is_empty() && decision.verdict != Verdict::ReadFirst {
        party.touched = place.sequence;
        outputs.push(Output::Touched(decision.party.clone()));
    }
    state.write(&Key::Call(decision.call), call);
    state.put_party(&decision.party, party);
    Ok(outputs)
}

/// A release decides on the head of its queue. What stands ahead of that here came late, and that release showed
/// nothing of it: it is not shown now, long after.
fn leave_passed_over<B: Backing>(
    state: &State<B>,
    party: &mut Party,
    decision: &Decision,
) -> Result<(), StateError<B::Error>> {
    let Some(ahead) = party.queue.iter().position(|call| *call == decision.call) else { return Ok(()) };
    for index in (0..ahead).rev() {
        let Some(call) = state.call(party.queue[index])? else { continue };
        if call.verdict.is_some() {
            party.queue.remove(index);
        }
    }
    Ok(())
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
        Verdict::Added => {
            party.dequeue(decision.call);
            return Ok(());
        }
        Verdict::LeftOut { reason } => *account.left_out.entry(*reason).or_default() += 1,
        Verdict::Logged(logged) => {
            *account.logged.entry(logged.call_type).or_default() += 1;
            open_segment(party, logged);
            doubt_snooze(party);
        }
    }
    party.dequeue(decision.call);
    // A call that was left out before is counted where it is now.
    if let Some(Verdict::LeftOut { reason }) = call.verdict.replace(decision.verdict.clone()) {
        let left_out = account.left_out.entry(reason).or_default();
        *left_out = left_out.saturating_sub(1);
    }
    state.write(&Key::Account, account);
    Ok(())
}

/// What was told after `through`, and what was too much for one step, is left for the next one.
fn come_back<B: Backing>(
    state: &State<B>,
    place: Place,
    through: u64,
    party: &mut Party,
    call: &Call,
    decision: &Decision,
) -> Result<(), StateError<B::Error>> {
    let policy = state.piece(&Key::Policy)?;
    let Some(policy) = policy.as_deref().and_then(Policy::of) else { return Ok(()) };
    let left = call.told_at > through || decision.effects.len() >= LATE_EFFECTS_PER_STEP_MAX;
    if left && parts::has_more(decision.call, call, policy, call.retyped_at > through) {
        party.enqueue(decision.call, place.sequence);
    }
    Ok(())
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

/// Whether a call ends the snooze of its conversation is Front's affair, and nothing tells of it: the status is read before
/// it counts again.
fn doubt_snooze(party: &mut Party) {
    let snoozed = party.thread.as_mut().filter(|thread| thread.status == ConversationStatus::Snoozed);
    if let Some(thread) = snoozed {
        thread.unsure = true;
    }
}

/// Ordinals are given here, in log order; an effect key that was ever decided is not taken again.
fn take_effects(party: &mut Party, call: &mut Call, decision: &Decision) {
    for effect in &decision.effects {
        if call.has_decided(effect.key.call, effect.key.kind) {
            continue;
        }
        party.ordinal += 1;
        let numbered =
            NumberedEffect { ordinal: party.ordinal, effect: Arc::clone(effect), conversation: None };
        call.effects.insert(effect.key, EffectState { ordinal: party.ordinal, outcome: None });
        party.backlog.push(numbered);
    }
}
