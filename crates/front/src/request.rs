//! What is asked of Front: every request that Calltrail makes, and how it goes over the wire.

use calltrail_domain::ids::{ContactId, ConversationId, InboxId, MessageUid, PhoneNumber, TagId, TeammateId};
use calltrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::import::{ANONYMOUS_HANDLE, Activity};
use crate::limits::{EVENTS_PAGE_ENTRIES, PAGE_ENTRIES};
use crate::multipart::Attachment;
use crate::polled::TYPES;
use crate::probe::Scope;

/// One request to Front's API. Its `Debug` shows the kind alone: the fields hold personal data.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// The company behind the token.
    Me,
    ListTeammates,
    /// The contact of a number (of a short code, by its custom handle), or the one of all callers without any.
    GetContact(Option<PhoneNumber>),
    GetContactById(ContactId),
    CreateContact {
        name: Option<String>,
        /// `None` for the contact of all callers without a number.
        phone: Option<PhoneNumber>,
        /// The contact also gets the custom handle that imports of type `custom` are matched by.
        custom_handle: bool,
        emails: Vec<String>,
    },
    AddContactHandle {
        contact: ContactId,
        source: HandleSource,
        handle: PhoneNumber,
    },
    /// A handle belongs to one contact: before it goes to another, it is taken from the first.
    RemoveContactHandle {
        contact: ContactId,
        source: HandleSource,
        handle: PhoneNumber,
    },
    ListContactConversations(ContactId),
    ImportMessage(Box<Activity>),
    GetMessageByUid(MessageUid),
    /// Newest first; `page` is the token of a further page.
    ListConversationMessages {
        conversation: ConversationId,
        page: Option<String>,
    },
    GetConversation(ConversationId),
    /// Newest first.
    ListConversationEvents(ConversationId),
    ListConversationInboxes(ConversationId),
    OpenConversation(ConversationId),
    PutAssignee {
        conversation: ConversationId,
        teammate: TeammateId,
    },
    AddComment {
        conversation: ConversationId,
        /// Without one it is written under the name of the token.
        author: Option<TeammateId>,
        body: String,
    },
    /// Newest first, all of them: this list has no pages.
    ListComments(ConversationId),
    /// The company's tags; `page` is the token of a further page.
    ListTags {
        page: Option<String>,
    },
    CreateTag {
        name: String,
    },
    AddTag {
        conversation: ConversationId,
        tag: TagId,
    },
    ListInboxes,
    TrashConversation(ConversationId),
    /// Events of the whole company that change something here, the oldest first; `page` is the token of a further page.
    ListEvents {
        after: Timestamp,
        page: Option<String>,
    },
    /// Whether the token has this scope; never changes anything.
    Probe(Scope),
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({})", self.kind().as_str())
    }
}

/// Where a contact's handle belongs to. Each pair of handle and source is unique in Front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandleSource {
    Phone,
    Custom,
}

impl HandleSource {
    /// Front's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Custom => "custom",
        }
    }
}

/// The name of a request, for counters and log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    Me,
    ListTeammates,
    GetContact,
    GetContactById,
    CreateContact,
    AddContactHandle,
    RemoveContactHandle,
    ListContactConversations,
    ImportMessage,
    GetMessage,
    ListConversationMessages,
    GetConversation,
    ListConversationEvents,
    ListConversationInboxes,
    OpenConversation,
    PutAssignee,
    AddComment,
    ListComments,
    ListTags,
    CreateTag,
    AddTag,
    ListInboxes,
    TrashConversation,
    Probe,
    ListEvents,
}

impl RequestKind {
    pub const ALL: [Self; 25] = [
        Self::Me,
        Self::ListTeammates,
        Self::GetContact,
        Self::GetContactById,
        Self::CreateContact,
        Self::AddContactHandle,
        Self::RemoveContactHandle,
        Self::ListContactConversations,
        Self::ImportMessage,
        Self::GetMessage,
        Self::ListConversationMessages,
        Self::GetConversation,
        Self::ListConversationEvents,
        Self::ListConversationInboxes,
        Self::OpenConversation,
        Self::PutAssignee,
        Self::AddComment,
        Self::ListComments,
        Self::ListTags,
        Self::CreateTag,
        Self::AddTag,
        Self::ListInboxes,
        Self::TrashConversation,
        Self::Probe,
        Self::ListEvents,
    ];

    /// The word that metrics and log lines show.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::ListTeammates => "list_teammates",
            Self::GetContact => "get_contact",
            Self::GetContactById => "get_contact_by_id",
            Self::CreateContact => "create_contact",
            Self::AddContactHandle => "add_contact_handle",
            Self::RemoveContactHandle => "remove_contact_handle",
            Self::ListContactConversations => "list_contact_conversations",
            Self::ImportMessage => "import_message",
            Self::GetMessage => "get_message",
            Self::ListConversationMessages => "list_conversation_messages",
            Self::GetConversation => "get_conversation",
            Self::ListConversationEvents => "list_conversation_events",
            Self::ListConversationInboxes => "list_conversation_inboxes",
            Self::OpenConversation => "open_conversation",
            Self::PutAssignee => "put_assignee",
            Self::AddComment => "add_comment",
            Self::ListComments => "list_comments",
            Self::ListTags => "list_tags",
            Self::CreateTag => "create_tag",
            Self::AddTag => "add_tag",
            Self::ListInboxes => "list_inboxes",
            Self::TrashConversation => "trash_conversation",
            Self::Probe => "probe",
            Self::ListEvents => "list_events",
        }
    }

    /// True when the request changes something in Front.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::CreateContact
                | Self::AddContactHandle
                | Self::RemoveContactHandle
                | Self::ImportMessage
                | Self::OpenConversation
                | Self::PutAssignee
                | Self::AddComment
                | Self::CreateTag
                | Self::AddTag
                | Self::TrashConversation
        )
    }

    /// The right that a token needs for it (`x-required-scopes` of Front's core API description).
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::Me | Self::Probe => "none",
            Self::ListTeammates => "teammates:read",
            Self::GetContact | Self::GetContactById | Self::ListContactConversations => "contacts:read",
            Self::CreateContact | Self::AddContactHandle | Self::RemoveContactHandle => "contacts:write",
            Self::ImportMessage => "messages:write",
            Self::GetMessage | Self::ListConversationMessages => "messages:read",
            Self::GetConversation | Self::ListConversationEvents => "conversations:read",
            Self::ListConversationInboxes => "inboxes:read",
            Self::OpenConversation | Self::PutAssignee | Self::TrashConversation => "conversations:write",
            Self::AddComment => "comments:write",
            Self::ListComments => "comments:read",
            Self::ListTags => "tags:read",
            Self::CreateTag => "tags:write",
            Self::AddTag => "tags:write",
            Self::ListInboxes => "inboxes:read",
            Self::ListEvents => "events:*:read",
        }
    }

    /// What Front's second limit (5 requests a second) is counted by.
    #[must_use]
    pub fn resource(self) -> Resource {
        match self {
            Self::Me | Self::ListTeammates | Self::ListInboxes => Resource::Teammates,
            Self::GetContact
            | Self::GetContactById
            | Self::CreateContact
            | Self::AddContactHandle
            | Self::RemoveContactHandle
            | Self::ListContactConversations => Resource::Contacts,
            Self::ImportMessage => Resource::Imports,
            Self::GetMessage | Self::ListConversationMessages => Resource::Messages,
            Self::GetConversation
            | Self::ListConversationEvents
            | Self::ListConversationInboxes
            | Self::OpenConversation
            | Self::PutAssignee
            | Self::AddComment
            | Self::ListComments
            | Self::AddTag
            | Self::TrashConversation
            // Events have no name of their own among the stored resources: an older release could not read it.
            | Self::ListEvents
            | Self::Probe => Resource::Conversations,
            Self::ListTags | Self::CreateTag => Resource::Tags,
        }
    }
}

/// A type of resource in Front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    Contacts,
    Conversations,
    Imports,
    Messages,
    Tags,
    Teammates,
}

/// The methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands in a request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request as it goes over the wire, without the token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireRequest {
    pub method: Method,
    /// Path and query, to be put after the base URL.
    pub path: String,
    pub body: Option<Value>,
}

impl std::fmt::Debug for WireRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WireRequest({:?})", self.method)
    }
}

impl Request {
    /// What kind of request it is.
    #[must_use]
    pub fn kind(&self) -> RequestKind {
        match self {
            Self::Me => RequestKind::Me,
            Self::ListTeammates => RequestKind::ListTeammates,
            Self::GetContact(_) => RequestKind::GetContact,
            Self::GetContactById(_) => RequestKind::GetContactById,
            Self::RemoveContactHandle { .. } => RequestKind::RemoveContactHandle,
            Self::ListConversationInboxes(_) => RequestKind::ListConversationInboxes,
            Self::CreateContact { .. } => RequestKind::CreateContact,
            Self::AddContactHandle { .. } => RequestKind::AddContactHandle,
            Self::ListContactConversations(_) => RequestKind::ListContactConversations,
            Self::ImportMessage(_) => RequestKind::ImportMessage,
            Self::GetMessageByUid(_) => RequestKind::GetMessage,
            Self::ListConversationMessages { .. } => RequestKind::ListConversationMessages,
            Self::GetConversation(_) => RequestKind::GetConversation,
            Self::ListConversationEvents(_) => RequestKind::ListConversationEvents,
            Self::OpenConversation(_) => RequestKind::OpenConversation,
            Self::PutAssignee { .. } => RequestKind::PutAssignee,
            Self::AddComment { .. } => RequestKind::AddComment,
            Self::ListComments(_) => RequestKind::ListComments,
            Self::ListTags { .. } => RequestKind::ListTags,
            Self::CreateTag { .. } => RequestKind::CreateTag,
            Self::AddTag { .. } => RequestKind::AddTag,
            Self::ListInboxes => RequestKind::ListInboxes,
            Self::TrashConversation(_) => RequestKind::TrashConversation,
            Self::ListEvents { .. } => RequestKind::ListEvents,
            Self::Probe(_) => RequestKind::Probe,
        }
    }

    /// The conversation that it names, in its path or its body.
    #[must_use]
    pub fn conversation(&self) -> Option<&ConversationId> {
        match self {
            Self::ImportMessage(activity) => activity.conversation.as_ref(),
            Self::ListConversationMessages { conversation, .. }
            | Self::GetConversation(conversation)
            | Self::ListConversationEvents(conversation)
            | Self::ListConversationInboxes(conversation)
            | Self::OpenConversation(conversation)
            | Self::PutAssignee { conversation, .. }
            | Self::AddComment { conversation, .. }
            | Self::ListComments(conversation)
            | Self::AddTag { conversation, .. }
            | Self::TrashConversation(conversation) => Some(conversation),
            Self::Me
            | Self::ListTeammates
            | Self::GetContact(_)
            | Self::GetContactById(_)
            | Self::CreateContact { .. }
            | Self::AddContactHandle { .. }
            | Self::RemoveContactHandle { .. }
            | Self::ListContactConversations(_)
            | Self::GetMessageByUid(_)
            | Self::ListTags { .. }
            | Self::CreateTag { .. }
            | Self::ListInboxes
            | Self::ListEvents { .. }
            | Self::Probe(_) => None,
        }
    }

    /// True when the conversation is all that it names, so that "not found" is about that.
    #[must_use]
    pub fn is_about_conversation(&self) -> bool {
        matches!(
            self,
            Self::GetConversation(_)
                | Self::ListConversationMessages { .. }
                | Self::ListConversationEvents(_)
                | Self::ListConversationInboxes(_)
                | Self::OpenConversation(_)
                | Self::AddComment { .. }
                | Self::ListComments(_)
        )
    }

    /// The inbox that it imports into.
    #[must_use]
    pub fn inbox(&self) -> Option<&InboxId> {
        match self {
            Self::ImportMessage(activity) => Some(&activity.inbox),
            _ => None,
        }
    }

    /// True when it names who wrote what it adds.
    #[must_use]
    pub fn has_author(&self) -> bool {
        match self {
            Self::ImportMessage(activity) => activity.author.is_some(),
            Self::AddComment { author, .. } => author.is_some(),
            _ => false,
        }
    }

    /// True when it has a text that may be shortened.
    #[must_use]
    pub fn has_text(&self) -> bool {
        matches!(self, Self::ImportMessage(_) | Self::AddComment { .. })
    }

    /// True when a file goes with it.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.attachment().is_some()
    }

    /// The file that goes with it; then the body is sent as a form.
    pub(crate) fn attachment(&self) -> Option<&Attachment> {
        match self {
            Self::ImportMessage(activity) => activity.attachment.as_ref(),
            _ => None,
        }
    }

    /// The method, the path and the body (Front's core API description).
    #[must_use]
    pub fn wire(&self) -> WireRequest {
        let get = |path: String| WireRequest { method: Method::Get, path, body: None };
        let post = |path: String, body: Value| WireRequest { method: Method::Post, path, body: Some(body) };
        match self {
            Self::Me => get("/me".to_owned()),
            Self::ListTeammates => get("/teammates".to_owned()),
            Self::GetContact(Some(number)) => {
                get(format!("/contacts/alt:{}:{}", source_of(number).as_str(), part(number.as_str())))
            }
            Self::GetContact(None) => get(format!("/contacts/alt:custom:{ANONYMOUS_HANDLE}")),
            Self::GetContactById(contact) => get(format!("/contacts/{}", id_part(contact.as_str()))),
            Self::CreateContact { name, phone, custom_handle, emails } => post(
                "/contacts".to_owned(),
                new_contact(name.as_deref(), phone.as_ref(), *custom_handle, emails),
            ),
            Self::AddContactHandle { contact, source, handle } => {
                post(handles_path(contact), handle_of(*source, handle))
            }
            Self::RemoveContactHandle { contact, source, handle } => WireRequest {
                method: Method::Delete,
                path: handles_path(contact),
                body: Some(handle_of(*source, handle)),
            },
            Self::ListContactConversations(contact) => {
                get(format!("/contacts/{}/conversations?limit={PAGE_ENTRIES}", id_part(contact.as_str())))
            }
            Self::ImportMessage(activity) => {
                let path = format!("/inboxes/{}/imported_messages", id_part(activity.inbox.as_str()));
                post(path, activity.body())
            }
            Self::GetMessageByUid(uid) => get(format!("/messages/alt:uid:{}", id_part(uid.as_str()))),
            Self::ListConversationMessages { conversation, page } => {
                get(messages_path(conversation, page.as_deref()))
            }
            Self::GetConversation(conversation) => get(conversation_path(conversation, "")),
            Self::ListConversationEvents(conversation) => {
                get(conversation_path(conversation, &format!("/events?limit={PAGE_ENTRIES}")))
            }
            Self::ListConversationInboxes(conversation) => get(conversation_path(conversation, "/inboxes")),
            Self::OpenConversation(conversation) => WireRequest {
                method: Method::Patch,
                path: conversation_path(conversation, ""),
                body: Some(json!({"status": "open"})),
            },
            Self::PutAssignee { conversation, teammate } => WireRequest {
                method: Method::Put,
                path: conversation_path(conversation, "/assignee"),
                body: Some(json!({"assignee_id": teammate.as_str()})),
            },
            Self::AddComment { conversation, author, body } => {
                post(conversation_path(conversation, "/comments"), new_comment(author.as_ref(), body))
            }
            Self::ListComments(conversation) => get(conversation_path(conversation, "/comments")),
            Self::ListTags { page } => {
                get(format!("/company/tags?limit={PAGE_ENTRIES}{}", page_part(page.as_deref())))
            }
            Self::CreateTag { name } => post("/company/tags".to_owned(), json!({"name": name})),
            Self::AddTag { conversation, tag } => {
                post(conversation_path(conversation, "/tags"), json!({"tag_ids": [tag.as_str()]}))
            }
            Self::ListInboxes => get("/inboxes".to_owned()),
            Self::TrashConversation(conversation) => WireRequest {
                method: Method::Patch,
                path: conversation_path(conversation, ""),
                body: Some(json!({"status": "deleted"})),
            },
            Self::ListEvents { after, page } => get(events_path(*after, page.as_deref())),
            Self::Probe(scope) => scope.wire(),
        }
    }
}

/// What has no E.164 form is no phone number for Front.
fn source_of(number: &PhoneNumber) -> HandleSource {
    if number.is_e164() { HandleSource::Phone } else { HandleSource::Custom }
}

fn handles_path(contact: &ContactId) -> String {
    format!("/contacts/{}/handles", id_part(contact.as_str()))
}

fn handle_of(source: HandleSource, handle: &PhoneNumber) -> Value {
    json!({"handle": handle.as_str(), "source": source.as_str()})
}

fn conversation_path(conversation: &ConversationId, rest: &str) -> String {
    format!("/conversations/{}{rest}", id_part(conversation.as_str()))
}

fn messages_path(conversation: &ConversationId, page: Option<&str>) -> String {
    conversation_path(conversation, &format!("/messages?limit={PAGE_ENTRIES}{}", page_part(page)))
}

/// Front's times are seconds with three decimals.
fn events_path(after: Timestamp, page: Option<&str>) -> String {
    let types: String = TYPES.iter().map(|kind| format!("&q%5Btypes%5D%5B%5D={kind}")).collect();
    let (seconds, millis) = (after.as_millis().div_euclid(1000), after.as_millis().rem_euclid(1000));
    let order = "sort_by=created_at&sort_order=asc";
    let page = page_part(page);
    format!("/events?limit={EVENTS_PAGE_ENTRIES}{types}&q%5Bafter%5D={seconds}.{millis:03}&{order}{page}")
}

fn page_part(page: Option<&str>) -> String {
    page.map(|token| format!("&page_token={}", part(token))).unwrap_or_default()
}

fn new_comment(author: Option<&TeammateId>, body: &str) -> Value {
    match author {
        Some(author) => json!({"author_id": author.as_str(), "body": body}),
        None => json!({"body": body}),
    }
}

fn new_contact(
    name: Option<&str>,
    phone: Option<&PhoneNumber>,
    custom_handle: bool,
    emails: &[String],
) -> Value {
    let of = |source: &str, handle: &str| json!({"handle": handle, "source": source});
    let mut handles = match phone {
        Some(phone) => vec![of(source_of(phone).as_str(), phone.as_str())],
        None => vec![of("custom", ANONYMOUS_HANDLE)],
    };
    let with_custom = phone.filter(|phone| custom_handle && phone.is_e164());
    handles.extend(with_custom.map(|phone| of("custom", phone.as_str())));
    handles.extend(emails.iter().map(|email| json!({"handle": email, "source": "email"})));
    let mut body = json!({"handles": handles});
    if let Some(name) = name {
        body["name"] = Value::from(name);
    }
    body
}

/// An id as a part of a path. No answer gives an id with other signs, but what is stored may be older than that rule: it
/// then names nothing, and never another path (`..` would, also as percent codes).
fn id_part(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// A part of a path: whatever could end it or start a query is written as percent codes.
fn part(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:+@".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        path
    })
}
