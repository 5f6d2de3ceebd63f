//! Who calls: numbers, those that are one contact in Front, and calls without a number.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_simulator::front::ConversationEntry;

use super::front::FrontView;
use crate::evidence::AccountEvidence;

/// Somebody whose calls belong together: the contact of a number, or one call without a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// The place of a contact among Front's, after all mergers.
    Contact(usize),
    /// A number that Front does not know, by the first call from it.
    Unknown(u64),
    /// A call whose number was withheld.
    Withheld(u64),
}

/// Everybody of one account.
#[derive(Debug)]
pub(super) struct Callers {
    by_call: BTreeMap<u64, Who>,
    with_number: BTreeSet<usize>,
    /// The place of each contact by its id, where it lives on.
    contacts: BTreeMap<String, usize>,
}

impl Callers {
    pub(super) fn of(account: &AccountEvidence) -> Self {
        let rows = &account.front.contacts;
        let places: BTreeMap<&str, usize> =
            rows.iter().enumerate().map(|(place, row)| (row.id.as_str(), place)).collect();
        let survivor = |mut place: usize| {
            while let Some(next) = rows[place].merged_into.as_deref().and_then(|id| places.get(id)) {
                place = *next;
            }
            place
        };
        let handles: BTreeMap<&str, usize> = rows
            .iter()
            .enumerate()
            .flat_map(|(place, row)| row.handles.iter().map(move |handle| (handle.handle.as_str(), place)))
            .map(|(handle, place)| (handle, survivor(place)))
            .collect();
        let mut unknown: BTreeMap<&str, u64> = BTreeMap::new();
        let mut by_call = BTreeMap::new();
        for call in &account.calls {
            let who = match call.number.as_deref() {
                None => Who::Withheld(call.id),
                Some(number) => handles.get(number).map_or_else(
                    || Who::Unknown(*unknown.entry(number).or_insert(call.id)),
                    |place| Who::Contact(*place),
                ),
            };
            by_call.insert(call.id, who);
        }
        let contacts = places.iter().map(|(id, place)| ((*id).to_owned(), survivor(*place))).collect();
        let number = |who: &Who| match who {
            Who::Contact(contact) => Some(*contact),
            Who::Unknown(_) | Who::Withheld(_) => None,
        };
        let with_number = by_call.values().filter_map(number).collect();
        Self { by_call, with_number, contacts }
    }

    /// Calls from a number of this contact are known.
    pub(super) fn has_number(&self, contact: usize) -> bool {
        self.with_number.contains(&contact)
    }

    pub(super) fn of_call(&self, call: u64) -> Option<&Who> {
        self.by_call.get(&call)
    }

    /// The contacts of a conversation and of those that were merged into it.
    pub(super) fn contacts_of(&self, front: &FrontView<'_>, conversation: &ConversationEntry) -> Vec<usize> {
        let merged = front.merged.get(conversation.id.as_str()).into_iter().flatten().copied();
        [conversation]
            .into_iter()
            .chain(merged)
            .filter_map(|row| self.contacts.get(&row.contact).copied())
            .collect()
    }
}
