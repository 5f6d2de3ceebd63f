//! Contacts: looking up, creating, giving handles, merging.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Front;
use super::company::Contact;
use super::options::Handle;
use super::wire::{Answered, Reply, Target, parse};

#[derive(Debug, Deserialize)]
struct NewContact {
    name: Option<String>,
    handles: Vec<Handle>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    contact_ids: Vec<String>,
    target_contact_id: Option<String>,
}

/// The sources that Front knows.
const SOURCES: [&str; 7] = ["twitter", "email", "phone", "facebook", "intercom", "front_chat", "custom"];

impl Front {
    pub(super) fn contact(&self, reference: &str) -> Answered {
        let contact = self.company.contact_or_alias(reference)?;
        Ok(Reply::json(200, &self.show_contact(contact)))
    }

    pub(super) fn create_contact(&mut self, body: &[u8]) -> Answered {
        let new: NewContact = parse(body)?;
        if new.handles.is_empty() {
            return Err(Reply::bad_request("handles is empty"));
        }
        let handles = new.handles.into_iter().map(checked_handle).collect::<Result<Vec<_>, _>>()?;
        self.refuse_taken(&handles, None)?;
        let id = self.ids.next("crd");
        self.company.add_contact(&id, new.name, handles);
        let contact = self.company.contact_or_alias(&id)?;
        Ok(Reply::json(201, &self.show_contact(contact)))
    }

    pub(super) fn add_handle(&mut self, reference: &str, body: &[u8]) -> Answered {
        let handle = checked_handle(parse(body)?)?;
        let id = self.company.contact_or_alias(reference)?.id.clone();
        self.refuse_taken(std::slice::from_ref(&handle), Some(&id))?;
        if self.company.handles.insert(handle.clone(), id.clone()).is_none()
            && let Some(contact) = self.company.contacts.get_mut(&id)
        {
            contact.handles.push(handle);
        }
        Ok(Reply::empty(204))
    }

    /// The last handle stays: without it the contact could not be reached.
    pub(super) fn remove_handle(&mut self, reference: &str, body: &[u8]) -> Answered {
        let handle = checked_handle(parse(body)?)?;
        let id = self.company.contact_or_alias(reference)?.id.clone();
        let Some(contact) = self.company.contacts.get_mut(&id).filter(|row| row.handles.contains(&handle))
        else {
            return Err(Reply::bad_request("the contact has no such handle"));
        };
        if contact.handles.len() == 1 {
            return Err(Reply::bad_request("the last handle cannot be removed"));
        }
        contact.handles.retain(|known| *known != handle);
        self.company.handles.remove(&handle);
        Ok(Reply::empty(204))
    }

    pub(super) fn merge_contacts(&mut self, body: &[u8]) -> Answered {
        let merge: Merge = parse(body)?;
        let mut ids = merge.contact_ids;
        let survivor = merge.target_contact_id.or_else(|| ids.first().cloned()).unwrap_or_default();
        ids.retain(|id| *id != survivor);
        if ids.is_empty() {
            return Err(Reply::bad_request("contact_ids names fewer than two contacts"));
        }
        for id in ids.iter().chain([&survivor]) {
            self.company.contact_or_alias(id)?;
        }
        for id in &ids {
            self.merge_contact(id, &survivor);
        }
        self.contact(&survivor).map(|reply| Reply { status: 200, ..reply })
    }

    pub(super) fn contact_conversations(&self, reference: &str, target: &Target) -> Answered {
        let contact = &self.company.contact_or_alias(reference)?.id;
        let rows = self.company.conversations.iter();
        let own = rows.filter(|row| row.contact == *contact && self.company.has_conversation(&row.id));
        let survivors: BTreeSet<&str> = own.map(|row| self.company.survivor(&row.id)).collect();
        let mut ids: Vec<&str> = survivors.into_iter().collect();
        let updated = |id: &str| self.company.conversations.get(id).map(|row| row.updated_at_ms);
        ids.sort_by_key(|id| std::cmp::Reverse(updated(id)));
        let path = format!("/contacts/{contact}/conversations");
        let (page, next) = self.page(&path, target, &ids)?;
        let shown = page.iter().filter_map(|id| self.company.conversations.get(id));
        Ok(self.paged_reply(&path, next, shown.map(|row| self.show_conversation(row)).collect()))
    }

    /// The contact that a message's outside handle belongs to, made if there is none.
    pub(super) fn contact_of_handle(&mut self, handle: Handle, name: Option<String>) -> String {
        if let Some(id) = self.company.handles.get(&handle) {
            return id.clone();
        }
        let id = self.ids.next("crd");
        self.company.add_contact(&id, name, vec![handle]);
        id
    }

    pub(super) fn merge_contact(&mut self, id: &str, survivor: &str) {
        let Some(Contact { handles, merged_into, .. }) = self.company.contacts.get_mut(id) else { return };
        *merged_into = Some(survivor.to_owned());
        let handles = std::mem::take(handles);
        for handle in &handles {
            self.company.handles.insert(handle.clone(), survivor.to_owned());
        }
        if let Some(contact) = self.company.contacts.get_mut(survivor) {
            contact.handles.extend(handles);
        }
        let theirs: Vec<String> = self
            .company
            .conversations
            .iter()
            .filter(|row| row.contact == id)
            .map(|row| row.id.clone())
            .collect();
        for conversation in theirs {
            if let Some(row) = self.company.conversations.get_mut(&conversation) {
                survivor.clone_into(&mut row.contact);
                row.recipient.contact = Some(survivor.to_owned());
            }
        }
    }

    fn refuse_taken(&self, handles: &[Handle], own: Option<&str>) -> Result<(), Reply> {
        let mut owners: Vec<&str> = handles
            .iter()
            .filter_map(|handle| self.company.handles.get(handle))
            .map(String::as_str)
            .filter(|owner| Some(*owner) != own)
            .collect();
        owners.dedup();
        if owners.is_empty() {
            return Ok(());
        }
        let named = owners.join(", ");
        Err(Reply::conflict(format!("Your request contains a conflict with the contact(s): {named}")))
    }
}

fn checked_handle(handle: Handle) -> Result<Handle, Reply> {
    if !SOURCES.contains(&handle.source.as_str()) || handle.handle.is_empty() {
        return Err(Reply::bad_request(format!("handle of unknown source `{}`", handle.source)));
    }
    Ok(normalised(handle))
}

/// A phone number without a plus sign is taken as one of the USA, as Front documents.
pub(super) fn normalised(handle: Handle) -> Handle {
    if handle.source != "phone" {
        return handle;
    }
    let digits: String = handle.handle.chars().filter(char::is_ascii_digit).collect();
    let country = if handle.handle.trim_start().starts_with('+') { "+" } else { "+1" };
    Handle { source: handle.source, handle: format!("{country}{digits}") }
}
