//! Accepted imports become applied ones when Front shows them: 202 is not proof.

use calltrail_domain::time::Timestamp;
use calltrail_front::{Message, Request};

use crate::command::{Command, Why};
use crate::delays;
use crate::fence::State;
use crate::limits::DOUBTED_LOOKS_MIN;
use crate::look::LookWhy;
use crate::machine::{Machine, Purpose};

impl Machine {
    /// Looks for the accepted import at `index`, and for all others of the item where one listing shows them.
    pub(crate) fn confirm(&mut self, now: Timestamp, index: usize) -> Command {
        self.enter(index);
        if let Some(at) = self.scratch.not_before.filter(|at| now < *at) {
            return self.hold(now, at, Why::Invisible);
        }
        if self.scratch.look.is_some() {
            return self.look(now, index);
        }
        let Some(State::Accepted { since }) = self.entry(index).map(|entry| entry.state.clone()) else {
            return self.advance(now);
        };
        if now >= since.plus(self.settings.timing.grace) {
            return self.look_for_invisible(now, index);
        }
        // A claim that comes back goes on where the one before it was, instead of asking quickly once more.
        let looks = match self.scratch.looks {
            0 => delays::looks_before(now.since(since)),
            looks => looks,
        };
        let first_at = since.plus(delays::confirm(1));
        if looks == 0 && now < first_at {
            self.scratch.not_before = Some(first_at);
            return self.hold(now, first_at, Why::Invisible);
        }
        self.scratch.looks = looks + 1;
        self.look_again_later(now);
        let uids = self.entry(index).map(|entry| entry.uids.clone()).unwrap_or_default();
        match (self.conversation_of(index), uids.last()) {
            // One listing shows all of the item's imports; a uid shows its own, also when its time is long ago.
            (Some(conversation), _) if looks % 2 == 0 || uids.is_empty() => {
                let request = Request::ListConversationMessages { conversation, page: None };
                self.ask(now, index, Purpose::ConfirmByList, request)
            }
            (None, Some(_)) if looks >= DOUBTED_LOOKS_MIN && looks % 2 == 0 && self.is_doubted(index) => {
                self.scratch.not_before = None;
                self.start_look(index, LookWhy::Doubted);
                self.look(now, index)
            }
            (_, Some(_)) => {
                let uid = uids[uids.len() - 1 - looks as usize % uids.len()].clone();
                self.ask(now, index, Purpose::ConfirmByUid, Request::GetMessageByUid(uid))
            }
            (_, None) => self.look_for_invisible(now, index),
        }
    }

    pub(crate) fn look_again_later(&mut self, now: Timestamp) {
        self.scratch.not_before = Some(now.plus(delays::confirm(self.scratch.looks)));
    }

    /// An attempt of it was in doubt before Front accepted it: what Front shows may have the uid of that attempt, which
    /// is not known.
    fn is_doubted(&self, index: usize) -> bool {
        self.entry(index).is_some_and(|entry| entry.ambiguous)
    }

    pub(crate) fn seen_by_uid(&mut self, now: Timestamp, index: usize, message: Message) -> Command {
        match message.conversation {
            Some(conversation) => self.found(now, index, conversation, message.uid),
            None => self.advance(now),
        }
    }

    /// Settles every accepted import that the listing shows.
    pub(crate) fn seen_in_list(&mut self, now: Timestamp, asked_for: usize, messages: &[Message]) -> Command {
        let conversation = self.conversation_of(asked_for);
        for index in 0..self.item.effects.len() {
            let accepted = self.entry(index).map(|entry| matches!(entry.state, State::Accepted { .. }));
            let shown = messages.iter().find(|message| self.is_proof(index, message));
            if let (Some(true), Some(message)) = (accepted, shown) {
                let uid = message.uid.clone();
                self.mark_seen(index, conversation.clone(), uid);
            }
        }
        self.advance(now)
    }
}
