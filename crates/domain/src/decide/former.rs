//! The conversation of an earlier segment, where each segment has one of its own: what comes late for a call goes there.

use super::{Head, Reading, Target};
use crate::decision::Verdict;
use crate::effect::{Action, ConversationStatus, ObserveConversation, Outcome};
use crate::ids::ConversationId;
use crate::party::Thread;
use crate::policy::Threading;

impl Head<'_> {
    /// The conversation that the call went into, when it is not the party's present one and what comes late goes there.
    pub(super) fn former_conversation(&self, present: &Thread) -> Option<ConversationId> {
        let Some(Verdict::Logged(logged)) = &self.call.verdict else { return None };
        let is_former = self.policy.threading == Threading::Segment && logged.thread != present.reference;
        match self.call.own_outcome(self.id).filter(|_| is_former)? {
            Outcome::Applied { conversation, .. } => conversation.clone(),
            Outcome::ContactFound { .. }
            | Outcome::Observed { .. }
            | Outcome::Rejected { .. }
            | Outcome::Overtaken { .. }
            | Outcome::Skipped { .. }
            | Outcome::Gone { .. } => None,
        }
    }

    /// People's acts in a former conversation are not followed, so it is read once per step.
    pub(super) fn reading_former(&self, conversation: &ConversationId) -> Reading {
        let observe = || {
            let conversation = conversation.clone();
            let with_inboxes = false;
            Action::ObserveConversation(ObserveConversation {
                conversation,
                segment_ended: None,
                with_inboxes,
            })
        };
        match self.call.effects.get(&self.key(self.last_read())) {
            Some(effect) if effect.outcome.is_some() => Reading::Done,
            Some(_) => Reading::Waits,
            None => self.read(self.next_read(), observe).unwrap_or(Reading::Done),
        }
    }

    /// The former conversation under its own subject. `None` when it is gone: the present one has to do.
    pub(super) fn former_target(&self, conversation: ConversationId) -> Option<Target> {
        let Some(Verdict::Logged(logged)) = &self.call.verdict else { return None };
        let (conversation, status) = match self.call.effects.get(&self.key(self.last_read())) {
            Some(read) => match &read.outcome {
                Some(Outcome::Observed { conversation, status, .. }) => (conversation.clone(), Some(*status)),
                _ => (conversation, None),
            },
            None => (conversation, None),
        };
        if status == Some(ConversationStatus::Trashed) {
            return None;
        }
        Some(Target {
            thread: logged.thread.clone(),
            inbox: logged.inbox.clone(),
            subject: logged.subject.clone(),
            archived: status.is_none_or(|status| status != ConversationStatus::Open),
            with_call: false,
            conversation: Some(conversation),
        })
    }
}
