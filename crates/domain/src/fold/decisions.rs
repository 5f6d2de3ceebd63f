//! Decisions, folded: the first record of a step counts.

use std::sync::Arc;

use super::{Folded, Output, Place};
use crate::call::{Call, EffectState};
use crate::decision::{Decision, EffectsDecided, Logged, Verdict};
use crate::effect::{ConversationStatus, NumberedEffect};
use crate::ids::EffectKind;
use crate::limits::LATE_EFFECTS_PER_STEP_MAX;
use crate::parts;
use crate::party::{LastCall, Opening, Party, Thread};
use crate::policy::Policy;
use crate::rule::{self, Rule};
use crate::segment::Segment;
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
    let waits = party.waits_from(decision.call).is_some() || decision.verdict == Verdict::Added;
    let is_next = party.step + 1 == decision.step && waits;
    if !is_next && rule::holds(Rule::AStepCountsOnce) {
        return Ok(Vec::new());
    }
    let Some(mut call) = state.call(decision.call)? else { return Ok(Vec::new()) };
    party.step = decision.step;
    party.decided_through = party.decided_through.max(through);
    drop_passed_over(state, &mut party, through, decision)?;
    take_verdict(state, &mut party, &mut call, decision)?;
    take_effects(&mut party, &mut call, decision);
    if decision.verdict != Verdict::ReadFirst {
        leave_queue(state, place, through, &mut party, &call, decision)?;
    }
    let mut outputs: Vec<_> = party.cut(&decision.party).map(Output::Publish).into_iter().collect();
    if !party.queue.is_empty() && decision.verdict != Verdict::ReadFirst {
        party.touched = place.sequence;
        outputs.push(Output::Touched(decision.party.clone()));
    }
    state.write(&Key::Call(decision.call), call);
    state.put_party(&decision.party, party);
    Ok(outputs)
}

/// A release decides on the head of its queue. A call that waited ahead of that here when it was decided had nothing to
/// show for that release: it is not shown now, long after. What has come to stand ahead since is still to be decided.
fn drop_passed_over<B: Backing>(
    state: &State<B>,
    party: &mut Party,
    through: u64,
    decision: &Decision,
) -> Result<(), StateError<B::Error>> {
    let waits_from = party.waits_from(decision.call);
    let position = match (decision.position, waits_from) {
        _ if !rule::holds(Rule::OnlyPassedOverCallsAreDropped) => waits_from,
        // An earlier release: where the call waited then is known only if nothing has moved it since.
        (0, Some(position)) => Some(position).filter(|position| *position <= through),
        (0, None) => None,
        (position, _) => Some(position),
    };
    let Some(position) = position else { return Ok(()) };
    for index in (0..party.queue.len()).rev() {
        let waiting = party.queue[index];
        if waiting.position < position && state.call(waiting.call)?.is_some_and(|call| call.verdict.is_some())
        {
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
        Verdict::Added => return Ok(()),
        Verdict::LeftOut { reason } => *account.left_out.entry(*reason).or_default() += 1,
        Verdict::Logged(logged) => {
            *account.logged.entry(logged.call_type).or_default() += 1;
            open_segment(party, call, decision, logged);
            doubt_snooze(party);
            if let (Some(thread), Some(settled)) = (&mut party.thread, &call.settled) {
                thread.logged(LastCall { call: decision.call, settled_at: settled.at });
            }
        }
    }
    // A call that was left out before is counted where it is now.
    if let Some(Verdict::LeftOut { reason }) = call.verdict.replace(decision.verdict.clone()) {
        let left_out = account.left_out.entry(reason).or_default();
        *left_out = left_out.saturating_sub(1);
    }
    state.write(&Key::Account, account);
    Ok(())
}

/// The call waits no longer, unless there is more to show: what came after `through`, or was too much for one step.
fn leave_queue<B: Backing>(
    state: &State<B>,
    place: Place,
    through: u64,
    party: &mut Party,
    call: &Call,
    decision: &Decision,
) -> Result<(), StateError<B::Error>> {
    // An earlier release did not say that there was more than it decided.
    let had_more = decision.more || decision.effects.len() >= LATE_EFFECTS_PER_STEP_MAX;
    let policy = state.piece(&Key::Policy)?;
    let has_more = |policy| parts::has_more(decision.call, call, policy, call.retyped_at > through);
    let is_left =
        (call.told_at > through || had_more) && policy.as_deref().and_then(Policy::of).is_some_and(has_more);
    match party.waits_from(decision.call) {
        Some(position) if is_left && position > through => {}
        _ if is_left => party.enqueue(decision.call, place.sequence),
        _ => party.dequeue(decision.call),
    }
    Ok(())
}

/// Until the call is seen in Front, the segment before it is kept: Front may refuse the call.
fn open_segment(party: &mut Party, call: &Call, decision: &Decision, logged: &Logged) {
    let Some(settled) = call.settled.as_ref().filter(|_| logged.opens_segment) else { return };
    let segment =
        Segment { subject: logged.subject.clone(), opened: settled.moment(), history: settled.history };
    let imports = decision.effects.iter().any(|effect| effect.key.kind == EffectKind::Call);
    let before = party.thread.clone().map(Box::new);
    party.opening = imports.then_some(Opening { call: decision.call, before });
    match party.thread.as_mut().filter(|thread| thread.reference == logged.thread) {
        Some(thread) => thread.segment = segment,
        None => {
            party.thread = Some(Thread::new(logged.thread.clone(), logged.inbox.clone(), segment));
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
        let numbered = NumberedEffect {
            ordinal: party.ordinal,
            effect: Arc::clone(effect),
            conversation: decision.conversation.clone(),
            bulk: call.is_history(),
            retried: call.retried.remove(&effect.key),
        };
        let undecided = EffectState { ordinal: party.ordinal, outcome: None, dropped: false };
        call.effects.insert(effect.key, undecided);
        party.backlog.push(numbered);
    }
}
