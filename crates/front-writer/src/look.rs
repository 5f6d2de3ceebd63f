//! The look for a message that may be in Front already: by uid, then by its marker in the conversation, then by its
//! marker in the contact's conversations.

use calltrail_domain::effect::Action;
use calltrail_domain::ids::{ContactId, ConversationId, MessageUid, PhoneNumber};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Message, Page, Refusal, Request, customer_of};

use crate::command::{Command, Why};
use crate::delays;
use crate::fence::State;
use crate::limits::{INVISIBLE_RESENDS_MAX, MARKER_CONVERSATIONS_MAX, MARKER_PAGES_MAX};
use crate::machine::{Machine, Purpose};
use crate::repair::Repair;

/// Front's answer to what it has already.
const CONFLICT: u16 = 409;
/// Front's answer to an import that passed its checks.
pub(crate) const ACCEPTED: u16 = 202;

/// How far a look is.
#[derive(Debug)]
pub(crate) struct Look {
    why: LookWhy,
    /// Still to be asked for, the last one first.
    uids: Vec<MessageUid>,
    /// Still to be searched, the last one first.
    conversations: Vec<ConversationId>,
    /// Searched already, or about to be.
    known: Option<ConversationId>,
    page: Option<String>,
    pages: u32,
    contact: ContactStage,
}

#[derive(Debug)]
enum ContactStage {
    Unknown,
    Known(ContactId),
    Searched,
}

/// What a look is to decide.
#[derive(Debug)]
pub(crate) enum LookWhy {
    /// Front refused the import, perhaps because it has it.
    Refused { refusal: Refusal, repair: Repair },
    /// Front refused it, an earlier attempt was in doubt, and that doubt has run out.
    RefusedInDoubt,
    /// Front accepted it after an attempt in doubt, and the uid that it named does not show it.
    Doubted,
    /// Front accepted it and does not show it.
    Invisible,
}

impl Look {
    pub(crate) fn new(why: LookWhy, uids: Vec<MessageUid>, known: Option<ConversationId>) -> Self {
        let conversations = known.iter().cloned().collect();
        let contact = ContactStage::Unknown;
        Self { why, uids, conversations, known, page: None, pages: 0, contact }
    }

    fn next_conversation(&mut self) {
        self.conversations.pop();
        (self.page, self.pages) = (None, 0);
    }
}

impl Machine {
    /// The look's next request, or its end.
    pub(crate) fn look(&mut self, now: Timestamp, index: usize) -> Command {
        let Some(look) = &self.scratch.look else { return self.advance(now) };
        if let Some(uid) = look.uids.last() {
            let request = Request::GetMessageByUid(uid.clone());
            return self.ask(now, index, Purpose::LookByUid, request);
        }
        if let Some(conversation) = look.conversations.last() {
            let (conversation, page) = (conversation.clone(), look.page.clone());
            let request = Request::ListConversationMessages { conversation, page };
            return self.ask(now, index, Purpose::LookInMessages, request);
        }
        match &look.contact {
            ContactStage::Unknown => {
                let request = Request::GetContact(self.customer(index));
                self.ask(now, index, Purpose::LookForContact, request)
            }
            ContactStage::Known(contact) => {
                let request = Request::ListContactConversations(contact.clone());
                self.ask(now, index, Purpose::LookForConversations, request)
            }
            ContactStage::Searched => self.not_found(now, index),
        }
    }

    /// Who the import is about; nobody when the number was withheld: all such callers share a contact.
    fn customer(&self, index: usize) -> Option<PhoneNumber> {
        match &self.item.effects[index].effect.action {
            Action::ImportActivity(import) => customer_of(&import.from).cloned(),
            _ => None,
        }
    }

    pub(crate) fn looked_by_uid(&mut self, now: Timestamp, index: usize, found: Option<Message>) -> Command {
        let Some(look) = &mut self.scratch.look else { return self.advance(now) };
        let uid = look.uids.pop();
        match found.and_then(|message| message.conversation) {
            Some(conversation) => self.found(now, index, conversation, uid),
            None => self.advance(now),
        }
    }

    pub(crate) fn looked_in_messages(&mut self, now: Timestamp, index: usize, page: Page) -> Command {
        let found = page.messages.iter().find(|message| self.is_proof(index, message));
        let uid = found.and_then(|message| message.uid.clone());
        let Some(look) = &mut self.scratch.look else { return self.advance(now) };
        if let (Some(_), Some(conversation)) = (found, look.conversations.last().cloned()) {
            return self.found(now, index, conversation, uid);
        }
        look.pages += 1;
        match page.next {
            Some(next) if look.pages < MARKER_PAGES_MAX => look.page = Some(next),
            Some(_) | None => look.next_conversation(),
        }
        self.advance(now)
    }

    /// The conversation is gone.
    pub(crate) fn looked_in_vain(&mut self, now: Timestamp) -> Command {
        if let Some(look) = &mut self.scratch.look {
            look.next_conversation();
        }
        self.advance(now)
    }

    pub(crate) fn look_in_survivor(&mut self, now: Timestamp, into: ConversationId) -> Command {
        if let Some(look) = &mut self.scratch.look {
            look.next_conversation();
            if look.known.as_ref() != Some(&into) && look.conversations.len() < MARKER_CONVERSATIONS_MAX {
                look.conversations.push(into);
            }
        }
        self.advance(now)
    }

    pub(crate) fn looked_for_contact(&mut self, now: Timestamp, found: Option<ContactId>) -> Command {
        if let Some(look) = &mut self.scratch.look {
            look.contact = found.map_or(ContactStage::Searched, ContactStage::Known);
        }
        self.advance(now)
    }

    pub(crate) fn looked_for_conversations(
        &mut self,
        now: Timestamp,
        mut list: Vec<ConversationId>,
    ) -> Command {
        if let Some(look) = &mut self.scratch.look {
            list.retain(|conversation| look.known.as_ref() != Some(conversation));
            list.truncate(MARKER_CONVERSATIONS_MAX);
            list.reverse();
            (look.conversations, look.contact) = (list, ContactStage::Searched);
        }
        self.advance(now)
    }

    /// Any one uid of the effect proves it, and so does its marker.
    pub(crate) fn is_proof(&self, index: usize, message: &Message) -> bool {
        let by_uid = self
            .entry(index)
            .is_some_and(|entry| message.uid.as_ref().is_some_and(|uid| entry.uids.contains(uid)));
        let key = self.item.effects[index].effect.key;
        by_uid || message.last_line.as_deref().is_some_and(|line| key.is_marker(line))
    }

    /// The message is there: the effect is applied, and its conversation is known.
    pub(crate) fn found(
        &mut self,
        now: Timestamp,
        index: usize,
        conversation: ConversationId,
        uid: Option<MessageUid>,
    ) -> Command {
        self.mark_seen(index, Some(conversation), uid);
        self.advance(now)
    }

    pub(crate) fn mark_seen(
        &mut self,
        index: usize,
        conversation: Option<ConversationId>,
        uid: Option<MessageUid>,
    ) {
        // Only what goes into the party's present conversation can have opened it.
        if self.conversation_of(index).is_none() {
            self.fence.conversation.clone_from(&conversation);
        }
        if let Some(uid) = uid {
            let entry = self.entry_mut(index);
            entry.uids.retain(|known| *known != uid);
            entry.add_uid(uid);
        }
        self.start_over();
        self.set_applied(index, conversation, false);
    }

    fn not_found(&mut self, now: Timestamp, index: usize) -> Command {
        let Some(look) = self.scratch.look.take() else { return self.advance(now) };
        match look.why {
            LookWhy::Refused { refusal, repair } => {
                // Front says that it has it, so an attempt that nobody here knows of has reached it.
                self.entry_mut(index).ambiguous |= refusal.status == CONFLICT;
                self.repair(now, index, refusal, repair)
            }
            LookWhy::Doubted => {
                self.look_again_later(now);
                self.advance(now)
            }
            LookWhy::RefusedInDoubt | LookWhy::Invisible => self.send_unseen_again(now, index),
        }
    }

    /// What Front accepts, or may have accepted, and does not show is sent again a few times, later and later, and then told
    /// to a person: Front may take longer to show it than anybody waits.
    fn send_unseen_again(&mut self, now: Timestamp, index: usize) -> Command {
        let entry = self.entry_mut(index);
        let resends = entry.resends + 1;
        if resends > INVISIBLE_RESENDS_MAX {
            if matches!(entry.state, State::Refused { .. }) {
                return self.refusal_stands(now, index);
            }
            let reason = format!("front accepted the import {resends} times and showed it nowhere");
            return self.settle_rejected(now, index, ACCEPTED, reason);
        }
        (entry.state, entry.ambiguous, entry.resends) = (State::Planned, true, resends);
        self.start_over();
        self.leave_after(now, delays::resend(resends), Why::Invisible)
    }

    pub(crate) fn refusal_stands(&mut self, now: Timestamp, index: usize) -> Command {
        match self.entry_mut(index).state.clone() {
            State::Refused { status, reason, .. } => self.settle_rejected(now, index, status, reason),
            State::Planned | State::InFlight { .. } | State::Accepted { .. } | State::Settled { .. } => {
                self.advance(now)
            }
        }
    }
}
