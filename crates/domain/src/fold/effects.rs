//! What came of effects: contacts found, conversations seen, activities there.

use std::sync::Arc;

use super::{Folded, Output, Place, conversations};
use crate::call::Call;
use crate::decision::Verdict;
use crate::effect::{
    Action, ConversationStatus, Effect, EffectSettled, LookUpContact, NumberedEffect, Outcome,
};
use crate::ids::{ContactId, ConversationId, EffectKey, EffectKind, PartyId};
use crate::party::{Party, PartyEntry, Thread};
use crate::rule::{self, Rule};
use crate::state::{Backing, Key, Piece, State, StateError};
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
    let younger = take_outcome(state, place, &settled.party, &mut party, &effect, &settled.outcome)?;
    segment_opened(&mut party, settled);
    let mut outputs: Vec<_> = party.cut(&settled.party).map(Output::Publish).into_iter().collect();
    if !party.queue.is_empty() {
        party.touched = place.sequence;
        outputs.push(Output::Touched(settled.party.clone()));
    }
    state.put_party(&settled.party, party);
    outputs.extend(join_when_drained(state, place, &settled.party)?);
    if let Some(younger) = younger {
        outputs.extend(join_when_drained(state, place, &younger)?);
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

/// Returns the younger party that has to join an older one, when a contact turns out to be both's.
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
        Outcome::ContactFound { contact, .. } => {
            if let Action::LookUpContact(LookUpContact { number: None, .. }) = action {
                return anonymous_found(state, contact).map(|()| None);
            }
            return contact_found(state, id, party, contact);
        }
        Outcome::Observed { conversation, status, at, acts } => {
            let is_present = |thread: &&mut Thread| match (action, &thread.conversation) {
                (Action::ObserveConversation(wanted), Some(present)) => {
                    wanted.conversation == *present
                        || conversation == present
                        || thread.left.contains(&wanted.conversation)
                }
                _ => true,
            };
            if let Some(thread) = party.thread.as_mut().filter(is_present) {
                conversations::link(state, id, thread, conversation)?;
                thread.observe(*status, *at, acts, counts_from(state, place, effect)?);
            }
        }
        Outcome::Applied { conversation, at, .. } => {
            if let Some(thread) = party.thread.as_mut() {
                applied(state, id, thread, action, conversation.as_ref(), *at)?;
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
        Outcome::Overtaken { .. } | Outcome::Skipped { .. } => {}
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

/// Callers without a number share a contact and nothing else: they are never taken for one another.
fn anonymous_found<B: Backing>(
    state: &mut State<B>,
    contact: &ContactId,
) -> Result<(), StateError<B::Error>> {
    let mut account = state.account()?;
    account.anonymous.get_or_insert_with(|| contact.clone());
    state.write(&Key::Account, account);
    Ok(())
}

/// Two numbers of one Front contact are one party: the older survives, the younger joins it when its effects have drained.
fn contact_found<B: Backing>(
    state: &mut State<B>,
    id: &PartyId,
    party: &mut Party,
    contact: &ContactId,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    party.contact = Some(contact.clone());
    let known: Option<PartyId> = state.read(&Key::Contact(contact))?;
    let known = known.map(|known| state.party(&known)).transpose()?.flatten();
    match known.filter(|(other, _)| other != id) {
        Some((older, mut entry)) if entry.since < party.since => {
            entry.awaits.insert(id.clone());
            state.put_party(&older, entry);
            party.joining = Some(older);
            Ok(None)
        }
        Some((younger, mut entry)) => {
            entry.joining = Some(id.clone());
            party.awaits.insert(younger.clone());
            state.put_party(&younger, entry);
            state.write(&Key::Contact(contact), id.clone());
            Ok(Some(younger))
        }
        None => {
            state.write(&Key::Contact(contact), id.clone());
            Ok(None)
        }
    }
}

fn join_when_drained<B: Backing>(state: &mut State<B>, place: Place, id: &PartyId) -> Folded<B> {
    let piece = state.piece(&Key::Party(id))?;
    let Some(party) = piece.as_deref().and_then(Piece::party) else { return Ok(Vec::new()) };
    let may_join = party.is_drained() || !rule::holds(Rule::TheYoungerPartyDrainsFirst);
    match &party.joining {
        Some(older) if may_join => join(state, place, id, party.clone(), older),
        Some(_) | None => Ok(Vec::new()),
    }
}

fn join<B: Backing>(
    state: &mut State<B>,
    place: Place,
    younger_id: &PartyId,
    younger: Party,
    older: &PartyId,
) -> Folded<B> {
    let Some((older_id, mut older)) = state.party(older)? else { return Ok(Vec::new()) };
    let mut queue: Vec<_> = older.queue.into_iter().chain(younger.queue).collect();
    queue.sort_by_key(|waiting| waiting.position);
    older.queue = queue.into();
    older.thread = older.thread.or(younger.thread);
    older.awaits.remove(younger_id);
    older.awaits.extend(younger.awaits);
    // A decision that was made before the join, and not folded yet, was made on a state that is gone. And no step of
    // either party comes again: what was read for one is kept with its calls.
    older.step = older.step.max(younger.step) + 1;
    older.touched = place.sequence;
    state.put_party(&older_id, older);
    state.write(&Key::Party(younger_id), PartyEntry::JoinedInto(older_id.clone()));
    Ok(vec![Output::Touched(older_id)])
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
