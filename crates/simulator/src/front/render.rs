//! The JSON shapes in which Front shows its things, as its API description and captured payloads have them.

use serde_json::{Value, json};

use super::Front;
use super::company::{Comment, Contact, Conversation, Message, Recipient, Status};
use super::options::{Inbox, Tag, Teammate};
use super::wire::{Reply, Target};
use crate::limits::{PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX};

/// Milliseconds as Front's seconds: whole, or with up to three decimals.
pub(super) fn seconds(at_ms: i64) -> Value {
    if at_ms % 1000 == 0 { json!(at_ms / 1000) } else { json!(at_ms as f64 / 1000.0) }
}

impl Front {
    pub(super) fn link(&self, path: &str) -> Value {
        format!("{}{path}", self.options.base_url).into()
    }

    /// A list that has no pages.
    pub(super) fn list_json(&self, path: &str, results: Vec<Value>) -> Value {
        json!({ "_links": { "self": self.link(path) }, "_results": results })
    }

    /// One page of `ids`, which are in the order of the list; the token is the last id of the page before.
    pub(super) fn page(
        &self,
        path: &str,
        target: &Target,
        ids: &[&str],
    ) -> Result<(Vec<String>, Value), Reply> {
        let limit = target.limit(PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX)?;
        self.page_of(path, target, ids, limit)
    }

    pub(super) fn page_of(
        &self,
        path: &str,
        target: &Target,
        ids: &[&str],
        limit: usize,
    ) -> Result<(Vec<String>, Value), Reply> {
        let first = match target.parameter("page_token") {
            None => 0,
            Some(token) => {
                1 + ids
                    .iter()
                    .position(|id| *id == token)
                    .ok_or_else(|| Reply::bad_request("unknown page_token"))?
            }
        };
        let page: Vec<String> = ids.iter().skip(first).take(limit).map(|id| (*id).to_owned()).collect();
        let next = page.last().filter(|_| first + page.len() < ids.len()).map(|last| {
            let joint = if path.contains('?') { '&' } else { '?' };
            self.link(&format!("{path}{joint}limit={limit}&page_token={last}"))
        });
        Ok((page, json!({ "next": next })))
    }

    pub(super) fn paged_json(&self, path: &str, next: &Value, results: &[Value]) -> Value {
        json!({ "_links": { "self": self.link(path) }, "_pagination": next, "_results": results })
    }

    pub(super) fn teammate_json(&self, teammate: &Teammate) -> Value {
        let base = format!("/teammates/{}", teammate.id);
        json!({
            "_links": {
                "self": self.link(&base),
                "related": {
                    "inboxes": self.link(&format!("{base}/inboxes")),
                    "conversations": self.link(&format!("{base}/conversations")),
                },
            },
            "id": teammate.id,
            "email": teammate.email,
            "username": teammate.first_name.to_lowercase(),
            "first_name": teammate.first_name,
            "last_name": teammate.last_name,
            "is_admin": false,
            "is_available": true,
            "is_blocked": false,
            "type": "user",
            "custom_fields": {},
        })
    }

    pub(super) fn inbox_json(&self, inbox: &Inbox) -> Value {
        let base = format!("/inboxes/{}", inbox.id);
        json!({
            "_links": {
                "self": self.link(&base),
                "related": {
                    "teammates": self.link(&format!("{base}/teammates")),
                    "conversations": self.link(&format!("{base}/conversations")),
                    "channels": self.link(&format!("{base}/channels")),
                    "owner": self.link("/teams/tim_1"),
                },
            },
            "id": inbox.id,
            "name": inbox.name,
            "is_private": false,
            "is_public": true,
            "type": "custom",
            "custom_fields": {},
        })
    }

    pub(super) fn tag_json(&self, tag: &Tag) -> Value {
        let base = format!("/tags/{}", tag.id);
        json!({
            "_links": {
                "self": self.link(&base),
                "related": {
                    "conversations": self.link(&format!("{base}/conversations")),
                    "owner": self.link("/teams/tim_1"),
                    "parent_tag": null,
                    "children": null,
                },
            },
            "id": tag.id,
            "name": tag.name,
            "description": null,
            "highlight": null,
            "is_private": false,
            "is_visible_in_conversation_lists": false,
        })
    }

    pub(super) fn contact_json(&self, contact: &Contact) -> Value {
        let base = format!("/contacts/{}", contact.id);
        json!({
            "_links": {
                "self": self.link(&base),
                "related": {
                    "notes": self.link(&format!("{base}/notes")),
                    "conversations": self.link(&format!("{base}/conversations")),
                    "owner": null,
                },
            },
            "id": contact.id,
            "name": contact.name,
            "description": "",
            "avatar_url": null,
            "links": [],
            "groups": [],
            "lists": [],
            "handles": contact.handles,
            "custom_fields": {},
            "is_private": false,
        })
    }

    fn recipient_json(&self, recipient: &Recipient) -> Value {
        let contact = recipient.contact.as_ref().map(|id| self.link(&format!("/contacts/{id}")));
        json!({
            "_links": { "related": { "contact": contact } },
            "name": recipient.name,
            "handle": recipient.handle,
            "role": recipient.role,
        })
    }

    pub(super) fn message_json(&self, message: &Message) -> Value {
        let author = message.author.as_deref().and_then(|id| self.company.teammates.get(id));
        let recipients: Vec<Value> = message.recipients.iter().map(|row| self.recipient_json(row)).collect();
        json!({
            "_links": {
                "self": self.link(&format!("/messages/{}", message.id)),
                "related": {
                    "conversation": self.link(&format!("/conversations/{}", message.conversation)),
                },
            },
            "id": message.id,
            "message_uid": message.uid,
            "type": message.kind,
            "is_inbound": message.is_inbound,
            "draft_mode": null,
            "error_type": null,
            "version": null,
            "created_at": seconds(message.created_at_ms),
            "subject": message.subject,
            "blurb": message.body,
            "author": author.map(|row| self.teammate_json(row)),
            "recipients": recipients,
            "body": message.body,
            "text": message.body,
            "attachments": [],
            "signature": null,
            "metadata": {},
            "is_draft": false,
        })
    }

    pub(super) fn comment_json(&self, comment: &Comment) -> Value {
        let base = format!("/comments/{}", comment.id);
        let author = comment.author.as_deref().and_then(|id| self.company.teammates.get(id));
        json!({
            "_links": {
                "self": self.link(&base),
                "related": {
                    "conversation": self.link(&format!("/conversations/{}", comment.conversation)),
                    "mentions": self.link(&format!("{base}/mentions")),
                },
            },
            "id": comment.id,
            "author": author.map(|row| self.teammate_json(row)),
            "body": comment.body,
            "posted_at": seconds(comment.posted_at_ms),
            "attachments": [],
            "is_pinned": false,
        })
    }

    pub(super) fn conversation_json(&self, conversation: &Conversation) -> Value {
        let base = format!("/conversations/{}", conversation.id);
        let related = |name: &str| self.link(&format!("{base}/{name}"));
        let assignee = conversation.assignee.as_deref().and_then(|id| self.company.teammates.get(id));
        let tags: Vec<Value> = conversation
            .tags
            .iter()
            .filter_map(|id| self.company.tags.get(id))
            .map(|tag| self.tag_json(tag))
            .collect();
        let reminders: Vec<Value> = conversation
            .snoozed_until_ms
            .iter()
            .map(|at_ms| json!({ "scheduled_at": seconds(*at_ms), "updated_at": seconds(conversation.updated_at_ms) }))
            .collect();
        let last_message =
            conversation.messages.last().map(|id| self.link(&format!("/messages/{id}?referer=conversation")));
        json!({
            "_links": {
                "self": self.link(&base),
                "related": {
                    "events": related("events"),
                    "followers": related("followers"),
                    "messages": related("messages"),
                    "comments": related("comments"),
                    "inboxes": related("inboxes"),
                    "last_message": last_message,
                },
            },
            "id": conversation.id,
            "type": "conversation",
            "subject": conversation.subject,
            "status": status_word(conversation),
            "ticket_ids": [],
            "assignee": assignee.map(|row| self.teammate_json(row)),
            "recipient": self.recipient_json(&conversation.recipient),
            "tags": tags,
            "links": [],
            "custom_fields": {},
            "created_at": seconds(conversation.created_at_ms),
            "updated_at": seconds(conversation.updated_at_ms),
            "is_private": false,
            "scheduled_reminders": reminders,
            "metadata": {},
        })
    }
}

/// Front's word: an open conversation is `assigned` or `unassigned`.
pub(super) fn status_word(conversation: &Conversation) -> &'static str {
    match (conversation.status, &conversation.assignee) {
        (Status::Archived, _) => "archived",
        (Status::Deleted, _) => "deleted",
        (Status::Open, Some(_)) => "assigned",
        (Status::Open, None) => "unassigned",
    }
}
