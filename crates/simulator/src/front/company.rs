//! What a Front company holds: contacts, conversations, messages, comments, and the indexes between them.

use std::collections::BTreeMap;

use super::multipart::File;
use super::options::{FrontOptions, Handle, Inbox, Tag, Teammate};
use super::wire::Reply;

/// Rows in the order of their creation, found by id.
#[derive(Debug, Clone)]
pub(super) struct Table<T> {
    rows: Vec<T>,
    index: BTreeMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), index: BTreeMap::new() }
    }
}

impl<T> Table<T> {
    pub(super) fn insert(&mut self, id: &str, row: T) {
        self.index.insert(id.to_owned(), self.rows.len());
        self.rows.push(row);
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.index.get(id).map(|index| &self.rows[*index])
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.index.get(id).map(|index| &mut self.rows[*index])
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<T> {
        let place = self.index.remove(id)?;
        self.index.values_mut().filter(|index| **index > place).for_each(|index| *index -= 1);
        Some(self.rows.remove(place))
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) handles: Vec<Handle>,
    pub(super) merged_into: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open,
    Archived,
    Deleted,
}

#[derive(Debug, Clone)]
pub(super) struct Recipient {
    pub(super) handle: String,
    pub(super) name: Option<String>,
    pub(super) role: &'static str,
    pub(super) contact: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) status: Status,
    pub(super) inbox: String,
    pub(super) assignee: Option<String>,
    pub(super) contact: String,
    pub(super) recipient: Recipient,
    pub(super) tags: Vec<String>,
    pub(super) messages: Vec<String>,
    pub(super) comments: Vec<String>,
    pub(super) created_at_ms: i64,
    pub(super) updated_at_ms: i64,
    pub(super) snoozed_until_ms: Option<i64>,
    pub(super) archived_since_subject: bool,
    pub(super) merged_into: Option<String>,
    /// Deleted for good: the API knows nothing of it.
    pub(super) is_gone: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) uid: String,
    pub(super) external_id: String,
    pub(super) conversation: String,
    pub(super) kind: String,
    pub(super) is_inbound: bool,
    pub(super) created_at_ms: i64,
    pub(super) imported_at_ms: i64,
    pub(super) number: usize,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) author: Option<String>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) files: Vec<File>,
}

#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub(super) id: String,
    pub(super) conversation: String,
    pub(super) author: Option<String>,
    pub(super) body: String,
    pub(super) posted_at_ms: i64,
}

/// Everything in one place; it knows no time, no rule and no request.
#[derive(Debug, Clone, Default)]
pub(super) struct Company {
    pub(super) teammates: Table<Teammate>,
    pub(super) inboxes: Table<Inbox>,
    pub(super) tags: Table<Tag>,
    pub(super) contacts: Table<Contact>,
    pub(super) conversations: Table<Conversation>,
    pub(super) messages: Table<Message>,
    pub(super) comments: Table<Comment>,
    pub(super) handles: BTreeMap<Handle, String>,
    pub(super) thread_refs: BTreeMap<String, String>,
    pub(super) messages_by_uid: BTreeMap<String, String>,
}

impl Company {
    pub(super) fn of(options: &FrontOptions) -> Self {
        let mut company = Self::default();
        for teammate in &options.teammates {
            company.teammates.insert(&teammate.id, teammate.clone());
        }
        for inbox in &options.inboxes {
            company.inboxes.insert(&inbox.id, inbox.clone());
        }
        for tag in &options.tags {
            company.tags.insert(&tag.id, tag.clone());
        }
        for seed in &options.contacts {
            company.add_contact(&seed.id, Some(seed.name.clone()), seed.handles.clone());
        }
        company
    }

    pub(super) fn add_contact(&mut self, id: &str, name: Option<String>, handles: Vec<Handle>) {
        for handle in &handles {
            self.handles.insert(handle.clone(), id.to_owned());
        }
        self.contacts.insert(id, Contact { id: id.to_owned(), name, handles, merged_into: None });
    }

    /// A teammate by id; aliases are another question.
    pub(super) fn teammate(&self, id: &str) -> Result<&Teammate, Reply> {
        self.teammates.get(id).ok_or_else(|| Reply::bad_request(format!("unknown teammate `{id}`")))
    }

    /// A teammate by id or by `alt:email:`.
    pub(super) fn teammate_or_alias(&self, reference: &str) -> Option<&Teammate> {
        match reference.strip_prefix("alt:email:") {
            Some(email) => self.teammates.iter().find(|teammate| teammate.email.eq_ignore_ascii_case(email)),
            None => self.teammates.get(reference),
        }
    }

    /// A contact by id or by `alt:{source}:{handle}`; a contact that was merged away is gone.
    pub(super) fn contact_or_alias(&self, reference: &str) -> Result<&Contact, Reply> {
        let id = match reference.strip_prefix("alt:").and_then(|alias| alias.split_once(':')) {
            Some((source, handle)) => self.handles.get(&Handle::new(source, handle)).map(String::as_str),
            None => Some(reference),
        };
        let contact = id.and_then(|id| self.contacts.get(id)).filter(|contact| contact.merged_into.is_none());
        contact.ok_or_else(Reply::not_found)
    }

    /// Where a conversation is after all merges.
    pub(super) fn survivor<'a>(&'a self, id: &'a str) -> &'a str {
        let mut id = id;
        while let Some(next) = self.conversations.get(id).and_then(|row| row.merged_into.as_deref()) {
            id = next;
        }
        id
    }

    /// True unless the API knows nothing of the conversation, or of the one that it was merged into.
    pub(super) fn has_conversation(&self, id: &str) -> bool {
        self.conversations.get(self.survivor(id)).is_some_and(|row| !row.is_gone)
    }

    pub(super) fn conversation_mut(&mut self, id: &str) -> Result<&mut Conversation, Reply> {
        self.conversations.get_mut(id).ok_or_else(|| Reply::unknown("conversation", id))
    }

    /// The contact's newest conversation that is neither trashed nor merged away.
    pub(super) fn newest_conversation_of(&self, contact: &str) -> Option<&Conversation> {
        self.conversations
            .iter()
            .filter(|row| {
                row.contact == contact && row.merged_into.is_none() && row.status != Status::Deleted
            })
            .max_by_key(|row| row.updated_at_ms)
    }
}
