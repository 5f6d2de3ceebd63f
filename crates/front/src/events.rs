//! Front's events as facts.
//!
//! Shapes: Front's `EventResponse` (core API) inside the webhook's envelope, and the shorter previews of rule webhooks.
//! A body is read twice, the second time only where a target matters, so that odd text elsewhere harms nothing.

use calltrail_domain::fact::{ConversationChange, ConversationChanged, Fact};
use calltrail_domain::ids::{ConversationId, InboxId, TeammateId};
use calltrail_domain::record::FrontEvent;
use calltrail_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::id::is_id;
use crate::limits;
use crate::reply::Recipient;

/// Translates a logged webhook. It never fails: what is about no conversation is [`Fact::Other`]. Events that change
/// nothing here are told too, as [`ConversationChange::Other`]: they show that Front's webhooks arrive.
#[must_use]
pub fn facts(event: &FrontEvent, received_at: Timestamp) -> Fact {
    changed(&event.body, received_at).map_or(Fact::Other, Fact::ConversationChanged)
}

/// An envelope with its event, or an event alone; then `payload` is missing and `kind` is the event's own.
#[derive(Deserialize)]
struct Body {
    #[serde(default, rename = "type")]
    kind: Value,
    payload: Option<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default, rename = "type")]
    kind: Value,
    #[serde(default)]
    emitted_at: Value,
    conversation: Option<Conversation>,
}

#[derive(Deserialize)]
struct Conversation {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    scheduled_reminders: Value,
    #[serde(default)]
    recipient: Value,
}

fn changed(body: &str, received_at: Timestamp) -> Option<ConversationChanged> {
    let outer: Body = serde_json::from_str(body).ok()?;
    let (envelope_kind, event) = match outer.payload {
        Some(event) => (outer.kind, event),
        None => (Value::Null, serde_json::from_str::<Event>(body).ok()?),
    };
    let conversation = event.conversation?;
    let id = conversation.id.as_str().filter(|id| is_id(id))?;
    Some(ConversationChanged {
        conversation: ConversationId::new(id),
        at: emitted_at(&event.emitted_at).unwrap_or(received_at),
        received_at: Some(received_at),
        change: change(&envelope_kind, &event.kind, &conversation, body),
        contact: Recipient::deserialize(&conversation.recipient).ok().and_then(|with| with.contact()),
    })
}

/// The event's own short name decides, except for the reminder: it stands for both ends of a snooze.
fn change(envelope: &Value, kind: &Value, conversation: &Conversation, body: &str) -> ConversationChange {
    match envelope.as_str() {
        Some("conversation_snoozed") => return ConversationChange::Snoozed,
        Some("conversation_snooze_expired") => return ConversationChange::Reopened,
        Some(_) | None => {}
    }
    let target = || target_id(body);
    match kind.as_str().unwrap_or_default() {
        "archive" => ConversationChange::Archived,
        "reopen" | "restore" if is_by_api(body) => ConversationChange::ReopenedByApi,
        "reopen" => ConversationChange::Reopened,
        "conversations_merged" => ConversationChange::Merged,
        "trash" => ConversationChange::Trashed,
        "restore" => ConversationChange::Restored,
        "unassign" => ConversationChange::Unassigned,
        "reminder" if waits(conversation) => ConversationChange::Snoozed,
        "reminder" => ConversationChange::Reopened,
        "move" => target().map_or(ConversationChange::Other, |inbox| ConversationChange::Moved {
            inbox: InboxId::new(inbox),
        }),
        "assign" => target().map_or(ConversationChange::Other, |teammate| ConversationChange::Assigned {
            teammate: TeammateId::new(teammate),
        }),
        _ => ConversationChange::Other,
    }
}

/// True when the conversation will come back by itself.
fn waits(conversation: &Conversation) -> bool {
    conversation.scheduled_reminders.as_array().is_some_and(|reminders| !reminders.is_empty())
}

/// Front's times are seconds with a fraction.
pub(crate) fn emitted_at(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    let believed = seconds > 0.0 && seconds <= limits::EVENT_SECONDS_MAX;
    believed.then(|| Timestamp::from_millis((seconds * 1000.0).round() as i64))
}

/// True for what no person did: Front names the kind of source, and not the token. What a message that came in does is
/// not a person's doing either.
fn is_by_api(body: &str) -> bool {
    let source = parts(body).and_then(|parts| serde_json::from_str::<Source>(parts.source?.get()).ok());
    source.is_some_and(|source| !source.is_person())
}

/// Front's word for who caused an event.
pub(crate) fn source_kind(body: &str) -> Option<String> {
    let source: Source = serde_json::from_str(parts(body)?.source?.get()).ok()?;
    source.meta?.kind
}

/// The parts of an event that are read only where they matter, each on its own.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
}

/// Who caused an event.
#[derive(Deserialize)]
pub(crate) struct Source {
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
}

impl Source {
    /// False for the API and for messages that came in. Front names the kind of source, and not the token.
    pub(crate) fn is_person(&self) -> bool {
        let kind = self.meta.as_ref().and_then(|meta| meta.kind.as_deref()).unwrap_or_default();
        !matches!(kind, "api" | "oauth_client" | "inboxes" | "recipient")
    }
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Target<'a> {
    id: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

fn parts(body: &str) -> Option<Parts<'_>> {
    let outer: Parts<'_> = serde_json::from_str(body).ok()?;
    match outer.payload.filter(|payload| payload.get().starts_with('{')) {
        Some(event) => serde_json::from_str(event.get()).ok(),
        None => Some(outer),
    }
}

/// The id of what an event points at: in `target.data` (an object or, for inboxes, a list), in a preview right in the
/// target.
pub(crate) fn target_id(body: &str) -> Option<String> {
    let target: Target<'_> = serde_json::from_str(parts(body)?.target?.get()).ok()?;
    let named = match target.data.map(RawValue::get) {
        Some(items) if items.starts_with('[') => {
            serde_json::from_str::<Vec<Named>>(items).ok()?.into_iter().next()?.id
        }
        Some(object) if object.starts_with('{') => serde_json::from_str::<Named>(object).ok()?.id,
        Some(_) | None => target.id,
    };
    named.filter(|id| is_id(id))
}
