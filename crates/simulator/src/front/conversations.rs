//! Conversations: reading them, and the changes that the API and people share.

use serde::Deserialize;

use super::Front;
use super::company::{Comment, Conversation, Status};
use super::events::{EventKind, Source};
use super::shapes::raw;
use super::wire::{Answered, Reply, Target, parse};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    #[serde(default, deserialize_with = "present")]
    assignee_id: Option<Option<String>>,
    inbox_id: Option<String>,
    status: Option<String>,
    tag_ids: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Assignee {
    assignee_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tags {
    tag_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewComment {
    author_id: Option<String>,
    body: String,
}

/// Tells a null that is there from a key that is not.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Front {
    pub(super) fn conversation(&self, id: &str) -> Answered {
        let row = self.row(id)?;
        Ok(Reply::json(200, &self.show_conversation(row)))
    }

    pub(super) fn update_conversation(&mut self, now_ms: i64, id: &str, body: &[u8]) -> Answered {
        let update: Update = parse(body)?;
        let status = update.status.as_deref().map(status_named).transpose()?;
        if let Some(Some(teammate)) = &update.assignee_id {
            self.company.teammate(teammate)?;
        }
        let tags =
            update.tag_ids.unwrap_or_else(|| self.row(id).map(|row| row.tags.clone()).unwrap_or_default());
        self.check_tags(&tags)?;
        if let Some(inbox) = update.inbox_id {
            self.move_to(now_ms, id, &inbox, &Source::Api)?;
        }
        if let Some(assignee) = update.assignee_id {
            self.assign(now_ms, id, assignee, &Source::Api)?;
        }
        self.replace_tags(now_ms, id, &tags, &Source::Api)?;
        if let Some(status) = status {
            self.set_status(now_ms, id, status, &Source::Api)?;
        }
        Ok(Reply::empty(204))
    }

    pub(super) fn set_assignee(&mut self, now_ms: i64, id: &str, body: &[u8]) -> Answered {
        let Assignee { assignee_id } = parse(body)?;
        self.assign(now_ms, id, assignee_id, &Source::Api)?;
        Ok(Reply::empty(204))
    }

    pub(super) fn conversation_messages(&self, id: &str, target: &Target) -> Answered {
        let mut rows: Vec<_> =
            self.row(id)?.messages.iter().filter_map(|id| self.company.messages.get(id)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at_ms, row.number)));
        if target.parameter("sort_order") == Some("asc") {
            rows.reverse();
        }
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let path = format!("/conversations/{id}/messages");
        let (page, next) = self.page(&path, target, &ids)?;
        let shown =
            page.iter().filter_map(|id| self.company.messages.get(id)).map(|row| self.show_message(row));
        Ok(self.paged_reply(&path, next, shown.collect()))
    }

    pub(super) fn conversation_comments(&self, id: &str) -> Answered {
        let rows = self.row(id)?.comments.iter().rev().filter_map(|id| self.company.comments.get(id));
        let shown = rows.map(|row| self.show_comment(row)).collect();
        Ok(self.list_reply(&format!("/conversations/{id}/comments"), shown))
    }

    pub(super) fn conversation_inboxes(&self, id: &str) -> Answered {
        let inbox = self.company.inboxes.get(&self.row(id)?.inbox);
        let shown = inbox.map(|row| self.show_inbox(row)).into_iter().collect();
        Ok(self.list_reply(&format!("/conversations/{id}/inboxes"), shown))
    }

    pub(super) fn add_comment(&mut self, now_ms: i64, id: &str, body: &[u8]) -> Answered {
        let new: NewComment = parse(body)?;
        let author = match &new.author_id {
            Some(reference) => Some(
                self.company
                    .teammate_or_alias(reference)
                    .map(|teammate| teammate.id.clone())
                    .ok_or_else(|| Reply::bad_request(format!("unknown teammate `{reference}`")))?,
            ),
            None => None,
        };
        let comment = self.comment(now_ms, id, author, new.body, &Source::Api)?;
        let row = self.company.comments.get(&comment).ok_or_else(Reply::not_found)?;
        Ok(Reply::json(201, &self.show_comment(row)))
    }

    pub(super) fn add_tags(&mut self, now_ms: i64, id: &str, body: &[u8]) -> Answered {
        let Tags { tag_ids } = parse(body)?;
        let mut tags = self.row(id)?.tags.clone();
        tags.extend(tag_ids);
        self.replace_tags(now_ms, id, &tags, &Source::Api)?;
        Ok(Reply::empty(204))
    }

    pub(super) fn remove_tags(&mut self, now_ms: i64, id: &str, body: &[u8]) -> Answered {
        let Tags { tag_ids } = parse(body)?;
        let mut tags = self.row(id)?.tags.clone();
        tags.retain(|tag| !tag_ids.contains(tag));
        self.replace_tags(now_ms, id, &tags, &Source::Api)?;
        Ok(Reply::empty(204))
    }

    pub(super) fn row(&self, id: &str) -> Result<&Conversation, Reply> {
        self.company.conversations.get(id).ok_or_else(|| Reply::unknown("conversation", id))
    }

    pub(super) fn set_status(
        &mut self,
        at_ms: i64,
        id: &str,
        status: Status,
        source: &Source,
    ) -> Result<(), Reply> {
        let row = self.company.conversation_mut(id)?;
        let before = std::mem::replace(&mut row.status, status);
        let was_snoozed = row.snoozed_until_ms.take().is_some();
        row.archived_since_subject |= status == Status::Archived;
        let kind = match (before, status) {
            (Status::Archived, Status::Archived) if was_snoozed => EventKind::Archive,
            (Status::Open, Status::Open)
            | (Status::Archived, Status::Archived)
            | (Status::Deleted, Status::Deleted) => return Ok(()),
            (_, Status::Archived) => EventKind::Archive,
            (_, Status::Deleted) => EventKind::Trash,
            (Status::Deleted, Status::Open) => EventKind::Restore,
            (Status::Archived, Status::Open) => EventKind::Reopen,
        };
        self.emit(at_ms, kind, id, source, None);
        Ok(())
    }

    pub(super) fn assign(
        &mut self,
        at_ms: i64,
        id: &str,
        assignee: Option<String>,
        source: &Source,
    ) -> Result<(), Reply> {
        let teammate = match &assignee {
            Some(assignee) => Some(raw(&self.show_teammate(self.company.teammate(assignee)?))),
            None => None,
        };
        let row = self.company.conversation_mut(id)?;
        if row.assignee == assignee {
            return Ok(());
        }
        row.assignee = assignee;
        let kind = if teammate.is_some() { EventKind::Assign } else { EventKind::Unassign };
        self.emit(at_ms, kind, id, source, teammate.map(|data| ("teammate", data)));
        Ok(())
    }

    pub(super) fn move_to(
        &mut self,
        at_ms: i64,
        id: &str,
        inbox: &str,
        source: &Source,
    ) -> Result<(), Reply> {
        let Some(shown) = self.company.inboxes.get(inbox).map(|row| raw(&[self.show_inbox(row)])) else {
            return Err(Reply::bad_request(format!("unknown inbox `{inbox}`")));
        };
        let row = self.company.conversation_mut(id)?;
        if row.inbox != inbox {
            inbox.clone_into(&mut row.inbox);
            self.emit(at_ms, EventKind::Move, id, source, Some(("inboxes", shown)));
        }
        Ok(())
    }

    pub(super) fn replace_tags(
        &mut self,
        at_ms: i64,
        id: &str,
        tags: &[String],
        source: &Source,
    ) -> Result<(), Reply> {
        self.check_tags(tags)?;
        let row = self.company.conversation_mut(id)?;
        let before = std::mem::take(&mut row.tags);
        for tag in tags {
            if !row.tags.contains(tag) {
                row.tags.push(tag.clone());
            }
        }
        let added =
            row.tags.iter().filter(|tag| !before.contains(tag)).map(|tag| (EventKind::Tag, tag.clone()));
        let removed =
            before.iter().filter(|tag| !row.tags.contains(tag)).map(|tag| (EventKind::Untag, tag.clone()));
        let changes: Vec<_> = removed.chain(added).collect();
        for (kind, tag) in changes {
            let target = self.company.tags.get(&tag).map(|tag| ("tag", raw(&self.show_tag(tag))));
            self.emit(at_ms, kind, id, source, target);
        }
        Ok(())
    }

    /// Adds a comment and returns its id.
    pub(super) fn comment(
        &mut self,
        at_ms: i64,
        id: &str,
        author: Option<String>,
        body: String,
        source: &Source,
    ) -> Result<String, Reply> {
        let comment_id = self.ids.next("com");
        self.company.conversation_mut(id)?.comments.push(comment_id.clone());
        let comment = Comment {
            id: comment_id.clone(),
            conversation: id.to_owned(),
            author,
            body,
            posted_at_ms: at_ms,
        };
        let shown = raw(&self.show_comment(&comment));
        self.company.comments.insert(&comment_id, comment);
        self.emit(at_ms, EventKind::Comment, id, source, Some(("comment", shown)));
        Ok(comment_id)
    }

    fn check_tags(&self, tags: &[String]) -> Result<(), Reply> {
        match tags.iter().find(|tag| self.company.tags.get(tag).is_none()) {
            Some(unknown) => Err(Reply::bad_request(format!("unknown tag `{unknown}`"))),
            None => Ok(()),
        }
    }
}

fn status_named(name: &str) -> Result<Status, Reply> {
    match name {
        "open" => Ok(Status::Open),
        "archived" => Ok(Status::Archived),
        "deleted" | "spam" => Ok(Status::Deleted),
        _ => Err(Reply::bad_request(format!("unknown status `{name}`"))),
    }
}
