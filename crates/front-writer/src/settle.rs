//! How effects end: outcomes into the fence, facts into the log, the mark forward.

use calltrail_domain::effect::{Action, Effect, EffectSettled, NumberedEffect, Outcome};
use calltrail_domain::ids::{ConversationId, EffectKey, EffectKind};
use calltrail_domain::limits::WORK_ITEM_EFFECTS_MAX;
use calltrail_domain::record::{ConversationMerged, Record, RecordBody};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;

use crate::command::Command;
use crate::cut;
use crate::dead_letter::DeadLetter;
use crate::fence::{Fence, State};
use crate::limits::MERGES_MAX;
use crate::look::ACCEPTED;
use crate::machine::{Awaiting, Machine};

impl Machine {
    /// Writes the outcome into the fence; the fact follows once that is stored.
    pub(crate) fn settle(&mut self, now: Timestamp, index: usize, outcome: Outcome) -> Command {
        self.set_outcome(index, outcome);
        self.advance(now)
    }

    pub(crate) fn settle_applied(&mut self, now: Timestamp, index: usize, unconfirmed: bool) -> Command {
        let conversation = self.conversation_of(index);
        self.set_applied(index, conversation, unconfirmed);
        self.advance(now)
    }

    /// Dated to the moment before the request that did it, or showed it, was sent: whatever happened later is news.
    pub(crate) fn set_applied(
        &mut self,
        index: usize,
        conversation: Option<ConversationId>,
        unconfirmed: bool,
    ) {
        let at = self.sent_at;
        let entry = self.entry_mut(index);
        let (message_uid, comment) = (entry.uids.last().cloned(), entry.comment.clone());
        self.set_outcome(index, Outcome::Applied { conversation, message_uid, at, unconfirmed, comment });
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

    /// The rejected effect without which this one is left out: its own call's activity, or the one that was to open the
    /// conversation.
    pub(crate) fn blocked_by(&self, index: usize) -> Option<EffectKey> {
        if let Some(call) = self.refused_call(index) {
            return Some(call);
        }
        if self.conversation_of(index).is_some() {
            return None;
        }
        let wanted = &self.item.effects[index].effect;
        let of_same_call = matches!(wanted.action, Action::ImportActivity(_));
        self.rejected_imports(index)
            .find(|effect| !of_same_call || effect.key.call == wanted.key.call)
            .map(|effect| effect.key)
    }

    /// What belongs to a call makes no sense without it, also where the conversation is known.
    fn refused_call(&self, index: usize) -> Option<EffectKey> {
        let call = EffectKey { kind: EffectKind::Call, ..self.item.effects[index].effect.key };
        let refused = self.rejected_imports(index).find(|effect| effect.key == call)?;
        // Front took it and showed it nowhere in time: it may be there all the same.
        let ordinal = self.item.effects[..index].iter().find(|effect| effect.effect.key == call)?.ordinal;
        let outcome = self.fence.entry(ordinal).and_then(|entry| entry.outcome());
        if matches!(outcome, Some(Outcome::Rejected { status: ACCEPTED, .. })) {
            return None;
        }
        rule::holds(Rule::PartsOfARefusedCallAreSkipped).then_some(refused.key)
    }

    /// Imports of the item before this effect that Front refused, the last one first.
    fn rejected_imports(&self, index: usize) -> impl Iterator<Item = &Effect> {
        self.item.effects[..index]
            .iter()
            .rev()
            .filter(|effect| matches!(effect.effect.action, Action::ImportActivity(_)))
            .filter(|effect| {
                let outcome = self.fence.entry(effect.ordinal).and_then(|entry| entry.outcome());
                matches!(outcome, Some(Outcome::Rejected { .. }))
            })
            .map(|effect| &*effect.effect)
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
        Some(cut::letter(DeadLetter {
            party: self.item.party.clone(),
            ordinal: effect.ordinal,
            effect: Effect::clone(&effect.effect),
            conversation: self.conversation_of(index),
            request: entry.refused.clone(),
            status: *status,
            reason: reason.clone(),
            attempts: entry.attempts,
            at: now,
        }))
    }

    pub(crate) fn appended(&mut self, now: Timestamp, merge: bool) -> Command {
        if merge {
            if let Some(merged) = self.moved.take() {
                self.fence.merges.push((merged.from, merged.into));
                // Another claim would ask the conversation that is gone, and wait once more.
                self.unsaved = true;
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
        let key = |effect: &NumberedEffect| (effect.ordinal, effect.effect.key);
        let mark = Fence {
            settled_through,
            item_from: self.fence.item_from,
            settled: self.item.effects.iter().take(WORK_ITEM_EFFECTS_MAX).map(key).collect(),
            known_through: self.fence.known_through,
            ..Fence::default()
        };
        self.fence = if rule::holds(Rule::SettledOrdinalsAreRemembered) { mark } else { Fence::default() };
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
        // What was waited for once need not be waited for again: the survivor is read by the same claim.
        let taken_over = self.scratch.taken_over;
        self.start_over();
        self.scratch.taken_over = taken_over;
        self.moved = Some(ConversationMerged { from: from.clone(), into });
        self.advance(now)
    }

    pub(crate) fn append_merger(&mut self, now: Timestamp, merged: ConversationMerged) -> Command {
        let record = Record { received_at: now, body: RecordBody::ConversationMerged(merged) };
        self.expect(Awaiting::Appended { merge: true }, Command::Append(vec![record]))
    }
}
