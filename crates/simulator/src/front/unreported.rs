//! What people do in Front that no webhook reports: mass actions, deletions, and changes to contacts and inboxes.

use super::Front;
use super::company::Status;
use super::events::Source;
use super::options::{Handle, Inbox};
use super::people::{Act, ActError};

/// What a mass action does to each conversation of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MassAction {
    Archive,
    Trash,
}

impl Front {
    /// Lets a teammate do this to a conversation among many others. Front's webhooks leave such actions out; whether the
    /// conversation's events do too is not known, so `with_event` says it.
    ///
    /// # Errors
    /// [`ActError`] if there is no such conversation.
    pub fn mass_action(
        &mut self,
        now_ms: i64,
        by: &str,
        id: &str,
        action: MassAction,
        with_event: bool,
    ) -> Result<(), ActError> {
        self.tick(now_ms);
        let id = self.company.survivor(id).to_owned();
        let status = match action {
            MassAction::Archive => Status::Archived,
            MassAction::Trash => Status::Deleted,
        };
        if !with_event {
            let row = self.company.conversation_mut(&id).map_err(|_| ActError::NoConversation)?;
            row.archived_since_subject |= status == Status::Archived;
            (row.status, row.snoozed_until_ms) = (status, None);
            return Ok(());
        }
        let source = Source::Teammate(by.to_owned());
        let done = self.without_webhooks(|front| front.set_status(now_ms, &id, status, &source));
        done.map_err(|_| ActError::NoConversation)
    }

    /// Lets a teammate act as [`Front::act`] does, and loses the webhook of it.
    ///
    /// # Errors
    /// Those of [`Front::act`].
    pub fn act_unheard(&mut self, now_ms: i64, act: &Act) -> Result<String, ActError> {
        self.tick(now_ms);
        self.without_webhooks(|front| front.act(now_ms, act))
    }

    fn without_webhooks<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> T {
        let webhooks = std::mem::replace(&mut self.options.behaviour.webhooks, false);
        let done = change(self);
        self.options.behaviour.webhooks = webhooks;
        done
    }

    /// Deletes a conversation for good; false when there is none.
    pub fn delete_conversation(&mut self, now_ms: i64, id: &str) -> bool {
        self.tick(now_ms);
        let Ok(row) = self.company.conversation_mut(id) else { return false };
        row.status = Status::Deleted;
        row.snoozed_until_ms = None;
        !std::mem::replace(&mut row.is_gone, true)
    }

    /// The inbox of this id disappears, and comes back with [`Front::add_inbox`]; `None` when there is none.
    pub fn drop_inbox(&mut self, id: &str) -> Option<Inbox> {
        self.company.inboxes.remove(id)
    }

    /// An inbox appears.
    pub fn add_inbox(&mut self, inbox: Inbox) {
        let id = inbox.id.clone();
        self.company.inboxes.insert(&id, inbox);
    }

    /// Lets a teammate take the phone number from whoever has it and give it to a new contact, whose id is returned. Handles
    /// that people do not see, of source `custom`, stay.
    pub fn move_number(&mut self, number: &str, name: &str) -> String {
        let handle = Handle::new("phone", number);
        let id = self.ids.next("crd");
        if let Some(owner) = self.company.handles.remove(&handle)
            && let Some(contact) = self.company.contacts.get_mut(&owner)
        {
            contact.handles.retain(|known| *known != handle);
        }
        self.company.add_contact(&id, Some(name.to_owned()), vec![handle]);
        self.show_recipients(number, &id);
        id
    }

    /// Lets a teammate merge the contact that has `handle` into another one, by their numbers.
    pub fn merge_contacts_of(&mut self, number: &str, into: &str) {
        let owner = |number: &str| self.company.handles.get(&Handle::new("phone", number)).cloned();
        if let (Some(from), Some(into)) = (owner(number), owner(into)) {
            self.merge_contact(&from, &into);
        }
    }

    /// Whether a conversation's recipient shows who has its address now is not known.
    fn show_recipients(&mut self, number: &str, contact: &str) {
        if !self.options.behaviour.recipients_follow_handles {
            return;
        }
        let theirs: Vec<String> = self
            .company
            .conversations
            .iter()
            .filter(|row| row.recipient.handle == number)
            .map(|row| row.id.clone())
            .collect();
        for id in theirs {
            if let Some(row) = self.company.conversations.get_mut(&id) {
                row.recipient.contact = Some(contact.to_owned());
            }
        }
    }
}
