//! The text of subjects and activities. It is decided once and kept in the decision, so a later wording changes no call.

mod call;
mod rows;

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::call::{Call, CallTold};
use crate::fact::{Agent, Comment, Line, Media};
use crate::ids::{EffectKey, EffectKind};
use crate::limits::{COMMENT_CHARS_MAX, CONTACT_EMAILS_MAX, EMAIL_BYTES_MAX, TAG_NAME_CHARS_MAX};
use crate::policy::{CallType, Comments, Policy};
use crate::rule::{self, Rule};
use crate::text::written::{cleaned, escaped, without_mentions};
use crate::text::{is_blank, is_hidden, neutral_line, neutral_lines, neutral_start, plain, visible_line};
use crate::time::Timestamp;
use crate::words::Words;
use rows::Rows;

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
            ("{line}", line_name(told.line(), words, visible_line))
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
    let mut rows = Rows::new(words);
    match key.kind {
        EffectKind::Call => call::add(&mut rows, told, policy),
        EffectKind::Duration => add_duration(&mut rows, told)?,
        EffectKind::Recording => add_media(&mut rows, words.recording, told.recording(), policy),
        EffectKind::RecordingPending => add_media(&mut rows, words.recording, &Media::Announced, policy),
        EffectKind::Voicemail => add_media(&mut rows, words.voicemail_activity, told.voicemail(), policy),
        EffectKind::VoicemailPending => {
            add_media(&mut rows, words.voicemail_activity, &Media::Announced, policy)
        }
        EffectKind::Contact
        | EffectKind::Observe
        | EffectKind::Comment(_)
        | EffectKind::Tag(_)
        | EffectKind::Assign
        | EffectKind::Reopen
        | EffectKind::ObserveAgain(_) => return None,
    }
    Some(rows.end(&key.marker()))
}

/// `None` for a call that nobody answered or whose end is not known.
fn add_duration(rows: &mut Rows, told: &CallTold) -> Option<()> {
    let (answered, ended) = (told.answered_at()?, told.ended_at()?);
    rows.row(rows.words.talk_time, &in_words(ended.since(answered)));
    rows.row(rows.words.total_time, &in_words(ended.since(told.started_at().unwrap_or(answered))));
    Some(())
}

fn add_media(rows: &mut Rows, label: &str, media: &Media, policy: &Policy) {
    match media {
        Media::Linked(link) if policy.shows(link) => rows.row(label, link.as_str()),
        Media::Linked(_) => rows.row(label, rows.words.in_aircall),
        Media::Announced | Media::Absent => rows.row(label, rows.words.pending),
    }
}

/// What an agent wrote, with the agent's name where Front does not show who it was.
pub(crate) fn comment(key: EffectKey, comment: &Comment, unsigned: bool, policy: &Policy) -> String {
    let words = Words::of(policy.locale);
    if comment.left_out > 0 {
        return format!("{}\n\n{}", words.comments_left_out(comment.left_out), key.marker());
    }
    let text = comment_text(comment, policy);
    let is_cut = comment.text.chars().nth(COMMENT_CHARS_MAX).is_some();
    let text = if is_cut { format!("{text}\n\n({})", words.shortened) } else { text };
    let text = match comment.by.as_ref().and_then(agent_name).filter(|_| unsigned) {
        Some(by) => format!("{}{}{text}", neutral_start(&by), words.colon()),
        None => text,
    };
    // An empty line, because Markdown puts the lines of a paragraph together.
    format!("{text}\n\n{}", key.marker())
}

fn comment_text(comment: &Comment, policy: &Policy) -> String {
    let written = || without_mentions(&cleaned(&comment.text, COMMENT_CHARS_MAX));
    let how = if rule::holds(Rule::CommentsStayAsWritten) { policy.comments } else { Comments::Neutral };
    match how {
        Comments::AsWritten => written(),
        Comments::Escaped => escaped(&written()),
        Comments::Neutral => neutral_lines(&comment.text, COMMENT_CHARS_MAX),
    }
}

/// True when something of the comment would be seen.
pub(crate) fn is_shown(comment: &Comment) -> bool {
    comment.left_out > 0 || comment.text.chars().nth(COMMENT_CHARS_MAX).is_some() || !is_blank(&comment.text)
}

/// A tag's name as Front takes it; `None` if nothing of it would be seen.
pub(crate) fn tag_name(name: &str) -> Option<String> {
    let name: String = plain(name).chars().take(TAG_NAME_CHARS_MAX).collect();
    Some(name.trim_end().to_owned()).filter(|name| !is_blank(name))
}

/// True when the call lies within the account's business hours, or when it has none.
pub(crate) fn in_business_hours(at: Timestamp, told: &CallTold, policy: &Policy) -> bool {
    let Some(hours) = &policy.business_hours else { return true };
    let Some(local) = zoned(at, told, policy) else { return true };
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
    let day = local.weekday().to_monday_one_offset().unsigned_abs();
    hours.contain(day, minute)
}

fn line_name(line: Option<&Line>, words: &Words, fit: fn(&str) -> Option<String>) -> String {
    let name = line.and_then(|line| line.name.as_deref()).and_then(fit);
    name.unwrap_or_else(|| words.unknown_line.to_owned())
}

/// `None` for an agent of whom only an id is known.
fn agent_name(agent: &Agent) -> Option<String> {
    let name = agent.name.as_deref().and_then(neutral_line);
    name.or_else(|| agent.email.as_deref().and_then(neutral_line))
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

/// The moment in the account's time zone if it has one, else in that of the call's line.
fn zoned(at: Timestamp, told: &CallTold, policy: &Policy) -> Option<jiff::Zoned> {
    let of_line = told.line().and_then(|line| line.time_zone.as_deref());
    let of_line = of_line.filter(|_| rule::holds(Rule::LineSetsTheTimeZone));
    let names = policy.time_zone.as_deref().into_iter().chain(of_line);
    let zone = names.filter_map(|name| TimeZone::get(name).ok()).next().unwrap_or(TimeZone::UTC);
    Some(jiff::Timestamp::from_millisecond(at.as_millis()).ok()?.to_zoned(zone))
}

/// A person's name as Aircall knows it, fit for Front.
pub(crate) fn contact_name(told: &CallTold) -> Option<String> {
    neutral_line(told.contact()?.name.as_deref()?)
}

/// The person's e-mails that Aircall knows, as far as they may be some.
pub(crate) fn contact_emails(told: &CallTold) -> Vec<String> {
    let emails = told.contact().into_iter().flat_map(|contact| &contact.emails);
    let emails = emails.map(|email| email.trim()).filter(|email| may_be_email(email) && is_clean(email));
    emails.take(CONTACT_EMAILS_MAX).map(ToOwned::to_owned).collect()
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

/// True for an address with nothing in it that no reader sees, that ends it, or that dresses it up as another.
fn is_clean(email: &str) -> bool {
    let is_odd = |c: char| is_hidden(c) || c.is_whitespace() || "<>()[]{},;:\"\\|".contains(c);
    !email.contains(is_odd) && email.matches('@').count() == 1
}

fn may_be_email(text: &str) -> bool {
    text.len() <= EMAIL_BYTES_MAX && text.contains('@')
}
