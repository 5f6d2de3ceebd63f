//! Front's events that were asked for: what is kept of one, and its fact.
//!
//! An event comes with its whole conversation. The log keeps the parts that are read, in the event's own form, because
//! most of these events are there already as webhooks.

use calltrail_domain::fact::{ConversationChanged, Fact};
use calltrail_domain::record::FrontEvent;
use calltrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::events;
use crate::id::is_id;
use crate::reply::{Recipient, null_as_default};

/// The events that change something here, by Front's short names. A reminder is either end of a snooze.
pub(crate) const TYPES: [&str; 7] =
    ["archive", "reopen", "trash", "restore", "reminder", "move", "conversations_merged"];

/// One event of the whole company's.
#[derive(Clone, PartialEq, Eq)]
pub struct PolledEvent {
    /// The same as in the webhook of the event.
    pub id: String,
    pub at: Timestamp,
    pub event: FrontEvent,
}

/// Shows nothing of the conversation.
impl std::fmt::Debug for PolledEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PolledEvent({})", self.id)
    }
}

/// Translates a logged event that was asked for, as [`events::facts`] does a webhook. It says nothing about the webhooks.
#[must_use]
pub fn facts(event: &FrontEvent, received_at: Timestamp) -> Fact {
    match events::facts(event, received_at) {
        Fact::ConversationChanged(changed) => {
            Fact::ConversationChanged(ConversationChanged { received_at: None, ..changed })
        }
        other => other,
    }
}

impl PolledEvent {
    /// What is kept of an event; nothing of one without id or time, which cannot be known again. Odd text in the parts that
    /// are not kept harms nothing.
    pub(crate) fn of(event: &RawValue) -> Option<Self> {
        let mut kept: Kept = serde_json::from_str(event.get()).ok()?;
        let at = events::emitted_at(&kept.emitted_at)?;
        kept.source = Source { meta: Meta { kind: events::source_kind(event.get()) } };
        kept.target = Target { id: events::target_id(event.get()) };
        let body = serde_json::to_string(&kept).ok()?;
        is_id(&kept.id).then_some(Self { id: kept.id, at, event: FrontEvent { body } })
    }
}

/// The parts of an event that are read.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: String,
    #[serde(default, rename = "type")]
    kind: Value,
    emitted_at: Value,
    #[serde(skip_deserializing)]
    source: Source,
    #[serde(skip_deserializing)]
    target: Target,
    conversation: Option<Conversation>,
}

#[derive(Serialize, Default)]
struct Source {
    #[serde(rename = "_meta")]
    meta: Meta,
}

#[derive(Serialize, Default)]
struct Meta {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Serialize, Default)]
struct Target {
    id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Conversation {
    id: String,
    #[serde(default)]
    scheduled_reminders: Value,
    #[serde(default, deserialize_with = "null_as_default")]
    recipient: Recipient,
}
