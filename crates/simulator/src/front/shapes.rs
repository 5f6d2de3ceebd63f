//! The JSON shapes in which Front shows its things, as its API description and captured payloads have them.
//!
//! **Invariant:** the fields stand in the order of the alphabet, and so do the keys of every body.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::options::Handle;

/// A list that is empty, an object without keys, and a null: what Front has and the model has not.
pub(super) type EmptyList = [(); 0];
#[derive(Debug, Default, Serialize)]
pub(super) struct EmptyObject {}
pub(super) type Null = ();

/// Whatever can be shown, as the text that it becomes.
pub(super) fn text_of(shape: &impl Serialize) -> String {
    serde_json::to_string(shape).expect("shapes have text keys and no error of their own")
}

/// The same, to be put into another shape later.
pub(super) fn raw(shape: &impl Serialize) -> Box<RawValue> {
    RawValue::from_string(text_of(shape)).expect("a shape becomes valid JSON")
}

/// Where a thing is found: the parts of the address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link<'a>(pub(super) [&'a str; 4]);

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| f.write_str(part))
    }
}

impl Serialize for Link<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Milliseconds as Front's seconds: whole, or with up to three decimals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(pub(super) i64);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1000 {
            0 => serializer.serialize_i64(self.0 / 1000),
            _ => serializer.serialize_f64(self.0 as f64 / 1000.0),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Own<'a> {
    #[serde(rename = "self")]
    pub(super) own: Link<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Links<'a, R> {
    pub(super) related: R,
    #[serde(rename = "self")]
    pub(super) own: Link<'a>,
}

/// A list that has no pages.
#[derive(Debug, Serialize)]
pub(super) struct List<'a, T> {
    pub(super) _links: Own<'a>,
    pub(super) _results: Vec<T>,
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Paged<'a, T> {
    pub(super) _links: Own<'a>,
    pub(super) _pagination: Pagination,
    pub(super) _results: Vec<T>,
}

#[derive(Debug, Serialize)]
pub(super) struct Pagination {
    /// The address of the next page.
    pub(super) next: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Teammate<'a> {
    pub(super) _links: Links<'a, TeammateRelated<'a>>,
    pub(super) custom_fields: EmptyObject,
    pub(super) email: &'a str,
    pub(super) first_name: &'a str,
    pub(super) id: &'a str,
    pub(super) is_admin: bool,
    pub(super) is_available: bool,
    pub(super) is_blocked: bool,
    pub(super) last_name: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) username: String,
}

#[derive(Debug, Serialize)]
pub(super) struct TeammateRelated<'a> {
    pub(super) conversations: Link<'a>,
    pub(super) inboxes: Link<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Inbox<'a> {
    pub(super) _links: Links<'a, InboxRelated<'a>>,
    pub(super) custom_fields: EmptyObject,
    pub(super) id: &'a str,
    pub(super) is_private: bool,
    pub(super) is_public: bool,
    pub(super) name: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct InboxRelated<'a> {
    pub(super) channels: Link<'a>,
    pub(super) conversations: Link<'a>,
    pub(super) owner: Link<'a>,
    pub(super) teammates: Link<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tag<'a> {
    pub(super) _links: Links<'a, TagRelated<'a>>,
    pub(super) description: Null,
    pub(super) highlight: Null,
    pub(super) id: &'a str,
    pub(super) is_private: bool,
    pub(super) is_visible_in_conversation_lists: bool,
    pub(super) name: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct TagRelated<'a> {
    pub(super) children: Null,
    pub(super) conversations: Link<'a>,
    pub(super) owner: Link<'a>,
    pub(super) parent_tag: Null,
}

#[derive(Debug, Serialize)]
pub(super) struct Contact<'a> {
    pub(super) _links: Links<'a, ContactRelated<'a>>,
    pub(super) avatar_url: Null,
    pub(super) custom_fields: EmptyObject,
    pub(super) description: &'static str,
    pub(super) groups: EmptyList,
    pub(super) handles: Vec<ShownHandle<'a>>,
    pub(super) id: &'a str,
    pub(super) is_private: bool,
    pub(super) links: EmptyList,
    pub(super) lists: EmptyList,
    pub(super) name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct ContactRelated<'a> {
    pub(super) conversations: Link<'a>,
    pub(super) notes: Link<'a>,
    pub(super) owner: Null,
}

#[derive(Debug, Serialize)]
pub(super) struct ShownHandle<'a> {
    handle: &'a str,
    source: &'a str,
}

impl<'a> From<&'a Handle> for ShownHandle<'a> {
    fn from(handle: &'a Handle) -> Self {
        Self { handle: &handle.handle, source: &handle.source }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Recipient<'a> {
    pub(super) _links: RecipientLinks<'a>,
    pub(super) handle: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) role: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct RecipientLinks<'a> {
    pub(super) related: RecipientRelated<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct RecipientRelated<'a> {
    pub(super) contact: Option<Link<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub(super) _links: Links<'a, MessageRelated<'a>>,
    pub(super) attachments: EmptyList,
    pub(super) author: Option<Teammate<'a>>,
    pub(super) blurb: &'a str,
    pub(super) body: &'a str,
    pub(super) created_at: Seconds,
    pub(super) draft_mode: Null,
    pub(super) error_type: Null,
    pub(super) id: &'a str,
    pub(super) is_draft: bool,
    pub(super) is_inbound: bool,
    pub(super) message_uid: &'a str,
    pub(super) metadata: EmptyObject,
    pub(super) recipients: Vec<Recipient<'a>>,
    pub(super) signature: Null,
    pub(super) subject: &'a str,
    pub(super) text: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) version: Null,
}

#[derive(Debug, Serialize)]
pub(super) struct MessageRelated<'a> {
    pub(super) conversation: Link<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Comment<'a> {
    pub(super) _links: Links<'a, CommentRelated<'a>>,
    pub(super) attachments: EmptyList,
    pub(super) author: Option<Teammate<'a>>,
    pub(super) body: &'a str,
    pub(super) id: &'a str,
    pub(super) is_pinned: bool,
    pub(super) posted_at: Seconds,
}

#[derive(Debug, Serialize)]
pub(super) struct CommentRelated<'a> {
    pub(super) conversation: Link<'a>,
    pub(super) mentions: Link<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Conversation<'a> {
    pub(super) _links: Links<'a, ConversationRelated<'a>>,
    pub(super) assignee: Option<Teammate<'a>>,
    pub(super) created_at: Seconds,
    pub(super) custom_fields: EmptyObject,
    pub(super) id: &'a str,
    pub(super) is_private: bool,
    /// In events only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_message: Option<Message<'a>>,
    pub(super) links: EmptyList,
    pub(super) metadata: EmptyObject,
    pub(super) recipient: Recipient<'a>,
    pub(super) scheduled_reminders: Vec<Reminder>,
    pub(super) status: &'static str,
    pub(super) subject: &'a str,
    pub(super) tags: Vec<Tag<'a>>,
    pub(super) ticket_ids: EmptyList,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) updated_at: Seconds,
}

#[derive(Debug, Serialize)]
pub(super) struct ConversationRelated<'a> {
    pub(super) comments: Link<'a>,
    pub(super) events: Link<'a>,
    pub(super) followers: Link<'a>,
    pub(super) inboxes: Link<'a>,
    pub(super) last_message: Option<Link<'a>>,
    pub(super) messages: Link<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Reminder {
    pub(super) scheduled_at: Seconds,
    pub(super) updated_at: Seconds,
}

#[derive(Debug, Serialize)]
pub(super) struct Event<'a> {
    pub(super) _links: Own<'a>,
    pub(super) conversation: Option<Conversation<'a>>,
    pub(super) emitted_at: Seconds,
    pub(super) id: &'a str,
    pub(super) source: Typed<Cause<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Typed<Box<RawValue>>>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

/// Something of which Front says what type it has.
#[derive(Debug, Serialize)]
pub(super) struct Typed<T> {
    _meta: Meta,
    data: T,
}

#[derive(Debug, Serialize)]
struct Meta {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<T> Typed<T> {
    pub(super) fn new(kind: &'static str, data: T) -> Self {
        Self { _meta: Meta { kind }, data }
    }
}

/// Who or what caused an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Cause<'a> {
    Teammate(Option<Box<Teammate<'a>>>),
    Inboxes(Vec<Inbox<'a>>),
}

/// What goes to the application webhook.
#[derive(Debug, Serialize)]
pub(super) struct Webhook<'a> {
    pub(super) authorization: Authorization<'a>,
    pub(super) payload: &'a RawValue,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Authorization<'a> {
    pub(super) id: &'a str,
}

/// Why a request was refused.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    pub(super) _error: Error,
}

#[derive(Debug, Serialize)]
pub(super) struct Error {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<[String; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    pub(super) status: u16,
    pub(super) title: &'static str,
}
