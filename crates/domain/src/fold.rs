//! The fold: one fact after the other into the state, and what that means for the outbox.
//!
//! **Invariants:** a fact folded twice changes nothing the second time. Webhooks of one call give the same state in
//! any order. Ordinals and work items depend on the log's order alone, never on where commits fall.

mod conversations;
mod decisions;
mod effects;

use crate::call::{Call, Settled};
use crate::effect::WorkItem;
use crate::fact::{CallEvent, CallSnapshot, Fact};
use crate::hash;
use crate::ids::{CallId, PartyId, PhoneNumber};
use crate::limits::{ENDED_WAIT_DEFAULT, SILENT_CALL_DEFAULT};
use crate::party::Party;
use crate::policy::Timing;
use crate::record::AccountCreated;
use crate::state::{Backing, Key, State, StateError};
use crate::time::Timestamp;
use crate::timer::Timer;

/// What a fold asks of the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Tell the outbox of this item.
    Publish(WorkItem),
    /// Something may be decidable for this party.
    Touched(PartyId),
}

/// Where a fact stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub sequence: u64,
    pub received_at: Timestamp,
}

type Folded<B> = Result<Vec<Output>, StateError<<B as Backing>::Error>>;

/// Folds the fact that stands at `place`.
pub fn fold<B: Backing>(state: &mut State<B>, place: Place, fact: &Fact) -> Folded<B> {
    match fact {
        Fact::AccountCreated(created) => account_created(state, created),
        Fact::PolicyChanged(policy) => state.write(&Key::Policy, policy).map(|()| Vec::new()),
        Fact::CallSnapshot(snapshot) => call_told(state, place, snapshot),
        Fact::ConversationChanged(changed) => conversations::changed(state, changed),
        Fact::ConversationMerged(merged) => conversations::merged(state, merged),
        Fact::EffectsDecided(decided) => decisions::decided(state, place, decided),
        Fact::EffectSettled(settled) => effects::settled(state, place, settled),
        Fact::TimerElapsed(Timer::CallEnd { call }) => call_end_awaited(state, place, *call),
        Fact::TimerElapsed(Timer::WorkItem { party, item, publication }) => {
            effects::republished(state, party, *item, *publication)
        }
        Fact::Other => Ok(Vec::new()),
    }
}

/// The first key counts: a second one would give every party another name.
fn account_created<B: Backing>(state: &mut State<B>, created: &AccountCreated) -> Folded<B> {
    let mut account = state.account()?;
    if account.party_key.is_none() {
        account.party_key = Some(created.party_key.clone());
        state.write(&Key::Account, &account)?;
    }
    Ok(Vec::new())
}

fn call_told<B: Backing>(state: &mut State<B>, place: Place, snapshot: &CallSnapshot) -> Folded<B> {
    let mut call = state.call(snapshot.call)?.unwrap_or_else(|| Call::new(snapshot.received_at));
    call.tell(snapshot);
    let outputs = match snapshot.event {
        CallEvent::Ended => settle(state, place, snapshot.call, &mut call)?,
        CallEvent::HungUp | CallEvent::Other => Vec::new(),
    };
    set_timer(state, snapshot.call, &mut call)?;
    state.write(&Key::Call(snapshot.call), &call)?;
    Ok(outputs)
}

fn call_end_awaited<B: Backing>(state: &mut State<B>, place: Place, id: CallId) -> Folded<B> {
    let Some(mut call) = state.call(id)? else { return Ok(Vec::new()) };
    let outputs = settle(state, place, id, &mut call)?;
    set_timer(state, id, &mut call)?;
    state.write(&Key::Call(id), &call)?;
    Ok(outputs)
}

/// A call settles exactly once, and joins its party's queue then.
fn settle<B: Backing>(state: &mut State<B>, place: Place, id: CallId, call: &mut Call) -> Folded<B> {
    if call.settled.is_some() {
        return Ok(Vec::new());
    }
    // Before the account's first record no party has a name; the call settles at its timer then.
    let Some(named) = name_of_party(state, id, call.told.number())? else { return Ok(Vec::new()) };
    let (party_id, mut party) = match state.party(&named)? {
        Some(known) => known,
        None => (named, Party { since: place.sequence, ..Party::default() }),
    };
    party.queue.push_back(id);
    party.touched = place.sequence;
    call.settled = Some(Settled { party: party_id.clone(), at: place.received_at });
    state.put_party(&party_id, party)?;
    Ok(vec![Output::Touched(party_id)])
}

/// Callers without a number are never taken for one another: each such call is a party of its own.
fn name_of_party<B: Backing>(
    state: &State<B>,
    call: CallId,
    number: Option<&PhoneNumber>,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    let Some(key) = state.account()?.party_key else { return Ok(None) };
    Ok(Some(match number {
        Some(number) => hash::keyed(&key, number.as_str()),
        None => hash::keyed(&key, &format!("call {call}")),
    }))
}

/// The id of the party that a number belongs to, following joins; `None` for a number without a settled call.
pub fn party_of_number<B: Backing>(
    state: &State<B>,
    number: &PhoneNumber,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    let Some(key) = state.account()?.party_key else { return Ok(None) };
    Ok(state.party(&hash::keyed(&key, number.as_str()))?.map(|(id, _)| id))
}

/// An unsettled call has one timer: the wait for its end, shorter once it is known to be over.
fn set_timer<B: Backing>(
    state: &mut State<B>,
    id: CallId,
    call: &mut Call,
) -> Result<(), StateError<B::Error>> {
    let due = match &call.settled {
        Some(_) => None,
        None => {
            let timing = state.policy()?.map(|policy| policy.timing);
            let silent = timing.as_ref().map_or(SILENT_CALL_DEFAULT, Timing::silent_call);
            let ended = timing.as_ref().map_or(ENDED_WAIT_DEFAULT, Timing::ended_wait);
            let silent = call.first_received_at.plus(silent);
            Some(call.over_received_at.map_or(silent, |at| at.plus(ended).min(silent)))
        }
    };
    if due == call.timer_due_at {
        return Ok(());
    }
    if let Some(before) = call.timer_due_at {
        state.remove(&Key::Timer(before, id));
    }
    if let Some(due) = due {
        state.write(&Key::Timer(due, id), &Timer::CallEnd { call: id })?;
    }
    call.timer_due_at = due;
    Ok(())
}
