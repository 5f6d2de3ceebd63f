//! What happened, as Front tells it: the event shapes, `GET /events`, and what goes to the webhook.

use serde_json::value::RawValue;

use super::Front;
use super::shapes::{self, Cause, Seconds, Typed, raw};
use super::wire::{Answered, Reply, Target};
use crate::limits::EVENTS_PAGE_ENTRIES_MAX;

/// One event, with the payload as it was rendered when it happened.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: EventKind,
    pub(super) at_ms: i64,
    pub(super) conversation: String,
    pub(super) source: &'static str,
    pub(super) payload: Box<RawValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventKind {
    Assign,
    Unassign,
    Archive,
    Reopen,
    Trash,
    Restore,
    Snooze,
    SnoozeExpired,
    Comment,
    Inbound,
    Outbound,
    Move,
    Tag,
    Untag,
    Merge,
}

impl EventKind {
    /// The `type` of the event, and that of its application webhook if there is one.
    pub(super) fn names(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Assign => ("assign", Some("assignee_changed")),
            Self::Unassign => ("unassign", Some("assignee_changed")),
            Self::Archive => ("archive", Some("conversation_archived")),
            Self::Reopen => ("reopen", Some("conversation_reopened")),
            Self::Trash => ("trash", Some("conversation_deleted")),
            Self::Restore => ("restore", Some("conversation_restored")),
            Self::Snooze => ("reminder", Some("conversation_snoozed")),
            Self::SnoozeExpired => ("reminder", Some("conversation_snooze_expired")),
            Self::Comment => ("comment", Some("new_comment_added")),
            Self::Inbound => ("inbound", Some("inbound_received")),
            Self::Outbound => ("outbound", Some("outbound_sent")),
            Self::Move => ("move", Some("conversation_moved")),
            Self::Tag => ("tag", Some("tag_added")),
            Self::Untag => ("untag", Some("tag_removed")),
            Self::Merge => ("conversations_merged", None),
        }
    }
}

/// Who or what caused an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Api,
    Teammate(String),
    Inbox(String),
    Reminder,
}

impl Source {
    fn name(&self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Teammate(_) => "teammate",
            Self::Inbox(_) => "inboxes",
            Self::Reminder => "reminder",
        }
    }
}

impl Front {
    /// Records what happened to a conversation and queues the webhook of it.
    pub(super) fn emit(
        &mut self,
        at_ms: i64,
        kind: EventKind,
        conversation: &str,
        source: &Source,
        target: Option<(&'static str, Box<RawValue>)>,
    ) {
        if let Some(row) = self.company.conversations.get_mut(conversation) {
            row.updated_at_ms = row.updated_at_ms.max(at_ms);
        }
        let id = self.ids.next("evt");
        let payload = raw(&shapes::Event {
            _links: self.own(&format!("/events/{id}")),
            conversation: self.conversation_with_last_message(conversation),
            emitted_at: Seconds(at_ms),
            id: &id,
            source: Typed::new(source.name(), self.cause(source)),
            target: target.map(|(kind, data)| Typed::new(kind, data)),
            kind: kind.names().0,
        });
        let event =
            Event { id, kind, at_ms, conversation: conversation.to_owned(), source: source.name(), payload };
        self.queue_webhook(&event);
        self.events.push(event);
    }

    pub(super) fn list_events(&self, target: &Target) -> Answered {
        let limit = target.limit(EVENTS_PAGE_ENTRIES_MAX, EVENTS_PAGE_ENTRIES_MAX)?;
        let types = target.parameters("q[types][]");
        let after = bound_ms(target, "q[after]")?.unwrap_or(i64::MIN);
        let before = bound_ms(target, "q[before]")?.unwrap_or(i64::MAX);
        let mut rows: Vec<&Event> = self
            .events
            .iter()
            .filter(|event| types.is_empty() || types.iter().any(|name| name == event.kind.names().0))
            .filter(|event| (after..=before).contains(&event.at_ms))
            .collect();
        rows.sort_by_key(|event| event.at_ms);
        if target.parameter("sort_order") != Some("asc") {
            rows.reverse();
        }
        let mut path = "/events".to_owned();
        let kept = ["q[types][]", "q[after]", "q[before]", "sort_order"];
        for (key, value) in
            kept.iter().flat_map(|key| target.parameters(key).iter().map(move |value| (key, value)))
        {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&format!("{key}={value}"));
        }
        self.events_page(&path, target, &rows, limit)
    }

    pub(super) fn conversation_events(&self, id: &str, target: &Target) -> Answered {
        let limit = target.limit(crate::limits::PAGE_ENTRIES_DEFAULT, crate::limits::PAGE_ENTRIES_MAX)?;
        let rows: Vec<&Event> = self.events.iter().rev().filter(|event| event.conversation == id).collect();
        self.events_page(&format!("/conversations/{id}/events"), target, &rows, limit)
    }

    fn events_page(&self, path: &str, target: &Target, rows: &[&Event], limit: usize) -> Answered {
        let ids: Vec<&str> = rows.iter().map(|event| event.id.as_str()).collect();
        let (page, next) = self.page_of(path, target, &ids, limit)?;
        let shown = rows.iter().filter(|event| page.contains(&event.id)).map(|event| &event.payload);
        Ok(self.paged_reply(path, next, shown.collect()))
    }

    fn conversation_with_last_message(&self, id: &str) -> Option<shapes::Conversation<'_>> {
        let row = self.company.conversations.get(id)?;
        let last = row.messages.last().and_then(|id| self.company.messages.get(id));
        let last_message = last.map(|message| self.show_message(message));
        Some(shapes::Conversation { last_message, ..self.show_conversation(row) })
    }

    fn cause(&self, source: &Source) -> Cause<'_> {
        match source {
            Source::Api | Source::Reminder => Cause::Teammate(None),
            Source::Teammate(id) => Cause::Teammate(self.show_teammate_of(Some(id)).map(Box::new)),
            Source::Inbox(id) => {
                let inbox = self.company.inboxes.get(id).map(|row| self.show_inbox(row));
                Cause::Inboxes(inbox.into_iter().collect())
            }
        }
    }
}

/// A bound in seconds with up to three decimals, as milliseconds.
fn bound_ms(target: &Target, name: &str) -> Result<Option<i64>, Reply> {
    let Some(text) = target.parameter(name) else { return Ok(None) };
    let seconds: f64 = text.parse().map_err(|_| Reply::bad_request(format!("`{name}` is not a number")))?;
    Ok(Some((seconds * 1000.0).round() as i64))
}
