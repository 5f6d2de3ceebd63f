//! What is done about a refusal, by who can repair it.

use calltrail_domain::effect::{Action, ImportActivity, Outcome};
use calltrail_domain::ids::InboxId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::Refusal;

use crate::body::{self, Changes};
use crate::command::{Command, Why};
use crate::condition::Condition;
use crate::limits::CONDITION_FIRST;
use crate::machine::Machine;
use crate::repair::{Part, Repair};

impl Machine {
    /// Sends the effect again without what Front refuses, waits for an operator, or lets the refusal stand.
    pub(crate) fn repair(
        &mut self,
        now: Timestamp,
        index: usize,
        refusal: Refusal,
        repair: Repair,
    ) -> Command {
        match repair {
            Repair::Engine(Part::Conversation) if rule::holds(Rule::GoneConversationIsForgotten) => {
                self.settle_gone(now, index)
            }
            Repair::Engine(part) if self.leave_out(index, part) => self.again(now, index),
            Repair::Operator(condition) => self.wait_for_operator(now, index, refusal, condition),
            Repair::Unclear if rule::holds(Rule::OperatorsConditionsWait) => {
                self.rest(index);
                self.scratch.doubted = self.conversation_of(index);
                self.advance(now)
            }
            Repair::Engine(_) | Repair::Unclear | Repair::Nobody => {
                self.refused_for_good(now, index, refusal)
            }
        }
    }

    /// Notes that the effect goes without this part; false when it cannot.
    fn leave_out(&mut self, index: usize, part: Part) -> bool {
        let entry = self.entry_mut(index);
        match part {
            Part::File => entry.without_audio = true,
            Part::Author if rule::holds(Rule::RefusedAuthorIsLeftOut) => entry.without_author = true,
            Part::Text
                if body::may_be_shortened(entry.shortened) && rule::holds(Rule::TooLongTextIsShortened) =>
            {
                entry.shortened += 1;
            }
            Part::Author | Part::Text | Part::Conversation => return false,
        }
        true
    }

    /// Front has answered and refused: the same effect goes again in another form.
    fn again(&mut self, now: Timestamp, index: usize) -> Command {
        self.rest(index);
        self.unsaved = true;
        self.start_over();
        self.advance(now)
    }

    /// The claim is given back until an operator has repaired what the refusal is about. Then all is tried again as it was
    /// decided: what was left out may not have been the cause.
    pub(crate) fn wait_for_operator(
        &mut self,
        now: Timestamp,
        index: usize,
        refusal: Refusal,
        condition: Condition,
    ) -> Command {
        if !rule::holds(Rule::OperatorsConditionsWait) {
            return self.refused_for_good(now, index, refusal);
        }
        if let Condition::UnknownInbox(unknown) = &condition
            && let Some(present) = self.present_inbox(index).filter(|present| present != unknown)
            && rule::holds(Rule::MissingInboxIsReplaced)
        {
            let entry = self.entry_mut(index);
            (entry.inbox, entry.without_author) = (Some(present), false);
            return self.again(now, index);
        }
        self.wait_until_repaired(now, index, condition)
    }

    pub(crate) fn wait_until_repaired(
        &mut self,
        now: Timestamp,
        index: usize,
        condition: Condition,
    ) -> Command {
        let entry = self.entry_mut(index);
        entry.author_cleared |= entry.without_author;
        (entry.inbox, entry.without_author) = (None, false);
        self.rest(index);
        self.start_over();
        let why = if condition == Condition::BadToken { Why::BadToken } else { Why::Operator };
        self.waits_for = Some(condition);
        self.leave_after(now, CONDITION_FIRST, why)
    }

    /// The inbox that the import goes into: the one that was decided, unless Front does not have it.
    pub(crate) fn inbox_of(&self, index: usize, wanted: &ImportActivity) -> InboxId {
        let replaced = self.entry(index).and_then(|entry| entry.inbox.as_ref());
        replaced.unwrap_or(&wanted.inbox).clone()
    }

    /// Where the present configuration puts the call.
    fn present_inbox(&self, index: usize) -> Option<InboxId> {
        match &self.item.effects[index].effect.action {
            Action::ImportActivity(wanted) => Some(self.settings.inboxes.of(wanted.line).clone()),
            _ => None,
        }
    }

    /// The conversation that an import was refused with is there, so that it is the inbox that is not.
    pub(crate) fn conversation_is_there(&mut self, now: Timestamp, index: usize) -> Command {
        let Action::ImportActivity(wanted) = &self.item.effects[index].effect.action else {
            return self.advance(now);
        };
        let unknown = self.inbox_of(index, &wanted.clone());
        let refusal =
            Refusal { status: 404, message: format!("Not found: inbox {unknown}"), contacts: Vec::new() };
        self.wait_for_operator(now, index, refusal, Condition::UnknownInbox(unknown))
    }

    /// Front does not have the conversation that the effect goes into.
    pub(crate) fn settle_gone(&mut self, now: Timestamp, index: usize) -> Command {
        let Some(conversation) = self.conversation_of(index) else { return self.advance(now) };
        self.settle(now, index, Outcome::Gone { conversation, at: self.sent_at })
    }

    /// An earlier effect of the item has found that the conversation of this one is gone.
    pub(crate) fn is_conversation_gone(&self, index: usize) -> bool {
        let own = self.conversation_of(index);
        own.is_some() && self.item.effects[..index].iter().any(|effect| {
            let outcome = self.fence.entry(effect.ordinal).and_then(|entry| entry.outcome());
            matches!(outcome, Some(Outcome::Gone { conversation, .. }) if Some(conversation) == own.as_ref())
        })
    }

    pub(crate) fn changes(&self, index: usize, lacks_audio: bool) -> Changes {
        Changes { shortened: self.entry(index).map_or(0, |entry| entry.shortened), lacks_audio }
    }
}
