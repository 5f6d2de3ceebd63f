//! How Front shows its things: from rows to shapes, and the pages of lists.

use serde::Serialize;

use super::Front;
use super::company::{Comment, Contact, Conversation, Message, Recipient, Status};
use super::options::{Inbox, Tag, Teammate};
use super::shapes::{
    self, CommentRelated, ContactRelated, ConversationRelated, EmptyObject, InboxRelated, Link, Links, List,
    MessageRelated, Own, Paged, Pagination, RecipientLinks, RecipientRelated, Reminder, Seconds, TagRelated,
    TeammateRelated,
};
use super::wire::{Reply, Target};
use crate::limits::{PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX};

impl Front {
    /// A link to what has this path.
    pub(super) fn own<'a>(&'a self, path: &'a str) -> Own<'a> {
        Own { own: self.link(path, "", "") }
    }

    fn link<'a>(&'a self, kind: &'a str, id: &'a str, rest: &'a str) -> Link<'a> {
        Link([&self.options.base_url, kind, id, rest])
    }

    /// A list that has no pages.
    pub(super) fn list_reply<T: Serialize>(&self, path: &str, results: Vec<T>) -> Reply {
        Reply::json(200, &List { _links: self.own(path), _results: results })
    }

    /// One page of `ids`, which are in the order of the list; the token is the last id of the page before.
    pub(super) fn page(
        &self,
        path: &str,
        target: &Target,
        ids: &[&str],
    ) -> Result<(Vec<String>, Pagination), Reply> {
        let limit = target.limit(PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX)?;
        self.page_of(path, target, ids, limit)
    }

    pub(super) fn page_of(
        &self,
        path: &str,
        target: &Target,
        ids: &[&str],
        limit: usize,
    ) -> Result<(Vec<String>, Pagination), Reply> {
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
            format!("{}{path}{joint}limit={limit}&page_token={last}", self.options.base_url)
        });
        Ok((page, Pagination { next }))
    }

    pub(super) fn paged_reply<T: Serialize>(&self, path: &str, next: Pagination, results: Vec<T>) -> Reply {
        Reply::json(200, &Paged { _links: self.own(path), _pagination: next, _results: results })
    }

    pub(super) fn show_teammate<'a>(&'a self, teammate: &'a Teammate) -> shapes::Teammate<'a> {
        let link = |rest| self.link("/teammates/", &teammate.id, rest);
        let related = TeammateRelated { conversations: link("/conversations"), inboxes: link("/inboxes") };
        shapes::Teammate {
            _links: Links { related, own: link("") },
            custom_fields: EmptyObject {},
            email: &teammate.email,
            first_name: &teammate.first_name,
            id: &teammate.id,
            is_admin: false,
            is_available: true,
            is_blocked: false,
            last_name: &teammate.last_name,
            kind: "user",
            username: teammate.first_name.to_lowercase(),
        }
    }

    /// The teammate of this id, if there is one.
    pub(super) fn show_teammate_of<'a>(&'a self, id: Option<&str>) -> Option<shapes::Teammate<'a>> {
        id.and_then(|id| self.company.teammates.get(id)).map(|row| self.show_teammate(row))
    }

    pub(super) fn show_inbox<'a>(&'a self, inbox: &'a Inbox) -> shapes::Inbox<'a> {
        let link = |rest| self.link("/inboxes/", &inbox.id, rest);
        let related = InboxRelated {
            channels: link("/channels"),
            conversations: link("/conversations"),
            owner: self.link("/teams/tim_1", "", ""),
            teammates: link("/teammates"),
        };
        shapes::Inbox {
            _links: Links { related, own: link("") },
            custom_fields: EmptyObject {},
            id: &inbox.id,
            is_private: false,
            is_public: true,
            name: &inbox.name,
            kind: "custom",
        }
    }

    pub(super) fn show_tag<'a>(&'a self, tag: &'a Tag) -> shapes::Tag<'a> {
        let link = |rest| self.link("/tags/", &tag.id, rest);
        let related = TagRelated {
            children: (),
            conversations: link("/conversations"),
            owner: self.link("/teams/tim_1", "", ""),
            parent_tag: (),
        };
        shapes::Tag {
            _links: Links { related, own: link("") },
            description: (),
            highlight: (),
            id: &tag.id,
            is_private: false,
            is_visible_in_conversation_lists: false,
            name: &tag.name,
        }
    }

    pub(super) fn show_contact<'a>(&'a self, contact: &'a Contact) -> shapes::Contact<'a> {
        let link = |rest| self.link("/contacts/", &contact.id, rest);
        let related =
            ContactRelated { conversations: link("/conversations"), notes: link("/notes"), owner: () };
        shapes::Contact {
            _links: Links { related, own: link("") },
            avatar_url: (),
            custom_fields: EmptyObject {},
            description: "",
            groups: [],
            handles: contact.handles.iter().map(Into::into).collect(),
            id: &contact.id,
            is_private: false,
            links: [],
            lists: [],
            name: contact.name.as_deref(),
        }
    }

    fn show_recipient<'a>(&'a self, recipient: &'a Recipient) -> shapes::Recipient<'a> {
        let contact = recipient.contact.as_ref().map(|id| self.link("/contacts/", id, ""));
        shapes::Recipient {
            _links: RecipientLinks { related: RecipientRelated { contact } },
            handle: &recipient.handle,
            name: recipient.name.as_deref(),
            role: recipient.role,
        }
    }

    pub(super) fn show_message<'a>(&'a self, message: &'a Message) -> shapes::Message<'a> {
        let related =
            MessageRelated { conversation: self.link("/conversations/", &message.conversation, "") };
        shapes::Message {
            _links: Links { related, own: self.link("/messages/", &message.id, "") },
            attachments: [],
            author: self.show_teammate_of(message.author.as_deref()),
            blurb: &message.body,
            body: &message.body,
            created_at: Seconds(message.created_at_ms),
            draft_mode: (),
            error_type: (),
            id: &message.id,
            is_draft: false,
            is_inbound: message.is_inbound,
            message_uid: &message.uid,
            metadata: EmptyObject {},
            recipients: message.recipients.iter().map(|row| self.show_recipient(row)).collect(),
            signature: (),
            subject: &message.subject,
            text: &message.body,
            kind: &message.kind,
            version: (),
        }
    }

    pub(super) fn show_comment<'a>(&'a self, comment: &'a Comment) -> shapes::Comment<'a> {
        let link = |rest| self.link("/comments/", &comment.id, rest);
        let related = CommentRelated {
            conversation: self.link("/conversations/", &comment.conversation, ""),
            mentions: link("/mentions"),
        };
        shapes::Comment {
            _links: Links { related, own: link("") },
            attachments: [],
            author: self.show_teammate_of(comment.author.as_deref()),
            body: &comment.body,
            id: &comment.id,
            is_pinned: false,
            posted_at: Seconds(comment.posted_at_ms),
        }
    }

    pub(super) fn show_conversation<'a>(&'a self, row: &'a Conversation) -> shapes::Conversation<'a> {
        let updated_at = Seconds(row.updated_at_ms);
        let reminder = |at_ms: &i64| Reminder { scheduled_at: Seconds(*at_ms), updated_at };
        let tags = row.tags.iter().filter_map(|id| self.company.tags.get(id));
        shapes::Conversation {
            _links: self.conversation_links(row),
            assignee: self.show_teammate_of(row.assignee.as_deref()),
            created_at: Seconds(row.created_at_ms),
            custom_fields: EmptyObject {},
            id: &row.id,
            is_private: false,
            last_message: None,
            links: [],
            metadata: EmptyObject {},
            recipient: self.show_recipient(&row.recipient),
            scheduled_reminders: row.snoozed_until_ms.iter().map(reminder).collect(),
            status: status_word(row),
            subject: &row.subject,
            tags: tags.map(|tag| self.show_tag(tag)).collect(),
            ticket_ids: [],
            kind: "conversation",
            updated_at,
        }
    }

    fn conversation_links<'a>(&'a self, row: &'a Conversation) -> Links<'a, ConversationRelated<'a>> {
        let link = |rest| self.link("/conversations/", &row.id, rest);
        let related = ConversationRelated {
            comments: link("/comments"),
            events: link("/events"),
            followers: link("/followers"),
            inboxes: link("/inboxes"),
            last_message: row.messages.last().map(|id| self.link("/messages/", id, "?referer=conversation")),
            messages: link("/messages"),
        };
        Links { related, own: link("") }
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
