//! What people did to conversations in Front.

use std::collections::BTreeSet;

use super::{Folded, Output, Place};
use crate::fact::{ConversationChange, ConversationChanged};
use crate::ids::{ContactId, ConversationId, PartyId};
use crate::limits::{CONVERSATIONS_LEFT_MAX, STRAY_EVENTS_MAX};
use crate::party::Thread;
use crate::record::ConversationMerged;
use crate::rule::{self, Rule};
use crate::segment::Marks;
use crate::state::{Backing, Key, State, StateError, Stray, Strays};

pub(super) fn changed<B: Backing>(
    state: &mut State<B>,
    place: Place,
    changed: &ConversationChanged,
) -> Folded<B> {
    let mut account = state.account()?;
    if account.front_heard_at < changed.received_at {
        account.front_heard_at = changed.received_at;
        state.write(&Key::Account, account);
    }
    let parties = parties_of(state, &changed.conversation)?;
    if parties.is_empty() {
        keep_stray(state, place, changed)?;
    }
    let mut outputs = Vec::new();
    for id in parties {
        change_thread(state, &id, &changed.conversation, |_, own, thread| {
            thread.change(&changed.change, changed.at, place.sequence);
            // What was asked for may lag: more may have happened since.
            thread.hear(changed.received_at.unwrap_or(changed.at));
            changed.contact.iter().for_each(|shown| thread.observe_contact(own, shown, place.sequence));
            Ok(())
        })?;
        outputs.extend(look_after_last(state, place, &id, changed)?);
    }
    Ok(outputs)
}

/// Where the conversation was put away before its last call settled, that call looks whether it can be seen. Its segment is
/// not touched: that goes by the log.
fn look_after_last<B: Backing>(
    state: &mut State<B>,
    place: Place,
    named: &PartyId,
    changed: &ConversationChanged,
) -> Result<Option<Output>, StateError<B::Error>> {
    let Some((id, mut party)) = state.party(named)? else { return Ok(None) };
    let current = party.thread.as_ref();
    let current = current.filter(|thread| thread.conversation.as_ref() == Some(&changed.conversation));
    let Some(last) = current.and_then(|thread| thread.put_away_before_last(changed.at)) else {
        return Ok(None);
    };
    let Some(call) = state.call(last)? else { return Ok(None) };
    if !party.look_after(last, &call, place.sequence) {
        return Ok(None);
    }
    state.put_party(&id, party);
    Ok(Some(Output::Touched(id)))
}

/// The parties whose calls go, or went, into the conversation: several after a merge.
pub(super) fn parties_of<B: Backing>(
    state: &State<B>,
    conversation: &ConversationId,
) -> Result<BTreeSet<PartyId>, StateError<B::Error>> {
    Ok(state.read(&Key::Conversation(conversation))?.unwrap_or_default())
}

/// Changes the thread of a party that has this conversation now.
fn change_thread<B: Backing>(
    state: &mut State<B>,
    named: &PartyId,
    conversation: &ConversationId,
    change: impl FnOnce(&mut State<B>, Option<&ContactId>, &mut Thread) -> Result<(), StateError<B::Error>>,
) -> Result<(), StateError<B::Error>> {
    let Some((id, mut party)) = state.party(named)? else { return Ok(()) };
    let current = party.thread.as_mut().filter(|thread| thread.conversation.as_ref() == Some(conversation));
    if let Some(thread) = current {
        change(state, party.contact.as_ref(), thread)?;
        state.put_party(&id, party);
    }
    Ok(())
}

fn keep_stray<B: Backing>(
    state: &mut State<B>,
    place: Place,
    changed: &ConversationChanged,
) -> Result<(), StateError<B::Error>> {
    if changed.change == ConversationChange::Other {
        return Ok(());
    }
    let mut strays: Strays = state.read(&Key::Strays)?.unwrap_or_default();
    let is_same = |known: &Stray| {
        known.conversation == changed.conversation && known.at == changed.at && known.change == changed.change
    };
    if strays.events.iter().any(is_same) {
        return Ok(());
    }
    if strays.events.len() == STRAY_EVENTS_MAX {
        strays.dropped_through = strays.events.remove(0).sequence;
    }
    let ConversationChanged { conversation, at, change, .. } = changed.clone();
    strays.events.push(Stray { conversation, at, change, sequence: place.sequence });
    state.write(&Key::Strays, strays);
    Ok(())
}

/// The thread's conversation has become known (again): later events find the party by it, and those that came
/// before count now. Where some of those may have been dropped, or where it is another conversation than before, the
/// status is read before it is used.
pub(super) fn link<B: Backing>(
    state: &mut State<B>,
    party: &PartyId,
    thread: &mut Thread,
    conversation: &ConversationId,
) -> Result<(), StateError<B::Error>> {
    if thread.conversation.as_ref() == Some(conversation) {
        return Ok(());
    }
    let strays: Strays = state.read(&Key::Strays)?.unwrap_or_default();
    let may_have_missed = strays.dropped_through > thread.segment.opened.sequence
        && rule::holds(Rule::DroppedStrayEventsAreRemembered);
    let mut parties = parties_of(state, conversation)?;
    // Another party's conversation, or another one than before: ours was merged into it.
    let is_others = parties.iter().any(|other| other != party);
    let former = thread.conversation.replace(conversation.clone());
    thread.merged = former.is_some() || is_others;
    thread.left.retain(|left| left != conversation);
    thread.left.extend(former);
    if thread.left.len() > CONVERSATIONS_LEFT_MAX {
        thread.left.remove(0);
    }
    thread.unsure = thread.merged || may_have_missed;
    if thread.merged {
        thread.marks = Marks::default();
    }
    parties.insert(party.clone());
    state.write(&Key::Conversation(conversation), parties);
    let Strays { events, dropped_through } = strays;
    let (ours, events): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|stray| stray.conversation == *conversation);
    if ours.is_empty() {
        return Ok(());
    }
    for stray in ours {
        thread.change(&stray.change, stray.at, stray.sequence);
    }
    state.write(&Key::Strays, Strays { events, dropped_through });
    Ok(())
}

/// The status of the conversation that survives is not known until it is read.
pub(super) fn merged<B: Backing>(state: &mut State<B>, merged: &ConversationMerged) -> Folded<B> {
    for id in parties_of(state, &merged.from)? {
        change_thread(state, &id, &merged.from, |state, _, thread| link(state, &id, thread, &merged.into))?;
    }
    Ok(Vec::new())
}
