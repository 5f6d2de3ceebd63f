//! What people did to conversations in Front.

use std::collections::BTreeSet;

use super::Folded;
use crate::fact::{ConversationChange, ConversationChanged};
use crate::ids::{ConversationId, PartyId};
use crate::limits::STRAY_EVENTS_MAX;
use crate::party::Thread;
use crate::record::ConversationMerged;
use crate::state::{Backing, Key, State, StateError, Stray, Strays};

pub(super) fn changed<B: Backing>(state: &mut State<B>, changed: &ConversationChanged) -> Folded<B> {
    let mut account = state.account()?;
    if account.front_heard_at < Some(changed.received_at) {
        account.front_heard_at = Some(changed.received_at);
        state.write(&Key::Account, account);
    }
    let parties = parties_of(state, &changed.conversation)?;
    if parties.is_empty() {
        keep_stray(state, changed)?;
    }
    for id in parties {
        change_thread(state, &id, &changed.conversation, |_, thread| {
            thread.change(&changed.change, changed.at);
            Ok(())
        })?;
    }
    Ok(Vec::new())
}

/// The parties whose calls go, or went, into the conversation: several after a merge.
fn parties_of<B: Backing>(
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
    change: impl FnOnce(&mut State<B>, &mut Thread) -> Result<(), StateError<B::Error>>,
) -> Result<(), StateError<B::Error>> {
    let Some((id, mut party)) = state.party(named)? else { return Ok(()) };
    let current = party.thread.as_mut().filter(|thread| thread.conversation.as_ref() == Some(conversation));
    if let Some(thread) = current {
        change(state, thread)?;
        state.put_party(&id, party);
    }
    Ok(())
}

fn keep_stray<B: Backing>(
    state: &mut State<B>,
    changed: &ConversationChanged,
) -> Result<(), StateError<B::Error>> {
    if changed.change == ConversationChange::Other {
        return Ok(());
    }
    let stray =
        Stray { conversation: changed.conversation.clone(), at: changed.at, change: changed.change.clone() };
    let mut strays: Strays = state.read(&Key::Strays)?.unwrap_or_default();
    if strays.0.contains(&stray) {
        return Ok(());
    }
    if strays.0.len() == STRAY_EVENTS_MAX {
        strays.0.remove(0);
    }
    strays.0.push(stray);
    state.write(&Key::Strays, strays);
    Ok(())
}

/// The thread's conversation has become known (again): later events find the party by it, and those that came
/// before count now.
pub(super) fn link<B: Backing>(
    state: &mut State<B>,
    party: &PartyId,
    thread: &mut Thread,
    conversation: &ConversationId,
) -> Result<(), StateError<B::Error>> {
    if thread.conversation.as_ref() == Some(conversation) {
        return Ok(());
    }
    thread.unsure = thread.conversation.is_some();
    thread.conversation = Some(conversation.clone());
    let mut parties = parties_of(state, conversation)?;
    parties.insert(party.clone());
    state.write(&Key::Conversation(conversation), parties);
    let strays: Strays = state.read(&Key::Strays)?.unwrap_or_default();
    let (ours, others): (Vec<_>, Vec<_>) =
        strays.0.into_iter().partition(|stray| stray.conversation == *conversation);
    if ours.is_empty() {
        return Ok(());
    }
    for stray in ours {
        thread.change(&stray.change, stray.at);
    }
    state.write(&Key::Strays, Strays(others));
    Ok(())
}

/// The status of the conversation that survives is not known until it is read.
pub(super) fn merged<B: Backing>(state: &mut State<B>, merged: &ConversationMerged) -> Folded<B> {
    for id in parties_of(state, &merged.from)? {
        change_thread(state, &id, &merged.from, |state, thread| link(state, &id, thread, &merged.into))?;
    }
    Ok(Vec::new())
}
