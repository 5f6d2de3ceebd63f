//! What a logged webhook means.

use std::collections::BTreeMap;

use calltrail_domain::fact::{
    Agent, Answer, AnsweredGuess, CallEvent, CallSnapshot, CallStatus, Comment, ContactHint, Direction, Fact,
    Line, MenuChoice, Read, Rung, Transfer, TransferTarget,
};
use calltrail_domain::ids::{CallId, LineId, PhoneNumber};
use calltrail_domain::record::{AircallEvent, AircallRead};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::lenient::Item;
use crate::limits::{COMMENTS_PER_CALL_MAX, TAGS_PER_CALL_MAX};
use crate::media::{linked, media};
use crate::moment::Moment;
use crate::name::made_from;
use crate::number::{self, Outside};
use crate::payload::{self, Call, Contact, IvrOption, Number, Payload, User};
use crate::receive::outside_over;
use crate::surrogate::repaired;

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

/// Translates a logged read. A call that is over is taken as one whose end was told. It never fails, as [`facts`] does not.
#[must_use]
pub fn read_facts(read: &AircallRead, received_at: Timestamp) -> Fact {
    let Some(call) = Call::of_text(&repaired(&read.body)) else { return Fact::Other };
    let event = if is_over(&call) { "call.ended" } else { "" };
    let snapshot = snapshot_of(event, received_at, received_at, read.number.as_ref(), call);
    let read = Read { history: read.history, update: read.update };
    snapshot.map_or(Fact::Other, |snapshot| {
        Fact::CallSnapshot(Box::new(CallSnapshot { read: Some(read), ..snapshot }))
    })
}

/// The call of which this webhook tells that it is over.
#[must_use]
pub fn ended_call(event: &AircallEvent) -> Option<CallId> {
    let payload = Payload::of(&repaired(&event.body))?;
    let is_end = payload.event.as_deref().is_some_and(|name| call_event(name) == CallEvent::Ended);
    payload.call.filter(|_| is_end)?.id().map(CallId)
}

/// The call that was read, if it was over.
#[must_use]
pub fn ended_call_read(read: &AircallRead) -> Option<CallId> {
    let call = Call::of_text(&repaired(&read.body)).filter(is_over)?;
    call.id().map(CallId)
}

/// The event's name as in the body.
#[must_use]
pub fn event_name(event: &AircallEvent) -> Option<String> {
    Payload::of(&repaired(&event.body))?.event
}

pub(crate) fn is_call_event(name: &str) -> bool {
    CALL_EVENTS.contains(&name)
}

fn snapshot(event: &AircallEvent, received_at: Timestamp) -> Option<CallSnapshot> {
    let payload = Payload::of(&repaired(&event.body))?;
    let name = payload.event.filter(|name| is_call_event(name))?;
    let at = payload.timestamp.at().unwrap_or(received_at);
    snapshot_of(&name, at, received_at, event.number.as_ref(), payload.call?)
}

/// The call as the event called `name` shows it; as it was at `at`.
fn snapshot_of(
    name: &str,
    at: Timestamp,
    received_at: Timestamp,
    number: Option<&PhoneNumber>,
    call: Call,
) -> Option<CallSnapshot> {
    let id = CallId(call.id()?);
    let user = call.user.as_ref().and_then(agent);
    Some(CallSnapshot {
        call: id,
        event: call_event(name),
        at,
        received_at,
        status: call.status.as_deref().and_then(status),
        number: number.cloned(),
        direction: call.direction.as_deref().and_then(direction),
        started_at: call.started_at.at(),
        answered_at: call.answered_at.at(),
        answered_guess: answered_guess(name, at, &call),
        ended_at: call.ended_at.at(),
        recording: media(call.recording, linked(&call, "recording")),
        voicemail: media(call.voicemail || name == "call.voicemail_left", linked(&call, "voicemail")),
        comments: comments(id, &call.comments),
        transfer: transfer(name, at, &call),
        shown_number: shown_number(number, &call),
        menu: menu(name, at, &call.ivr_options_selected),
        rung: user.as_ref().and_then(|agent| rung(name, at, agent)),
        answered_by: user
            .as_ref()
            .filter(|_| name == "call.answered")
            .map(|agent| Answer { at, agent: agent.clone() }),
        agent: user.filter(|_| !rings_only(name)),
        line: call.number.and_then(line),
        contact: call.contact.and_then(contact),
        missed_reason: call.missed_call_reason,
        tags: call.tags.map(|tags| tags.into_iter().take(TAGS_PER_CALL_MAX).collect()),
        read: None,
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
    match text.to_ascii_lowercase().as_str() {
        "initial" => Some(CallStatus::Initial),
        "answered" => Some(CallStatus::Answered),
        "done" => Some(CallStatus::Done),
        _ => None,
    }
}

fn direction(text: &str) -> Option<Direction> {
    match text.to_ascii_lowercase().as_str() {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        _ => None,
    }
}

/// Only the events of a transfer tell of one: `transferred_to` stays set ever after, also when the transfer failed. Only
/// `call.external_transferred` leads outside; without a target the other one went to a team.
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

/// The call shows itself that it is over, whatever the event.
pub(crate) fn is_over(call: &Call) -> bool {
    call.ended_at != Moment::Absent || call.status.as_deref().and_then(status) == Some(CallStatus::Done)
}

/// A time of the answer that is there and cannot be read still says that the call was answered: at the latest when the
/// event tells of it, or at some moment of a call that is over.
fn answered_guess(name: &str, at: Timestamp, call: &Call) -> Option<AnsweredGuess> {
    let is_over = matches!(call_event(name), CallEvent::HungUp | CallEvent::Ended) || is_over(call);
    let within = if is_over { call.started_at.at().unwrap_or(at) } else { at };
    call.answered_at.is_unreadable().then_some(AnsweredGuess { over: is_over, at: within })
}

/// What is shown where no number can be read: nothing when it was withheld. A record of an earlier release may lack a
/// number that this one would read; it stays without, so that the call stays with its party.
fn shown_number(number: Option<&PhoneNumber>, call: &Call) -> Option<String> {
    let shown = call.raw_digits.as_ref().filter(|_| number.is_none())?;
    match outside_over(shown, call.number.as_ref()) {
        Outside::Withheld => None,
        Outside::Number(_) | Outside::Unreadable => Some(shown.clone()),
    }
}

/// The agent whom the call rings on, or who declined it.
fn rung(name: &str, at: Timestamp, agent: &Agent) -> Option<Rung> {
    rings_only(name).then(|| Rung { at, agent: agent.clone(), declined: name == "call.agent_declined" })
}

/// The menu's options with the time at which they were chosen. Without a time only the last one is known to be chosen now.
fn menu(name: &str, now: Timestamp, options: &[IvrOption]) -> Vec<MenuChoice> {
    let last = options.len().saturating_sub(1);
    let choice = |(place, option): (usize, &IvrOption)| {
        let told = option.created_at.at().or(option.transition_started_at.at());
        let at = told.or_else(|| (place == last && name == "call.ivr_option_selected").then_some(now))?;
        let (title, key) = (option.title.clone(), option.key.clone());
        (title.is_some() || key.is_some()).then_some(MenuChoice { at, title, key })
    };
    options.iter().enumerate().filter_map(choice).collect()
}

/// The comments, each with an id. One that is text alone is known by its words, and by its place among the same words.
fn comments(call: CallId, items: &[Item<payload::Comment>]) -> Vec<Comment> {
    let mut same = BTreeMap::new();
    let read = |item: &Item<payload::Comment>| match item {
        Item::Object(object) => comment(object),
        Item::Text(text) => {
            let place = same.entry(text.clone()).and_modify(|place| *place += 1).or_insert(0_usize);
            let id = made_from(&["comment", &call.to_string(), text, &place.to_string()]);
            Some(Comment { id, posted_at: None, by: None, text: text.clone(), left_out: 0 })
        }
    };
    bounded(items.iter().filter_map(read).collect())
}

/// The first comments, and one that stands for all others.
fn bounded(mut comments: Vec<Comment>) -> Vec<Comment> {
    let left_out = comments.len().saturating_sub(COMMENTS_PER_CALL_MAX);
    if left_out == 0 || !rule::holds(Rule::CommentsOfACallAreBounded) {
        return comments;
    }
    // The same ones in every webhook, whatever the order of Aircall's list.
    comments.sort_by_key(|comment| (comment.posted_at, comment.id));
    comments.truncate(COMMENTS_PER_CALL_MAX + 1);
    if let Some(last) = comments.last_mut() {
        (last.by, last.text, last.left_out) =
            (None, String::new(), u32::try_from(left_out).unwrap_or(u32::MAX));
    }
    comments
}

/// A comment without an id is known by what it says and when.
fn comment(comment: &payload::Comment) -> Option<Comment> {
    let text = comment.content.clone()?;
    let posted_at = comment.posted_at.at();
    let id = comment.id.unwrap_or_else(|| {
        let digest: [u8; 32] = Sha256::digest(format!("{posted_at:?} {text}")).into();
        digest[..6].iter().fold(0, |id, byte| id << 8 | u64::from(*byte))
    });
    Some(Comment { id, posted_at, by: comment.posted_by.as_ref().and_then(agent), text, left_out: 0 })
}

fn agent(user: &User) -> Option<Agent> {
    Some(Agent { id: user.id()?, name: user.name.clone(), email: user.email.clone() })
}

fn line(number: Number) -> Option<Line> {
    let id = LineId(number.id()?);
    let digits = line_digits(&number);
    Some(Line { id, name: number.name, number: digits, time_zone: number.time_zone })
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
