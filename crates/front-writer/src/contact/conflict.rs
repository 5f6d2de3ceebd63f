//! A new contact that Front refuses because of a contact that exists.
//!
//! Front names the contacts that have one of the handles, and does not say which handle it is. One that has the number is the
//! contact; one that has an e-mail alone is another person with the same mailbox.

use calltrail_domain::effect::LookUpContact;
use calltrail_domain::ids::ContactId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_domain::variant::variants;
use calltrail_front::{Contact, HandleSource, Refusal};

use super::{ContactSteps, has};
use crate::command::Command;
use crate::limits::NAMED_CONTACTS_MAX;
use crate::machine::Machine;

/// What a conflict named.
#[derive(Debug)]
pub(super) struct Conflict {
    /// Still to be read, the last one first.
    named: Vec<ContactId>,
    /// The request had e-mails, so the conflict may be about one of them.
    had_emails: bool,
    refusal: Refusal,
}

impl Conflict {
    pub(super) fn next(&self) -> Option<ContactId> {
        self.named.last().cloned()
    }
}

impl ContactSteps {
    /// The e-mails that a new contact is created with.
    pub(super) fn emails_of<'a>(&self, wanted: &'a LookUpContact) -> &'a [String] {
        if self.without_emails { &[] } else { &wanted.emails }
    }
}

impl Machine {
    /// A conflict names the contact that exists; any other refusal may be about an e-mail.
    pub(crate) fn contact_refused(&mut self, now: Timestamp, index: usize, refusal: Refusal) -> Command {
        self.rest(index);
        let steps = &self.scratch.contact;
        let had_emails = self.look_up_of(index).is_some_and(|wanted| !steps.emails_of(wanted).is_empty());
        let steps = &mut self.scratch.contact;
        if !refusal.contacts.is_empty() {
            let mut named = refusal.contacts.clone();
            named.truncate(NAMED_CONTACTS_MAX);
            named.reverse();
            steps.conflict = Some(Conflict { named, had_emails, refusal });
            return self.advance(now);
        }
        if had_emails {
            steps.without_emails = true;
            return self.advance(now);
        }
        self.refused_for_good(now, index, refusal)
    }

    /// Without e-mails only the number can have been in conflict, however Front writes it.
    pub(crate) fn named_contact_read(&mut self, now: Timestamp, index: usize, contact: Contact) -> Command {
        let has_number = self.look_up_of(index).is_some_and(|wanted| has_any_spelling(&contact, wanted));
        let is_taken = self.scratch.contact.conflict.as_ref().is_some_and(|conflict| !conflict.had_emails);
        if has_number || is_taken || !rule::holds(Rule::SharedEmailJoinsNoContacts) {
            self.scratch.contact.found = Some(contact);
            return self.advance(now);
        }
        self.named_contact_passed(now, index)
    }

    /// The contact is gone, or has an e-mail alone. When all are looked at, the e-mails are left out.
    pub(crate) fn named_contact_passed(&mut self, now: Timestamp, index: usize) -> Command {
        let steps = &mut self.scratch.contact;
        let Some(conflict) = &mut steps.conflict else { return self.advance(now) };
        conflict.named.pop();
        if !conflict.named.is_empty() {
            return self.advance(now);
        }
        let (had_emails, refusal) = (conflict.had_emails, conflict.refusal.clone());
        if !had_emails {
            return self.refused_for_good(now, index, refusal);
        }
        (steps.conflict, steps.without_emails) = (None, true);
        self.advance(now)
    }
}

fn has_any_spelling(contact: &Contact, wanted: &LookUpContact) -> bool {
    let Some(number) = &wanted.number else { return false };
    let mut spellings = variants(number);
    spellings.push(number.clone());
    [HandleSource::Phone, HandleSource::Custom]
        .into_iter()
        .any(|source| spellings.iter().any(|spelling| has(contact, source, spelling)))
}
