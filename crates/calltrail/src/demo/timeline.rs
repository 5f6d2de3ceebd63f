//! The conversations of the simulated Front as people would read them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use calltrail_domain::time::Timestamp;
use calltrail_simulator::front::{ContactEntry, ConversationEntry, Ledger, MessageEntry};

/// What the header of a conversation, or the time in front of an activity, tells already.
const TOLD_ELSEWHERE: [&str; 3] = ["Customer: ", "Line: ", "Started: "];

/// One block a conversation, oldest first.
pub(crate) fn write(ledger: &Ledger, out: &mut dyn Write) -> io::Result<()> {
    let contacts: BTreeMap<&str, &ContactEntry> =
        ledger.contacts.iter().map(|contact| (contact.id.as_str(), contact)).collect();
    for conversation in &ledger.conversations {
        let contact = contacts.get(conversation.contact.as_str()).map(|contact| name(contact));
        write_conversation(
            conversation,
            &contact.unwrap_or_default(),
            was_archived(ledger, conversation),
            out,
        )?;
    }
    Ok(())
}

fn was_archived(ledger: &Ledger, conversation: &ConversationEntry) -> bool {
    let mut events = ledger.events.iter();
    events.any(|event| {
        event.kind == "archive" && event.source == "teammate" && event.conversation == conversation.id
    })
}

fn name(contact: &ContactEntry) -> String {
    let numbers = contact.handles.iter().filter(|handle| handle.source == "phone");
    let numbers: Vec<_> = numbers.map(|handle| handle.handle.as_str()).collect();
    let numbers = numbers.join(", ");
    match &contact.name {
        Some(name) if numbers.is_empty() => name.clone(),
        Some(name) => format!("{name} ({numbers})"),
        None => numbers,
    }
}

fn write_conversation(
    conversation: &ConversationEntry,
    contact: &str,
    archived: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let ConversationEntry { id, inbox, status, .. } = conversation;
    let assignee = conversation.assignee.as_deref().map(|id| format!(" to {id}")).unwrap_or_default();
    writeln!(out, "{contact}\n  {id} in {inbox}, {status}{assignee}")?;
    // Front shows a thread by the messages' own times, whatever order they came in.
    let mut messages: Vec<_> = conversation.messages.iter().collect();
    messages.sort_by_key(|message| message.created_at_ms);
    let mut subject = "";
    for message in messages {
        if message.subject != subject {
            if !subject.is_empty() && archived {
                writeln!(out, "  └ archived by a person")?;
            }
            subject = &message.subject;
            writeln!(out, "  ┌ {subject}")?;
        }
        write_message(message, out)?;
    }
    for comment in &conversation.comments {
        let by = comment.author.as_deref().unwrap_or("the token");
        let lines: Vec<_> = comment.body.lines().filter(|line| !line.is_empty()).collect();
        writeln!(out, "  ✎ comment   {by:<8}  {}", lines.join(" · "))?;
    }
    writeln!(out)
}

fn write_message(message: &MessageEntry, out: &mut dyn Write) -> io::Result<()> {
    let at = Timestamp::from_millis(message.created_at_ms).as_seconds().rem_euclid(86_400);
    let time = format!("{:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60);
    let by = message.author.as_deref().unwrap_or("customer");
    let told = message
        .body
        .lines()
        .map(str::trim_end)
        .filter(|line| !TOLD_ELSEWHERE.iter().any(|label| line.starts_with(label)));
    let told: Vec<_> = told.collect();
    writeln!(out, "  │ {time}  {by:<8}  {}", told.join(" · "))
}
