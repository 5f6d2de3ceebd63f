//! Finding the contact of a number, or creating it, and giving it the handle that imports use.

use calltrail_domain::effect::{LookUpContact, Outcome};
use calltrail_domain::ids::{ContactId, PhoneNumber};
use calltrail_domain::policy::ImportType;
use calltrail_domain::time::Timestamp;
use calltrail_domain::variant::variants;
use calltrail_front::{Contact, HandleSource, Refusal, Request};

use crate::command::Command;
use crate::fence::State;
use crate::machine::{Machine, Purpose};

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
    /// A conflict named this contact, which has an e-mail of ours but perhaps not the number.
    named: Option<ContactId>,
    /// An e-mail that Front refuses must not cost the contact.
    without_emails: bool,
    handles_tried: Vec<HandleSource>,
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
            emails: if steps.without_emails { Vec::new() } else { wanted.emails.clone() },
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
        let steps = &self.scratch.contact;
        let Some(number) = &wanted.number else {
            let outcome = Outcome::ContactFound { contact: contact.id.clone(), created: steps.created };
            return self.settle(now, index, outcome);
        };
        // Named by a conflict, or known under another spelling: it may lack this one.
        let may_lack = steps.named.is_some() || steps.spellings_absent > 0;
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
        let outcome = Outcome::ContactFound { contact: contact.id.clone(), created: steps.created };
        self.settle(now, index, outcome)
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
        let has_next = match &self.item.effects[index].effect.action {
            calltrail_domain::effect::Action::LookUpContact(wanted) => spelling(wanted, next).is_some(),
            _ => false,
        };
        let steps = &mut self.scratch.contact;
        if has_next && steps.named.is_none() {
            steps.spellings_absent = next;
            return self.advance(now);
        }
        steps.absent = true;
        // Front named a contact that has not the number: it has one of the e-mails.
        steps.found = steps.named.clone().map(|id| Contact { id, handles: Vec::new() });
        self.advance(now)
    }

    pub(crate) fn contact_created(&mut self, now: Timestamp, index: usize, contact: Contact) -> Command {
        let steps = &mut self.scratch.contact;
        (steps.found, steps.created) = (Some(contact), true);
        self.rest(index);
        self.advance(now)
    }

    /// A conflict names the contact that exists; any other refusal may be about an e-mail.
    pub(crate) fn contact_refused(&mut self, now: Timestamp, index: usize, refusal: Refusal) -> Command {
        self.rest(index);
        let had_emails = match &self.item.effects[index].effect.action {
            calltrail_domain::effect::Action::LookUpContact(wanted) => !wanted.emails.is_empty(),
            _ => false,
        };
        let steps = &mut self.scratch.contact;
        if let Some(named) = refusal.contacts.first().filter(|_| steps.named.is_none()) {
            (steps.named, steps.absent, steps.spellings_absent) = (Some(named.clone()), false, 0);
            return self.advance(now);
        }
        if had_emails && !steps.without_emails {
            steps.without_emails = true;
            return self.advance(now);
        }
        self.refused_for_good(now, index, refusal)
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
