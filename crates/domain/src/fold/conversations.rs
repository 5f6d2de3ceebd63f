//! What people did to conversations in Front.

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
        state.write(&Key::Account, &account)?;
    }
    let Some(named) = state.read::<PartyId>(&Key::Conversation(&changed.conversation))? else {
        keep_stray(state, changed)?;
        return Ok(Vec::new());
    };
    if let Some((id, mut party)) = state.party(&named)? {
        let current =
            party.thread.as_mut().filter(|t| t.conversation.as_ref() == Some(&changed.conversation));
        if let Some(thread) = current {
            let settled = party.outstanding.is_none() && party.backlog.is_empty();
            if settled && changed.change == ConversationChange::Archived {
                // Our reopening is over; an event that tells of it will not come any more.
                thread.reopening = false;
            }
            thread.change(&changed.change, changed.at);
            state.put_party(&id, party)?;
        }
    }
    Ok(Vec::new())
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
    state.write(&Key::Strays, &strays)
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
    state.write(&Key::Conversation(conversation), party)?;
    let strays: Strays = state.read(&Key::Strays)?.unwrap_or_default();
    let (ours, others): (Vec<_>, Vec<_>) =
        strays.0.into_iter().partition(|stray| stray.conversation == *conversation);
    if ours.is_empty() {
        return Ok(());
    }
    for stray in ours {
        thread.change(&stray.change, stray.at);
    }
    state.write(&Key::Strays, &Strays(others))
}

/// The status of the conversation that survives is not known until it is read.
pub(super) fn merged<B: Backing>(state: &mut State<B>, merged: &ConversationMerged) -> Folded<B> {
    let Some(named) = state.read::<PartyId>(&Key::Conversation(&merged.from))? else { return Ok(Vec::new()) };
    let Some((id, mut party)) = state.party(&named)? else { return Ok(Vec::new()) };
    if let Some(thread) = party.thread.as_mut().filter(|t| t.conversation.as_ref() == Some(&merged.from)) {
        link(state, &id, thread, &merged.into)?;
        state.put_party(&id, party)?;
    }
    Ok(Vec::new())
}
