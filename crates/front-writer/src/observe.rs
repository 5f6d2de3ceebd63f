//! Reading a conversation's status, because the next decision needs it; and, where the status is not what was believed, the
//! events that say when it changed.

use calltrail_domain::effect::{Act, Action, ConversationStatus, ObserveConversation, Outcome};
use calltrail_domain::ids::ConversationId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{ConversationEvent, Request};

use crate::command::Command;
use crate::limits::{ACTS_MAX, OBSERVE_MAX};
use crate::machine::{Machine, Purpose};

/// What a read has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    conversation: ConversationId,
    status: ConversationStatus,
    /// The moment before the request was sent: whatever happens later is news.
    at: Timestamp,
}

impl Observed {
    pub(crate) fn new(conversation: ConversationId, status: ConversationStatus, at: Timestamp) -> Self {
        Self { conversation, status, at }
    }

    fn outcome(self, acts: Vec<Act>) -> Outcome {
        let Self { conversation, status, at } = self;
        Outcome::Observed { conversation, status, at, acts }
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
        let conversation = self.fence.survivor(&wanted.conversation).clone();
        self.ask(now, index, Purpose::Observe, Request::GetConversation(conversation))
    }

    pub(crate) fn observed(&mut self, now: Timestamp, index: usize, seen: Observed) -> Command {
        if !self.is_news(index, &seen) {
            return self.settle(now, index, seen.outcome(Vec::new()));
        }
        let request = Request::ListConversationEvents(seen.conversation.clone());
        self.scratch.observed = Some(seen);
        self.ask(now, index, Purpose::ObserveEvents, request)
    }

    /// The status contradicts what the log says of the segment.
    fn is_news(&self, index: usize, seen: &Observed) -> bool {
        let Action::ObserveConversation(wanted) = &self.item.effects[index].effect.action else {
            return false;
        };
        let differs = wanted.segment_ended.zip(seen.has_ended()).is_some_and(|(believed, is)| believed != is);
        differs && rule::holds(Rule::AReadFindsWhenItWasArchived)
    }

    /// Without events, which not every token may read, no one is seen to have acted.
    pub(crate) fn observed_events(
        &mut self,
        now: Timestamp,
        index: usize,
        events: &[ConversationEvent],
    ) -> Command {
        let Some(seen) = self.scratch.observed.take() else { return self.advance(now) };
        let mut acts: Vec<_> = events.iter().filter_map(ConversationEvent::act).collect();
        // Front lists the newest first, also of those with the same time.
        acts.reverse();
        acts.sort_by_key(|act| act.at);
        acts.drain(..acts.len().saturating_sub(ACTS_MAX));
        self.settle(now, index, seen.outcome(acts))
    }

    /// No answer: after a while the last known status has to do, or the one that was read without its events.
    pub(crate) fn observe_failed(&mut self, now: Timestamp, index: usize) -> Command {
        // Counted from the first request, and only when one fails: waiting for budget does not count.
        let first_tried_at = self.entry(index).and_then(|entry| entry.first_tried_at);
        if first_tried_at.is_none_or(|first| now.since(first) < OBSERVE_MAX) {
            return self.trouble(now, index, None);
        }
        if let Some(seen) = self.scratch.observed.take() {
            return self.settle(now, index, seen.outcome(Vec::new()));
        }
        let reason = format!("the conversation could not be read for {} s", OBSERVE_MAX.as_secs());
        self.settle_rejected(now, index, 0, reason)
    }
}
