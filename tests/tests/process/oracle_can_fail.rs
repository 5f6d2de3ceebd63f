//! The oracle of the crash test finds what it is there to find.

use calltrail_simulator::aircall::random_history;
use calltrail_simulator::front::{
    ContactEntry, ConversationEntry, ImportEntry, ImportOutcome, Ledger, MessageEntry,
};

use super::aircall::bodies_of;
use super::oracle::{Oracle, Story};

const CALLS: u32 = 12;
const PARTIES: u32 = 3;

#[test]
fn what_should_be_is_accepted() {
    assert_eq!(findings(|_| {}), [true, true, true]);
}

#[test]
fn a_lost_a_second_and_a_foreign_activity_are_found() {
    assert!(!findings(|ledger| drop(ledger.conversations[0].messages.pop()))[0]);
    assert!(
        !findings(|ledger| {
            let again = ledger.conversations[0].messages[0].clone();
            ledger.conversations[0].messages.push(again);
        })[0]
    );
    assert!(!findings(|ledger| ledger.conversations[0].messages[0].external_id.push('x'))[0]);
    assert!(!findings(|ledger| ledger.conversations[0].messages[0].created_at_ms += 1000)[0]);
}

#[test]
fn a_second_conversation_a_second_contact_and_another_subject_are_found() {
    assert!(
        !findings(|ledger| {
            let moved = ledger.conversations[0].messages.pop().expect("it has messages");
            let id = "cnv_other".to_owned();
            ledger.conversations.push(ConversationEntry { id, messages: vec![moved], ..conversation() });
        })[1]
    );
    assert!(!findings(|ledger| ledger.contacts.push(contact("crd_other")))[1]);
    assert!(!findings(|ledger| ledger.conversations[1].messages[0].subject.push('x'))[1]);
}

#[test]
fn another_order_of_activities_is_found() {
    assert!(!findings(|ledger| ledger.imports.reverse())[2]);
}

/// Whether the activities, the conversations and the order are accepted after `spoil`.
fn findings(spoil: impl FnOnce(&mut Ledger)) -> [bool; 3] {
    let history = random_history(3, CALLS, PARTIES);
    let oracle = Oracle::of(bodies_of(&history));
    let settled: Vec<i64> = oracle.stories().map(|story| story.call).collect();
    let mut ledger = ledger_of(&oracle);
    spoil(&mut ledger);
    let accepts = |check: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_ok();
    [
        accepts(&|| oracle.check_activities(&ledger)),
        accepts(&|| oracle.check_conversations(&ledger, &settled)),
        accepts(&|| oracle.check_order(&ledger, &settled)),
    ]
}

/// Front after the history, when its calls settled in the order of their ids.
fn ledger_of(oracle: &Oracle) -> Ledger {
    let mut ledger = Ledger {
        requests: Vec::new(),
        imports: Vec::new(),
        conversations: Vec::new(),
        contacts: Vec::new(),
        tags: Vec::new(),
        events: Vec::new(),
        webhooks: Vec::new(),
    };
    for Story { party, subject, activities, .. } in oracle.stories() {
        let known = ledger.conversations.iter().position(|row| row.contact == party);
        let place = known.unwrap_or_else(|| {
            ledger.contacts.push(contact(party));
            let id = format!("cnv_{}", ledger.contacts.len());
            let (contact, subject) = (party.to_owned(), subject.to_owned());
            ledger.conversations.push(ConversationEntry { id, contact, subject, ..conversation() });
            ledger.conversations.len() - 1
        });
        for (external_id, created_at_ms) in activities {
            let at_ms = created_at_ms;
            let (message_uid, outcome) = (None, ImportOutcome::Accepted);
            ledger.imports.push(ImportEntry {
                at_ms,
                external_id: external_id.clone(),
                message_uid,
                outcome,
            });
            let subject = ledger.conversations[place].subject.clone();
            ledger.conversations[place].messages.push(message(external_id, subject, created_at_ms));
        }
    }
    ledger
}

fn conversation() -> ConversationEntry {
    ConversationEntry {
        id: String::new(),
        subject: String::new(),
        status: "unassigned",
        inbox: "inb_1".to_owned(),
        assignee: None,
        contact: String::new(),
        tags: Vec::new(),
        snoozed_until_ms: None,
        merged_into: None,
        messages: Vec::new(),
        comments: Vec::new(),
    }
}

fn contact(id: &str) -> ContactEntry {
    ContactEntry { id: id.to_owned(), name: None, handles: Vec::new(), merged_into: None }
}

fn message(external_id: String, subject: String, created_at_ms: i64) -> MessageEntry {
    MessageEntry {
        id: format!("msg_{external_id}"),
        uid: String::new(),
        external_id,
        subject,
        body: String::new(),
        is_inbound: true,
        author: None,
        sender: String::new(),
        to: Vec::new(),
        files: Vec::new(),
        created_at_ms,
        imported_at_ms: created_at_ms,
        number: 1,
    }
}
