//! The simulated Front as a reader sees it, in text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use calltrail_simulator::front::{
    CommentEntry, ContactEntry, ConversationEntry, FrontOptions, Ledger, MessageEntry,
};

use super::ACCOUNT;
use super::script::starts_at_s;

/// What Markdown takes for a line break, before the end of a line.
const BREAK: &str = "  ";

/// What a scenario expects of Front at its end.
#[derive(Debug, Clone)]
pub(crate) enum Expect {
    /// Every conversation, in any order: contact, status, inbox and assignee; its activities by subject and time.
    Conversations(String),
    /// Every contact with its handles.
    Contacts(&'static str),
    /// One activity: when, from whom to whom, and its text to the letter.
    Activity(&'static str, &'static str),
    /// Every line of the activity but the last ends in a break that Markdown keeps.
    Breaks(&'static str),
    /// One comment, by the last words of its marker: its text to the letter.
    Comment(&'static str, &'static str),
    /// Calls left out, by reason.
    LeftOut(&'static str),
    /// Every activity in the order in which the threads read, with the time after the start of its call.
    Times(&'static str),
    /// So many events of this kind, as Front's rules see them.
    Events(&'static str, usize),
    /// A conversation's status was read so many times.
    Observed(usize),
    /// So many requests of this method to a path that begins so.
    Requests(&'static str, usize),
    /// What Front shows as the subject of each conversation, in any order.
    Shown(&'static str),
}

pub(crate) fn conversations(text: impl Into<String>) -> Expect {
    Expect::Conversations(text.into())
}

pub(crate) fn contacts(text: &'static str) -> Expect {
    Expect::Contacts(text)
}

pub(crate) fn activity(key: &'static str, text: &'static str) -> Expect {
    Expect::Activity(key, text)
}

/// The lines of the activity stay lines where its text is rendered as Markdown.
pub(crate) fn breaks(key: &'static str) -> Expect {
    Expect::Breaks(key)
}

pub(crate) fn commented(marker: &'static str, text: &'static str) -> Expect {
    Expect::Comment(marker, text)
}

pub(crate) fn left_out(text: &'static str) -> Expect {
    Expect::LeftOut(text)
}

pub(crate) fn times(text: &'static str) -> Expect {
    Expect::Times(text)
}

pub(crate) fn events(kind: &'static str, count: usize) -> Expect {
    Expect::Events(kind, count)
}

pub(crate) fn observed(count: usize) -> Expect {
    Expect::Observed(count)
}

pub(crate) fn requests(beginning: &'static str, count: usize) -> Expect {
    Expect::Requests(beginning, count)
}

pub(crate) fn shown(text: &'static str) -> Expect {
    Expect::Shown(text)
}

/// A company and what became of it.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) company: &'a FrontOptions,
    pub(super) ledger: &'a Ledger,
    pub(super) left_out: &'a BTreeMap<String, u64>,
}

impl View<'_> {
    /// What there is and what there should be, as texts that can be compared.
    pub(super) fn beside(&self, expect: &Expect) -> (String, String) {
        match expect {
            Expect::Conversations(text) => (sorted(&self.conversations()), sorted(&dedented(text))),
            Expect::Contacts(text) => (self.contacts(), dedented(text)),
            Expect::Activity(key, text) => (self.activity(key), dedented(text)),
            Expect::Breaks(key) => (self.unbroken(key), String::new()),
            Expect::Comment(marker, text) => (self.comment(marker), dedented(text)),
            Expect::LeftOut(text) => {
                let counts = self.left_out.iter().map(|(reason, count)| format!("{count} {reason}"));
                (counts.collect::<Vec<_>>().join(", "), (*text).to_owned())
            }
            Expect::Times(text) => (self.times(), dedented(text)),
            Expect::Events(kind, count) => {
                let found = self.ledger.events.iter().filter(|event| event.kind == *kind).count();
                (format!("{found} {kind}"), format!("{count} {kind}"))
            }
            Expect::Observed(count) => {
                let whole =
                    |path: &str| path.strip_prefix("/conversations/").is_some_and(|id| !id.contains('/'));
                let reads =
                    self.ledger.requests.iter().filter(|seen| seen.method == "GET" && whole(&seen.path));
                (format!("{} reads", reads.count()), format!("{count} reads"))
            }
            Expect::Requests(beginning, count) => {
                let seen = self.ledger.requests.iter().map(|seen| format!("{} {}", seen.method, seen.path));
                let found = seen.filter(|seen| seen.starts_with(beginning)).count();
                (format!("{found} {beginning}"), format!("{count} {beginning}"))
            }
            Expect::Shown(text) => {
                let subjects = self.alive().map(|row| row.subject.as_str());
                (sorted(&subjects.collect::<Vec<_>>().join("\n")), sorted(&dedented(text)))
            }
        }
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = &ConversationEntry> {
        self.ledger.conversations.iter().filter(|row| row.merged_into.is_none())
    }

    fn conversations(&self) -> String {
        self.alive().map(|row| self.conversation(row)).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn conversation(&self, row: &ConversationEntry) -> String {
        let mut text = String::new();
        let (assignee, tags) = (self.assignee(row), self.tags(row));
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{}: {} in {}{assignee}{tags}", self.whose(row), status(row), self.inbox(row));
        let mut subject = "";
        for message in in_order(row) {
            if message.subject != subject {
                subject = &message.subject;
                let _ = writeln!(text, "  {subject}");
            }
            let _ = writeln!(text, "    {} by {}", key(message), self.author(message));
        }
        if !row.comments.is_empty() {
            let _ = writeln!(text, "  comments");
        }
        for comment in &row.comments {
            let body = comment.body.split('\n').filter(|line| !line.is_empty()).collect::<Vec<_>>();
            let _ = writeln!(text, "    {}: {}", self.writer(comment), body.join(" / "));
        }
        text.trim_end().to_owned()
    }

    /// The name of the conversation's contact, or its first number.
    pub(super) fn whose<'a>(&'a self, row: &ConversationEntry) -> &'a str {
        let contact = self.ledger.contacts.iter().find(|contact| contact.id == row.contact);
        contact.map_or("nobody", name)
    }

    fn contacts(&self) -> String {
        let alive = self.ledger.contacts.iter().filter(|contact| contact.merged_into.is_none());
        let line = |contact: &ContactEntry| {
            let mut handles: Vec<_> =
                contact.handles.iter().map(|handle| format!("{} {}", handle.source, handle.handle)).collect();
            handles.sort();
            format!("{}: {}", contact.name.as_deref().unwrap_or("no name"), handles.join(", "))
        };
        alive.map(line).collect::<Vec<_>>().join("\n")
    }

    /// The lines that would run into the next one.
    fn unbroken(&self, wanted: &str) -> String {
        let Some(message) = self.message(wanted) else { return format!("there is no activity {wanted}") };
        let lines: Vec<_> = message.body.split('\n').collect();
        let unbroken = lines[..lines.len() - 1].iter().filter(|line| !line.ends_with(BREAK));
        unbroken.copied().collect::<Vec<_>>().join("\n")
    }

    fn message(&self, wanted: &str) -> Option<&MessageEntry> {
        self.ledger.messages().into_iter().find(|message| key(message) == wanted)
    }

    fn activity(&self, wanted: &str) -> String {
        let Some(message) = self.message(wanted) else { return format!("there is no activity {wanted}") };
        let (from, to) = (&message.sender, message.to.join(", "));
        format!("after {} s, from {from} to {to}\n{}", after_s(message), with_files(message))
    }

    fn times(&self) -> String {
        let messages = self.alive().flat_map(in_order);
        let lines = messages.map(|message| format!("{} after {} s", key(message), after_s(message)));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn comment(&self, wanted: &str) -> String {
        let mut comments = self.ledger.conversations.iter().flat_map(|row| &row.comments);
        let found = comments.find(|comment| marker(&comment.body).is_some_and(|line| line.ends_with(wanted)));
        found.map_or_else(|| format!("there is no comment {wanted}"), |comment| comment.body.clone())
    }

    fn inbox<'a>(&'a self, row: &'a ConversationEntry) -> &'a str {
        let inbox = self.company.inboxes.iter().find(|inbox| inbox.id == row.inbox);
        inbox.map_or(&row.inbox, |inbox| &inbox.name)
    }

    fn assignee(&self, row: &ConversationEntry) -> String {
        row.assignee.as_ref().map_or_else(String::new, |id| format!(" for {}", self.first_name(id)))
    }

    fn tags(&self, row: &ConversationEntry) -> String {
        if row.tags.is_empty() {
            return String::new();
        }
        let known = |id: &String| self.ledger.tags.iter().find(|tag| tag.id == *id);
        let names: Vec<_> = row.tags.iter().filter_map(known).map(|tag| tag.name.as_str()).collect();
        format!(" tagged {}", names.join(", "))
    }

    pub(super) fn author<'a>(&'a self, message: &'a MessageEntry) -> &'a str {
        match (message.is_inbound, &message.author) {
            (true, None) => "the customer",
            (true, Some(_)) => "the customer with an author",
            (false, Some(id)) => self.first_name(id),
            (false, None) => "no teammate",
        }
    }

    pub(super) fn writer<'a>(&'a self, comment: &'a CommentEntry) -> &'a str {
        comment.author.as_deref().map_or("no teammate", |id| self.first_name(id))
    }

    fn first_name<'a>(&'a self, id: &'a str) -> &'a str {
        let teammate = self.company.teammates.iter().find(|teammate| teammate.id == id);
        teammate.map_or(id, |teammate| &teammate.first_name)
    }
}

/// The text without what a reader does not see, and the files that came with it.
pub(super) fn with_files(message: &MessageEntry) -> String {
    let file = message.files.iter();
    let files = file.map(|file| format!("\nwith {}, {}, {} bytes", file.name, file.content_type, file.bytes));
    format!("{}{}", message.body.replace(&format!("{BREAK}\n"), "\n"), files.collect::<String>())
}

/// As people read it: by the time of each activity.
fn in_order(row: &ConversationEntry) -> Vec<&MessageEntry> {
    let mut messages: Vec<_> = row.messages.iter().collect();
    messages.sort_by_key(|message| (message.created_at_ms, message.number));
    messages
}

/// Seconds from the start of its call.
fn after_s(message: &MessageEntry) -> i64 {
    let call = key(message).split(':').next().and_then(|id| id.parse().ok()).unwrap_or_default();
    message.created_at_ms / 1000 - starts_at_s(call)
}

fn name(contact: &ContactEntry) -> &str {
    let phone = || contact.handles.first().map_or("nobody", |handle| &handle.handle);
    contact.name.as_deref().unwrap_or_else(phone)
}

fn status(row: &ConversationEntry) -> &str {
    match row.status {
        "assigned" | "unassigned" => "open",
        "archived" if row.snoozed_until_ms.is_some() => "snoozed",
        "deleted" => "trashed",
        other => other,
    }
}

/// What the external id says after the account: `812:duration`.
pub(super) fn key(message: &MessageEntry) -> &str {
    let prefix = format!("calltrail:{ACCOUNT}:");
    message.external_id.strip_prefix(prefix.as_str()).unwrap_or(&message.external_id)
}

/// The last line of what the engine wrote; none of what people wrote.
pub(super) fn marker(body: &str) -> Option<&str> {
    body.lines().last().filter(|line| line.starts_with("Aircall #"))
}

/// The blocks of a text in the order of the alphabet; a line that is not indented begins one.
fn sorted(text: &str) -> String {
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        match blocks.last_mut().filter(|_| line.starts_with(' ')) {
            Some(block) => block.push_str(&format!("\n{line}")),
            None => blocks.push(line.to_owned()),
        }
    }
    blocks.sort();
    blocks.join("\n")
}

/// Without empty ends and without the indentation that all lines have.
fn dedented(text: &str) -> String {
    let lines: Vec<&str> = text.lines().skip_while(|line| line.trim().is_empty()).collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let lines: Vec<&str> = lines.iter().map(|line| line.get(common..).unwrap_or("")).collect();
    lines.join("\n").trim_end().to_owned()
}
