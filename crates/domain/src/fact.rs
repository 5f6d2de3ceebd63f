//! What a record means, after translation. Facts are past tense and bring their own time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::decision::EffectsDecided;
use crate::effect::EffectSettled;
use crate::ids::{CallId, ContactId, ConversationId, InboxId, LineId, MediaLink, PhoneNumber, TeammateId};
use crate::policy::Policy;
use crate::record::{
    AccountCreated, CallsReconsidered, ConversationMerged, EffectsDropped, EffectsRetried, PartyErased,
};
use crate::time::Timestamp;
use crate::timer::Timer;

/// What a record means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    AccountCreated(AccountCreated),
    PolicyChanged(Policy),
    CallSnapshot(Box<CallSnapshot>),
    ConversationChanged(ConversationChanged),
    ConversationMerged(ConversationMerged),
    EffectsDecided(EffectsDecided),
    EffectSettled(EffectSettled),
    TimerElapsed(Timer),
    PartyErased(Box<PartyErased>),
    CallsReconsidered(CallsReconsidered),
    EffectsRetried(EffectsRetried),
    EffectsDropped(EffectsDropped),
    /// Kept in the log, and without meaning here: what a later release wrote with words that this one does not know.
    Later(Later),
    /// Kept in the log, and without meaning for the state: an event of another kind, or one that this release does not know.
    Other,
}

/// A record of a later release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    /// The vocabulary of a release that can read it.
    pub needs: u32,
}

/// A call as Aircall told it at one moment. A field that is `None` was not told: absent is not null, and null is not "gone".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSnapshot {
    pub call: CallId,
    pub event: CallEvent,
    /// When Aircall built the payload, in whole seconds; ties are normal.
    pub at: Timestamp,
    pub received_at: Timestamp,
    pub status: Option<CallStatus>,
    /// The outside number, as normalised at receipt; `None` when it was withheld or cannot be read.
    pub number: Option<PhoneNumber>,
    /// What Aircall shows where no number can be read, although the caller withheld none.
    pub shown_number: Option<String>,
    pub direction: Option<Direction>,
    pub line: Option<Line>,
    pub started_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    /// When the call must have been answered, of a snapshot that says so without a time that can be read.
    pub answered_guess: Option<AnsweredGuess>,
    pub ended_at: Option<Timestamp>,
    pub missed_reason: Option<String>,
    /// Who has the call. Not who it only rang on.
    pub agent: Option<Agent>,
    /// Who has just answered, of the event that says so.
    pub answered_by: Option<Answer>,
    pub contact: Option<ContactHint>,
    pub recording: Media,
    pub voicemail: Media,
    /// Comments that this snapshot brings; another may bring others.
    pub comments: Vec<Comment>,
    /// The full list of tag names.
    pub tags: Option<BTreeSet<String>>,
    pub transfer: Option<Transfer>,
    /// Options that the caller chose in the line's menu; another snapshot may bring others.
    pub menu: Vec<MenuChoice>,
    /// The agent whom the call rang on or who declined it, of the events that say so.
    pub rung: Option<Rung>,
    /// It was read from Aircall's API. `None` for a webhook.
    pub read: Option<Read>,
}

/// How a call that was read from Aircall's API is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// If this record settles the call, the call is history: it is logged without disturbing anyone.
    pub history: bool,
    /// A call that is not known yet stays unknown.
    pub update: bool,
}

/// When a call was answered at the earliest known: the event that showed it first. What is less is nearer to the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnsweredGuess {
    /// The call was over by then: the moment is any of its life.
    pub over: bool,
    pub at: Timestamp,
}

/// An agent answered a call. The least is the first one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Answer {
    pub at: Timestamp,
    pub agent: Agent,
}

/// An option of a line's menu that the caller chose. Ordered by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MenuChoice {
    pub at: Timestamp,
    /// The option's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The key that was pressed; `fallback` for a wrong one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// An agent whom a call rang on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rung {
    /// The first event that said so.
    pub at: Timestamp,
    pub agent: Agent,
    /// The agent declined the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
}

/// Something that can be listened to. What is greater is known better.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    #[default]
    Absent,
    /// It is there, or will be; its lasting link is not known.
    Announced,
    Linked(MediaLink),
}

/// What an agent wrote about a call. Aircall lets nobody change it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Comment {
    pub id: u64,
    pub posted_at: Option<Timestamp>,
    /// `None` for a comment that came through Aircall's API.
    pub by: Option<Agent>,
    pub text: String,
    /// It stands for this many comments, itself included, that stay in Aircall: the call has more than are brought over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl std::fmt::Debug for Comment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Comment({})", self.id)
    }
}

/// What happened to a call, as far as the fold cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEvent {
    HungUp,
    Ended,
    /// Everything else that brings a snapshot.
    Other,
}

/// Where a call is in its life; later beats earlier when two snapshots disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    Initial,
    Answered,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Inbound,
    Outbound,
}

/// One of the company's own numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    pub id: LineId,
    pub name: Option<String>,
    pub number: Option<PhoneNumber>,
    /// An IANA name, if Aircall has a good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Agent {
    /// Aircall's id; a stable number made from the e-mail or the name where it is missing.
    pub id: u64,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// What Aircall knows of the person at the outside number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContactHint {
    pub name: Option<String>,
    pub emails: Vec<String>,
}

/// A call handed on, or the failed try. `transferred_to` stays set in every later payload, even after a failed transfer,
/// so only the events of the transfer itself tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Transfer {
    pub at: Timestamp,
    pub succeeded: bool,
    pub by: Option<Agent>,
    /// `None` when Aircall does not name it: a team, for example.
    pub to: Option<TransferTarget>,
}

impl Transfer {
    /// Who it went to, by id alone: names and e-mails may be written in several ways.
    pub(crate) fn target_id(&self) -> Option<Option<u64>> {
        self.to.as_ref().map(|to| match to {
            TransferTarget::Agent(agent) => Some(agent.id),
            TransferTarget::External => None,
        })
    }

    /// The same transfer, received again.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let by = |transfer: &Self| transfer.by.as_ref().map(|by| by.id);
        (self.at, self.succeeded, self.target_id()) == (other.at, other.succeeded, other.target_id())
            && by(self) == by(other)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferTarget {
    Agent(Agent),
    /// Outside of Aircall: nobody in Front has the call then.
    External,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Agent({})", self.id)
    }
}

impl std::fmt::Debug for ContactHint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContactHint(…)")
    }
}

/// Something happened to a conversation in Front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationChanged {
    pub conversation: ConversationId,
    /// Front's `emitted_at`. Facts of one conversation are ordered by it, not by their place in the log.
    pub at: Timestamp,
    /// When Front's webhook reported it. `None` for a polled event: it says nothing about the webhooks.
    pub received_at: Option<Timestamp>,
    pub change: ConversationChange,
    /// The contact that Front shows the conversation to be with.
    pub contact: Option<ContactId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationChange {
    Archived,
    /// By a person, or by a rule that a person made.
    Reopened,
    /// Through the API or by a message that came in: our own imports and reopenings among them.
    ReopenedByApi,
    Snoozed,
    Trashed,
    Restored,
    Moved {
        inbox: InboxId,
    },
    Assigned {
        teammate: TeammateId,
    },
    Unassigned,
    /// Another conversation was merged into it, or it into another: its status has to be read.
    Merged,
    /// Any other event about a conversation: it shows that Front's webhooks arrive.
    Other,
}
