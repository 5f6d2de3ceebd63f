//! Everything that was applied, in order, for tests and the demo to look at.

use serde::Serialize;

use super::Front;
use super::company::{Comment, Contact, Conversation, Message};
use super::faults::Fault;
use super::multipart::File;
use super::options::{Handle, Tag};
use super::render::status_word;

/// The company's whole state and history at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Every request, in the order of arrival.
    pub requests: Vec<RequestEntry>,
    /// Every import that passed validation, repeats included, in the order of arrival.
    pub imports: Vec<ImportEntry>,
    /// Every conversation, in the order of creation; those merged away too.
    pub conversations: Vec<ConversationEntry>,
    /// Every contact, in the order of creation; those merged away too.
    pub contacts: Vec<ContactEntry>,
    /// The company's tags.
    pub tags: Vec<Tag>,
    /// Every event, in the order in which it was emitted.
    pub events: Vec<EventEntry>,
    /// Every webhook, in the order of its event.
    pub webhooks: Vec<WebhookEntry>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestEntry {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// Upper case.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// The status that was sent; none if the connection was closed without an answer.
    pub status: Option<u16>,
    /// What went wrong with it.
    pub fault: Option<Fault>,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportEntry {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// As sent.
    pub external_id: String,
    /// What the 202 said.
    pub message_uid: Option<String>,
    /// What became of it.
    pub outcome: ImportOutcome,
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// The first of its external id: a message is made.
    Accepted,
    /// A repeat, answered 202; nothing is made.
    Dropped,
    /// A repeat, answered with an error; nothing is made.
    Refused,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversationEntry {
    /// `cnv_…`
    pub id: String,
    /// As Front shows it.
    pub subject: String,
    /// `assigned`, `unassigned`, `archived` or `deleted`.
    pub status: &'static str,
    /// The inbox it is in.
    pub inbox: String,
    /// The assignee's id.
    pub assignee: Option<String>,
    /// The contact's id.
    pub contact: String,
    /// Tag ids.
    pub tags: Vec<String>,
    /// Set while it is snoozed, Unix time in milliseconds.
    pub snoozed_until_ms: Option<i64>,
    /// The survivor, if it was merged away.
    pub merged_into: Option<String>,
    /// In the order of their arrival.
    pub messages: Vec<MessageEntry>,
    /// In the order of their writing.
    pub comments: Vec<CommentEntry>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageEntry {
    /// `msg_…`
    pub id: String,
    /// The first uid it was answered with.
    pub uid: String,
    /// As imported.
    pub external_id: String,
    /// As imported.
    pub subject: String,
    /// As imported.
    pub body: String,
    /// As imported.
    pub is_inbound: bool,
    /// The author's id.
    pub author: Option<String>,
    /// The sender's handle.
    pub sender: String,
    /// The handles it went to.
    pub to: Vec<String>,
    /// The files that came with it.
    pub files: Vec<File>,
    /// As imported, Unix time in milliseconds.
    pub created_at_ms: i64,
    /// When it became visible, Unix time in milliseconds.
    pub imported_at_ms: i64,
    /// 1 for the company's first message.
    pub number: usize,
}

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommentEntry {
    /// `com_…`
    pub id: String,
    /// The author's id; none for the API token.
    pub author: Option<String>,
    /// As written.
    pub body: String,
    /// Unix time in milliseconds.
    pub posted_at_ms: i64,
}

/// One contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContactEntry {
    /// `crd_…`
    pub id: String,
    /// Its name, if anybody gave one.
    pub name: Option<String>,
    /// How it is reached.
    pub handles: Vec<Handle>,
    /// The survivor, if it was merged away.
    pub merged_into: Option<String>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventEntry {
    /// `evt_…`
    pub id: String,
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// The short type, as `archive`.
    pub kind: &'static str,
    /// The conversation's id.
    pub conversation: String,
    /// `api`, `teammate`, `inboxes` or `reminder`.
    pub source: &'static str,
}

/// One webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookEntry {
    /// The event's id.
    pub event: String,
    /// The webhook's type, as `conversation_archived`.
    pub kind: &'static str,
    /// Deliveries so far.
    pub attempts: u32,
    /// A delivery was answered 2xx.
    pub delivered: bool,
    /// No delivery was, and none will follow.
    pub lost: bool,
}

impl Ledger {
    /// All messages of all conversations in the order in which they became visible.
    #[must_use]
    pub fn messages(&self) -> Vec<&MessageEntry> {
        let mut messages: Vec<_> = self.conversations.iter().flat_map(|row| &row.messages).collect();
        messages.sort_by_key(|message| message.number);
        messages
    }
}

impl Front {
    /// The state and history as of the last step, tick or act.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let event = |event: &super::events::Event| EventEntry {
            id: event.id.clone(),
            at_ms: event.at_ms,
            kind: event.kind.names().0,
            conversation: event.conversation.clone(),
            source: event.source,
        };
        Ledger {
            requests: self.requests.clone(),
            imports: self.imports.entries.clone(),
            conversations: self
                .company
                .conversations
                .iter()
                .map(|row| self.conversation_entry(row))
                .collect(),
            contacts: self.company.contacts.iter().map(contact_entry).collect(),
            tags: self.company.tags.iter().cloned().collect(),
            events: self.events.iter().map(event).collect(),
            webhooks: self.webhook_entries(),
        }
    }

    /// What a person sees who looks at this conversation, or at the one that it was merged into, as of the last step,
    /// tick or act.
    #[must_use]
    pub fn conversation_shown(&self, id: &str) -> Option<ConversationEntry> {
        self.company.conversations.get(self.company.survivor(id)).map(|row| self.conversation_entry(row))
    }

    fn conversation_entry(&self, row: &Conversation) -> ConversationEntry {
        ConversationEntry {
            id: row.id.clone(),
            subject: row.subject.clone(),
            status: status_word(row),
            inbox: row.inbox.clone(),
            assignee: row.assignee.clone(),
            contact: row.contact.clone(),
            tags: row.tags.clone(),
            snoozed_until_ms: row.snoozed_until_ms,
            merged_into: row.merged_into.clone(),
            messages: row
                .messages
                .iter()
                .filter_map(|id| self.company.messages.get(id))
                .map(message_entry)
                .collect(),
            comments: row
                .comments
                .iter()
                .filter_map(|id| self.company.comments.get(id))
                .map(comment_entry)
                .collect(),
        }
    }
}

fn message_entry(row: &Message) -> MessageEntry {
    let handles = |role: &str| {
        row.recipients.iter().filter(|one| one.role == role).map(|one| one.handle.clone()).collect::<Vec<_>>()
    };
    MessageEntry {
        id: row.id.clone(),
        uid: row.uid.clone(),
        external_id: row.external_id.clone(),
        subject: row.subject.clone(),
        body: row.body.clone(),
        is_inbound: row.is_inbound,
        author: row.author.clone(),
        sender: handles("from").into_iter().next().unwrap_or_default(),
        to: handles("to"),
        files: row.files.clone(),
        created_at_ms: row.created_at_ms,
        imported_at_ms: row.imported_at_ms,
        number: row.number,
    }
}

fn comment_entry(row: &Comment) -> CommentEntry {
    CommentEntry {
        id: row.id.clone(),
        author: row.author.clone(),
        body: row.body.clone(),
        posted_at_ms: row.posted_at_ms,
    }
}

fn contact_entry(row: &Contact) -> ContactEntry {
    ContactEntry {
        id: row.id.clone(),
        name: row.name.clone(),
        handles: row.handles.clone(),
        merged_into: row.merged_into.clone(),
    }
}
