//! Questions about the rights of a token: requests about things that cannot exist, so that no answer means a change.
//!
//! Front tells a token's scopes nowhere. That it looks at the scope before the path and the body is not documented: a
//! right that is reported as there may still be missing, and a 403 may have another cause.

use serde_json::{Value, json};

use crate::request::{Method, WireRequest};

/// A scope of Front's API, as its description names it (`x-required-scopes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    ReadContacts,
    ReadConversations,
    ReadMessages,
    ReadComments,
    ReadTags,
    ReadEvents,
    WriteContacts,
    WriteConversations,
    WriteMessages,
    WriteComments,
    WriteTags,
}

impl Scope {
    pub const ALL: [Self; 11] = [
        Self::ReadContacts,
        Self::ReadConversations,
        Self::ReadMessages,
        Self::ReadComments,
        Self::ReadTags,
        Self::ReadEvents,
        Self::WriteContacts,
        Self::WriteConversations,
        Self::WriteMessages,
        Self::WriteComments,
        Self::WriteTags,
    ];

    /// Front's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadContacts => "contacts:read",
            Self::ReadConversations => "conversations:read",
            Self::ReadMessages => "messages:read",
            Self::ReadComments => "comments:read",
            Self::ReadTags => "tags:read",
            Self::ReadEvents => "events:*:read",
            Self::WriteContacts => "contacts:write",
            Self::WriteConversations => "conversations:write",
            Self::WriteMessages => "messages:write",
            Self::WriteComments => "comments:write",
            Self::WriteTags => "tags:write",
        }
    }

    /// Front's ids count from 1. What is written to id 0 also lacks what Front requires, and names no change.
    pub(crate) fn wire(self) -> WireRequest {
        let (method, path, body): (_, _, Option<Value>) = match self {
            Self::ReadContacts => (Method::Get, "/contacts/crd_0", None),
            Self::ReadConversations => (Method::Get, "/conversations/cnv_0", None),
            Self::ReadMessages => (Method::Get, "/messages/msg_0", None),
            Self::ReadComments => (Method::Get, "/conversations/cnv_0/comments", None),
            Self::ReadTags => (Method::Get, "/tags/tag_0", None),
            Self::ReadEvents => (Method::Get, "/events/evt_0", None),
            Self::WriteContacts => (Method::Post, "/contacts/crd_0/handles", Some(json!({}))),
            Self::WriteConversations => (Method::Patch, "/conversations/cnv_0", Some(json!({}))),
            Self::WriteMessages => (Method::Post, "/inboxes/inb_0/imported_messages", Some(json!({}))),
            Self::WriteComments => (Method::Post, "/conversations/cnv_0/comments", Some(json!({}))),
            Self::WriteTags => (Method::Patch, "/tags/tag_0", Some(json!({}))),
        };
        WireRequest { method, path: path.to_owned(), body }
    }
}
