//! A number that is looked up again and has another contact than before.
//!
//! Where the contact from before is gone, it was merged into the other one, or deleted: its conversation belongs to the other
//! one now. Where it is still there, a person gave the number away.

use calltrail_domain::effect::LookUpContact;
use calltrail_domain::ids::{ContactId, PhoneNumber};
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
    freeing: Freeing,
}

/// How far the handle that imports use was taken from the contact from before.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Freeing {
    #[default]
    NotTried,
    Asked,
    /// It was the last one, so the contact gets another first.
    Replaced,
}

/// The handle of a contact whose only number was given to another one, before its id.
const FORMER_HANDLE: &str = "calltrail-former-";

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
        let freeing = &mut self.scratch.contact.known.freeing;
        match (request, known) {
            (Request::AddContactHandle { source: HandleSource::Custom, handle, .. }, Some(known))
                if *freeing == Freeing::NotTried && refusal.contacts.contains(&known) =>
            {
                *freeing = Freeing::Asked;
                self.free_handle(now, index, known, handle)
            }
            _ => self.handle_tried(now, index, request),
        }
    }

    fn free_handle(
        &mut self,
        now: Timestamp,
        index: usize,
        contact: ContactId,
        handle: &PhoneNumber,
    ) -> Command {
        let (source, handle) = (HandleSource::Custom, handle.clone());
        self.rest(index);
        let request = Request::RemoveContactHandle { contact, source, handle };
        self.ask(now, index, Purpose::FreeHandle, request)
    }

    /// The handle is free, and is given once more; or the contact can do without it now.
    pub(crate) fn handle_freed(&mut self, now: Timestamp, index: usize, request: &Request) -> Command {
        let number = self.look_up_of(index).and_then(|wanted| wanted.number.clone());
        if let (Request::AddContactHandle { contact, .. }, Some(number)) = (request, number) {
            return self.free_handle(now, index, contact.clone(), &number);
        }
        self.rest(index);
        self.advance(now)
    }

    /// Front takes no contact its last handle, and a contact with notes is not to be deleted: it gets another handle first.
    pub(crate) fn handle_kept(&mut self, now: Timestamp, index: usize, request: &Request) -> Command {
        let freeing = &mut self.scratch.contact.known.freeing;
        let Request::RemoveContactHandle { contact, source, .. } = request else {
            return self.give_up_handle(now, index);
        };
        if std::mem::replace(freeing, Freeing::Replaced) != Freeing::Asked {
            return self.give_up_handle(now, index);
        }
        let handle = PhoneNumber::from_code(format!("{FORMER_HANDLE}{contact}"));
        let request = Request::AddContactHandle { contact: contact.clone(), source: *source, handle };
        self.rest(index);
        self.ask(now, index, Purpose::FreeHandle, request)
    }

    fn give_up_handle(&mut self, now: Timestamp, index: usize) -> Command {
        self.scratch.contact.handles_tried.push(HandleSource::Custom);
        self.rest(index);
        self.advance(now)
    }
}
