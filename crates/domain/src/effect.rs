//! What is to be done in Front, and what came of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{
    CommentId, ContactId, ConversationId, EffectKey, InboxId, LineId, MessageUid, PartyId, PhoneNumber,
    ThreadRef,
};
use crate::policy::ImportType;
use crate::rule::{self, Rule};
use crate::time::Timestamp;

/// One thing to be done in Front, also the reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    pub key: EffectKey,
    pub action: Action,
}

/// What an effect does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Finds the contact of a number, or creates it, and gives it the handle that imports use.
    LookUpContact(LookUpContact),
    /// Reads the conversation's status.
    ObserveConversation(ObserveConversation),
    /// Adds an activity to the conversation, or opens the conversation with it.
    ImportActivity(ImportActivity),
    /// Gives the conversation to a teammate, unless a person gave it to somebody meanwhile.
    AssignConversation(AssignConversation),
    /// Opens the conversation, unless it was archived after `unless_archived_after`.
    ReopenConversation(ReopenConversation),
    /// Adds a comment to the conversation.
    AddComment(AddComment),
    /// Puts a tag on the conversation.
    TagConversation(TagConversation),
}

impl Action {
    /// True for effects that only read, whose answers the next decision needs.
    #[must_use]
    pub fn is_read(&self) -> bool {
        match self {
            Self::LookUpContact(_) | Self::ObserveConversation(_) => true,
            Self::ImportActivity(_)
            | Self::AssignConversation(_)
            | Self::ReopenConversation(_)
            | Self::AddComment(_)
            | Self::TagConversation(_) => false,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUpContact {
    /// `None` for the one contact of all callers without a number.
    pub number: Option<PhoneNumber>,
    /// What Aircall knows of the person, for a contact that has to be created.
    pub name: Option<String>,
    pub emails: Vec<String>,
    /// The import type decides which handle the contact must have besides its phone.
    pub import_type: ImportType,
    /// The contact that the party is known as, when its number is looked up again. Another one is found where a person gave
    /// the number away, or where this one is gone because it was merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<ContactId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObserveConversation {
    pub conversation: ConversationId,
    /// Whether the segment is known to have ended. Where Front shows otherwise, the conversation's events are read too, because
    /// only they say when that happened. `None`: the status alone is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_ended: Option<bool>,
    /// The conversation's inboxes are read too: agents may have moved it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_inboxes: bool,
}

impl ObserveConversation {
    /// Whether the segment had ended, by what was known when the read was asked for. Where another conversation answers, the
    /// one asked for was merged into it: nothing is known of that one's archivings.
    #[must_use]
    pub fn believed_ended(&self, answered: &ConversationId) -> Option<bool> {
        self.segment_ended.map(|ended| ended && *answered == self.conversation)
    }
}

/// `POST /inboxes/{inbox}/imported_messages`, decided to the last letter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportActivity {
    pub inbox: InboxId,
    /// The line of the call. Where Front does not have the inbox, the one that the configuration gives this line is tried.
    /// Older records do not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineId>,
    /// Threads the message until the conversation's id is known; the work item brings the id when it is.
    pub thread: ThreadRef,
    pub import_type: ImportType,
    pub subject: String,
    /// Plain text; the last line is the effect's marker.
    pub body: String,
    pub created_at: Timestamp,
    pub from: Sender,
    /// The conversation is archived and stays so: what comes late reopens nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// The audio of the call's recording goes with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_audio: bool,
    /// The call is history: no rule in Front runs for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skips_rules: bool,
}

/// Who logs an activity. A number that is `None` was withheld.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Sender {
    /// Inbound: from the customer's number to the line's.
    Customer { number: Option<PhoneNumber>, name: Option<String>, line_number: Option<PhoneNumber> },
    /// Outbound: from the line's number to the customer's, by the teammate with this e-mail (none when the agent is unknown).
    Agent {
        email: Option<String>,
        line_number: Option<PhoneNumber>,
        number: Option<PhoneNumber>,
        assign: bool,
    },
}

impl std::fmt::Debug for ImportActivity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportActivity")
            .field("inbox", &self.inbox)
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LookUpContact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LookUpContact(…)")
    }
}

impl std::fmt::Debug for AssignConversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AssignConversation(…)")
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Customer { .. } => "Customer(…)",
            Self::Agent { .. } => "Agent(…)",
        })
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignConversation {
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReopenConversation {
    pub unless_archived_after: Timestamp,
}

/// `POST /conversations/{id}/comments`, decided to the last letter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddComment {
    /// Who wrote it; `None` for a comment under the integration's name.
    pub email: Option<String>,
    /// Plain text; the last line is the effect's marker.
    pub body: String,
    /// The same where no teammate has the e-mail: the writer's name stands in it.
    pub unsigned_body: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagConversation {
    pub name: String,
}

impl std::fmt::Debug for AddComment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AddComment(…)")
    }
}

impl std::fmt::Debug for TagConversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TagConversation(…)")
    }
}

/// The pending effects of one party, in order: what the outbox holds. At most one per party is outstanding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    pub party: PartyId,
    /// 1, 2, 3, … per party.
    pub item: u64,
    /// 1 for the first publication; counts up each time the item is published again.
    pub publication: u32,
    /// The conversation that imports go into, when its id was known as the item was cut.
    pub conversation: Option<ConversationId>,
    pub effects: Vec<NumberedEffect>,
    /// Nothing but history was pending as the item was cut: live calls of other parties go first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bulk: bool,
}

/// An effect with its place in the party's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedEffect {
    /// 1, 2, 3, … per party, given by the fold.
    pub ordinal: u64,
    #[serde(flatten)]
    pub effect: Arc<Effect>,
    /// Where it goes when that is not the party's present conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// It belongs to a call that is history.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bulk: bool,
    /// Front refused it under an earlier ordinal, may have it all the same, and an operator has it retried: that is looked up
    /// first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retried: bool,
}

impl WorkItem {
    /// The outbox's message id: a republished item has another one, else the outbox would drop it as a duplicate.
    #[must_use]
    pub fn message_id(&self) -> String {
        let told_apart = rule::holds(Rule::ARepublishedItemHasAnotherId);
        let publication = if told_apart { self.publication } else { 1 };
        format!("{}.{}.{publication}", self.party, self.item)
    }
}

/// The terminal fact of one effect, appended by the front-writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectSettled {
    pub party: PartyId,
    pub ordinal: u64,
    pub key: EffectKey,
    /// HTTP requests sent for it.
    pub attempts: u32,
    pub outcome: Outcome,
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The contact of the number. It `replaces` the one that was known when that one is gone from Front.
    ContactFound {
        contact: ContactId,
        created: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<ContactId>,
    },
    /// What the conversation looked like at `at`, the moment before the request was sent. `acts` are the archivings and
    /// reopenings by people that its events tell of, oldest first; empty when they were not wanted or could not be read. So
    /// are `inboxes`. `contact` is the one that Front shows it to be with.
    Observed {
        conversation: ConversationId,
        status: ConversationStatus,
        at: Timestamp,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        acts: Vec<Act>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inboxes: Vec<InboxId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contact: Option<ContactId>,
    },
    /// Seen in Front; `unconfirmed` when the account's settings leave out the look.
    Applied {
        conversation: Option<ConversationId>,
        message_uid: Option<MessageUid>,
        at: Timestamp,
        unconfirmed: bool,
        /// The comment that was added.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<CommentId>,
    },
    /// Front refuses it, and a retry would not change that. `reason` is Front's own message without personal data.
    Rejected { status: u16, reason: String },
    /// The field was left alone. A person changed it meanwhile, or it is not known whether one did, and we never fight with
    /// people; or the agent to be assigned is not in Front.
    Overtaken { found: String },
    /// Left out because the effect `because_of` that it needs was rejected.
    Skipped { because_of: EffectKey },
    /// Not done: Front said, to a request sent at `at`, that it does not have the conversation any more. A call that was to
    /// go there is decided again.
    Gone { conversation: ConversationId, at: Timestamp },
}

/// A person archived the conversation, or brought it back, by Front's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub at: Timestamp,
    pub archived: bool,
}

/// A conversation's status in Front. `Open` covers assigned and unassigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    Open,
    Archived,
    /// Reads back as archived with a reminder; it is not archived.
    Snoozed,
    Trashed,
}
