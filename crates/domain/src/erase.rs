//! A person's right to be erased: what is the person's, and what the state is without it.
//!
//! **Invariant:** the fold of an erasure gives one state, whether the erased records were folded before or are gone. So its
//! record brings every piece in which the two would differ, also those of others: a record of decisions may be about several
//! parties, and a party may have its conversation or its number from another. While records are being erased, some are gone and
//! others are not; so it also brings what counts or lists over all parties.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::Fact;
use crate::ids::{CallId, ContactId, ConversationId, EffectKey, PartyId, PhoneNumber};
use crate::limits::{ERASURE_BYTES_MAX, ERASURE_SEQUENCES_MAX};
use crate::party::{Number, Party, PartyEntry};
use crate::record::PartyErased;
use crate::state::{Erased, Key, Memory, PARTY_PREFIX, Piece, State, StateError};
use crate::time::Timestamp;
use crate::timer::Timer;

/// Pieces that count or list over all parties of an account. These, and the parties that share a conversation with the person, may
/// be with some of the person's records as they are neither with all of them nor with none.
const OVER_ALL: [Key; 2] = [Key::Account, Key::Strays];

type Result<T> = std::result::Result<T, StateError<std::convert::Infallible>>;

/// Everything that is one person's, as far as a state knows. Its `Debug` shows no number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The person's party, and those that have joined it.
    pub parties: BTreeSet<PartyId>,
    pub calls: BTreeSet<CallId>,
    pub conversations: BTreeSet<ConversationId>,
    pub contacts: BTreeSet<ContactId>,
    pub numbers: BTreeSet<PhoneNumber>,
}

/// What of a person is not over yet. Nobody is erased before it is: a writer may be at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// Calls that have not ended, or wait for a decision.
    pub calls: usize,
    /// Decided effects that are not settled in Front.
    pub effects: usize,
    /// Parties that are about to become one.
    pub joins: usize,
}

impl UnderWay {
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Person {
    /// The person whose party is `root`, which has not been joined into another.
    pub fn of(state: &State<Memory>, root: &PartyId) -> Result<Self> {
        let mut person = Self::default();
        let pieces = &state.backing().0;
        for key in pieces.keys().filter_map(|key| key.strip_prefix(PARTY_PREFIX)) {
            let id = PartyId::new(key);
            if state.party(&id)?.is_some_and(|(leads_to, _)| leads_to == *root) {
                person.parties.insert(id);
            }
        }
        for (key, piece) in pieces {
            person.take(key, piece);
        }
        // Calls that have not settled are known by their number alone.
        for (key, piece) in pieces {
            if let (Piece::Call(call), Some(id)) = (&**piece, call_in(key))
                && call.settled.is_none()
                && call.told.number().is_some_and(|number| person.numbers.contains(number))
            {
                person.calls.insert(id);
            }
        }
        Ok(person)
    }

    fn take(&mut self, key: &str, piece: &Piece) {
        let name = key.split_once('/').map_or("", |(_, name)| name);
        match piece {
            Piece::Party(PartyEntry::Party(party)) if self.parties.contains(&PartyId::new(name)) => {
                self.contacts.extend(party.contact.clone());
                let thread = party.thread.iter();
                self.conversations.extend(
                    thread.flat_map(|thread| thread.conversation.iter().chain(&thread.left)).cloned(),
                );
            }
            Piece::Call(call) => {
                let is_own = call.settled.as_ref().is_some_and(|call| self.parties.contains(&call.party));
                if let Some(id) = call_in(key).filter(|_| is_own) {
                    self.calls.insert(id);
                    self.numbers.extend(call.told.number().cloned());
                }
            }
            Piece::Conversation(parties) if !parties.is_disjoint(&self.parties) => {
                self.conversations.insert(ConversationId::new(name));
            }
            Piece::Contact(party) if self.parties.contains(party) => {
                self.contacts.insert(ContactId::new(name));
            }
            Piece::Party(_)
            | Piece::Conversation(_)
            | Piece::Contact(_)
            | Piece::Number(_)
            | Piece::Account(_)
            | Piece::Policy(_)
            | Piece::Strays(_)
            | Piece::Timer(_)
            | Piece::Erased(_) => {}
        }
    }

    /// Takes in what an earlier erasure of the same person named: more may have come of it since.
    pub fn was(&mut self, erased: &PartyErased) {
        self.calls.extend(&erased.calls);
        self.conversations.extend(erased.conversations.iter().cloned());
        self.contacts.extend(erased.contacts.iter().cloned());
    }

    /// What is not over yet.
    pub fn under_way(&self, state: &State<Memory>) -> Result<UnderWay> {
        let mut under_way = UnderWay::default();
        for id in &self.parties {
            let Some(party) = state.party_itself(id)? else { continue };
            under_way.calls += party.queue.len();
            under_way.effects += party.pending_effects();
            under_way.joins += party.awaits.len() + usize::from(party.joining.is_some());
        }
        for id in &self.calls {
            let runs = state.call(*id)?.is_some_and(|call| call.settled.is_none());
            under_way.calls += usize::from(runs);
        }
        Ok(under_way)
    }

    /// True for a fact of this person.
    #[must_use]
    pub fn owns(&self, fact: &Fact) -> bool {
        match fact {
            Fact::CallSnapshot(told) => {
                let has_number = told.number.as_ref().is_some_and(|number| self.numbers.contains(number));
                self.calls.contains(&told.call) || has_number
            }
            Fact::ConversationChanged(changed) => {
                let with = changed.contact.as_ref();
                self.conversations.contains(&changed.conversation)
                    || with.is_some_and(|contact| self.contacts.contains(contact))
            }
            Fact::ConversationMerged(merged) => {
                [&merged.from, &merged.into].into_iter().any(|id| self.conversations.contains(id))
            }
            Fact::EffectsDecided(decided) => decided.decisions.iter().any(|decision| {
                self.parties.contains(&decision.party) || self.calls.contains(&decision.call)
            }),
            Fact::EffectSettled(settled) => {
                self.parties.contains(&settled.party) || self.calls.contains(&settled.key.call)
            }
            Fact::TimerElapsed(Timer::CallEnd { call } | Timer::MediaLink { call }) => {
                self.calls.contains(call)
            }
            Fact::TimerElapsed(Timer::WorkItem { party, .. }) => self.parties.contains(party),
            Fact::PartyErased(erased) => self.is_in(erased),
            Fact::CallsReconsidered(again) => !again.calls.is_disjoint(&self.calls),
            Fact::EffectsRetried(again) => self.is_about(again.effects.keys()),
            Fact::EffectsDropped(dropped) => self.is_about(dropped.effects.keys()),
            Fact::AccountCreated(_) | Fact::PolicyChanged(_) | Fact::Later(_) | Fact::Other => false,
        }
    }

    fn is_about<'a>(&self, mut effects: impl Iterator<Item = &'a EffectKey>) -> bool {
        effects.any(|key| self.calls.contains(&key.call))
    }

    /// True for a text with a number of this person in it.
    #[must_use]
    pub fn is_named_in(&self, text: &str) -> bool {
        let long = self.numbers.iter().filter(|number| number.is_e164());
        long.map(|number| number.as_str().trim_start_matches('+')).any(|digits| text.contains(digits))
    }

    /// The erasure of another person may hold pieces of this one.
    fn is_in(&self, erased: &PartyErased) -> bool {
        let is_of_other = erased.parties.is_disjoint(&self.parties);
        let kept = erased.pieces.iter().filter(|(_, piece)| piece.is_some());
        kept.map(|(key, _)| key).any(|key| {
            let is_call =
                call_in(key).is_some_and(|call| key.starts_with("call/") && self.calls.contains(&call));
            let party = key.strip_prefix(PARTY_PREFIX).map(PartyId::new);
            is_call || (is_of_other && party.is_some_and(|party| self.parties.contains(&party)))
        })
    }

    /// The state without the person. The party stays as a shell with its counters, so that neither its fence nor the outbox takes
    /// what is decided for a later call of the same number for something that was done; each call stays as a mark.
    pub fn without(&self, state: &State<Memory>, root: &PartyId, at: Timestamp) -> Result<State<Memory>> {
        let mut without = State::new(state.backing().clone());
        for (key, piece) in &state.backing().0 {
            if let Some(replaced) = self.replaced(root, key, piece) {
                without.put(key, replaced);
            }
        }
        for call in &self.calls {
            let timer = state.call(*call)?.and_then(|call| call.timer);
            timer.iter().for_each(|(due, _)| without.remove(&Key::Timer(*due, *call)));
            without.write(&Key::Erased(*call), Erased { at });
        }
        without.commit();
        Ok(without)
    }

    /// What becomes of a piece: nothing when it stays, else what is there instead.
    fn replaced(&self, root: &PartyId, key: &str, piece: &Piece) -> Option<Option<Piece>> {
        let name = key.split_once('/').map_or("", |(_, name)| name);
        match piece {
            Piece::Party(entry) if self.parties.contains(&PartyId::new(name)) => Some(match entry {
                PartyEntry::Party(party) if name == root.as_str() => Some(shell(party).into()),
                PartyEntry::Party(_) | PartyEntry::JoinedInto(_) => None,
            }),
            Piece::Call(_) => call_in(key).filter(|call| self.calls.contains(call)).map(|_| None),
            Piece::Conversation(parties) if !parties.is_disjoint(&self.parties) => {
                let others: BTreeSet<_> = parties.difference(&self.parties).cloned().collect();
                Some((!others.is_empty()).then(|| others.into()))
            }
            Piece::Contact(party) if self.parties.contains(party) => Some(None),
            Piece::Number(number) if self.parties.contains(&number.party) => {
                // A number that has left another party must not lead back to it.
                let is_first = self.parties.contains(&PartyId::new(name));
                let forgotten =
                    Number { party: root.clone(), looked_up_at: Timestamp::from_millis(0), sequence: 0 };
                Some((!is_first).then(|| forgotten.into()))
            }
            Piece::Strays(strays) => Some(strays.clone().without(&self.conversations).map(Piece::from)),
            Piece::Party(_)
            | Piece::Conversation(_)
            | Piece::Contact(_)
            | Piece::Number(_)
            | Piece::Account(_)
            | Piece::Policy(_)
            | Piece::Timer(_)
            | Piece::Erased(_) => None,
        }
    }

    /// The records of the erasure, to be appended next to each other right after `through`. `live` has folded everything up to
    /// there, `gapped` everything but the erased records.
    pub fn erasure(
        &self,
        through: u64,
        records: &[u64],
        live: &State<Memory>,
        gapped: &State<Memory>,
        without: &State<Memory>,
    ) -> Vec<PartyErased> {
        let mut parts = vec![self.part(through, 1)];
        let mut room = ERASURE_BYTES_MAX;
        let differing = differing(live, gapped, without);
        let over_all = OVER_ALL.iter().map(ToString::to_string).chain(self.met_in(live));
        let keys: BTreeSet<String> = differing.chain(over_all.filter(|_| !records.is_empty())).collect();
        for key in keys {
            let piece = without.backing().0.get(&key).map(|piece| &**piece);
            let bytes = piece.as_ref().map_or(0, |piece| piece.encode().len()) + key.len();
            if bytes > room {
                parts.push(self.part(through, parts.len() as u64 + 1));
                room = ERASURE_BYTES_MAX;
            }
            room = room.saturating_sub(bytes);
            let value = piece.map(|piece| piece.to_value());
            parts
                .last_mut()
                .into_iter()
                .for_each(|part| drop(part.pieces.insert(key.clone(), value.clone())));
        }
        for (place, records) in records.chunks(ERASURE_SEQUENCES_MAX).enumerate() {
            if place == parts.len() {
                parts.push(self.part(through, parts.len() as u64 + 1));
            }
            parts[place].records.extend(records);
        }
        parts
    }

    /// The keys of the parties that the person shares a conversation with.
    fn met_in<'s>(&'s self, live: &'s State<Memory>) -> impl Iterator<Item = String> + use<'s> {
        live.backing().0.iter().filter_map(|(key, piece)| {
            let thread = piece.party()?.thread.as_ref()?;
            let mut conversations = thread.conversation.iter().chain(&thread.left);
            conversations.any(|id| self.conversations.contains(id)).then(|| key.clone())
        })
    }

    fn part(&self, through: u64, part: u64) -> PartyErased {
        PartyErased {
            through,
            part,
            parties: self.parties.clone(),
            calls: self.calls.clone(),
            conversations: self.conversations.clone(),
            contacts: self.contacts.clone(),
            records: Vec::new(),
            pieces: BTreeMap::new(),
        }
    }
}

fn call_in(key: &str) -> Option<CallId> {
    key.strip_prefix("call/")?.parse().ok().map(CallId)
}

/// A later call of the number begins a new life under the same name.
fn shell(party: &Party) -> PartyEntry {
    let Party { since, step, ordinal, item, decided_through, .. } = *party;
    PartyEntry::Party(Box::new(Party { since, step, ordinal, item, decided_through, ..Party::default() }))
}

/// The keys of the pieces that are not in both states as they are in `wanted`.
fn differing<'s>(
    live: &'s State<Memory>,
    gapped: &'s State<Memory>,
    wanted: &'s State<Memory>,
) -> impl Iterator<Item = String> + use<'s> {
    let [live, gapped, wanted] = [live, gapped, wanted].map(|state| &state.backing().0);
    let keys: BTreeSet<_> = live.keys().chain(gapped.keys()).chain(wanted.keys()).collect();
    let differs = move |key: &&String| {
        let is = wanted.get(*key);
        live.get(*key) != is || gapped.get(*key) != is
    };
    keys.into_iter().filter(differs).cloned()
}
