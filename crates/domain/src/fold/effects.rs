//! What came of effects: contacts found, conversations seen, activities there.

use std::sync::Arc;

use super::{Folded, Output, Place, contacts, conversations};
use crate::call::Call;
use crate::decision::Verdict;
use crate::effect::{Action, ConversationStatus, Effect, EffectSettled, NumberedEffect, Outcome};
use crate::ids::{ConversationId, EffectKey, EffectKind, PartyId};
use crate::party::{Party, Thread};
use crate::rule::{self, Rule};
use crate::state::{Backing, Key, State, StateError};
use crate::time::Timestamp;

/// A terminal fact counts once: an effect that is not open (any more) is left as it is.
pub(super) fn settled<B: Backing>(state: &mut State<B>, place: Place, settled: &EffectSettled) -> Folded<B> {
    let Some(mut party) = state.party_itself(&settled.party)? else { return Ok(Vec::new()) };
    let Some(effect) = close(&mut party, settled) else { return Ok(Vec::new()) };
    if let Some(mut call) = state.call(settled.key.call)? {
        if is_gone(&settled.outcome) {
            decide_again(state, &mut party, &mut call, settled.key)?;
        }
        if let Some(effect) = call.effects.get_mut(&settled.key) {
            effect.outcome = Some(settled.outcome.clone());
        }
        if call.verdict.is_some() && call.is_refused(settled.key.call) {
            party.dequeue(settled.key.call);
        }
        state.write(&Key::Call(settled.key.call), call);
    }
    let other = take_outcome(state, place, &settled.party, &mut party, &effect, &settled.outcome)?;
    segment_opened(&mut party, settled);
    look_after_landing(state, place, &mut party, settled)?;
    let mut outputs: Vec<_> = party.cut(&settled.party).map(Output::Publish).into_iter().collect();
    if !party.queue.is_empty() {
        party.touched = place.sequence;
        outputs.push(Output::Touched(settled.party.clone()));
    }
    state.put_party(&settled.party, party);
    outputs.extend(contacts::join_when_drained(state, place, &settled.party)?);
    if let Some(other) = other {
        outputs.push(Output::Touched(other.clone()));
        outputs.extend(contacts::join_when_drained(state, place, &other)?);
    }
    Ok(outputs)
}

fn is_gone(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Gone { .. }) && rule::holds(Rule::GoneConversationIsForgotten)
}

/// The conversation that a call was to go into is gone, so the call goes where the state says now: its decision is undone,
/// and it waits at its old place. What comes late for a call that was there does not: it was deleted with the call.
fn decide_again<B: Backing>(
    state: &mut State<B>,
    party: &mut Party,
    call: &mut Call,
    key: EffectKey,
) -> Result<(), StateError<B::Error>> {
    if let (EffectKind::Call, Some(Verdict::Logged(logged)), Some(settled)) =
        (key.kind, &call.verdict, &call.settled)
    {
        let mut account = state.account()?;
        let count = account.logged.entry(logged.call_type).or_default();
        *count = count.saturating_sub(1);
        state.write(&Key::Account, account);
        party.requeue(key.call, settled.sequence);
        call.verdict = None;
    }
    if call.verdict.is_none() {
        call.effects.remove(&key);
    }
    Ok(())
}

/// Whether the segment whose first call this is about was opened, or was not.
fn segment_opened(party: &mut Party, settled: &EffectSettled) {
    let EffectKey { call, kind } = settled.key;
    if kind != EffectKind::Call || party.opening.as_ref().is_none_or(|opening| opening.call != call) {
        return;
    }
    match &settled.outcome {
        Outcome::Rejected { .. } | Outcome::Skipped { .. } | Outcome::Gone { .. } => party.opening_refused(),
        Outcome::Applied { .. }
        | Outcome::ContactFound { .. }
        | Outcome::Observed { .. }
        | Outcome::Overtaken { .. } => party.opened(),
    }
}

/// A call that is in another conversation than it was decided for, one that its own was merged into, looks how that one is.
fn look_after_landing<B: Backing>(
    state: &State<B>,
    place: Place,
    party: &mut Party,
    settled: &EffectSettled,
) -> Result<(), StateError<B::Error>> {
    let EffectKey { call: id, kind: EffectKind::Call } = settled.key else { return Ok(()) };
    let Outcome::Applied { conversation: Some(landed), .. } = &settled.outcome else { return Ok(()) };
    let is_there = |thread: &&Thread| thread.merged && thread.conversation.as_ref() == Some(landed);
    if party.thread.as_ref().filter(is_there).is_some()
        && let Some(call) = state.call(id)?
    {
        party.look_after(id, &call, place.sequence);
    }
    Ok(())
}

/// Takes the effect off the outstanding item, or off the backlog: an earlier release may have cut an item that held more.
/// `None` when it is open in neither.
fn close(party: &mut Party, settled: &EffectSettled) -> Option<Arc<Effect>> {
    let is_it = |e: &NumberedEffect| e.ordinal == settled.ordinal && e.effect.key == settled.key;
    if let Some(place) = party.backlog.iter().position(is_it) {
        return Some(party.backlog.remove(place).effect);
    }
    let outstanding = party.outstanding.as_mut()?;
    let effect = Arc::clone(&outstanding.item.effects.iter().find(|effect| is_it(effect))?.effect);
    if !outstanding.open.remove(&settled.ordinal) {
        return None;
    }
    if outstanding.open.is_empty() || !rule::holds(Rule::AnItemSettlesWithItsLastEffect) {
        party.outstanding = None;
    }
    Some(effect)
}

/// What Front answers about a conversation that was deleted for good.
const GONE: [u16; 2] = [404, 410];

/// A conversation that a read does not find is gone like a trashed one; one that an import does not find is looked at first.
fn not_found(thread: &mut Thread, action: &Action) {
    match action {
        Action::ObserveConversation(wanted) if thread.conversation.as_ref() == Some(&wanted.conversation) => {
            thread.status = ConversationStatus::Trashed;
        }
        Action::ObserveConversation(_) => {}
        Action::ImportActivity(_) | Action::AddComment(_) => thread.unsure = true,
        Action::LookUpContact(_)
        | Action::AssignConversation(_)
        | Action::ReopenConversation(_)
        | Action::TagConversation(_) => {}
    }
}

/// Returns another party that may have something to do now: it has to join an older one, or was just made.
fn take_outcome<B: Backing>(
    state: &mut State<B>,
    place: Place,
    id: &PartyId,
    party: &mut Party,
    effect: &Effect,
    outcome: &Outcome,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    let action = &effect.action;
    match outcome {
        Outcome::ContactFound { contact, replaces, .. } => {
            let Action::LookUpContact(wanted) = action else { return Ok(None) };
            return contacts::found(state, place, (id, party), wanted, contact, replaces.is_some());
        }
        Outcome::Observed { conversation, status, at, acts, inboxes, contact } => {
            let is_present = |thread: &&mut Thread| match (action, &thread.conversation) {
                (Action::ObserveConversation(wanted), Some(present)) => {
                    wanted.conversation == *present
                        || conversation == present
                        || thread.left.contains(&wanted.conversation)
                }
                _ => true,
            };
            let own = party.contact.as_ref();
            let believed_ended = match action {
                Action::ObserveConversation(wanted) => wanted.believed_ended(conversation),
                _ => None,
            };
            if let Some(thread) = party.thread.as_mut().filter(is_present) {
                conversations::link(state, id, thread, conversation)?;
                thread.observe((*status, *at), acts, believed_ended, counts_from(state, place, effect)?);
                thread.observe_inboxes(inboxes, *at);
                contact.iter().for_each(|shown| thread.observe_contact(own, shown, place.sequence));
                thread.hear(*at);
                thread.read_at = Some(*at);
            }
        }
        Outcome::Applied { conversation, at, unconfirmed, .. } => {
            if let Some(thread) = party.thread.as_mut() {
                applied(state, id, thread, action, conversation.as_ref(), *at)?;
                if !unconfirmed && thread.conversation.is_some() && thread.conversation == *conversation {
                    thread.hear(place.received_at);
                }
            }
        }
        Outcome::Rejected { status, .. } => {
            if !action.is_read() {
                let mut account = state.account()?;
                account.rejected += 1;
                state.write(&Key::Account, account);
            }
            if let Some(thread) = party.thread.as_mut().filter(|_| GONE.contains(status)) {
                not_found(thread, action);
            }
        }
        Outcome::Gone { conversation, at } => {
            let is_it = |thread: &&mut Thread| thread.conversation.as_ref() == Some(conversation);
            if let Some(thread) = party.thread.as_mut().filter(is_it) {
                thread.forget(*at);
            }
        }
        Outcome::Overtaken { .. } => {
            // The conversation was found otherwise than the log says.
            let reopening = matches!(action, Action::ReopenConversation(_));
            let doubts = reopening && rule::holds(Rule::FailedReopeningDoubtsTheStatus);
            party.thread.iter_mut().for_each(|thread| thread.unsure |= doubts);
        }
        Outcome::Skipped { .. } => {}
    }
    Ok(None)
}

/// From where in the log on a status counts that a read showed and no act explains: from before the call that asked, where
/// that call is still to be decided.
fn counts_from<B: Backing>(
    state: &State<B>,
    place: Place,
    effect: &Effect,
) -> Result<u64, StateError<B::Error>> {
    let asking = state.call(effect.key.call)?.filter(|call| call.verdict.is_none());
    Ok(asking.and_then(|call| call.settled).map_or(place.sequence, |settled| settled.sequence))
}

fn applied<B: Backing>(
    state: &mut State<B>,
    id: &PartyId,
    thread: &mut Thread,
    action: &Action,
    conversation: Option<&ConversationId>,
    at: Timestamp,
) -> Result<(), StateError<B::Error>> {
    match (action, conversation) {
        (Action::ImportActivity(import), Some(conversation)) if import.thread == thread.reference => {
            match &thread.conversation {
                None => conversations::link(state, id, thread, conversation),
                // It was in flight when the conversation was merged away.
                Some(_) if thread.left.contains(conversation) => Ok(()),
                Some(_) => conversations::link(state, id, thread, conversation),
            }
        }
        (Action::ReopenConversation(_), _) => {
            thread.set_status(ConversationStatus::Open, at);
            Ok(())
        }
        (
            Action::LookUpContact(_)
            | Action::ObserveConversation(_)
            | Action::ImportActivity(_)
            | Action::AssignConversation(_)
            | Action::AddComment(_)
            | Action::TagConversation(_),
            _,
        ) => Ok(()),
    }
}

/// An item that the outbox lost is published again, under a number that the outbox has not seen.
pub(super) fn republished<B: Backing>(
    state: &mut State<B>,
    id: &PartyId,
    item: u64,
    publication: u32,
) -> Folded<B> {
    let Some(mut party) = state.party_itself(id)? else { return Ok(Vec::new()) };
    let Some(outstanding) = party.outstanding.as_mut() else { return Ok(Vec::new()) };
    if outstanding.item.item != item || outstanding.item.publication >= publication {
        return Ok(Vec::new());
    }
    outstanding.item.publication = publication;
    let item = outstanding.item.clone();
    state.put_party(id, party);
    Ok(vec![Output::Publish(item)])
}
