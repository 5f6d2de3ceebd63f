//! Set-like effects: a field is read, kept in the fence, and changed only while it has the value that was read first.
//! Anything else was done by a person, and we never fight with people.

use calltrail_domain::effect::{AssignConversation, ConversationStatus, Outcome, ReopenConversation};
use calltrail_domain::ids::ConversationId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Conversation, ConversationEvent, Request};

use crate::command::Command;
use crate::fence::{Before, State};
use crate::machine::{Machine, Purpose};

/// Front's names for the events of an archiving and of a trashing.
const ARCHIVE_EVENT: &str = "archive";
const TRASH_EVENT: &str = "trash";
const RESTORE_EVENT: &str = "restore";
/// What is found of an agent who is no teammate in Front.
const AGENT_UNKNOWN: &str = "the agent is not in Front";
/// What is found of a change that may have been made in a history that the log has lost. Whoever changed the field since,
/// a person or nobody, is not known either.
const DONE_UNKNOWN: &str = "not known whether it was done before";

/// A conversation as it was at `at`, the moment before the request was sent.
#[derive(Clone)]
pub(crate) struct Read {
    pub(crate) conversation: Conversation,
    pub(crate) at: Timestamp,
}

impl Machine {
    pub(crate) fn assign(&mut self, now: Timestamp, index: usize, wanted: &AssignConversation) -> Command {
        // First whom it is for: a list that is long in coming must not make the read old.
        let target = self.place(now, index).and_then(|place| Ok((place, self.teammate(&wanted.email)?)));
        let (conversation, target) = match target {
            Ok((conversation, Some(target))) => (conversation, target),
            // Nothing is wrong that anybody could repair: the assignee is left alone.
            Ok((_, None)) => return self.settle_overtaken(now, index, AGENT_UNKNOWN),
            Err(command) => return command,
        };
        let seen = match self.read_before(now, index, &conversation) {
            Ok(seen) => seen,
            Err(command) => return command,
        };
        if seen.assignee.as_ref() == Some(&target) {
            return self.settle_applied(now, index, false);
        }
        if self.is_forgotten(index) {
            return self.settle_overtaken(now, index, DONE_UNKNOWN);
        }
        if let Some(found) = self.persons_change(index, Before::Assignee(seen.assignee)) {
            return self.settle_overtaken(now, index, found);
        }
        let request = Request::PutAssignee { conversation, teammate: target };
        self.change(now, index, request)
    }

    pub(crate) fn reopen(&mut self, now: Timestamp, index: usize, _wanted: &ReopenConversation) -> Command {
        let read = self
            .place(now, index)
            .and_then(|conversation| Ok((self.read_before(now, index, &conversation)?, conversation)));
        let (seen, conversation) = match read {
            Ok(read) => read,
            Err(command) => return command,
        };
        if seen.status == ConversationStatus::Open {
            return self.settle_applied(now, index, false);
        }
        if self.is_forgotten(index) {
            return self.settle_overtaken(now, index, DONE_UNKNOWN);
        }
        // Whether a person trashed it before the call or after it is in the events alone.
        let is_trashed = seen.status == ConversationStatus::Trashed;
        if is_trashed && !self.scratch.events_read && rule::holds(Rule::UnexpectedPlaceIsLookedAt) {
            return self.ask(now, index, Purpose::ReadEvents, Request::ListConversationEvents(conversation));
        }
        if let Some(found) = self.persons_change(index, Before::Status(seen.status)) {
            return self.settle_overtaken(now, index, found);
        }
        if !self.scratch.events_read && rule::holds(Rule::AnArchivingAfterTheCallCounts) {
            return self.ask(now, index, Purpose::ReadEvents, Request::ListConversationEvents(conversation));
        }
        self.change(now, index, Request::OpenConversation(conversation))
    }

    /// Where the effect goes, once no attempt of it is under way, or the command that comes before that.
    pub(crate) fn place(&mut self, now: Timestamp, index: usize) -> Result<ConversationId, Command> {
        if let Some(because_of) = self.blocked_by(index) {
            return Err(self.settle(now, index, Outcome::Skipped { because_of }));
        }
        if self.is_conversation_gone(index) {
            return Err(self.settle_gone(now, index));
        }
        let Some(conversation) = self.conversation_of(index) else {
            let reason = "the party has no conversation".to_owned();
            return Err(self.settle_rejected(now, index, 0, reason));
        };
        let grace = self.settings.timing.grace;
        if let Some(until) = self.doubt_ends(index, grace) {
            if now < until {
                return Err(self.wait_in_doubt(now, index, until));
            }
            return Err(self.take_over(index));
        }
        Ok(conversation)
    }

    /// The conversation as it is now, or the command that reads it.
    pub(crate) fn read_before(
        &mut self,
        now: Timestamp,
        index: usize,
        conversation: &ConversationId,
    ) -> Result<Conversation, Command> {
        match &self.scratch.read {
            Some(read) => Ok(read.conversation.clone()),
            None => {
                let request = Request::GetConversation(conversation.clone());
                Err(self.ask(now, index, Purpose::ReadBefore, request))
            }
        }
    }

    /// What a person has made of the field, in words; nothing while it may be changed. What was read first is kept.
    fn persons_change(&mut self, index: usize, read: Before) -> Option<&'static str> {
        let entry = self.entry_mut(index);
        let is_changed = *entry.before.get_or_insert_with(|| read.clone()) != read;
        let was_trashed_before = self.scratch.trashed_before && !is_changed;
        let found = match read {
            Before::Status(ConversationStatus::Trashed) => (!was_trashed_before).then_some("trashed"),
            Before::Status(ConversationStatus::Snoozed) => Some("snoozed"),
            Before::Status(ConversationStatus::Archived | ConversationStatus::Open) => {
                is_changed.then_some("archived")
            }
            Before::Assignee(_) => is_changed.then_some("somebody else was given the conversation"),
        };
        found.filter(|_| rule::holds(Rule::APersonsChangeIsKept))
    }

    fn change(&mut self, now: Timestamp, index: usize, request: Request) -> Command {
        if matches!(self.entry(index).map(|entry| &entry.state), Some(State::Refused { .. })) {
            return self.refusal_stands(now, index);
        }
        self.ask(now, index, Purpose::Change, request)
    }

    /// An archiving or a trashing after the call is somebody's answer to it. What was trashed before, and the call has
    /// nevertheless gone into, comes back: there no one would see the call.
    pub(crate) fn events_read(
        &mut self,
        now: Timestamp,
        index: usize,
        events: &[ConversationEvent],
    ) -> Command {
        let action = &self.item.effects[index].effect.action;
        let calltrail_domain::effect::Action::ReopenConversation(wanted) = action else {
            return self.advance(now);
        };
        let after = |name: &str| {
            events.iter().any(|event| event.name == name && event.at > wanted.unless_archived_after)
        };
        if after(ARCHIVE_EVENT) {
            return self.settle_overtaken(now, index, "archived after the call");
        }
        // The status was read before the events, and may show what was before this.
        let trashed =
            events.iter().filter(|event| [TRASH_EVENT, RESTORE_EVENT].contains(&event.name.as_str()));
        let last = trashed.max_by_key(|event| event.at);
        let is_put_away =
            |event: &ConversationEvent| event.name == TRASH_EVENT && event.at > wanted.unless_archived_after;
        if last.is_some_and(is_put_away) && rule::holds(Rule::TrashingAfterTheCallCounts) {
            return self.settle_overtaken(now, index, "trashed");
        }
        let is_trashed = events.iter().any(|event| event.name == TRASH_EVENT) && !after(TRASH_EVENT);
        (self.scratch.trashed_before, self.scratch.events_read) = (is_trashed, true);
        self.advance(now)
    }
}
