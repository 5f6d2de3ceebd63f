//! What a logged webhook means.

use calltrail_domain::fact::{
    Agent, CallEvent, CallSnapshot, CallStatus, Comment, ContactHint, Direction, Fact, Line, Transfer,
    TransferTarget,
};
use calltrail_domain::ids::{CallId, LineId, PhoneNumber};
use calltrail_domain::record::AircallEvent;
use calltrail_domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::media::{linked, media};
use crate::number;
use crate::payload::{self, Call, Contact, Number, Payload, User};

/// The events about calls that Aircall publishes, by its reference.
const CALL_EVENTS: [&str; 19] = [
    "call.created",
    "call.ringing_on_agent",
    "call.agent_declined",
    "call.answered",
    "call.hold",
    "call.unhold",
    "call.transferred",
    "call.external_transferred",
    "call.unsuccessful_transfer",
    "call.ivr_option_selected",
    "call.hungup",
    "call.ended",
    "call.voicemail_left",
    "call.comm_assets_generated",
    "call.assigned",
    "call.archived",
    "call.tagged",
    "call.untagged",
    "call.commented",
];

/// Translates a logged webhook. It never fails: whatever tells of no call that can be named is [`Fact::Other`].
#[must_use]
pub fn facts(event: &AircallEvent, received_at: Timestamp) -> Fact {
    snapshot(event, received_at).map_or(Fact::Other, |snapshot| Fact::CallSnapshot(Box::new(snapshot)))
}

pub(crate) fn is_call_event(name: &str) -> bool {
    CALL_EVENTS.contains(&name)
}

fn snapshot(event: &AircallEvent, received_at: Timestamp) -> Option<CallSnapshot> {
    let payload: Payload = serde_json::from_str(&event.body).ok()?;
    let name = payload.event.filter(|name| is_call_event(name))?;
    let call = payload.data?;
    let id = CallId(call.id?);
    let at = payload.timestamp.unwrap_or(received_at);
    Some(CallSnapshot {
        call: id,
        event: call_event(&name),
        at,
        received_at,
        status: call.status.as_deref().and_then(status),
        number: event.number.clone(),
        direction: call.direction.as_deref().and_then(direction),
        started_at: call.started_at,
        answered_at: call.answered_at,
        ended_at: call.ended_at,
        recording: media(call.recording, linked(&call, "recording")),
        voicemail: media(call.voicemail || name == "call.voicemail_left", linked(&call, "voicemail")),
        comments: call.comments.iter().filter_map(comment).collect(),
        transfer: transfer(&name, at, &call),
        shown_number: shown_number(event, call.raw_digits),
        agent: if rings_only(&name) { None } else { call.user.as_ref().and_then(agent) },
        line: call.number.and_then(line),
        contact: call.contact.and_then(contact),
        missed_reason: call.missed_call_reason,
        tags: call.tags.map(|tags| tags.into_iter().collect()),
    })
}

fn call_event(name: &str) -> CallEvent {
    match name {
        "call.hungup" => CallEvent::HungUp,
        "call.ended" => CallEvent::Ended,
        _ => CallEvent::Other,
    }
}

/// In these events `user` is who the call rings on; nobody has it yet.
fn rings_only(name: &str) -> bool {
    matches!(name, "call.ringing_on_agent" | "call.agent_declined")
}

fn status(text: &str) -> Option<CallStatus> {
    match text {
        "initial" => Some(CallStatus::Initial),
        "answered" => Some(CallStatus::Answered),
        "done" => Some(CallStatus::Done),
        _ => None,
    }
}

fn direction(text: &str) -> Option<Direction> {
    match text {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        _ => None,
    }
}

/// Only the events of a transfer tell of one: `transferred_to` stays set ever after, also when the transfer failed.
fn transfer(name: &str, at: Timestamp, call: &Call) -> Option<Transfer> {
    let to_agent = || call.transferred_to.as_ref().and_then(agent).map(TransferTarget::Agent);
    let (succeeded, to) = match name {
        "call.transferred" => (true, to_agent()),
        "call.external_transferred" => (true, Some(TransferTarget::External)),
        "call.unsuccessful_transfer" => (false, to_agent()),
        _ => return None,
    };
    Some(Transfer { at, succeeded, by: call.transferred_by.as_ref().and_then(agent), to })
}

/// What stands where a number should: a number that is none, or nothing when it was withheld.
fn shown_number(event: &AircallEvent, raw_digits: Option<String>) -> Option<String> {
    raw_digits.filter(|text| event.number.is_none() && text.bytes().any(|byte| byte.is_ascii_digit()))
}

/// A comment without an id is known by what it says and when.
fn comment(comment: &payload::Comment) -> Option<Comment> {
    let text = comment.content.clone()?;
    let posted_at = comment.posted_at;
    let id = comment.id.unwrap_or_else(|| {
        let digest: [u8; 32] = Sha256::digest(format!("{posted_at:?} {text}")).into();
        digest[..6].iter().fold(0, |id, byte| id << 8 | u64::from(*byte))
    });
    Some(Comment { id, posted_at, by: comment.posted_by.as_ref().and_then(agent), text })
}

fn agent(user: &User) -> Option<Agent> {
    Some(Agent { id: user.id?, name: user.name.clone(), email: user.email.clone() })
}

fn line(number: Number) -> Option<Line> {
    let id = LineId(number.id?);
    let digits = line_digits(&number);
    Some(Line { id, name: number.name, number: digits })
}

fn line_digits(number: &Number) -> Option<PhoneNumber> {
    let candidates = [&number.e164_digits, &number.digits];
    candidates.into_iter().flatten().find_map(|text| number::e164(text, number.country.as_deref()))
}

fn contact(contact: Contact) -> Option<ContactHint> {
    let person = [contact.first_name, contact.last_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = Some(person).filter(|person| !person.is_empty()).or(contact.company_name);
    let emails = contact.emails.unwrap_or_default();
    (name.is_some() || !emails.is_empty()).then_some(ContactHint { name, emails })
}
