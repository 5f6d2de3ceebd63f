//! Reading a conversation's status, because the next decision needs it; where the status is not what was believed, the
//! events that say when it changed; and where the conversation is now, because agents move it.

use calltrail_domain::effect::{Act, ConversationStatus, ObserveConversation, Outcome};
use calltrail_domain::ids::{ContactId, ConversationId, InboxId};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Conversation, ConversationEvent, Inbox, Request};

use crate::command::Command;
use crate::limits::{ACTS_MAX, INBOXES_MAX, OBSERVE_MAX};
use crate::machine::{Machine, Purpose};

/// What a read has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    conversation: ConversationId,
    status: ConversationStatus,
    contact: Option<ContactId>,
    /// The moment before the request was sent: whatever happens later is news.
    at: Timestamp,
    /// `None` until the events were read.
    acts: Option<Vec<Act>>,
    /// The rest could not be read: the next try begins with the status.
    is_old: bool,
}

impl Observed {
    pub(crate) fn new(seen: Conversation, at: Timestamp) -> Self {
        Self {
            conversation: seen.id,
            status: seen.status,
            contact: seen.contact,
            at,
            acts: None,
            is_old: false,
        }
    }

    /// A conversation that is not there is as good as trashed.
    pub(crate) fn gone(conversation: ConversationId, at: Timestamp) -> Self {
        Self {
            conversation,
            status: ConversationStatus::Trashed,
            contact: None,
            at,
            acts: None,
            is_old: false,
        }
    }

    fn outcome(self, inboxes: Vec<InboxId>) -> Outcome {
        let Self { conversation, status, contact, at, acts, .. } = self;
        Outcome::Observed { conversation, status, at, acts: acts.unwrap_or_default(), inboxes, contact }
    }

    /// Whether the segment has ended, by the status; a conversation that is trashed has none that goes on.
    fn has_ended(&self) -> Option<bool> {
        match self.status {
            ConversationStatus::Archived => Some(true),
            ConversationStatus::Open | ConversationStatus::Snoozed => Some(false),
            ConversationStatus::Trashed => None,
        }
    }
}

impl Machine {
    pub(crate) fn observe(&mut self, now: Timestamp, index: usize, wanted: &ObserveConversation) -> Command {
        let Some(seen) = self.scratch.observed.clone().filter(|seen| !seen.is_old) else {
            let conversation = self.fence.survivor(&wanted.conversation).clone();
            return self.ask(now, index, Purpose::Observe, Request::GetConversation(conversation));
        };
        let conversation = seen.conversation.clone();
        if seen.acts.is_none() && is_news(wanted, &seen) {
            let request = Request::ListConversationEvents(conversation);
            return self.ask(now, index, Purpose::ObserveEvents, request);
        }
        if wanted.with_inboxes && seen.status != ConversationStatus::Trashed {
            let request = Request::ListConversationInboxes(conversation);
            return self.ask(now, index, Purpose::ObserveInboxes, request);
        }
        self.settle(now, index, seen.outcome(Vec::new()))
    }

    pub(crate) fn observed(&mut self, now: Timestamp, seen: Observed) -> Command {
        self.scratch.observed = Some(seen);
        self.advance(now)
    }

    /// Without events, which not every token may read, no one is seen to have acted.
    pub(crate) fn observed_events(&mut self, now: Timestamp, events: &[ConversationEvent]) -> Command {
        let mut acts: Vec<_> = events.iter().filter_map(ConversationEvent::act).collect();
        // Front lists the newest first, also of those with the same time.
        acts.reverse();
        acts.sort_by_key(|act| act.at);
        acts.drain(..acts.len().saturating_sub(ACTS_MAX));
        if let Some(seen) = &mut self.scratch.observed {
            seen.acts = Some(acts);
        }
        self.advance(now)
    }

    /// Without inboxes, which not every token may read, it is where it was.
    pub(crate) fn observed_inboxes(&mut self, now: Timestamp, index: usize, inboxes: Vec<Inbox>) -> Command {
        let Some(seen) = self.scratch.observed.take() else { return self.advance(now) };
        let inboxes = inboxes.into_iter().take(INBOXES_MAX).map(|inbox| inbox.id).collect();
        self.settle(now, index, seen.outcome(inboxes))
    }

    /// No answer: after a while the last known status has to do, or the one that was read without the rest.
    pub(crate) fn observe_failed(&mut self, now: Timestamp, index: usize) -> Command {
        // Counted from the first request, and only when one fails: waiting for budget does not count.
        let first_tried_at = self.entry(index).and_then(|entry| entry.first_tried_at);
        if first_tried_at.is_none_or(|first| now.since(first) < OBSERVE_MAX) {
            self.scratch.observed.iter_mut().for_each(|seen| seen.is_old = true);
            return self.trouble(now, index, None);
        }
        if let Some(seen) = self.scratch.observed.take() {
            return self.settle(now, index, seen.outcome(Vec::new()));
        }
        let reason = format!("the conversation could not be read for {} s", OBSERVE_MAX.as_secs());
        self.settle_rejected(now, index, 0, reason)
    }
}

/// The status contradicts what the log says of the segment.
fn is_news(wanted: &ObserveConversation, seen: &Observed) -> bool {
    let believed = wanted.believed_ended(&seen.conversation);
    let differs = believed.zip(seen.has_ended()).is_some_and(|(believed, is)| believed != is);
    differs && rule::holds(Rule::AReadFindsWhenItWasArchived)
}
