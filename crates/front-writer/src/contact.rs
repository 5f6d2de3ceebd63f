//! Finding the contact of a number, or creating it, and giving it the handle that imports use.

mod conflict;
mod known;

use calltrail_domain::effect::{Action, LookUpContact, Outcome};
use calltrail_domain::ids::PhoneNumber;
use calltrail_domain::policy::ImportType;
use calltrail_domain::time::Timestamp;
use calltrail_domain::variant::variants;
use calltrail_front::{Contact, HandleSource, Refusal, Request};

use crate::command::Command;
use crate::fence::State;
use crate::machine::{Machine, Purpose};
use conflict::Conflict;
use known::Known;

/// Front's answer for something that is not there.
pub(crate) const NOT_FOUND: u16 = 404;

/// How far a look-up is.
#[derive(Debug, Default)]
pub(crate) struct ContactSteps {
    found: Option<Contact>,
    created: bool,
    /// Spellings of the number that nobody has in Front.
    spellings_absent: usize,
    /// Front says that nobody has the number, in any spelling.
    absent: bool,
    conflict: Option<Conflict>,
    /// An e-mail that Front refuses, or that another contact has, must not cost the contact.
    without_emails: bool,
    known: Known,
    handles_tried: Vec<HandleSource>,
}

impl ContactSteps {
    fn outcome(&self, contact: &Contact) -> Outcome {
        let replaces = self.known.replaced.clone();
        Outcome::ContactFound { contact: contact.id.clone(), created: self.created, replaces }
    }
}

impl Machine {
    pub(crate) fn look_up_contact(
        &mut self,
        now: Timestamp,
        index: usize,
        wanted: &LookUpContact,
    ) -> Command {
        let refused = matches!(self.entry(index).map(|entry| &entry.state), Some(State::Refused { .. }));
        // Front takes a handle once, so a repeat is harmless and the deadline alone is waited for.
        let grace = if refused { self.settings.timing.grace } else { std::time::Duration::ZERO };
        if let Some(until) = self.doubt_ends(index, grace) {
            if now < until {
                return self.wait_in_doubt(now, index, until);
            }
            return self.take_over(index);
        }
        let steps = &self.scratch.contact;
        if let Some(contact) = steps.found.clone() {
            return self.complete_contact(now, index, wanted, &contact);
        }
        if let Some(named) = steps.conflict.as_ref().and_then(Conflict::next) {
            return self.ask(now, index, Purpose::NamedContact, Request::GetContactById(named));
        }
        if !steps.absent {
            let request = Request::GetContact(spelling(wanted, steps.spellings_absent));
            return self.ask(now, index, Purpose::FindContact, request);
        }
        if refused {
            return self.refusal_stands(now, index);
        }
        let request = Request::CreateContact {
            name: wanted.name.clone(),
            phone: wanted.number.clone(),
            custom_handle: wanted.import_type == ImportType::Custom,
            emails: steps.emails_of(wanted).to_vec(),
        };
        self.ask(now, index, Purpose::CreateContact, request)
    }

    /// Without the handle that imports are matched by, Front would make a second contact.
    fn complete_contact(
        &mut self,
        now: Timestamp,
        index: usize,
        wanted: &LookUpContact,
        contact: &Contact,
    ) -> Command {
        if let Some(request) = self.known_to_be_read(wanted, contact) {
            return self.ask(now, index, Purpose::KnownContact, request);
        }
        let steps = &self.scratch.contact;
        let Some(number) = &wanted.number else {
            return self.settle(now, index, steps.outcome(contact));
        };
        // Named by a conflict, or known under another spelling: it may lack this one.
        let may_lack = steps.conflict.is_some() || steps.spellings_absent > 0;
        let phone = (may_lack && number.is_e164()).then_some(HandleSource::Phone);
        let custom = (wanted.import_type == ImportType::Custom).then_some(HandleSource::Custom);
        let missing = [phone, custom]
            .into_iter()
            .flatten()
            .find(|source| !steps.handles_tried.contains(source) && !has(contact, *source, number));
        if let (Some(source), false) = (missing, steps.created) {
            let request =
                Request::AddContactHandle { contact: contact.id.clone(), source, handle: number.clone() };
            return self.ask(now, index, Purpose::AddHandle, request);
        }
        self.settle(now, index, steps.outcome(contact))
    }

    pub(crate) fn contact_found(&mut self, now: Timestamp, contact: Contact) -> Command {
        self.scratch.contact.found = Some(contact);
        self.advance(now)
    }

    pub(crate) fn contact_missing(&mut self, now: Timestamp, index: usize, refusal: Refusal) -> Command {
        if refusal.status != NOT_FOUND {
            return self.refused_for_good(now, index, refusal);
        }
        let next = self.scratch.contact.spellings_absent + 1;
        let has_next = self.look_up_of(index).is_some_and(|wanted| spelling(wanted, next).is_some());
        let steps = &mut self.scratch.contact;
        if has_next {
            steps.spellings_absent = next;
        } else {
            steps.absent = true;
        }
        self.advance(now)
    }

    pub(crate) fn contact_created(&mut self, now: Timestamp, index: usize, contact: Contact) -> Command {
        let steps = &mut self.scratch.contact;
        (steps.found, steps.created) = (Some(contact), true);
        self.rest(index);
        self.advance(now)
    }

    fn look_up_of(&self, index: usize) -> Option<&LookUpContact> {
        match &self.item.effects[index].effect.action {
            Action::LookUpContact(wanted) => Some(wanted),
            _ => None,
        }
    }

    /// Done or refused: a contact without this handle still has its calls logged.
    pub(crate) fn handle_tried(&mut self, now: Timestamp, index: usize, request: &Request) -> Command {
        if let Request::AddContactHandle { source, .. } = request {
            self.scratch.contact.handles_tried.push(*source);
        }
        self.rest(index);
        self.advance(now)
    }

    /// Front has answered: no write of this effect is under way.
    pub(crate) fn rest(&mut self, index: usize) {
        let entry = self.entry_mut(index);
        if matches!(entry.state, State::InFlight { .. }) {
            entry.state = State::Planned;
        }
    }
}

/// The number as it was shown, then its other spellings: a person whom Front knows under one of them gets no second contact.
fn spelling(wanted: &LookUpContact, place: usize) -> Option<PhoneNumber> {
    let number = wanted.number.as_ref()?;
    if place == 0 { Some(number.clone()) } else { variants(number).into_iter().nth(place - 1) }
}

fn has(contact: &Contact, source: HandleSource, number: &PhoneNumber) -> bool {
    let word = source.as_str();
    contact.handles.iter().any(|handle| handle.source == word && handle.handle == number.as_str())
}
