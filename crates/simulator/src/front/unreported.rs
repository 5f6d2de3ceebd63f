//! What happens in Front without an event: mass actions, deletions, and the work of whoever sets Front up.
//!
//! Front's help pages say that mass actions and deletions send no webhook; that they are in no list of events is assumed.

use super::Front;
use super::company::Status;
use super::options::{Handle, Inbox};

impl Front {
    /// A mass action archives (`archived`), trashes (`deleted`) or opens (`open`) this conversation; false when there is no
    /// such conversation or status.
    pub fn set_status_unreported(&mut self, id: &str, status: &str) -> bool {
        let status = match status {
            "open" => Status::Open,
            "archived" => Status::Archived,
            "deleted" => Status::Deleted,
            _ => return false,
        };
        let Some(row) = self.company.conversations.get_mut(id) else { return false };
        row.status = status;
        row.snoozed_until_ms = None;
        row.archived_since_subject |= status == Status::Archived;
        true
    }

    /// The conversation is deleted for good, with all that is in it; false when it is not there.
    pub fn delete_unreported(&mut self, id: &str) -> bool {
        let Some(row) = self.company.conversations.remove(id) else { return false };
        for message in &row.messages {
            self.company.messages.remove(message);
        }
        self.company.messages_by_uid.retain(|_, message| !row.messages.contains(message));
        self.company.thread_refs.retain(|_, conversation| conversation != id);
        true
    }

    /// The inbox is deleted: what it was called, if it was there.
    pub fn drop_inbox(&mut self, id: &str) -> Option<Inbox> {
        self.company.inboxes.remove(id)
    }

    /// An inbox is made.
    pub fn add_inbox(&mut self, inbox: Inbox) {
        self.company.inboxes.insert(&inbox.id.clone(), inbox);
    }

    /// A person makes a contact and gives it these handles, whoever had them before: its id.
    pub fn make_contact(&mut self, name: &str, handles: Vec<Handle>) -> String {
        for handle in &handles {
            let owner = self.company.handles.get(handle).cloned();
            if let Some(contact) = owner.and_then(|owner| self.company.contacts.get_mut(&owner)) {
                contact.handles.retain(|one| one != handle);
            }
        }
        let id = self.ids.next("crd");
        self.company.add_contact(&id, Some(name.to_owned()), handles);
        id
    }

    /// A person makes a contact and gives it this number, whatever its source, instead of whoever had it: its id.
    pub fn move_number(&mut self, number: &str, name: &str) -> String {
        let known = self.company.handles.keys().filter(|handle| handle.handle == number);
        let handles = known.cloned().collect();
        self.make_contact(name, handles)
    }
}
