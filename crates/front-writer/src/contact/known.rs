//! A number that is looked up again and has another contact than before.
//!
//! Where the contact from before is gone, it was merged into the other one, or deleted: its conversation belongs to the other
//! one now. Where it is still there, a person gave the number away.

use calltrail_domain::effect::LookUpContact;
use calltrail_domain::ids::ContactId;
use calltrail_domain::time::Timestamp;
use calltrail_front::{Contact, HandleSource, Refusal, Request};

use super::NOT_FOUND;
use crate::command::Command;
use crate::machine::{Machine, Purpose};

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct Known {
    is_read: bool,
    /// The contact from before, which is gone.
    pub(super) replaced: Option<ContactId>,
    /// The handle that imports use was taken from it, or could not be.
    is_freed: bool,
}

impl Machine {
    /// The request that tells whether the contact from before is gone; `None` where that is known, or no matter.
    pub(super) fn known_to_be_read(&self, wanted: &LookUpContact, found: &Contact) -> Option<Request> {
        let known = wanted.known.as_ref().filter(|known| **known != found.id)?;
        (!self.scratch.contact.known.is_read).then(|| Request::GetContactById(known.clone()))
    }

    /// Some aliases lead from a merged contact to the one that is left.
    pub(crate) fn known_contact_read(&mut self, now: Timestamp, index: usize, contact: &Contact) -> Command {
        let known = self.look_up_of(index).and_then(|wanted| wanted.known.clone());
        let steps = &mut self.scratch.contact.known;
        steps.replaced = known.filter(|known| *known != contact.id);
        steps.is_read = true;
        self.advance(now)
    }

    pub(crate) fn known_contact_refused(
        &mut self,
        now: Timestamp,
        index: usize,
        refusal: &Refusal,
    ) -> Command {
        let known = self.look_up_of(index).and_then(|wanted| wanted.known.clone());
        let steps = &mut self.scratch.contact.known;
        steps.replaced = known.filter(|_| refusal.status == NOT_FOUND);
        steps.is_read = true;
        self.advance(now)
    }

    /// People move a phone number and do not see the handle that imports use, which stays behind: it follows the number.
    pub(crate) fn handle_refused(
        &mut self,
        now: Timestamp,
        index: usize,
        request: &Request,
        refusal: &Refusal,
    ) -> Command {
        let known = self.look_up_of(index).and_then(|wanted| wanted.known.clone());
        let is_freed = std::mem::replace(&mut self.scratch.contact.known.is_freed, true);
        match (request, known) {
            (Request::AddContactHandle { source: HandleSource::Custom, handle, .. }, Some(known))
                if !is_freed && refusal.contacts.contains(&known) =>
            {
                let (source, handle) = (HandleSource::Custom, handle.clone());
                self.rest(index);
                let request = Request::RemoveContactHandle { contact: known, source, handle };
                self.ask(now, index, Purpose::FreeHandle, request)
            }
            _ => self.handle_tried(now, index, request),
        }
    }

    /// Done or refused: the handle is given once more.
    pub(crate) fn handle_freed(&mut self, now: Timestamp, index: usize) -> Command {
        self.rest(index);
        self.advance(now)
    }
}
