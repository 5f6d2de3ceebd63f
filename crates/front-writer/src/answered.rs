//! What an answer means for the effect it was asked for.

use std::time::Duration;

use calltrail_domain::ids::ConversationId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Ambiguous, Answer, NotApplied, Refusal, Reply, Request};

use crate::clock::millis;
use crate::command::Command;
use crate::condition::Condition;
use crate::cut;
use crate::fence::State;
use crate::limits::ANSWERED_DOUBT;
use crate::machine::{Machine, Pending, Purpose};
use crate::observe::Observed;
use crate::repair::{Part, Repair, repair};
use crate::set_like::Read;

/// Front's answer when the token lacks a right.
const FORBIDDEN: u16 = 403;
/// Front's answer for a conversation that was merged into another one.
const MOVED: u16 = 301;
/// Front's answers for a conversation that is not there any more.
const GONE: [u16; 2] = [404, 410];

impl Machine {
    /// The outcome classes that mean the same for every request, then what the request was for.
    pub(crate) fn answered(&mut self, now: Timestamp, answer: Answer) -> Command {
        let Some(pending) = self.pending.take() else { return self.advance(now) };
        let index = pending.index;
        let unsent = matches!(
            answer,
            Answer::NotApplied { reason: NotApplied::TooLate | NotApplied::NoConnection, .. }
        );
        self.entry_mut(index).attempts += u32::from(!unsent);
        if pending.request.kind().is_write() {
            self.land(now, index, &pending.request, &answer);
        }
        match answer {
            Answer::BadToken => self.wait_until_repaired(now, index, Condition::BadToken),
            Answer::NotApplied { reason, retry_after } => {
                self.not_applied(now, &pending, reason, retry_after)
            }
            // A list that is too long, or that nobody can read, would hold the party up for ever.
            Answer::Ambiguous { reason: Ambiguous::Malformed } if pending.purpose == Purpose::FindComment => {
                self.comments_not_listed(now, index, unreadable())
            }
            Answer::Ambiguous { reason } => self.in_doubt(now, &pending, reason),
            Answer::Done(reply) => {
                self.entry_mut(index).failures = 0;
                self.done(now, &pending, reply)
            }
            Answer::Rejected(refusal) => self.rejected(now, &pending, refusal),
            Answer::Moved(into) => self.redirected(now, &pending, into),
        }
    }

    /// Whether a write is still under way: not after an answer that says what became of it.
    fn land(&mut self, now: Timestamp, index: usize, request: &Request, answer: &Answer) {
        let store_now_ms = self.by_store(now, Duration::ZERO);
        let entry = self.entry_mut(index);
        match answer {
            Answer::Ambiguous { reason } => {
                entry.ambiguous = true;
                entry.audio_tries += u32::from(*reason == Ambiguous::Timeout && request.has_file());
                if matches!(request, Request::ImportMessage(_)) && is_answered(*reason) {
                    end_soon(&mut entry.state, now, store_now_ms);
                }
                self.unsaved = true;
            }
            Answer::NotApplied { .. } | Answer::BadToken | Answer::Moved(_) => {
                if matches!(entry.state, State::InFlight { .. }) {
                    entry.state = State::Planned;
                    self.landed = true;
                }
            }
            Answer::Rejected(_) => entry.refused = Some(cut::request(request.wire())),
            // Kept for a dead letter, which there will be none of.
            Answer::Done(_) => entry.refused = None,
        }
    }

    fn not_applied(
        &mut self,
        now: Timestamp,
        pending: &Pending,
        reason: NotApplied,
        retry_after: Option<Duration>,
    ) -> Command {
        self.forget_read();
        // Doubt belongs to the effect: that this attempt came to nothing says nothing of the one before.
        self.entry_mut(pending.index).ambiguous &= rule::holds(Rule::DoubtNeverLeavesAnEffect);
        match reason {
            NotApplied::TooLate | NotApplied::TooMany => self.trouble(now, pending.index, retry_after),
            NotApplied::NoConnection if is_observing(pending.purpose) => {
                self.observe_failed(now, pending.index)
            }
            NotApplied::NoConnection => self.trouble(now, pending.index, retry_after),
        }
    }

    /// A read is done afresh before the next try: a person may have acted meanwhile.
    fn forget_read(&mut self) {
        (self.scratch.read, self.scratch.events_read) = (None, false);
        self.scratch.comments_listed = false;
    }

    fn in_doubt(&mut self, now: Timestamp, pending: &Pending, reason: Ambiguous) -> Command {
        self.forget_read();
        if is_observing(pending.purpose) {
            return self.observe_failed(now, pending.index);
        }
        if pending.request.kind().is_write() {
            self.start_over();
        }
        let retry_after = match reason {
            Ambiguous::Page { retry_after, .. } => retry_after,
            Ambiguous::Status(_) | Ambiguous::Timeout | Ambiguous::ConnectionLost | Ambiguous::Malformed => {
                None
            }
        };
        self.trouble(now, pending.index, retry_after)
    }

    fn done(&mut self, now: Timestamp, pending: &Pending, reply: Reply) -> Command {
        match (pending.purpose, reply) {
            (Purpose::Teammates, Reply::Teammates(list)) => self.teammates_listed(now, &list),
            (Purpose::Import, Reply::Accepted(accepted)) => {
                self.import_accepted(now, pending.index, accepted)
            }
            (Purpose::ConfirmByUid, Reply::Message(message)) => self.seen_by_uid(now, pending.index, message),
            (Purpose::ConfirmByList, Reply::Messages(page)) => {
                self.seen_in_list(now, pending.index, &page.messages)
            }
            (Purpose::LookByUid, Reply::Message(message)) => {
                self.looked_by_uid(now, pending.index, Some(message))
            }
            (Purpose::LookInMessages, Reply::Messages(page)) => {
                self.looked_in_messages(now, pending.index, page)
            }
            (Purpose::LookForContact, Reply::Contact(contact)) => {
                self.looked_for_contact(now, Some(contact.id))
            }
            (Purpose::LookForConversations, Reply::Conversations(list)) => {
                self.looked_for_conversations(now, list)
            }
            (Purpose::FindContact, Reply::Contact(contact)) => self.contact_found(now, contact),
            (Purpose::CreateContact, Reply::Contact(contact)) => {
                self.contact_created(now, pending.index, contact)
            }
            (Purpose::NamedContact, Reply::Contact(contact)) => {
                self.named_contact_read(now, pending.index, contact)
            }
            (Purpose::KnownContact, Reply::Contact(contact)) => {
                self.known_contact_read(now, pending.index, &contact)
            }
            (Purpose::FreeHandle, Reply::Nothing) => self.handle_freed(now, pending.index, &pending.request),
            (Purpose::AddHandle, Reply::Nothing) => self.handle_tried(now, pending.index, &pending.request),
            (Purpose::Observe, Reply::Conversation(seen)) => {
                self.observed(now, Observed::new(seen, pending.sent_at))
            }
            (Purpose::FindConversation, Reply::Conversation(_)) => {
                self.conversation_is_there(now, pending.index)
            }
            (Purpose::ReadBefore, Reply::Conversation(conversation)) => {
                self.scratch.read = Some(Read { conversation, at: pending.sent_at });
                self.advance(now)
            }
            (Purpose::ReadEvents, Reply::Events(events)) => self.events_read(now, pending.index, &events),
            (Purpose::ObserveEvents, Reply::Events(events)) => self.observed_events(now, &events),
            (Purpose::ObserveInboxes, Reply::Inboxes(inboxes)) => {
                self.observed_inboxes(now, pending.index, inboxes)
            }
            (Purpose::Change, Reply::Nothing) => self.settle_applied(now, pending.index, false),
            (Purpose::Comment, Reply::Comment(comment)) => self.commented(now, pending.index, comment),
            (Purpose::FindComment, Reply::Comments(comments)) => {
                self.comments_listed(now, pending.index, &comments)
            }
            (Purpose::FindTag, Reply::Tags(page)) => self.tags_listed(now, page),
            (Purpose::CreateTag, Reply::Tag(tag)) => {
                self.tag_created(now, pending.index, &pending.request, tag)
            }
            (_, _) => self.trouble(now, pending.index, None),
        }
    }

    fn rejected(&mut self, now: Timestamp, pending: &Pending, refusal: Refusal) -> Command {
        let index = pending.index;
        let author_cleared = self.entry(index).is_some_and(|entry| entry.author_cleared);
        let repair = repair(&pending.request, &refusal, author_cleared);
        let is_known = pending.purpose == Purpose::FindComment && self.entry_mut(index).comment.is_some();
        if let Repair::Operator(condition) = &repair
            && !is_known
            && !goes_without(pending.purpose, &refusal)
        {
            return self.wait_for_operator(now, index, refusal, condition.clone());
        }
        match pending.purpose {
            Purpose::Teammates => self.teammates_refused(now),
            Purpose::Import => self.import_refused(now, index, refusal, repair),
            Purpose::ConfirmByUid | Purpose::ConfirmByList => self.advance(now),
            Purpose::LookByUid => self.looked_by_uid(now, index, None),
            Purpose::LookInMessages => self.looked_in_vain(now),
            Purpose::LookForContact => self.looked_for_contact(now, None),
            Purpose::LookForConversations => self.looked_for_conversations(now, Vec::new()),
            Purpose::FindContact => self.contact_missing(now, index, refusal),
            Purpose::CreateContact => self.contact_refused(now, index, refusal),
            Purpose::NamedContact => self.named_contact_passed(now, index),
            Purpose::KnownContact => self.known_contact_refused(now, index, &refusal),
            Purpose::AddHandle => self.handle_refused(now, index, &pending.request, &refusal),
            Purpose::FreeHandle => self.handle_kept(now, index, &pending.request),
            Purpose::Observe => self.observe_refused(now, pending, refusal),
            // Who may not read the events goes on without: nobody is seen to have archived.
            Purpose::ReadEvents if refusal.status == FORBIDDEN => self.events_read(now, index, &[]),
            Purpose::ObserveEvents => self.observed_events(now, &[]),
            Purpose::ObserveInboxes => self.observed_inboxes(now, index, Vec::new()),
            Purpose::FindComment if is_known || repair != Repair::Engine(Part::Conversation) => {
                self.comments_not_listed(now, index, refusal)
            }
            Purpose::Comment
            | Purpose::FindComment
            | Purpose::FindConversation
            | Purpose::ReadBefore
            | Purpose::ReadEvents
            | Purpose::Change
            | Purpose::FindTag
            | Purpose::CreateTag => self.repair(now, index, refusal, repair),
        }
    }

    /// A conversation that is not there is as good as trashed.
    fn observe_refused(&mut self, now: Timestamp, pending: &Pending, refusal: Refusal) -> Command {
        match &pending.request {
            Request::GetConversation(gone) if GONE.contains(&refusal.status) => {
                self.observed(now, Observed::gone(gone.clone(), pending.sent_at))
            }
            _ => self.settle_rejected(now, pending.index, refusal.status, refusal.message),
        }
    }

    fn redirected(&mut self, now: Timestamp, pending: &Pending, into: ConversationId) -> Command {
        let index = pending.index;
        if !rule::holds(Rule::AMergerIsFollowed) {
            let refusal = Refusal { status: MOVED, message: "moved".to_owned(), contacts: Vec::new() };
            return self.rejected(now, pending, refusal);
        }
        match &pending.request {
            Request::GetConversation(from)
            | Request::ListConversationEvents(from)
            | Request::ListConversationInboxes(from)
            | Request::OpenConversation(from)
            | Request::ListComments(from)
            | Request::AddComment { conversation: from, .. }
            | Request::AddTag { conversation: from, .. }
            | Request::PutAssignee { conversation: from, .. } => {
                self.conversation_moved(now, index, from, into)
            }
            Request::ListConversationMessages { conversation: from, .. } => {
                if self.conversation_of(index).as_ref() == Some(from) {
                    return self.conversation_moved(now, index, from, into);
                }
                self.look_in_survivor(now, into)
            }
            Request::ImportMessage(_) => match self.conversation_of(index) {
                Some(from) => self.conversation_moved(now, index, &from, into),
                None => self.trouble(now, index, None),
            },
            _ => self.trouble(now, index, None),
        }
    }
}

/// What is only good to know, or only good to have, is done without, unless the token lacks the right to it.
pub(crate) fn goes_without(purpose: Purpose, refusal: &Refusal) -> bool {
    let names_right = refusal.message.to_lowercase().contains("scope");
    match purpose {
        Purpose::ReadEvents | Purpose::ObserveEvents => true,
        Purpose::Teammates | Purpose::AddHandle => !names_right,
        _ => false,
    }
}

/// Something has answered, so that the request is not on its way any more.
fn is_answered(reason: Ambiguous) -> bool {
    let is_answered = match reason {
        Ambiguous::Status(_) | Ambiguous::Page { .. } => true,
        Ambiguous::Timeout | Ambiguous::ConnectionLost | Ambiguous::Malformed => false,
    };
    is_answered && rule::holds(Rule::AnsweredImportsAreRepeatedSoon)
}

/// A repeat of an import is harmless: it waits only for what Front may still be doing.
fn end_soon(state: &mut State, now: Timestamp, store_now_ms: Option<i64>) {
    let State::InFlight { deadline, store_deadline_ms } = state else { return };
    *deadline = now.plus(ANSWERED_DOUBT).min(*deadline);
    let by_store_ms = store_now_ms.map(|now_ms| now_ms.saturating_add(millis(ANSWERED_DOUBT)));
    *store_deadline_ms = match (by_store_ms, *store_deadline_ms) {
        (Some(soon), Some(known)) => Some(soon.min(known)),
        (_, known) => known,
    };
}

fn is_observing(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Observe | Purpose::ObserveEvents | Purpose::ObserveInboxes)
}

fn unreadable() -> Refusal {
    Refusal {
        status: 200,
        message: "a list of comments that cannot be read".to_owned(),
        contacts: Vec::new(),
    }
}
