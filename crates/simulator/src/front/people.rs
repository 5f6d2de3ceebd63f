//! People at work in Front, beside the API.

use serde::{Deserialize, Serialize};

use super::Front;
use super::company::Status;
use super::events::{EventKind, Source};
use super::render::status_word;
use super::shapes::raw;
use super::wire::Reply;

/// One thing that a teammate does to one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// The teammate's id.
    pub by: String,
    /// The conversation.
    pub on: Subject,
    /// What is done.
    #[serde(rename = "do")]
    pub action: Action,
}

/// A conversation, by its id or by whom it is with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The conversation of this id, or what it was merged into.
    Conversation(String),
    /// The newest conversation that is not trashed of whoever has this handle, of any source.
    Contact(String),
}

/// What people do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Archives it.
    Archive,
    /// Opens it again.
    Reopen,
    /// Moves it to the inbox of this id.
    Move(String),
    /// Assigns it to the teammate of this id.
    Assign(String),
    /// Takes its assignee away.
    Unassign,
    /// Puts it in the trash.
    Trash,
    /// Takes it out of the trash, open.
    Restore,
    /// Snoozes it until this Unix time in milliseconds.
    Snooze(i64),
    /// Adds the tag of this id.
    Tag(String),
    /// Takes the tag of this id away.
    Untag(String),
    /// Writes a comment.
    Comment(String),
    /// Merges it into the conversation of this id.
    MergeInto(String),
}

/// Why a teammate could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// There is no such conversation, or not yet.
    #[error("there is no such conversation yet; act again when it is visible")]
    NoConversation,
    /// Front's own refusal.
    #[error("front refuses the act with {0}; name things that exist")]
    Refused(String),
}

impl Front {
    /// Lets a teammate act at `now_ms` and returns the conversation's id.
    ///
    /// # Errors
    /// [`ActError`] if the conversation, the teammate, the inbox or the tag does not exist.
    pub fn act(&mut self, now_ms: i64, act: &Act) -> Result<String, ActError> {
        self.tick(now_ms);
        let id = self.meant(&act.on).ok_or(ActError::NoConversation)?;
        self.company.teammate(&act.by).map_err(|refusal| refused(&refusal))?;
        let source = Source::Teammate(act.by.clone());
        self.perform(now_ms, &id, &act.action, &source).map_err(|refusal| refused(&refusal))?;
        Ok(id)
    }

    /// The conversation that a person finds with this handle, as of the last step, tick or act.
    #[must_use]
    pub fn conversation_with(&self, handle: &str) -> Option<String> {
        self.meant(&Subject::Contact(handle.to_owned()))
    }

    /// The newest conversation that reads back with this status, as of the last step, tick or act.
    #[must_use]
    pub fn conversation_in(&self, status: &str) -> Option<String> {
        let rows = self.company.conversations.iter();
        let found =
            rows.filter(|row| row.merged_into.is_none() && !row.is_gone && status_word(row) == status);
        found.max_by_key(|row| row.updated_at_ms).map(|row| row.id.clone())
    }

    /// The next snooze that was not ended by something else.
    pub(super) fn next_snooze(&self) -> Option<(i64, String)> {
        let stands = |(at_ms, id): &&(i64, String)| {
            self.company.conversations.get(id).is_some_and(|row| row.snoozed_until_ms == Some(*at_ms))
        };
        self.snoozes.iter().find(stands).cloned()
    }

    pub(super) fn end_snooze(&mut self, at_ms: i64, id: &str) {
        self.snoozes.remove(&(at_ms, id.to_owned()));
        if let Some(row) = self.company.conversations.get_mut(id) {
            row.snoozed_until_ms = None;
            row.status = Status::Open;
        }
        self.emit(at_ms, EventKind::SnoozeExpired, id, &Source::Reminder, None);
    }

    fn meant(&self, subject: &Subject) -> Option<String> {
        let row = match subject {
            Subject::Conversation(id) => self.company.conversations.get(self.company.survivor(id)),
            Subject::Contact(handle) => self
                .company
                .handles
                .iter()
                .filter(|(known, _)| known.handle == *handle)
                .filter_map(|(_, contact)| self.company.newest_conversation_of(contact))
                .max_by_key(|row| row.updated_at_ms),
        };
        row.filter(|row| !row.is_gone).map(|row| row.id.clone())
    }

    fn perform(&mut self, now_ms: i64, id: &str, action: &Action, source: &Source) -> Result<(), Reply> {
        match action {
            Action::Archive => self.set_status(now_ms, id, Status::Archived, source),
            Action::Reopen | Action::Restore => self.set_status(now_ms, id, Status::Open, source),
            Action::Trash => self.set_status(now_ms, id, Status::Deleted, source),
            Action::Move(inbox) => self.move_to(now_ms, id, inbox, source),
            Action::Assign(teammate) => self.assign(now_ms, id, Some(teammate.clone()), source),
            Action::Unassign => self.assign(now_ms, id, None, source),
            Action::Snooze(until_ms) => self.snooze(now_ms, id, *until_ms, source),
            Action::Tag(tag) => {
                let mut tags = self.row(id)?.tags.clone();
                tags.push(tag.clone());
                self.replace_tags(now_ms, id, &tags, source)
            }
            Action::Untag(tag) => {
                let mut tags = self.row(id)?.tags.clone();
                tags.retain(|other| other != tag);
                self.replace_tags(now_ms, id, &tags, source)
            }
            Action::Comment(body) => {
                let author = match source {
                    Source::Teammate(teammate) => Some(teammate.clone()),
                    Source::Api | Source::Inbox(_) | Source::Reminder => None,
                };
                self.comment(now_ms, id, author, body.clone(), source).map(|_| ())
            }
            Action::MergeInto(survivor) => self.merge_conversations(now_ms, id, survivor, source),
        }
    }

    fn snooze(&mut self, now_ms: i64, id: &str, until_ms: i64, source: &Source) -> Result<(), Reply> {
        let row = self.company.conversation_mut(id)?;
        row.status = Status::Archived;
        row.snoozed_until_ms = Some(until_ms);
        self.snoozes.insert((until_ms, id.to_owned()));
        self.emit(now_ms, EventKind::Snooze, id, source, None);
        Ok(())
    }

    fn merge_conversations(
        &mut self,
        now_ms: i64,
        id: &str,
        survivor: &str,
        source: &Source,
    ) -> Result<(), Reply> {
        let survivor = self.company.survivor(survivor).to_owned();
        self.row(&survivor)?;
        if survivor == id {
            return Err(Reply::bad_request("a conversation cannot be merged into itself"));
        }
        let row = self.company.conversation_mut(id)?;
        row.merged_into = Some(survivor.clone());
        row.snoozed_until_ms = None;
        let messages = std::mem::take(&mut row.messages);
        let comments = std::mem::take(&mut row.comments);
        for message in &messages {
            if let Some(row) = self.company.messages.get_mut(message) {
                row.conversation.clone_from(&survivor);
            }
        }
        for comment in &comments {
            if let Some(row) = self.company.comments.get_mut(comment) {
                row.conversation.clone_from(&survivor);
            }
        }
        let row = self.company.conversation_mut(&survivor)?;
        row.messages.extend(messages);
        row.comments.extend(comments);
        let target = ("deleted_conversation_ids", raw(&[id]));
        self.emit(now_ms, EventKind::Merge, &survivor, source, Some(target));
        Ok(())
    }
}

fn refused(refusal: &Reply) -> ActError {
    ActError::Refused(refusal.body.clone().unwrap_or_default())
}
