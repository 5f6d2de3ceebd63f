//! The text of subjects and activities. It is decided once and kept in the decision, so a later wording changes no call.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::call::{Call, CallTold};
use crate::fact::{Agent, Line, TransferTarget};
use crate::ids::EffectKey;
use crate::limits::{CONTACT_EMAILS_MAX, EMAIL_BYTES_MAX, OUTSIDE_TEXT_CHARS_MAX, TRANSFERS_SHOWN_MAX};
use crate::policy::{CallType, Policy};
use crate::time::Timestamp;
use crate::words::Words;

/// `{type} - {line}`, or what the account's template makes of it.
pub(crate) fn subject(told: &CallTold, policy: &Policy) -> String {
    let words = Words::of(policy.locale);
    let tags = plain(&told.tags().collect::<Vec<_>>().join(", "));
    // One pass, so that a line named "{tags}" stays a line's name.
    let mut subject = String::new();
    let mut rest = policy.subject.as_str();
    while let Some(open) = rest.find('{') {
        subject.push_str(&rest[..open]);
        rest = &rest[open..];
        let (name, text) = if rest.starts_with("{type}") {
            ("{type}", words.call_type(told.call_type()).to_owned())
        } else if rest.starts_with("{line}") {
            ("{line}", line_name(told.line(), words))
        } else if rest.starts_with("{tags}") {
            ("{tags}", tags.clone())
        } else {
            ("{", "{".to_owned())
        };
        subject.push_str(&text);
        rest = &rest[name.len()..];
    }
    subject.push_str(rest);
    plain(&subject)
}

/// The call activity: who called whom, over which line, when, and what became of it.
pub(crate) fn call_activity(key: EffectKey, call: &Call, policy: &Policy) -> String {
    let (told, words) = (&call.told, Words::of(policy.locale));
    let call_type = told.call_type();
    let mut text = format!("{} - {}\n", words.call_type(call_type), line_name(told.line(), words));
    let mut row = |label: &str, value: &str| {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{label}: {value}");
    };
    if let Some(number) = told.number() {
        row(words.customer, &with_detail(contact_name(told), number.as_str()));
    }
    if let Some(number) = told.line().and_then(|line| line.number.as_ref()) {
        row(words.line, &with_detail(Some(line_name(told.line(), words)), number.as_str()));
    }
    if let Some(agent) = told.agent().filter(|_| call_type.is_answered() || is_outbound(call_type)) {
        row(words.agent, &agent_name(agent));
    }
    if let Some(started) = told.started_at() {
        row(words.started, &local_time(started, &policy.time_zone));
    }
    let transfers: Vec<_> = told.transfers().collect();
    for transfer in transfers.iter().rev().take(TRANSFERS_SHOWN_MAX).rev() {
        let label = if transfer.succeeded { words.transferred } else { words.transfer_failed };
        let target = match &transfer.to {
            Some(TransferTarget::Agent(agent)) => agent_name(agent),
            Some(TransferTarget::External) | None => words.outside.to_owned(),
        };
        row(label, &target);
    }
    if let Some(reason) = told.missed_reason().filter(|_| !call_type.is_answered()) {
        row(words.reason, &plain(words.missed_reason(reason)));
    }
    let tags = plain(&told.tags().collect::<Vec<_>>().join(", "));
    if !tags.is_empty() {
        row(words.tags, &tags);
    }
    text.push_str(&key.marker());
    text
}

/// The duration activity; `None` for a call that nobody answered or whose end is not known.
pub(crate) fn duration_activity(key: EffectKey, told: &CallTold, policy: &Policy) -> Option<String> {
    let words = Words::of(policy.locale);
    let (answered, ended) = (told.answered_at()?, told.ended_at()?);
    let talk = in_words(ended.since(answered));
    let total = in_words(ended.since(told.started_at().unwrap_or(answered)));
    Some(format!("{}: {talk}\n{}: {total}\n{}", words.talk_time, words.total_time, key.marker()))
}

/// True when the moment lies within the account's business hours, or when it has none.
pub(crate) fn in_business_hours(at: Timestamp, policy: &Policy) -> bool {
    let Some(hours) = &policy.business_hours else { return true };
    let Some(local) = zoned(at, &policy.time_zone) else { return true };
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
    let day = local.weekday().to_monday_one_offset().unsigned_abs();
    hours.days.contains(&day) && (hours.from_minute..hours.to_minute).contains(&minute)
}

fn is_outbound(call_type: CallType) -> bool {
    matches!(call_type, CallType::OutboundAnswered | CallType::OutboundUnanswered)
}

fn line_name(line: Option<&Line>, words: &Words) -> String {
    line.and_then(|line| line.name.as_deref()).map_or_else(|| words.unknown_line.to_owned(), plain)
}

fn agent_name(agent: &Agent) -> String {
    let name = agent.name.as_deref().or(agent.email.as_deref());
    name.map_or_else(|| format!("{}", agent.id), plain)
}

fn with_detail(name: Option<String>, detail: &str) -> String {
    name.map_or_else(|| detail.to_owned(), |name| format!("{name} ({detail})"))
}

/// "3 min 20 s"; the short units are the same in all four languages.
fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        (_, _) => format!("{hours} h {minutes} min {rest} s"),
    }
}

fn zoned(at: Timestamp, zone: &str) -> Option<jiff::Zoned> {
    let zone = TimeZone::get(zone).ok()?;
    Some(jiff::Timestamp::from_millisecond(at.as_millis()).ok()?.to_zoned(zone))
}

fn local_time(at: Timestamp, zone: &str) -> String {
    zoned(at, zone).map_or_else(
        || format!("{} s since 1970", at.as_seconds()),
        |local| format!("{} ({zone})", local.strftime("%Y-%m-%d %H:%M:%S")),
    )
}

/// A person's name as Aircall knows it, fit for Front.
pub(crate) fn contact_name(told: &CallTold) -> Option<String> {
    told.contact()?.name.as_deref().map(plain).filter(|name| !name.is_empty())
}

/// The person's e-mails that Aircall knows, as far as they may be some.
pub(crate) fn contact_emails(told: &CallTold) -> Vec<String> {
    let emails = told.contact().into_iter().flat_map(|contact| &contact.emails);
    emails.filter(|email| may_be_email(email)).take(CONTACT_EMAILS_MAX).cloned().collect()
}

/// The agent's e-mail, which Front knows the teammate by.
pub(crate) fn agent_email(told: &CallTold) -> Option<String> {
    told.agent()?.email.clone().filter(|email| may_be_email(email))
}

fn may_be_email(text: &str) -> bool {
    text.len() <= EMAIL_BYTES_MAX && text.contains('@')
}

/// One line of text from outside: no line breaks, no control or direction marks, not longer than a line may be.
fn plain(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept = spaced.filter(|c| !c.is_control() && !is_direction_mark(*c));
    let line: String = kept.take(OUTSIDE_TEXT_CHARS_MAX).collect();
    line.trim().to_owned()
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
