//! What a person sees in Front, as texts that two companies can be compared by: no id of Front's, and no time at which
//! something was written.

use std::collections::BTreeMap;

use calltrail_simulator::front::{ConversationEntry, ImportOutcome, Ledger, MessageEntry};

/// By what it is, as `+447700900101, 201:call, subject`.
pub(in super::super) type Shown = BTreeMap<String, String>;

/// Everything that is in Front. What stands twice shows up as a count.
pub(in super::super) fn shown(ledger: &Ledger) -> Shown {
    let mut shown = Shown::new();
    for contact in &ledger.contacts {
        let handles: Vec<_> = contact.handles.iter().map(|one| one.handle.as_str()).collect();
        add(&mut shown, format!("contact {}", handles.join(" ")), format!("{:?}", contact.name));
    }
    for conversation in &ledger.conversations {
        let contact = ledger.contacts.iter().find(|contact| contact.id == conversation.contact);
        let handle = contact.and_then(|contact| contact.handles.first()).expect("a contact has a handle");
        add_conversation(&mut shown, &handle.handle, conversation);
        add(&mut shown, format!("{}, order", handle.handle), order(ledger, conversation));
    }
    shown
}

fn add_conversation(shown: &mut Shown, of: &str, conversation: &ConversationEntry) {
    let mut tags = conversation.tags.clone();
    tags.sort();
    let mut comments: Vec<_> =
        conversation.comments.iter().map(|row| format!("{:?}: {}", row.author, row.body)).collect();
    comments.sort();
    for (what, text) in [
        ("status", conversation.status.to_owned()),
        ("subject", conversation.subject.clone()),
        ("inbox", conversation.inbox.clone()),
        ("assignee", format!("{:?}", conversation.assignee)),
        ("tags", tags.join(" ")),
        ("comments", comments.join("\n--\n")),
    ] {
        add(shown, format!("{of}, {what}"), text);
    }
    for message in &conversation.messages {
        let MessageEntry { subject, body, is_inbound, author, sender, to, created_at_ms, .. } = message;
        let ways = format!("{is_inbound} {author:?} {sender} {to:?} {:?} {created_at_ms}", message.files);
        for (what, text) in [("subject", subject), ("text", body), ("ways", &ways)] {
            add(shown, format!("{of}, {}, {what}", part(&message.external_id)), text.clone());
        }
    }
}

/// The activities in the order in which Front took them, which is not always that in which it shows them.
fn order(ledger: &Ledger, conversation: &ConversationEntry) -> String {
    let is_here = |id: &&str| conversation.messages.iter().any(|message| message.external_id == **id);
    let taken = ledger.imports.iter().filter(|import| import.outcome == ImportOutcome::Accepted);
    let taken = taken.map(|import| import.external_id.as_str()).filter(is_here);
    taken.map(part).collect::<Vec<_>>().join(" ")
}

/// The call and the part, as `201:call`.
fn part(external_id: &str) -> &str {
    external_id.strip_prefix("calltrail:acme:").expect("an activity of this account")
}

fn add(shown: &mut Shown, what: String, text: String) {
    let before = shown.get(&what).map_or(String::new(), |before| format!("{before}\n-- AND --\n"));
    shown.insert(what, before + &text);
}

/// What differs, with both texts; nothing where one side lacks it.
pub(in super::super) fn differences<'s>(
    expect: &'s Shown,
    found: &'s Shown,
) -> BTreeMap<&'s str, [Option<&'s str>; 2]> {
    let names = expect.keys().chain(found.keys()).map(String::as_str);
    let both = |name: &str| [expect, found].map(|shown| shown.get(name).map(String::as_str));
    names.map(|name| (name, both(name))).filter(|(_, [expect, found])| expect != found).collect()
}
