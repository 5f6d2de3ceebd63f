//! What Front's ledger shows, as a picture.

use std::collections::BTreeMap;

use calltrail_simulator::front::{CommentEntry, ConversationEntry, ImportOutcome, Ledger, MessageEntry};

use super::picture::{Activity, Picture, Text};
use crate::day::company::{ACCOUNT, Caller, WITHHELD_HANDLE, WITHHELD_NAME};
use crate::day::who::withheld;

/// What stands in Front, and what it refused for good.
pub(crate) fn shown(ledger: &Ledger, refused: &[String], callers: &[Caller]) -> Picture {
    let reader = Reader::new(ledger, callers);
    let mut picture = Picture::default();
    for conversation in &ledger.conversations {
        reader.add_conversation(&mut picture, conversation);
    }
    for contact in ledger.contacts.iter().filter(|contact| contact.merged_into.is_none()) {
        let mut handles: Vec<_> = contact
            .handles
            .iter()
            .map(|handle| format!("{} {}", handle.source, reader.place_of(&handle.handle)))
            .collect();
        handles.sort();
        let first = contact.handles.first().map(|handle| handle.handle.as_str());
        let name = reader.name_of(first.unwrap_or_default());
        insert(&mut picture.contacts, name, handles.join(", "));
    }
    for import in ledger.imports.iter().filter(|import| import.outcome == ImportOutcome::Accepted) {
        let key = short(&import.external_id);
        picture.order_of(reader.whose(call_in(&key)), &key);
    }
    picture.refused = refused.iter().map(|key| (key.clone(), String::new())).collect();
    picture
}

/// What is there under a name that is taken gets another one, so that it does not get lost.
fn insert<T>(map: &mut BTreeMap<String, T>, name: String, value: T) {
    let again = (1..).map(|times| format!("{name} again {times}"));
    let free = std::iter::once(name.clone()).chain(again).find(|name| !map.contains_key(name));
    map.insert(free.unwrap_or(name), value);
}

struct Reader<'a> {
    ledger: &'a Ledger,
    callers: &'a [Caller],
    /// The customer of each call, by its first message.
    customers: BTreeMap<i64, String>,
}

impl<'a> Reader<'a> {
    fn new(ledger: &'a Ledger, callers: &'a [Caller]) -> Self {
        let mut reader = Self { ledger, callers, customers: BTreeMap::new() };
        for message in ledger.conversations.iter().flat_map(|row| &row.messages) {
            let Some(call) = call_in(&short(&message.external_id)) else { continue };
            let handle = if message.is_inbound { Some(&message.sender) } else { message.to.first() };
            let handle = handle.map_or("", String::as_str);
            let name = if handle == WITHHELD_HANDLE { withheld(call) } else { reader.name_of(handle) };
            reader.customers.entry(call).or_insert(name);
        }
        reader
    }

    fn add_conversation(&self, picture: &mut Picture, row: &ConversationEntry) {
        let Some(call) = first_call(row) else {
            // Nothing is left of one that was merged away; any other without a call is nobody's.
            if row.merged_into.is_none() || !row.comments.is_empty() {
                insert(&mut picture.conversations, "of no call".to_owned(), row.status.to_owned());
            }
            return;
        };
        insert(&mut picture.conversations, call.to_string(), self.text_of(row));
        for message in &row.messages {
            let key = short(&message.external_id);
            let name = format!("{} {key}", self.whose(call_in(&key)));
            picture.activities.push((name, self.activity(message, call)));
        }
        let mut comments: Vec<_> = row.comments.iter().collect();
        comments.sort_by_key(|comment| comment.posted_at_ms);
        for comment in comments {
            self.add_comment(picture, comment, call);
        }
    }

    fn text_of(&self, row: &ConversationEntry) -> String {
        let status = match (row.status, row.snoozed_until_ms) {
            ("assigned" | "unassigned", _) => "open",
            ("archived", Some(_)) => "snoozed",
            (other, _) => other,
        };
        let contact = self.ledger.contacts.iter().find(|contact| contact.id == row.contact);
        let handle = contact.and_then(|contact| contact.handles.first()).map(|handle| handle.handle.as_str());
        let with = self.name_of(handle.unwrap_or_default());
        let assignee = row.assignee.as_deref().unwrap_or("nobody");
        let tags = self.ledger.tags.iter().filter(|tag| row.tags.contains(&tag.id));
        let mut tags: Vec<_> = tags.map(|tag| tag.name.as_str()).collect();
        tags.sort_unstable();
        format!("with {with}, {status} in {}, for {assignee}, tagged [{}]", row.inbox, tags.join(", "))
    }

    fn activity(&self, message: &MessageEntry, conversation: i64) -> Activity {
        let direction = if message.is_inbound { "inbound" } else { "outbound" };
        let author = message.author.as_deref().unwrap_or("nobody");
        let to: Vec<_> = message.to.iter().map(|handle| self.side(handle)).collect();
        let (from, to) = (self.side(&message.sender), to.join(" and "));
        Activity {
            conversation: conversation.to_string(),
            subject: message.subject.clone(),
            logged: format!("{direction} by {author}, from {from} to {to}"),
            created_at_ms: message.created_at_ms,
            text: Text::is(&message.body),
        }
    }

    /// A comment is known by its last line.
    fn add_comment(&self, picture: &mut Picture, comment: &CommentEntry, conversation: i64) {
        let last = comment.body.lines().last().unwrap_or_default();
        let told = last.strip_prefix("Aircall #").and_then(|told| told.split_once(", note "));
        let (call, note) = told.unwrap_or(("nothing", last));
        picture.order_of(&format!("comments on {call}"), &format!("comment:{note}"));
        let name = format!("{} {call}:comment:{note}", self.whose(call.parse().ok()));
        let logged = format!("comment by {}", comment.author.as_deref().unwrap_or("nobody"));
        let (conversation, text) = (conversation.to_string(), Text::is(&comment.body));
        picture.activities.push((name, Activity { conversation, logged, text, ..Activity::default() }));
    }

    fn whose(&self, call: Option<i64>) -> &str {
        call.and_then(|call| self.customers.get(&call)).map_or("nobody", String::as_str)
    }

    /// A customer's number by its place, anything else as it is.
    fn side(&self, handle: &str) -> String {
        match self.find(handle) {
            Some((_, place)) => format!("number {place}"),
            None => handle.to_owned(),
        }
    }

    fn place_of(&self, handle: &str) -> String {
        match self.find(handle) {
            Some((_, place)) => place.to_string(),
            None if handle == WITHHELD_HANDLE => handle.to_owned(),
            None => "of somebody else".to_owned(),
        }
    }

    fn name_of(&self, handle: &str) -> String {
        match self.find(handle) {
            Some((caller, _)) => caller.name.clone(),
            None if handle == WITHHELD_HANDLE => WITHHELD_NAME.to_owned(),
            None => "a stranger".to_owned(),
        }
    }

    fn find(&self, handle: &str) -> Option<(&Caller, usize)> {
        self.callers.iter().find_map(|caller| {
            caller.numbers.iter().position(|number| number == handle).map(|place| (caller, place))
        })
    }
}

/// The first call that went into the conversation; parts alone never stand in one of their own.
fn first_call(row: &ConversationEntry) -> Option<i64> {
    let keys = || row.messages.iter().map(|message| short(&message.external_id));
    let calls = keys().filter(|key| key.ends_with(":call")).filter_map(|key| call_in(&key));
    calls.min().or_else(|| keys().filter_map(|key| call_in(&key)).min())
}

fn call_in(key: &str) -> Option<i64> {
    key.split(':').next()?.parse().ok()
}

/// The external id without what all of them begin with.
fn short(external_id: &str) -> String {
    let own = external_id.strip_prefix(&format!("calltrail:{ACCOUNT}:"));
    own.unwrap_or(external_id).to_owned()
}
