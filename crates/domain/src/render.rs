//! The text of subjects and activities. It is decided once and kept in the decision, so a later wording changes no call.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::call::{Call, CallTold};
use crate::fact::{Agent, Comment, Line, Media, TransferTarget};
use crate::ids::{EffectKey, EffectKind};
use crate::limits::{
    COMMENT_CHARS_MAX, CONTACT_EMAILS_MAX, EMAIL_BYTES_MAX, TAG_NAME_CHARS_MAX, TRANSFERS_SHOWN_MAX,
};
use crate::policy::{CallType, Locale, Policy};
use crate::rule::{self, Rule};
use crate::text::{neutral_line, neutral_lines, neutral_start, plain};
use crate::time::Timestamp;
use crate::words::Words;

/// `{type} - {line}`, or what the account's template makes of it.
pub(crate) fn subject(told: &CallTold, policy: &Policy) -> String {
    let words = Words::of(policy.locale);
    let named = rule::holds(Rule::TheSubjectNamesTheCall);
    let call_type = if named { told.call_type() } else { CallType::Missed };
    let tags = plain(&told.tags().collect::<Vec<_>>().join(", "));
    // One pass, so that a line named "{tags}" stays a line's name.
    let mut subject = String::new();
    let mut rest = policy.subject.as_str();
    while let Some(open) = rest.find('{') {
        subject.push_str(&rest[..open]);
        rest = &rest[open..];
        let (name, text) = if rest.starts_with("{type}") {
            ("{type}", words.call_type(call_type).to_owned())
        } else if rest.starts_with("{line}") {
            ("{line}", line_name(told.line(), words, plain))
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

/// The text of an activity; `None` when there is nothing to tell under this key.
pub(crate) fn activity(key: EffectKey, call: &Call, policy: &Policy) -> Option<String> {
    let (told, words) = (&call.told, Words::of(policy.locale));
    let text = match key.kind {
        EffectKind::Call => call_rows(call, policy),
        EffectKind::Duration => duration_rows(told, words)?,
        EffectKind::Recording => media_row(words.recording, told.recording(), words),
        EffectKind::RecordingPending => media_row(words.recording, &Media::Announced, words),
        EffectKind::Voicemail => media_row(words.voicemail_activity, told.voicemail(), words),
        EffectKind::VoicemailPending => media_row(words.voicemail_activity, &Media::Announced, words),
        EffectKind::Contact
        | EffectKind::Observe
        | EffectKind::Comment(_)
        | EffectKind::Tag(_)
        | EffectKind::Assign
        | EffectKind::Reopen
        | EffectKind::ObserveAgain(_) => return None,
    };
    Some(text + &key.marker())
}

/// Who called whom, over which line, when, and what became of it.
fn call_rows(call: &Call, policy: &Policy) -> String {
    let (told, words) = (&call.told, Words::of(policy.locale));
    let call_type = told.call_type();
    let line = line_name(told.line(), words, neutral_line);
    let mut text = format!("{} - {line}\n", words.call_type(call_type));
    let mut row = |label: &str, value: &str| {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{label}: {value}");
    };
    row(words.customer, &customer(told, words));
    if let Some(number) = told.line().and_then(|line| line.number.as_ref()) {
        row(words.line, &with_detail(Some(line), number.as_str()));
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
    let tells_why = !call_type.is_answered() && rule::holds(Rule::AMissedCallTellsWhy);
    if let Some(reason) = told.missed_reason().filter(|_| tells_why) {
        row(words.reason, &neutral_line(words.missed_reason(reason)));
    }
    let tags = neutral_line(&told.tags().collect::<Vec<_>>().join(", "));
    if !tags.is_empty() {
        row(words.tags, &tags);
    }
    text
}

/// `None` for a call that nobody answered or whose end is not known.
fn duration_rows(told: &CallTold, words: &Words) -> Option<String> {
    let (answered, ended) = (told.answered_at()?, told.ended_at()?);
    let talk = in_words(ended.since(answered));
    let total = in_words(ended.since(told.started_at().unwrap_or(answered)));
    Some(format!("{}: {talk}\n{}: {total}\n", words.talk_time, words.total_time))
}

fn media_row(label: &str, media: &Media, words: &Words) -> String {
    match media {
        Media::Linked(link) => format!("{label}: {}\n", link.as_str()),
        Media::Announced | Media::Absent => format!("{label}: {}\n", words.pending),
    }
}

/// What an agent wrote, with the agent's name where Front does not show who it was.
pub(crate) fn comment(key: EffectKey, comment: &Comment, unsigned: bool, locale: Locale) -> String {
    let text = neutral_lines(&comment.text, COMMENT_CHARS_MAX);
    let is_cut = comment.text.chars().nth(COMMENT_CHARS_MAX).is_some();
    let text = if is_cut { format!("{text}\n\n({})", Words::of(locale).shortened) } else { text };
    let text = match comment.by.as_ref().filter(|_| unsigned) {
        Some(by) => neutral_start(&format!("{}: {text}", agent_name(by))),
        None => text,
    };
    // An empty line, because Markdown puts the lines of a paragraph together.
    format!("{text}\n\n{}", key.marker())
}

/// A tag's name as Front takes it.
pub(crate) fn tag_name(name: &str) -> String {
    plain(name).chars().take(TAG_NAME_CHARS_MAX).collect::<String>().trim_end().to_owned()
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

fn line_name(line: Option<&Line>, words: &Words, fit: fn(&str) -> String) -> String {
    line.and_then(|line| line.name.as_deref()).map_or_else(|| words.unknown_line.to_owned(), fit)
}

/// The customer's name and number, or what stands in their place.
fn customer(told: &CallTold, words: &Words) -> String {
    let name = contact_name(told).map(|name| neutral_line(&name));
    match (told.number(), told.shown_number()) {
        (Some(number), _) => with_detail(name, number.as_str()),
        (None, shown) => {
            let name = name.unwrap_or_else(|| words.anonymous.to_owned());
            shown.map_or_else(|| name.clone(), |shown| with_detail(Some(name.clone()), &neutral_line(shown)))
        }
    }
}

fn agent_name(agent: &Agent) -> String {
    let name = agent.name.as_deref().or(agent.email.as_deref());
    name.map_or_else(|| format!("{}", agent.id), neutral_line)
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

/// What Front shows as the customer's name: callers without a number share one contact.
pub(crate) fn customer_name(told: &CallTold, policy: &Policy) -> Option<String> {
    match told.number() {
        Some(_) => contact_name(told),
        None => Some(Words::of(policy.locale).anonymous.to_owned()),
    }
}

/// The agent's e-mail, which Front knows the teammate by.
pub(crate) fn agent_email(told: &CallTold) -> Option<String> {
    email_of(told.agent())
}

pub(crate) fn email_of(agent: Option<&Agent>) -> Option<String> {
    agent?.email.clone().filter(|email| may_be_email(email))
}

fn may_be_email(text: &str) -> bool {
    text.len() <= EMAIL_BYTES_MAX && text.contains('@')
}
