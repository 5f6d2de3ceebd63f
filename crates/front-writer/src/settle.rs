//! How effects end: outcomes into the fence, facts into the log, the mark forward.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_domain::effect::{Action, EffectSettled, Outcome};
use calltrail_domain::ids::{ConversationId, EffectKey, TeammateId};
use calltrail_domain::record::{ConversationMerged, Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Answer, NotApplied, Refusal, Reply, Request};

use crate::command::{Command, Lookup, Why};
use crate::dead_letter::DeadLetter;
use crate::directory::by_email;
use crate::fence::{Fence, State};
use crate::limits::{BAD_TOKEN_DELAY, MERGES_MAX};
use crate::machine::{Awaiting, Machine, Pending, Purpose};

impl Machine {
    /// Writes the outcome into the fence; the fact follows once that is stored.
    pub(crate) fn settle(&mut self, now: Timestamp, index: usize, outcome: Outcome) -> Command {
        self.set_outcome(index, outcome);
        self.advance(now)
    }

    pub(crate) fn settle_applied(&mut self, now: Timestamp, index: usize, unconfirmed: bool) -> Command {
        let conversation = self.conversation();
        self.set_applied(now, index, conversation, unconfirmed);
        self.advance(now)
    }

    pub(crate) fn set_applied(
        &mut self,
        now: Timestamp,
        index: usize,
        conversation: Option<ConversationId>,
        unconfirmed: bool,
    ) {
        let message_uid = self.entry_mut(index).uids.last().cloned();
        self.set_outcome(index, Outcome::Applied { conversation, message_uid, at: now, unconfirmed });
    }

    fn set_outcome(&mut self, index: usize, outcome: Outcome) {
        self.entry_mut(index).state = State::Settled { outcome };
        self.unsaved = true;
    }

    pub(crate) fn settle_rejected(
        &mut self,
        now: Timestamp,
        index: usize,
        status: u16,
        reason: String,
    ) -> Command {
        self.settle(now, index, Outcome::Rejected { status, reason })
    }

    pub(crate) fn settle_overtaken(&mut self, now: Timestamp, index: usize, found: &str) -> Command {
        self.settle(now, index, Outcome::Overtaken { found: found.to_owned() })
    }

    /// The rejected effect without which this one has no place to go to.
    pub(crate) fn blocked_by(&self, index: usize) -> Option<EffectKey> {
        if self.conversation().is_some() {
            return None;
        }
        let wanted = &self.item.effects[index].effect;
        let of_same_call = matches!(wanted.action, Action::ImportActivity(_));
        self.item.effects[..index]
            .iter()
            .rev()
            .filter(|effect| matches!(effect.effect.action, Action::ImportActivity(_)))
            .filter(|effect| !of_same_call || effect.effect.key.call == wanted.key.call)
            .find(|effect| {
                let outcome = self.fence.entry(effect.ordinal).and_then(|entry| entry.outcome());
                matches!(outcome, Some(Outcome::Rejected { .. }))
            })
            .map(|effect| effect.effect.key)
    }

    /// Facts of settled effects, in order and none before that of an earlier effect.
    pub(crate) fn publish_settled(&mut self, now: Timestamp) -> Option<Command> {
        let mut facts = Vec::new();
        for index in 0..self.item.effects.len() {
            let effect = &self.item.effects[index];
            if effect.ordinal <= self.fence.settled_through {
                continue;
            }
            let Some(entry) = self.fence.entry(effect.ordinal) else { break };
            let Some(outcome) = entry.outcome() else { break };
            if entry.appended {
                continue;
            }
            if let Some(letter) = self.dead_letter(now, index) {
                let awaiting = Awaiting::Kept { ordinal: letter.ordinal };
                return Some(self.expect(awaiting, Command::KeepDeadLetter(Box::new(letter))));
            }
            let settled = EffectSettled {
                party: self.item.party.clone(),
                ordinal: effect.ordinal,
                key: effect.effect.key,
                attempts: entry.attempts,
                outcome: outcome.clone(),
            };
            facts.push(Record { received_at: now, body: RecordBody::EffectSettled(settled) });
        }
        if facts.is_empty() {
            return None;
        }
        Some(self.expect(Awaiting::Appended { merge: false }, Command::Append(facts)))
    }

    /// A rejected write is kept for an operator before its fact is told. There is nothing to retry in a read of a status.
    fn dead_letter(&self, now: Timestamp, index: usize) -> Option<DeadLetter> {
        let effect = &self.item.effects[index];
        let entry = self.fence.entry(effect.ordinal)?;
        let Some(Outcome::Rejected { status, reason }) = entry.outcome() else { return None };
        let observing = matches!(effect.effect.action, Action::ObserveConversation(_));
        if observing || self.kept.contains(&effect.ordinal) {
            return None;
        }
        Some(DeadLetter {
            party: self.item.party.clone(),
            ordinal: effect.ordinal,
            effect: effect.effect.clone(),
            conversation: self.conversation(),
            request: entry.refused.clone(),
            status: *status,
            reason: reason.clone(),
            attempts: entry.attempts,
            at: now,
        })
    }

    pub(crate) fn appended(&mut self, now: Timestamp, merge: bool) -> Command {
        if merge {
            if let Some(merged) = self.moved.take() {
                self.fence.merges.push((merged.from, merged.into));
            }
            return self.advance(now);
        }
        for effect in &self.item.effects {
            if effect.ordinal <= self.fence.settled_through {
                continue;
            }
            let entry = self.fence.entry_mut(effect.ordinal).filter(|entry| entry.outcome().is_some());
            let Some(entry) = entry else { break };
            // Not worth a write of its own: a writer that does not know it appends once more, and the fold drops that.
            entry.appended = true;
            entry.refused = None;
        }
        self.advance(now)
    }

    /// Every effect is settled and told: the mark moves over them, and what was kept for them may go.
    pub(crate) fn finish(&mut self) -> Command {
        let Some(last) = self.item.effects.last() else {
            return self.expect(Awaiting::Nothing, Command::Done);
        };
        let settled_through = self.fence.settled_through.max(last.ordinal);
        self.fence = Fence { settled_through, item_from: self.fence.item_from, ..Fence::default() };
        self.write(Awaiting::Finished)
    }

    /// The conversation `from` lives on as `into`: told to the log first, then used.
    pub(crate) fn conversation_moved(
        &mut self,
        now: Timestamp,
        index: usize,
        from: &ConversationId,
        into: ConversationId,
    ) -> Command {
        if *from == into || self.fence.merges.len() >= MERGES_MAX {
            return self.trouble(now, index, None);
        }
        let entry = self.entry_mut(index);
        entry.before = None;
        self.start_over();
        self.moved = Some(ConversationMerged { from: from.clone(), into });
        self.advance(now)
    }

    pub(crate) fn append_merger(&mut self, now: Timestamp, merged: ConversationMerged) -> Command {
        let record = Record { received_at: now, body: RecordBody::ConversationMerged(merged) };
        self.expect(Awaiting::Appended { merge: true }, Command::Append(vec![record]))
    }

    /// The outcome classes that mean the same for every request, then what the request was for.
    pub(crate) fn answered(&mut self, now: Timestamp, answer: Answer) -> Command {
        let Some(pending) = self.pending.take() else { return self.advance(now) };
        let index = pending.index;
        if pending.request.kind().is_write() {
            self.land(index, &pending.request, &answer);
        }
        match answer {
            Answer::BadToken { .. } => self.leave_after(now, BAD_TOKEN_DELAY, Why::BadToken),
            Answer::NotApplied { reason, retry_after } => {
                self.not_applied(now, &pending, reason, retry_after)
            }
            Answer::Ambiguous { .. } => self.in_doubt(now, &pending),
            Answer::Done(reply) => {
                self.entry_mut(index).failures = 0;
                self.done(now, &pending, reply)
            }
            Answer::Rejected(refusal) => self.rejected(now, &pending, refusal),
            Answer::Moved(into) => self.redirected(now, &pending, into),
        }
    }

    /// Whether a write is still under way: not after an answer that says what became of it.
    fn land(&mut self, index: usize, request: &Request, answer: &Answer) {
        let entry = self.entry_mut(index);
        match answer {
            Answer::Ambiguous { .. } => {
                entry.ambiguous = true;
                self.unsaved = true;
            }
            Answer::NotApplied { .. } | Answer::BadToken { .. } | Answer::Moved(_) => {
                if matches!(entry.state, State::InFlight { .. }) {
                    entry.state = State::Planned;
                    self.landed = true;
                }
            }
            Answer::Rejected(_) => entry.refused = Some(request.wire()),
            Answer::Done(_) => {}
        }
    }

    fn not_applied(
        &mut self,
        now: Timestamp,
        pending: &Pending,
        reason: NotApplied,
        retry_after: Option<Duration>,
    ) -> Command {
        // A read is done afresh before the next try: a person may have acted meanwhile.
        (self.scratch.read, self.scratch.events_read) = (None, false);
        match reason {
            NotApplied::TooLate => self.advance(now),
            NotApplied::TooMany => self.trouble(now, pending.index, retry_after),
            NotApplied::NoConnection if pending.purpose == Purpose::Observe => {
                self.observe_failed(now, pending.index)
            }
            NotApplied::NoConnection => self.trouble(now, pending.index, retry_after),
        }
    }

    fn in_doubt(&mut self, now: Timestamp, pending: &Pending) -> Command {
        if pending.purpose == Purpose::Observe {
            return self.observe_failed(now, pending.index);
        }
        if pending.request.kind().is_write() {
            self.start_over();
        }
        self.trouble(now, pending.index, None)
    }

    fn done(&mut self, now: Timestamp, pending: &Pending, reply: Reply) -> Command {
        match (pending.purpose, reply) {
            (Purpose::Teammates, Reply::Teammates(teammates)) => {
                self.teammates_listed(now, &by_email(&teammates))
            }
            (Purpose::Import, Reply::Accepted(accepted)) => {
                self.import_accepted(now, pending.index, accepted)
            }
            (Purpose::ConfirmByUid, Reply::Message(message)) => self.seen_by_uid(now, pending.index, message),
            (Purpose::ConfirmByList, Reply::Messages(page)) => self.seen_in_list(now, &page.messages),
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
            (Purpose::AddHandle, Reply::Nothing) => self.handle_tried(now, pending.index),
            (Purpose::Observe, Reply::Conversation(conversation)) => {
                self.observed(now, pending.index, pending.sent_at, &conversation)
            }
            (Purpose::ReadBefore, Reply::Conversation(conversation)) => {
                self.scratch.read = Some(conversation);
                self.advance(now)
            }
            (Purpose::ReadEvents, Reply::Events(events)) => self.events_read(now, pending.index, &events),
            (Purpose::Change, Reply::Nothing) => self.settle_applied(now, pending.index, false),
            (_, _) => self.trouble(now, pending.index, None),
        }
    }

    fn rejected(&mut self, now: Timestamp, pending: &Pending, refusal: Refusal) -> Command {
        let index = pending.index;
        match pending.purpose {
            // Nobody is known then, which is no reason to lose a call.
            Purpose::Teammates => self.teammates_listed(now, &BTreeMap::new()),
            Purpose::Import => self.import_refused(now, index, refusal),
            Purpose::ConfirmByUid | Purpose::ConfirmByList => self.advance(now),
            Purpose::LookByUid => self.looked_by_uid(now, index, None),
            Purpose::LookInMessages => self.looked_in_vain(now),
            Purpose::LookForContact => self.looked_for_contact(now, None),
            Purpose::LookForConversations => self.looked_for_conversations(now, Vec::new()),
            Purpose::FindContact => self.contact_missing(now, index, refusal),
            Purpose::CreateContact => self.contact_refused(now, index, refusal),
            Purpose::AddHandle => self.handle_tried(now, index),
            Purpose::Observe => self.settle_rejected(now, index, refusal.status, refusal.message),
            Purpose::ReadBefore | Purpose::ReadEvents | Purpose::Change => {
                self.change_refused(now, index, refusal)
            }
        }
    }

    fn redirected(&mut self, now: Timestamp, pending: &Pending, into: ConversationId) -> Command {
        let index = pending.index;
        match &pending.request {
            Request::GetConversation(from)
            | Request::ListConversationEvents(from)
            | Request::OpenConversation(from)
            | Request::PutAssignee { conversation: from, .. } => {
                self.conversation_moved(now, index, from, into)
            }
            Request::ListConversationMessages { conversation: from, .. } => {
                if self.conversation().as_ref() == Some(from) {
                    return self.conversation_moved(now, index, from, into);
                }
                self.look_in_survivor(now, into)
            }
            Request::ImportMessage(_) => match self.conversation() {
                Some(from) => self.conversation_moved(now, index, &from, into),
                None => self.trouble(now, index, None),
            },
            _ => self.trouble(now, index, None),
        }
    }

    /// Who has the e-mail, or the command that finds out.
    pub(crate) fn teammate(&mut self, email: &str) -> Result<Option<TeammateId>, Command> {
        let email = email.to_lowercase();
        if let Some(found) = self.teammates.get(&email) {
            return Ok(found.clone());
        }
        self.scratch.asked_for = Some(email.clone());
        Err(self.expect(Awaiting::Teammate, Command::FindTeammate { email }))
    }

    pub(crate) fn teammate_found(&mut self, now: Timestamp, lookup: Lookup) -> Command {
        let Some(email) = self.scratch.asked_for.take() else { return self.advance(now) };
        let index = self.scratch.index;
        match lookup {
            Lookup::Known(teammate) => {
                self.teammates.insert(email, Some(teammate));
                self.advance(now)
            }
            Lookup::Unknown => {
                self.teammates.insert(email, None);
                self.advance(now)
            }
            Lookup::Stale => {
                self.scratch.asked_for = Some(email);
                self.ask(now, index, Purpose::Teammates, Request::ListTeammates)
            }
        }
    }

    fn teammates_listed(&mut self, now: Timestamp, known: &BTreeMap<String, TeammateId>) -> Command {
        if let Some(email) = self.scratch.asked_for.take() {
            let found = known.get(&email).cloned();
            self.teammates.insert(email, found);
        }
        self.advance(now)
    }
}
