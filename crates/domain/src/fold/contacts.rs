//! Contacts found: numbers of one contact are one party, and a number that was given to another contact leaves its party.

use std::collections::VecDeque;

use super::{Folded, Output, Place};
use crate::effect::LookUpContact;
use crate::hash;
use crate::ids::{ContactId, PartyId, PhoneNumber};
use crate::party::{Number, Party, PartyEntry, Waiting};
use crate::rule::{self, Rule};
use crate::state::{Backing, Key, Piece, State, StateError};

/// What a look-up means for the party that asked. Returns another party that may have something to do now.
pub(super) fn found<B: Backing>(
    state: &mut State<B>,
    place: Place,
    (id, party): (&PartyId, &mut Party),
    wanted: &LookUpContact,
    contact: &ContactId,
    replaces: bool,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    let Some(number) = &wanted.number else { return anonymous_found(state, contact).map(|()| None) };
    let is_merged = replaces && rule::holds(Rule::MergedContactKeepsItsConversation);
    let is_other = party.contact.as_ref().is_some_and(|known| known != contact);
    let is_given_away = wanted.known.is_some() && is_other && !is_merged;
    if is_given_away && party_of(state, contact)?.is_none_or(|(owner, _)| owner != *id) {
        return leave(state, place, party, number, contact).map(Some);
    }
    keep_number(state, place, number, id)?;
    become_contact(state, id, party, contact)
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

/// The party that is this contact.
fn party_of<B: Backing>(
    state: &State<B>,
    contact: &ContactId,
) -> Result<Option<(PartyId, Party)>, StateError<B::Error>> {
    let known: Option<PartyId> = state.read(&Key::Contact(contact))?;
    Ok(known.map(|known| state.party(&known)).transpose()?.flatten())
}

fn keep_number<B: Backing>(
    state: &mut State<B>,
    place: Place,
    number: &PhoneNumber,
    party: &PartyId,
) -> Result<(), StateError<B::Error>> {
    let hash = name(state, number.as_str())?;
    let known = Number { party: party.clone(), looked_up_at: place.received_at, sequence: place.sequence };
    state.write(&Key::Number(&hash), known);
    Ok(())
}

/// The number's calls that are not decided on yet go with it into a new party; what was decided stays, with what comes late
/// for it. The new party's name is one that no party had, so that its ordinals begin again, in a fence of its own.
fn leave<B: Backing>(
    state: &mut State<B>,
    place: Place,
    party: &mut Party,
    number: &PhoneNumber,
    contact: &ContactId,
) -> Result<PartyId, StateError<B::Error>> {
    let own = name(state, &format!("{} from {}", number.as_str(), place.sequence))?;
    let mut new = Party { since: place.sequence, touched: place.sequence, ..Party::default() };
    let mut stays = VecDeque::new();
    for waiting in std::mem::take(&mut party.queue) {
        let queue = if goes_with(state, &own, number, waiting)? { &mut new.queue } else { &mut stays };
        queue.push_back(waiting);
    }
    party.queue = stays;
    keep_number(state, place, number, &own)?;
    become_contact(state, &own, &mut new, contact)?;
    state.put_party(&own, new);
    Ok(own)
}

/// The keyed hash of `text`. Every party has one, so that the account has its key.
fn name<B: Backing>(state: &State<B>, text: &str) -> Result<PartyId, StateError<B::Error>> {
    let account = state.piece(&Key::Account)?;
    let key = super::party_key(account.as_deref());
    Ok(key.map_or_else(|| PartyId::new(""), |key| hash::keyed(key, text)))
}

/// Moves the call to its number's new party, if it is the number's and not decided on.
fn goes_with<B: Backing>(
    state: &mut State<B>,
    own: &PartyId,
    number: &PhoneNumber,
    waiting: Waiting,
) -> Result<bool, StateError<B::Error>> {
    let Some(mut call) = state.call(waiting.call)? else { return Ok(false) };
    if call.verdict.is_some() || call.told.number() != Some(number) {
        return Ok(false);
    }
    if let Some(settled) = &mut call.settled {
        settled.party = own.clone();
    }
    state.write(&Key::Call(waiting.call), call);
    Ok(true)
}

/// Two numbers of one Front contact are one party: the older survives, the younger joins it when its effects have drained.
fn become_contact<B: Backing>(
    state: &mut State<B>,
    id: &PartyId,
    party: &mut Party,
    contact: &ContactId,
) -> Result<Option<PartyId>, StateError<B::Error>> {
    party.contact = Some(contact.clone());
    match party_of(state, contact)?.filter(|(other, _)| other != id) {
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

pub(super) fn join_when_drained<B: Backing>(state: &mut State<B>, place: Place, id: &PartyId) -> Folded<B> {
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
