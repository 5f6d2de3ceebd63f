//! What Front's ledger shows, as a picture.

use calltrail_simulator::front::{ConversationEntry, ImportOutcome, Ledger, MessageEntry};

use super::picture::{Activity, Picture, Text};
use crate::day::company::{ACCOUNT, Caller};

/// What stands in Front, and what it refused for good.
pub(crate) fn shown(ledger: &Ledger, refused: &[String], callers: &[Caller]) -> Picture {
    let reader = Reader { callers };
    let mut picture = Picture::default();
    for conversation in &ledger.conversations {
        reader.add_conversation(&mut picture, conversation, ledger);
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
        let caller = reader.caller_of_import(ledger, &import.external_id);
        picture.orders.entry(caller).or_default().push(short(&import.external_id));
    }
    picture.refused = refused.iter().map(|key| (key.clone(), String::new())).collect();
    picture
}

/// What is there under a name that is taken gets another one, so that it does not get lost.
fn insert<T>(map: &mut std::collections::BTreeMap<String, T>, name: String, value: T) {
    let again = (1..).map(|times| format!("{name} again {times}"));
    let free = std::iter::once(name.clone()).chain(again).find(|name| !map.contains_key(name));
    map.insert(free.unwrap_or(name), value);
}

struct Reader<'a> {
    callers: &'a [Caller],
}

impl Reader<'_> {
    fn add_conversation(&self, picture: &mut Picture, conversation: &ConversationEntry, ledger: &Ledger) {
        let calls = conversation.messages.iter().filter_map(|message| call_in(&message.external_id));
        let Some(name) = calls.min() else {
            // Nothing is left of one that was merged away; any other without a call is nobody's.
            if conversation.merged_into.is_none() {
                insert(&mut picture.conversations, "of no call".to_owned(), conversation.status.to_owned());
            }
            return;
        };
        let status = match (conversation.status, conversation.snoozed_until_ms) {
            ("assigned" | "unassigned", _) => "open",
            ("archived", Some(_)) => "snoozed",
            (other, _) => other,
        };
        let contact = ledger.contacts.iter().find(|contact| contact.id == conversation.contact);
        let handle = contact.and_then(|contact| contact.handles.first()).map(|handle| handle.handle.as_str());
        let with = self.name_of(handle.unwrap_or_default());
        let assignee = conversation.assignee.as_deref().unwrap_or("nobody");
        let text = format!("with {with}, {status} in {}, for {assignee}", conversation.inbox);
        insert(&mut picture.conversations, name.to_string(), text);
        for message in &conversation.messages {
            picture.activities.push((self.name(message), self.activity(message, name)));
        }
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
            text: Text::Is(message.body.clone()),
        }
    }

    fn name(&self, message: &MessageEntry) -> String {
        format!("{} {}", self.customer(message), short(&message.external_id))
    }

    fn customer(&self, message: &MessageEntry) -> String {
        let handle = if message.is_inbound { Some(&message.sender) } else { message.to.first() };
        self.name_of(handle.map_or("", String::as_str))
    }

    fn caller_of_import(&self, ledger: &Ledger, external_id: &str) -> String {
        let mut messages = ledger.conversations.iter().flat_map(|conversation| &conversation.messages);
        let message = messages.find(|message| message.external_id == external_id);
        message.map_or_else(|| "nobody".to_owned(), |message| self.customer(message))
    }

    /// A customer's number by its place, anything else as it is.
    fn side(&self, handle: &str) -> String {
        match self.find(handle) {
            Some((_, place)) => format!("number {place}"),
            None => handle.to_owned(),
        }
    }

    fn place_of(&self, handle: &str) -> String {
        self.find(handle).map_or_else(|| "of somebody else".to_owned(), |(_, place)| place.to_string())
    }

    fn name_of(&self, handle: &str) -> String {
        self.find(handle).map_or_else(|| "a stranger".to_owned(), |(caller, _)| caller.name.clone())
    }

    fn find(&self, handle: &str) -> Option<(&Caller, usize)> {
        self.callers.iter().find_map(|caller| {
            caller.numbers.iter().position(|number| number == handle).map(|place| (caller, place))
        })
    }
}

fn call_in(external_id: &str) -> Option<i64> {
    short(external_id).split(':').next()?.parse().ok()
}

/// The external id without what all of them begin with.
fn short(external_id: &str) -> String {
    let own = external_id.strip_prefix(&format!("calltrail:{ACCOUNT}:"));
    own.unwrap_or(external_id).to_owned()
}
