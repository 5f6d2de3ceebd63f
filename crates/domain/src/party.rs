//! The outside side of calls: its queue of calls, its conversation, its pending effects.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::effect::{Act, ConversationStatus, NumberedEffect, WorkItem};
use crate::fact::ConversationChange;
use crate::ids::{CallId, ContactId, ConversationId, EffectKind, InboxId, PartyId, ThreadRef};
use crate::limits::{WORK_ITEM_BYTES_MAX, WORK_ITEM_EFFECTS_MAX};
use crate::rule::{self, Rule};
use crate::segment::{self, Mark, Marks, Segment};
use crate::size::encoded_bytes;
use crate::time::Timestamp;

/// What a party id stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyEntry {
    Party(Box<Party>),
    /// The party turned out to be the same contact as an older one and lives on there.
    JoinedInto(PartyId),
}

/// The header of a party. Its calls are stored one by one beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The sequence of the record that made the party: the older of two joined parties survives.
    pub since: u64,
    pub contact: Option<ContactId>,
    /// Calls to be decided on, in the order in which they settled or something late came for them, each of them once.
    pub queue: VecDeque<Waiting>,
    /// The last record that may have made something decidable.
    pub touched: u64,
    /// The highest position that a folded decision of this party covers.
    pub decided_through: u64,
    /// Folded decisions.
    pub step: u64,
    /// The last ordinal given.
    pub ordinal: u64,
    /// The last work item cut.
    pub item: u64,
    /// Decided effects that are in no work item yet, in order.
    pub backlog: Vec<NumberedEffect>,
    pub outstanding: Option<Outstanding>,
    pub thread: Option<Thread>,
    /// The segment's first call is not known to be in Front yet. Nothing is decided until it is, or is refused.
    pub opening: Option<Opening>,
    /// The older party that this one joins as soon as its effects have drained.
    pub joining: Option<PartyId>,
    /// Younger parties that will join this one. Nothing is decided before they have: they may bring the conversation.
    pub awaits: BTreeSet<PartyId>,
}

/// What is known of one number, which may leave its party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// Where its calls go; that party may have been joined into another since.
    pub party: PartyId,
    /// When its contact was last looked up, and in which record the answer is.
    pub looked_up_at: Timestamp,
    pub sequence: u64,
}

/// A call that is to be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub call: CallId,
    /// The record that it waits for a decision about: it moves to the end of the queue with each that brings news of it.
    pub position: u64,
}

/// A segment whose first call is on its way into Front, and what is in force again should Front refuse that call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    pub call: CallId,
    pub before: Option<Box<Thread>>,
}

/// The one work item that may be at the writers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outstanding {
    pub item: WorkItem,
    /// Ordinals without a terminal fact.
    pub open: BTreeSet<u64>,
}

/// The conversation that calls go into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    pub reference: ThreadRef,
    /// Known once the first import was seen in Front.
    pub conversation: Option<ConversationId>,
    pub inbox: InboxId,
    pub inbox_at: Timestamp,
    pub status: ConversationStatus,
    /// Front's time of the status.
    pub status_at: Timestamp,
    /// The status has to be read before it is trusted: the conversation was merged, an import did not find it, or a call went
    /// into it while it was snoozed.
    pub unsure: bool,
    /// The conversation is another one than the segment began in, and has not been looked at since.
    pub merged: bool,
    /// Conversations that were merged into this one.
    pub left: Vec<ConversationId>,
    pub segment: Segment,
    pub marks: Marks,
    /// When something of this conversation was last received or seen: an event, a read, a part of a call that is there.
    pub heard_at: Option<Timestamp>,
    /// When it was last read.
    pub read_at: Option<Timestamp>,
    /// The contact that Front last showed it to be with.
    pub shown_contact: Option<ContactId>,
    /// The record that showed another contact than the party's for the first time: its numbers are looked up again.
    pub contact_doubted: u64,
    /// The last call that was logged into it.
    pub last: Option<LastCall>,
    /// The call after whose import the conversation is looked at: it was put away before the call, or is another one than
    /// the call was decided for.
    pub look_after: Option<CallId>,
}

/// A call, and when it settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCall {
    pub call: CallId,
    pub settled_at: Timestamp,
}

impl Party {
    /// True when nothing is decided and not yet settled in Front.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.pending_effects() == 0
    }

    /// The call waits at the end of the queue, because of the news in the record at `position`.
    pub(crate) fn enqueue(&mut self, call: CallId, position: u64) {
        self.dequeue(call);
        self.queue.push_back(Waiting { call, position });
        self.touched = position;
    }

    /// The call waits for a look at its conversation, unless it has had one. False when it does not.
    pub(crate) fn look_after(&mut self, id: CallId, call: &Call, position: u64) -> bool {
        let is_looked_at = call.has_decided(id, EffectKind::Reopen) || call.is_refused(id);
        let Some(thread) = self.thread.as_mut().filter(|_| !is_looked_at) else { return false };
        if thread.look_after == Some(id) || !rule::holds(Rule::UnexpectedPlaceIsLookedAt) {
            return false;
        }
        thread.look_after = Some(id);
        self.enqueue(id, position);
        true
    }

    /// A call that was decided waits for its decision again, ahead of what came after it.
    pub(crate) fn requeue(&mut self, call: CallId, position: u64) {
        self.dequeue(call);
        let place = self.queue.partition_point(|waiting| waiting.position <= position);
        self.queue.insert(place, Waiting { call, position });
    }

    pub(crate) fn dequeue(&mut self, call: CallId) {
        self.queue.retain(|waiting| waiting.call != call);
    }

    /// From which record on the call waits; `None` when it does not.
    #[must_use]
    pub fn waits_from(&self, call: CallId) -> Option<u64> {
        self.queue.iter().find(|waiting| waiting.call == call).map(|waiting| waiting.position)
    }

    /// How many decided effects are not settled in Front.
    #[must_use]
    pub fn pending_effects(&self) -> usize {
        self.backlog.len() + self.outstanding.as_ref().map_or(0, |outstanding| outstanding.open.len())
    }

    /// The first call of the segment is in Front: the segment counts.
    pub(crate) fn opened(&mut self) {
        self.opening = None;
        if let Some(thread) = &mut self.thread {
            thread.marks.forget_before(&thread.segment);
        }
    }

    /// Front refused the first call of the segment: it was never opened. What happened to another conversation meanwhile
    /// was not followed, so that one is looked at before it is used.
    pub(crate) fn opening_refused(&mut self) {
        let Some(opening) = self.opening.take() else { return };
        if !rule::holds(Rule::RefusedFirstImportLeavesNoTrace) {
            return;
        }
        let thread = self.thread.take();
        self.thread = match (thread, opening.before) {
            (Some(thread), Some(before)) if before.reference == thread.reference => {
                Some(Thread { segment: before.segment, ..thread })
            }
            (_, before) => before.map(|before| Thread { unsure: true, ..*before }),
        };
    }

    /// Cuts the next work item when nothing is outstanding and something is pending. A read is alone in its item.
    pub(crate) fn cut(&mut self, party: &PartyId) -> Option<WorkItem> {
        let must_wait = self.outstanding.is_some() && rule::holds(Rule::OneItemIsOutstanding);
        if must_wait || self.backlog.is_empty() {
            return None;
        }
        let effects: Vec<_> = self.backlog.drain(..self.next_item_size()).collect();
        self.item += 1;
        let present = || self.thread.as_ref().and_then(|thread| thread.conversation.clone());
        let conversation = effects[0].conversation.clone().or_else(present);
        let is_bulk = |effect: &NumberedEffect| effect.bulk;
        let bulk = if rule::holds(Rule::BulkHoldsHistoryAlone) {
            effects.iter().chain(&self.backlog).all(is_bulk)
        } else {
            effects.iter().chain(&self.backlog).any(is_bulk)
        };
        let item =
            WorkItem { party: party.clone(), item: self.item, publication: 1, conversation, effects, bulk };
        let open = item.effects.iter().map(|effect| effect.ordinal).collect();
        self.outstanding = Some(Outstanding { item: item.clone(), open });
        Some(item)
    }

    /// How many effects of the backlog, which is not empty, make the next item. It goes into one conversation and ends with
    /// the effects of a call, so that what a refused call leaves to be skipped is in one place; only a call whose effects
    /// alone are too many is split.
    fn next_item_size(&self) -> usize {
        let first = &self.backlog[0];
        if first.effect.action.is_read() {
            return 1;
        }
        let (mut bytes, mut whole) = (0, 0);
        for (place, effect) in self.backlog.iter().enumerate() {
            let ends_call = place > 0 && effect.effect.key.call != self.backlog[place - 1].effect.key.call;
            if ends_call {
                whole = place;
            }
            if effect.effect.action.is_read() || effect.conversation != first.conversation {
                return place;
            }
            bytes += encoded_bytes(effect);
            let is_too_long = bytes > WORK_ITEM_BYTES_MAX && rule::holds(Rule::WorkItemsAreCutByBytes);
            if place > 0 && (place == WORK_ITEM_EFFECTS_MAX || is_too_long) {
                return if whole > 0 { whole } else { place };
            }
        }
        self.backlog.len()
    }
}

impl Thread {
    /// A thread that has no conversation yet, with its first segment.
    #[must_use]
    pub fn new(reference: ThreadRef, inbox: InboxId, segment: Segment) -> Self {
        let status = if segment.history { ConversationStatus::Archived } else { ConversationStatus::Open };
        // Any event about the new conversation is later than this, whatever the clocks say.
        let before_all = Timestamp::from_millis(0);
        Self {
            reference,
            conversation: None,
            inbox,
            inbox_at: before_all,
            status,
            status_at: before_all,
            unsure: false,
            merged: false,
            left: Vec::new(),
            segment,
            marks: Marks::default(),
            heard_at: None,
            read_at: None,
            shown_contact: None,
            contact_doubted: 0,
            last: None,
            look_after: None,
        }
    }

    /// A call was logged into it, which does what has to be done about the status.
    pub(crate) fn logged(&mut self, last: LastCall) {
        (self.last, self.look_after) = (Some(last), None);
    }

    /// The last call, when what has become known only now was done at `at`, before that call: a mass action that Front lists late,
    /// or a late webhook. The call may be where no one sees it.
    pub(crate) fn put_away_before_last(&self, at: Timestamp) -> Option<CallId> {
        let last = self.last.filter(|last| at < last.settled_at)?;
        let is_put_away = match self.status {
            ConversationStatus::Archived | ConversationStatus::Trashed => self.status_at == at,
            ConversationStatus::Open | ConversationStatus::Snoozed => false,
        };
        is_put_away.then_some(last.call)
    }

    /// Takes in an event about the conversation that stands at `sequence` in the log. For the status, events count in the
    /// order of Front's time.
    pub(crate) fn change(&mut self, change: &ConversationChange, at: Timestamp, sequence: u64) {
        let mut mark = |archived| self.marks.add(segment::mark(archived, at, sequence));
        match change {
            ConversationChange::Archived => {
                mark(true);
                self.set_status(ConversationStatus::Archived, at);
            }
            ConversationChange::Reopened | ConversationChange::Restored => {
                mark(false);
                self.set_status(ConversationStatus::Open, at);
            }
            ConversationChange::ReopenedByApi => self.set_status(ConversationStatus::Open, at),
            // Snoozed is not archived, also when it was before.
            ConversationChange::Snoozed => {
                mark(false);
                self.set_status(ConversationStatus::Snoozed, at);
            }
            ConversationChange::Trashed => self.set_status(ConversationStatus::Trashed, at),
            ConversationChange::Moved { inbox } => {
                if at > self.inbox_at {
                    self.inbox = inbox.clone();
                    self.inbox_at = at;
                }
            }
            ConversationChange::Merged => self.unsure = true,
            ConversationChange::Assigned { .. }
            | ConversationChange::Unassigned
            | ConversationChange::Other => {}
        }
    }

    /// Takes in what a read showed, with what the conversation's events said of people's acts. Where the status contradicts
    /// what is known and no act explains that, it counts from `sequence` on. An open conversation whose segment has ended was
    /// brought back by a person: our own reopening starts a segment of its own.
    ///
    /// The events are read only where the status is not as `believed`. What became known since the read was asked for may
    /// contradict it too, and only the events say why: an import of ours may have opened what a person has archived.
    pub(crate) fn observe(
        &mut self,
        (status, at): (ConversationStatus, Timestamp),
        acts: &[Act],
        believed_ended: Option<bool>,
        sequence: u64,
    ) {
        // A conversation that this one was merged into has a history of its own, which says nothing about our segment.
        // What became known since the merger does.
        let has_own_history = std::mem::take(&mut self.merged) && self.marks.is_empty();
        self.unsure = false;
        self.set_status(status, at);
        acts.iter().for_each(|act| self.marks.add(Mark { act: *act, sequence: None }));
        let shown = match status {
            ConversationStatus::Archived => true,
            ConversationStatus::Open | ConversationStatus::Snoozed => false,
            ConversationStatus::Trashed => return,
        };
        let is_explained = !acts.is_empty() && !has_own_history;
        if is_explained || self.has_ended() == shown {
            return;
        }
        if believed_ended == Some(shown) && rule::holds(Rule::OvertakenReadIsRepeated) {
            self.unsure = true;
        } else {
            self.marks.add(segment::mark(shown, at, sequence));
        }
    }

    /// Front does not have the conversation any more: it is as good as trashed, whatever was reported last.
    pub(crate) fn forget(&mut self, at: Timestamp) {
        self.status = ConversationStatus::Trashed;
        self.status_at = self.status_at.max(at);
    }

    /// Takes in the inboxes that a read showed; of several, none of which calls went to before, the first.
    pub(crate) fn observe_inboxes(&mut self, inboxes: &[InboxId], at: Timestamp) {
        let Some(first) = inboxes.first().filter(|_| at > self.inbox_at) else { return };
        if !inboxes.contains(&self.inbox) {
            self.inbox = first.clone();
        }
        self.inbox_at = at;
    }

    /// Takes in the contact that Front shows the conversation to be with. Each that is not the party's causes one look-up.
    pub(crate) fn observe_contact(&mut self, own: Option<&ContactId>, shown: &ContactId, sequence: u64) {
        if self.shown_contact.as_ref() == Some(shown) {
            return;
        }
        self.shown_contact = Some(shown.clone());
        if own.is_some_and(|own| own != shown) && rule::holds(Rule::OtherContactShownIsLookedUp) {
            self.contact_doubted = sequence;
        }
    }

    /// The conversation was heard of.
    pub(crate) fn hear(&mut self, received_at: Timestamp) {
        self.heard_at = self.heard_at.max(Some(received_at));
    }

    /// The segment has ended, by what is known now.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.marks.has_ended(&self.segment)
    }

    pub(crate) fn set_status(&mut self, status: ConversationStatus, at: Timestamp) {
        if is_news(at, self.status_at) {
            self.status = status;
            self.status_at = at;
        }
    }
}

/// Front's times order what happened to a conversation; webhooks come in any order.
fn is_news(at: Timestamp, known_at: Timestamp) -> bool {
    at > known_at || !rule::holds(Rule::AStatusGoesByFrontsTime)
}
