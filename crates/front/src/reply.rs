//! Front's answers, typed: only what is used, and lenient about the rest.

use std::time::Duration;

use calltrail_domain::effect::{Act, ConversationStatus};
use calltrail_domain::ids::{CommentId, ContactId, ConversationId, InboxId, MessageUid, TagId, TeammateId};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::events::Source;
use crate::id::{self, is_id};
use crate::polled::PolledEvent;
use crate::request::RequestKind;

/// What a successful answer says, by request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Me.
    Company(String),
    /// ListTeammates.
    Teammates(Vec<Teammate>),
    /// GetContact, GetContactById, CreateContact.
    Contact(Contact),
    /// ListContactConversations.
    Conversations(Vec<ConversationId>),
    /// ImportMessage.
    Accepted(Accepted),
    /// GetMessage.
    Message(Message),
    /// ListConversationMessages.
    Messages(Page),
    /// GetConversation.
    Conversation(Conversation),
    /// ListConversationEvents.
    Events(Vec<ConversationEvent>),
    /// ListEvents.
    CompanyEvents(EventPage),
    /// AddComment.
    Comment(Comment),
    /// ListComments.
    Comments(Vec<Comment>),
    /// ListTags.
    Tags(TagPage),
    /// CreateTag.
    Tag(Tag),
    /// ListInboxes, ListConversationInboxes.
    Inboxes(Vec<Inbox>),
    /// Requests that are answered without a body, and probes.
    Nothing,
}

/// A comment, as far as it tells whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: CommentId,
    /// The last line of its text that is not empty: the marker of our own comments.
    pub last_line: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    #[serde(deserialize_with = "id::read")]
    pub id: TagId,
    pub name: String,
}

/// Tags, and the token of the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPage {
    pub tags: Vec<Tag>,
    pub next: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Teammate {
    #[serde(deserialize_with = "id::read")]
    pub id: TeammateId,
    #[serde(default)]
    pub email: Option<String>,
}

/// A shared inbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Inbox {
    #[serde(deserialize_with = "id::read")]
    pub id: InboxId,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Contact {
    #[serde(deserialize_with = "id::read")]
    pub id: ContactId,
    #[serde(default)]
    pub handles: Vec<Handle>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Handle {
    pub source: String,
    pub handle: String,
}

/// An import that passed Front's checks. It is no message yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Accepted {
    #[serde(deserialize_with = "id::read")]
    pub message_uid: MessageUid,
}

/// A message, as far as it tells whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub uid: Option<MessageUid>,
    pub conversation: Option<ConversationId>,
    /// The last line of its text that is not empty: the marker of our own messages.
    pub last_line: Option<String>,
    pub subject: Option<String>,
}

/// Messages, and the token of the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub messages: Vec<Message>,
    pub next: Option<String>,
}

/// Events of the whole company, and the token of the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    pub events: Vec<PolledEvent>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub id: ConversationId,
    pub status: ConversationStatus,
    pub assignee: Option<TeammateId>,
    /// The names of its tags.
    pub tags: Vec<String>,
    /// Whom it is with.
    pub contact: Option<ContactId>,
}

/// Something that happened to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationEvent {
    /// Front's short name, `archive`.
    pub name: String,
    pub at: Timestamp,
    /// False for what came through the API, or with a message.
    pub by_person: bool,
}

impl ConversationEvent {
    /// The archiving, or the return, that this is. Both ends of a snooze bring a conversation back: snoozed is not archived.
    #[must_use]
    pub fn act(&self) -> Option<Act> {
        let archived = match self.name.as_str() {
            "archive" => true,
            "reopen" | "restore" if self.by_person => false,
            "reminder" => false,
            _ => return None,
        };
        Some(Act { at: self.at, archived })
    }
}

/// What Front says about the rate with every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimit {
    /// Requests a minute, of the whole company.
    pub limit: Option<u32>,
    /// What is left of them.
    pub remaining: Option<u32>,
    /// When there will be more, by Front's clock.
    pub reset_at: Option<Timestamp>,
    /// When Front answered, by its clock.
    pub answered_at: Option<Timestamp>,
}

impl RateLimit {
    /// How long nobody may send, from the answer on: until the reset when nothing is left, by Front's clock where that
    /// is known, else by ours, which says `now`. Both of Front's times are whole seconds, so that it is not too short.
    #[must_use]
    pub fn pause(&self, now: Timestamp) -> Option<Duration> {
        match (self.remaining, self.reset_at) {
            (Some(0), Some(reset_at)) => Some(reset_at.since(self.answered_at.unwrap_or(now))),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Teammate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Teammate({})", self.id)
    }
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contact({})", self.id)
    }
}

/// Shows no text: the message may be somebody else's.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("uid", &self.uid)
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

/// Shows no text: the comment may be somebody else's.
impl std::fmt::Debug for Comment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Comment({})", self.id)
    }
}

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tag({})", self.id)
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({})", self.source)
    }
}

/// Reads the body of a 2xx answer.
pub(crate) fn parse(kind: RequestKind, body: &[u8]) -> Result<Reply, serde_json::Error> {
    Ok(match kind {
        RequestKind::Me => Reply::Company(serde_json::from_slice::<Named<String>>(body)?.id),
        RequestKind::ListTeammates => Reply::Teammates(list(body)?),
        RequestKind::GetContact | RequestKind::GetContactById | RequestKind::CreateContact => {
            Reply::Contact(serde_json::from_slice(body)?)
        }
        RequestKind::ListContactConversations => {
            let named: Vec<Named<ConversationId>> = list(body)?;
            Reply::Conversations(named.into_iter().map(|one| one.id).collect())
        }
        RequestKind::ImportMessage => Reply::Accepted(serde_json::from_slice(body)?),
        RequestKind::GetMessage => Reply::Message(serde_json::from_slice::<WireMessage>(body)?.read()),
        RequestKind::ListConversationMessages => {
            let (messages, next) = page(body)?;
            Reply::Messages(Page { messages: messages.into_iter().map(WireMessage::read).collect(), next })
        }
        RequestKind::GetConversation => {
            Reply::Conversation(serde_json::from_slice::<WireConversation>(body)?.read())
        }
        RequestKind::ListConversationEvents => {
            let events: Vec<WireEvent> = list(body)?;
            Reply::Events(events.into_iter().map(WireEvent::read).collect())
        }
        RequestKind::ListEvents => {
            let (events, next) = page::<Box<RawValue>>(body)?;
            let events = events.iter().filter_map(|event| PolledEvent::of(event)).collect();
            Reply::CompanyEvents(EventPage { events, next })
        }
        RequestKind::AddComment => Reply::Comment(serde_json::from_slice::<WireComment>(body)?.read()),
        RequestKind::ListComments => {
            let comments: Vec<WireComment> = list(body)?;
            Reply::Comments(comments.into_iter().map(WireComment::read).collect())
        }
        RequestKind::ListTags => {
            let (tags, next) = page(body)?;
            Reply::Tags(TagPage { tags, next })
        }
        RequestKind::CreateTag => Reply::Tag(serde_json::from_slice(body)?),
        RequestKind::ListInboxes | RequestKind::ListConversationInboxes => Reply::Inboxes(list(body)?),
        RequestKind::AddContactHandle
        | RequestKind::RemoveContactHandle
        | RequestKind::OpenConversation
        | RequestKind::PutAssignee
        | RequestKind::AddTag
        | RequestKind::TrashConversation
        | RequestKind::Probe => {
            // Front answers these without a body: a page in its place is from a proxy.
            if !body.trim_ascii().is_empty() && rule::holds(Rule::OnlyFrontRefuses) {
                serde_json::from_slice::<serde::de::IgnoredAny>(body)?;
            }
            Reply::Nothing
        }
    })
}

/// The id in a link, `…/conversations/cnv_123`; other links have none.
pub(crate) fn conversation_in(link: &str) -> Option<ConversationId> {
    id_in(link, "/conversations/")
        .filter(|id| id.strip_prefix("cnv_").is_some_and(is_id))
        .map(ConversationId::new)
}

fn id_in<'a>(link: &'a str, kind: &str) -> Option<&'a str> {
    let (_, rest) = link.split(['?', '#']).next()?.split_once(kind)?;
    rest.split('/').next().filter(|id| is_id(id))
}

fn list<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, serde_json::Error> {
    Ok(serde_json::from_slice::<WireList<T>>(body)?.results)
}

/// One page of a list, and the token of the next one.
fn page<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<(Vec<T>, Option<String>), serde_json::Error> {
    let page: WireList<T> = serde_json::from_slice(body)?;
    Ok((page.results, page.pagination.next.as_deref().and_then(page_token)))
}

/// Front names the next page by a whole URL, sometimes of another host; only its token is taken.
fn page_token(next: &str) -> Option<String> {
    let url = reqwest::Url::parse(next).ok()?;
    url.query_pairs().find(|(name, _)| name == "page_token").map(|(_, token)| token.into_owned())
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Named<T> {
    #[serde(deserialize_with = "id::read")]
    id: T,
}

#[derive(Deserialize)]
struct WireList<T> {
    #[serde(rename = "_results")]
    results: Vec<T>,
    #[serde(rename = "_pagination", default, deserialize_with = "null_as_default")]
    pagination: Pagination,
}

#[derive(Deserialize, Default)]
struct Pagination {
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    #[serde(default)]
    message_uid: Option<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(rename = "_links", default, deserialize_with = "null_as_default")]
    links: Links,
}

#[derive(Deserialize, Default)]
struct Links {
    #[serde(default, deserialize_with = "null_as_default")]
    related: Related,
}

#[derive(Deserialize, Default)]
struct Related {
    #[serde(default)]
    conversation: Option<String>,
}

impl WireMessage {
    fn read(self) -> Message {
        let text = self.text.filter(|text| !text.trim().is_empty()).or(self.body);
        Message {
            // The message may be another's, whatever its uid is.
            uid: self.message_uid.filter(|uid| is_id(uid)).map(MessageUid::new),
            conversation: self.links.related.conversation.as_deref().and_then(conversation_in),
            last_line: text.as_deref().and_then(last_line),
            subject: self.subject,
        }
    }
}

#[derive(Deserialize)]
struct WireComment {
    #[serde(deserialize_with = "id::read")]
    id: CommentId,
    #[serde(default)]
    body: Option<String>,
}

impl WireComment {
    fn read(self) -> Comment {
        Comment { id: self.id, last_line: self.body.as_deref().and_then(last_line) }
    }
}

/// Front may show plain text as HTML: tags end a line, so the last line is what stands after the last of them.
fn last_line(text: &str) -> Option<String> {
    text.split(['\n', '<', '>'])
        .map(str::trim)
        .rfind(|line| !line.is_empty() && !is_tag(line))
        .map(str::to_owned)
}

fn is_tag(line: &str) -> bool {
    let name = line.trim_matches('/').trim();
    matches!(name, "p" | "br" | "div" | "span" | "body" | "html")
}

#[derive(Deserialize)]
struct WireConversation {
    #[serde(deserialize_with = "id::read")]
    id: ConversationId,
    status: String,
    #[serde(default)]
    assignee: Option<Named<TeammateId>>,
    #[serde(default, deserialize_with = "null_as_default")]
    scheduled_reminders: Vec<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "null_as_default")]
    tags: Vec<Tag>,
    #[serde(default, deserialize_with = "null_as_default")]
    recipient: Recipient,
}

/// Whom a conversation is with. Front shows the contact that the address belongs to as a link.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Recipient {
    #[serde(rename = "_links", default, deserialize_with = "null_as_default")]
    links: RecipientLinks,
}

#[derive(Serialize, Deserialize, Default)]
struct RecipientLinks {
    #[serde(default, deserialize_with = "null_as_default")]
    related: RecipientRelated,
}

#[derive(Serialize, Deserialize, Default)]
struct RecipientRelated {
    #[serde(default)]
    contact: Option<String>,
}

impl Recipient {
    pub(crate) fn contact(&self) -> Option<ContactId> {
        id_in(self.links.related.contact.as_deref()?, "/contacts/").map(ContactId::new)
    }
}

impl WireConversation {
    fn read(self) -> Conversation {
        let status = match self.status.as_str() {
            "archived" if !self.scheduled_reminders.is_empty() => ConversationStatus::Snoozed,
            "archived" => ConversationStatus::Archived,
            "deleted" | "trashed" | "spam" => ConversationStatus::Trashed,
            _ => ConversationStatus::Open,
        };
        Conversation {
            contact: self.recipient.contact(),
            id: self.id,
            status,
            assignee: self.assignee.map(|teammate| teammate.id),
            tags: self.tags.into_iter().map(|tag| tag.name).collect(),
        }
    }
}

#[derive(Deserialize)]
struct WireEvent {
    #[serde(rename = "type", default)]
    name: String,
    #[serde(default)]
    emitted_at: f64,
    source: Option<Source>,
}

impl WireEvent {
    fn read(self) -> ConversationEvent {
        // Seconds with up to three decimals; a cast saturates and has no other meaning for NaN than zero.
        let at = Timestamp::from_millis((self.emitted_at * 1000.0).round() as i64);
        let by_person = self.source.is_none_or(|source| source.is_person());
        ConversationEvent { name: self.name, at, by_person }
    }
}

pub(crate) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    given: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(given)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::last_line;

    #[test]
    fn the_marker_is_found_in_plain_text_and_in_html() {
        for text in ["Inbound call\n\nAircall #812", "<p>Inbound call</p><p>Aircall #812</p>\n"] {
            assert_eq!(last_line(text).as_deref(), Some("Aircall #812"));
        }
        assert_eq!(last_line("Inbound call<br>Aircall #812<br/>").as_deref(), Some("Aircall #812"));
        assert_eq!(last_line("\n"), None);
    }
}
