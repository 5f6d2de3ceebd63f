//! Reading a conversation's status, because the next decision needs it.

use calltrail_domain::effect::{ConversationStatus, ObserveConversation, Outcome};
use calltrail_domain::ids::ConversationId;
use calltrail_domain::time::Timestamp;
use calltrail_front::Request;

use crate::command::Command;
use crate::limits::OBSERVE_MAX;
use crate::machine::{Machine, Purpose};

impl Machine {
    pub(crate) fn observe(&mut self, now: Timestamp, index: usize, wanted: &ObserveConversation) -> Command {
        let conversation = self.fence.survivor(&wanted.conversation).clone();
        self.ask(now, index, Purpose::Observe, Request::GetConversation(conversation))
    }

    /// `at` is the moment before the request was sent: whatever happens later is news.
    pub(crate) fn observed(
        &mut self,
        now: Timestamp,
        index: usize,
        conversation: ConversationId,
        status: ConversationStatus,
        at: Timestamp,
    ) -> Command {
        self.settle(now, index, Outcome::Observed { conversation, status, at, acts: Vec::new() })
    }

    /// No answer: after a while the last known status has to do.
    pub(crate) fn observe_failed(&mut self, now: Timestamp, index: usize) -> Command {
        // Counted from the first request, and only when one fails: waiting for budget does not count.
        let first_tried_at = self.entry(index).and_then(|entry| entry.first_tried_at);
        if first_tried_at.is_none_or(|first| now.since(first) < OBSERVE_MAX) {
            return self.trouble(now, index, None);
        }
        let reason = format!("the conversation could not be read for {} s", OBSERVE_MAX.as_secs());
        self.settle_rejected(now, index, 0, reason)
    }
}
