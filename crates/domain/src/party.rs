//! The outside side of calls: its queue of calls, its conversation, its pending effects.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::effect::{ConversationStatus, NumberedEffect, WorkItem};
use crate::fact::ConversationChange;
use crate::ids::{CallId, ContactId, ConversationId, InboxId, PartyId, ThreadRef};
use crate::limits::WORK_ITEM_EFFECTS_MAX;
use crate::rule::{self, Rule};
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
    /// Calls to be decided on, in the order in which they settled or something late came for them. Each stands here once.
    pub queue: VecDeque<CallId>,
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
    /// The older party that this one joins as soon as its effects have drained.
    pub joining: Option<PartyId>,
    /// Younger parties that will join this one. Nothing is decided before they have: they may bring the conversation.
    pub awaits: BTreeSet<PartyId>,
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
    pub segment: Segment,
}

/// The life of a conversation from being open until it is archived. The subject belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub subject: String,
    /// Archived; only a person's reopening resumes it.
    pub ended: bool,
    /// Front's time of the last archiving or reopening that counted.
    pub marked_at: Timestamp,
}

impl Party {
    /// True when nothing is decided and not yet settled in Front.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.pending_effects() == 0
    }

    /// The call is to be decided on, because of what the record at `sequence` told.
    pub(crate) fn enqueue(&mut self, call: CallId, sequence: u64) {
        if !self.queue.contains(&call) {
            self.queue.push_back(call);
        }
        self.touched = sequence;
    }

    pub(crate) fn dequeue(&mut self, call: CallId) {
        self.queue.retain(|waiting| *waiting != call);
    }

    /// How many decided effects are not settled in Front.
    #[must_use]
    pub fn pending_effects(&self) -> usize {
        self.backlog.len() + self.outstanding.as_ref().map_or(0, |outstanding| outstanding.open.len())
    }

    /// Cuts the next work item when nothing is outstanding and something is pending. A read is alone in its item.
    pub(crate) fn cut(&mut self, party: &PartyId) -> Option<WorkItem> {
        let must_wait = self.outstanding.is_some() && rule::holds(Rule::OneItemIsOutstanding);
        if must_wait || self.backlog.is_empty() {
            return None;
        }
        let reads = self.backlog.iter().position(|effect| effect.effect.action.is_read());
        let size = match reads {
            Some(0) => 1,
            Some(before) => before,
            None => self.backlog.len(),
        };
        let effects: Vec<_> = self.backlog.drain(..size.min(WORK_ITEM_EFFECTS_MAX)).collect();
        self.item += 1;
        let conversation = self.thread.as_ref().and_then(|thread| thread.conversation.clone());
        let item = WorkItem { party: party.clone(), item: self.item, publication: 1, conversation, effects };
        let open = item.effects.iter().map(|effect| effect.ordinal).collect();
        self.outstanding = Some(Outstanding { item: item.clone(), open });
        Some(item)
    }
}

impl Thread {
    /// A thread that has no conversation yet.
    #[must_use]
    pub fn new(reference: ThreadRef, inbox: InboxId, subject: String) -> Self {
        // Any event about the new conversation is later than this, whatever the clocks say.
        let before_all = Timestamp::from_millis(0);
        Self {
            reference,
            conversation: None,
            inbox,
            inbox_at: before_all,
            status: ConversationStatus::Open,
            status_at: before_all,
            unsure: false,
            segment: Segment { subject, ended: false, marked_at: before_all },
        }
    }

    /// Takes in an event about the conversation. Events count in the order of Front's time.
    pub(crate) fn change(&mut self, change: &ConversationChange, at: Timestamp) {
        match change {
            ConversationChange::Archived => {
                self.set_status(ConversationStatus::Archived, at);
                self.mark(true, at);
            }
            ConversationChange::Reopened | ConversationChange::Restored => {
                self.set_status(ConversationStatus::Open, at);
                self.mark(false, at);
            }
            ConversationChange::ReopenedByApi => self.set_status(ConversationStatus::Open, at),
            // Snoozed is not archived, also when it was before.
            ConversationChange::Snoozed => {
                self.set_status(ConversationStatus::Snoozed, at);
                self.mark(false, at);
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

    /// Takes in what a read showed. An open conversation whose segment had ended was reopened by a person: our own
    /// reopening starts a segment of its own.
    pub(crate) fn observe(&mut self, status: ConversationStatus, at: Timestamp) {
        self.unsure = false;
        self.set_status(status, at);
        match status {
            ConversationStatus::Archived => self.mark(true, at),
            ConversationStatus::Open | ConversationStatus::Snoozed => self.mark(false, at),
            ConversationStatus::Trashed => {}
        }
    }

    pub(crate) fn set_status(&mut self, status: ConversationStatus, at: Timestamp) {
        if is_news(at, self.status_at) {
            self.status = status;
            self.status_at = at;
        }
    }

    fn mark(&mut self, ended: bool, at: Timestamp) {
        if is_news(at, self.segment.marked_at) {
            self.segment.ended = ended;
            self.segment.marked_at = at;
        }
    }
}

/// Front's times order what happened to a conversation; webhooks come in any order.
fn is_news(at: Timestamp, known_at: Timestamp) -> bool {
    at > known_at || !rule::holds(Rule::AStatusGoesByFrontsTime)
}
