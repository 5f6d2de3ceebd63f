//! The fold: one fact after the other into the state, and what that means for the outbox.
//!
//! **Invariants:** a fact folded twice changes nothing the second time. Webhooks of one call give the same state in
//! any order. Ordinals and work items depend on the log's order alone, never on where commits fall.

mod contacts;
mod conversations;
mod decisions;
mod effects;
mod erasure;
mod reconsidered;
mod retried;

use std::time::Duration;

use crate::call::{Call, Settled};
use crate::effect::WorkItem;
use crate::fact::{CallEvent, CallSnapshot, Fact, Later, Read};
use crate::hash;
use crate::ids::{CallId, ConversationId, PartyId, PhoneNumber};
use crate::limits::{ENDED_WAIT_DEFAULT, SILENT_CALL_DEFAULT, VOICEMAIL_WAIT_DEFAULT};
use crate::parts;
use crate::party::{Number, Party};
use crate::policy::{Policy, Timing};
use crate::record::{AccountCreated, PartyKey};
use crate::rule::{self, Rule};
use crate::state::{Account, Backing, Key, LaterRecords, Piece, State, StateError, Stored as _};
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
        Fact::PolicyChanged(policy) => {
            state.write(&Key::Policy, policy.clone());
            Ok(Vec::new())
        }
        Fact::CallSnapshot(snapshot) => call_told(state, place, snapshot),
        Fact::ConversationChanged(changed) => conversations::changed(state, place, changed),
        Fact::ConversationMerged(merged) => conversations::merged(state, merged),
        Fact::EffectsDecided(decided) => decisions::decided(state, place, decided),
        Fact::EffectSettled(settled) => effects::settled(state, place, settled),
        Fact::TimerElapsed(Timer::CallEnd { call }) => call_end_awaited(state, place, *call),
        Fact::TimerElapsed(Timer::MediaLink { call }) => link_awaited(state, place, *call),
        Fact::TimerElapsed(Timer::WorkItem { party, item, publication }) => {
            effects::republished(state, party, *item, *publication)
        }
        Fact::PartyErased(erased) => erasure::erased(state, place, erased),
        Fact::CallsReconsidered(again) => reconsidered::reconsidered(state, place, again),
        Fact::EffectsRetried(again) => retried::retried(state, place, again),
        Fact::EffectsDropped(dropped) => retried::dropped(state, dropped),
        Fact::Later(later) => later_kept(state, place, *later),
        Fact::Other => Ok(Vec::new()),
    }
}

/// The first key counts: a second one would give every party another name.
fn account_created<B: Backing>(state: &mut State<B>, created: &AccountCreated) -> Folded<B> {
    let mut account = state.account()?;
    if account.party_key.is_none() {
        account.party_key = Some(created.party_key.clone());
        state.write(&Key::Account, account);
    }
    Ok(Vec::new())
}

/// Which calls and parties it is about is not known here; so it is noted for all of the account.
fn later_kept<B: Backing>(state: &mut State<B>, place: Place, Later { needs }: Later) -> Folded<B> {
    let mut account = state.account()?;
    let known = account.later.unwrap_or(LaterRecords { count: 0, last: 0, needs });
    if place.sequence > known.last {
        let (count, needs) = (known.count + 1, known.needs.max(needs));
        account.later = Some(LaterRecords { count, last: place.sequence, needs });
        state.write(&Key::Account, account);
    }
    Ok(Vec::new())
}

fn call_told<B: Backing>(state: &mut State<B>, place: Place, snapshot: &CallSnapshot) -> Folded<B> {
    let is_update = snapshot.read.is_some_and(|read| read.update);
    let mut call = match state.call(snapshot.call)? {
        Some(call) => call,
        None if is_update || erasure::is_erased(state, snapshot.call)? => return Ok(Vec::new()),
        None => Call::new(snapshot.received_at),
    };
    call.tell(snapshot, place.sequence);
    match snapshot.event {
        CallEvent::Ended => settle(state, place, snapshot.call, call, snapshot.read),
        CallEvent::HungUp | CallEvent::Other => keep(state, place, snapshot.call, call),
    }
}

fn call_end_awaited<B: Backing>(state: &mut State<B>, place: Place, id: CallId) -> Folded<B> {
    let Some(call) = state.call(id)? else { return Ok(Vec::new()) };
    settle(state, place, id, call, None)
}

/// From now on the call shows what can be listened to without a link.
fn link_awaited<B: Backing>(state: &mut State<B>, place: Place, id: CallId) -> Folded<B> {
    let Some(mut call) = state.call(id)? else { return Ok(Vec::new()) };
    if !call.media_overdue {
        (call.media_overdue, call.told_at) = (true, place.sequence);
    }
    keep(state, place, id, call)
}

/// Stores the call with its timer. One that has its verdict joins the queue again when more is to be shown of it.
fn keep<B: Backing>(state: &mut State<B>, place: Place, id: CallId, mut call: Call) -> Folded<B> {
    set_timer(state, id, &mut call)?;
    let policy = state.piece(&Key::Policy)?;
    let policy = policy.as_deref().and_then(Policy::of);
    let has_more = |policy| parts::has_more(id, &call, policy, call.retyped_at == place.sequence);
    let queued = call.settled.as_ref().filter(|_| policy.is_some_and(has_more));
    let party = queued.map(|settled| state.party(&settled.party)).transpose()?.flatten();
    state.write(&Key::Call(id), call);
    let Some((party_id, mut party)) = party else { return Ok(Vec::new()) };
    // It moves to the end where it waits already: a release that would not have shown what it waits for has it there.
    party.enqueue(id, place.sequence);
    state.put_party(&party_id, party);
    Ok(vec![Output::Touched(party_id)])
}

/// A call settles exactly once, and joins its party's queue then.
fn settle<B: Backing>(
    state: &mut State<B>,
    place: Place,
    id: CallId,
    mut call: Call,
    read: Option<Read>,
) -> Folded<B> {
    if call.settled.is_some() {
        return keep(state, place, id, call);
    }
    // Before the account's first record no party has a name; the call settles at its timer then.
    let Some(named) = name_of_party(state, id, call.told.number())? else {
        return keep(state, place, id, call);
    };
    let (party_id, mut party) = match state.party(&named)? {
        Some(known) => known,
        None => (named, Party { since: place.sequence, ..Party::default() }),
    };
    party.enqueue(id, place.sequence);
    call.settled = Some(settled(place, &party_id, &call, read));
    state.put_party(&party_id, party);
    keep(state, place, id, call)?;
    Ok(vec![Output::Touched(party_id)])
}

/// A call that was read settles at its end, however late that was.
fn settled(place: Place, party: &PartyId, call: &Call, read: Option<Read>) -> Settled {
    let ended = read.and_then(|_| call.told.ended_at().or(call.told.started_at()));
    Settled {
        party: party.clone(),
        at: ended.map_or(place.received_at, |ended| ended.min(place.received_at)),
        sequence: place.sequence,
        by_time: ended.is_some(),
        history: read.is_some_and(|read| read.history) && rule::holds(Rule::HistoryDoesNotDisturb),
        reconsidered: false,
    }
}

/// Callers without a number are never taken for one another: each such call is a party of its own.
fn name_of_party<B: Backing>(
    state: &State<B>,
    call: CallId,
    number: Option<&PhoneNumber>,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    let account = state.piece(&Key::Account)?;
    let Some(key) = party_key(account.as_deref()) else { return Ok(None) };
    Ok(Some(match number {
        Some(number) => {
            let hash = hash::keyed(key, number.as_str());
            let known: Option<Number> = state.read(&Key::Number(&hash))?;
            known.filter(|_| rule::holds(Rule::MovedNumberLeavesItsParty)).map_or(hash, |number| number.party)
        }
        None if rule::holds(Rule::CallersWithoutANumberAreKeptApart) => {
            hash::keyed(key, &format!("call {call}"))
        }
        None => hash::keyed(key, ""),
    }))
}

fn party_key(account: Option<&Piece>) -> Option<&PartyKey> {
    account.and_then(Account::of)?.party_key.as_ref()
}

/// The id of the party that a number belongs to, following joins; `None` for a number without a settled call.
pub fn party_of_number<B: Backing>(
    state: &State<B>,
    number: &PhoneNumber,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    let Some(named) = name_of_party(state, CallId(0), Some(number))? else { return Ok(None) };
    Ok(state.party(&named)?.map(|(id, _)| id))
}

/// The id of the party whose calls are in a conversation, or were.
pub fn party_of_conversation<B: Backing>(
    state: &State<B>,
    conversation: &ConversationId,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    let parties = conversations::parties_of(state, conversation)?;
    let Some(party) = parties.first() else { return Ok(None) };
    Ok(state.party(party)?.map(|(id, _)| id))
}

/// A call has one timer: for its end, shorter once it is known to be over; then for the links that it waits for.
fn set_timer<B: Backing>(
    state: &mut State<B>,
    id: CallId,
    call: &mut Call,
) -> Result<(), StateError<B::Error>> {
    let policy = state.piece(&Key::Policy)?;
    let timing = policy.as_deref().and_then(Policy::of).map(|policy| &policy.timing);
    let wait = |of: fn(&Timing) -> Duration, default| timing.map_or(default, of);
    let timer = match &call.settled {
        None => {
            let silent = call.first_received_at.plus(wait(Timing::silent_call, SILENT_CALL_DEFAULT));
            let ended = wait(Timing::ended_wait, ENDED_WAIT_DEFAULT);
            let due = call.over_received_at.map_or(silent, |at| at.plus(ended).min(silent));
            Some((due, Timer::CallEnd { call: id }))
        }
        Some(settled) if call.waits_for_link() => {
            let over = call.over_received_at.unwrap_or(settled.at);
            let due = over.plus(wait(Timing::voicemail_wait, VOICEMAIL_WAIT_DEFAULT));
            Some((due, Timer::MediaLink { call: id }))
        }
        Some(_) => None,
    };
    if timer == call.timer {
        return Ok(());
    }
    if let Some((due, _)) = &call.timer {
        state.remove(&Key::Timer(*due, id));
    }
    if let Some((due, timer)) = &timer {
        state.write(&Key::Timer(*due, id), timer.clone());
    }
    call.timer = timer;
    Ok(())
}
