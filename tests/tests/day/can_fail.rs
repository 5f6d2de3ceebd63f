//! The oracle of the day finds what it is there to find, and says so without a caller's number.

use std::sync::OnceLock;

use calltrail_simulator::front::{ContactEntry, ConversationEntry, Ledger, MessageEntry};

use super::company::Rules;
use super::play::{Plan, Played, play};
use super::verdict::Verdict;

/// An hour, played once for all of these tests.
fn day() -> &'static Played {
    static DAY: OnceLock<Played> = OnceLock::new();
    let rules =
        Rules { front_webhooks: false, requests_per_minute: 200, import_reopens: true, import_assigns: true };
    DAY.get_or_init(|| play(Plan { seed: 5, calls: 120, callers: 40, lasts_s: 3_600, rules }))
}

/// A conversation of the day that has several messages and is open.
fn conversation(ledger: &mut Ledger) -> &mut ConversationEntry {
    let found =
        ledger.conversations.iter_mut().find(|row| row.messages.len() > 3 && row.status != "archived");
    found.expect("a caller has called several times")
}

/// The duration of an answered call by somebody whom Front knows.
fn duration(ledger: &mut Ledger) -> &mut MessageEntry {
    let mut messages = ledger.conversations.iter_mut().flat_map(|row| &mut row.messages);
    let found = messages.find(|row| row.external_id.ends_with(":duration") && row.author.is_some());
    found.expect("an agent has answered")
}

/// After `spoil` some difference says all of `expect`.
fn check(spoil: impl FnOnce(&mut Ledger, &mut Vec<String>), expect: &str) {
    let (mut ledger, mut refused) = (day().ledger.clone(), day().refused.clone());
    spoil(&mut ledger, &mut refused);
    let verdict = Verdict::of_ledger(day(), &ledger, &refused);
    let told = verdict.differences.join("\n");
    assert!(verdict.differences.iter().any(|told| told.contains(expect)), "`{expect}` is not in:\n{told}");
    assert!(!told.contains("+447700"), "a caller's number is told");
}

#[test]
fn a_day_as_it_was_is_accepted() {
    Verdict::of(day()).accept();
}

#[test]
fn lost_doubled_and_foreign_activities_are_found() {
    check(|ledger, _| drop(conversation(ledger).messages.pop()), "is lost");
    let double = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let again = conversation(ledger).messages[1].clone();
        conversation(ledger).messages.push(again);
    };
    check(double, "is there twice");
    check(|ledger, _| duration(ledger).external_id.push('x'), "nobody asked for it");
}

#[test]
fn another_subject_author_direction_address_or_time_is_found() {
    check(|ledger, _| duration(ledger).subject.push('x'), "subject is");
    check(|ledger, _| duration(ledger).author = None, "logged is `outbound by nobody");
    check(|ledger, _| duration(ledger).sender.push('0'), "logged is");
    let turn = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let row = duration(ledger);
        row.is_inbound = true;
        let to = std::mem::replace(&mut row.to, vec![row.sender.clone()]);
        row.sender.clone_from(&to[0]);
    };
    check(turn, "logged is `inbound by");
    check(|ledger, _| duration(ledger).created_at_ms += 1000, "time is");
}

#[test]
fn a_text_without_its_marker_or_with_another_duration_is_found() {
    check(|ledger, _| duration(ledger).body.push('x'), "the text lacks the marker");
    let longer = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let row = duration(ledger);
        row.body = row.body.replace("Talk time: ", "Talk time: 9");
    };
    check(longer, "the text lacks the talk time");
}

#[test]
fn an_activity_in_another_conversation_and_a_second_conversation_are_found() {
    let moved = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let row = conversation(ledger).messages.pop().expect("it has messages");
        ledger.conversations[0].messages.push(row);
    };
    check(moved, "conversation is");
    let second = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let first = conversation(ledger);
        let messages = vec![first.messages.pop().expect("it has messages")];
        let second = ConversationEntry { id: "cnv_other".to_owned(), messages, ..first.clone() };
        ledger.conversations.push(second);
    };
    check(second, "is not expected");
}

#[test]
fn another_status_inbox_assignee_or_contact_of_a_conversation_is_found() {
    check(|ledger, _| conversation(ledger).status = "archived", "archived in");
    check(|ledger, _| conversation(ledger).inbox = "inb_9".to_owned(), "in inb_9");
    check(|ledger, _| conversation(ledger).assignee = Some("tea_9".to_owned()), "for tea_9");
    check(|ledger, _| conversation(ledger).contact = "crd_other".to_owned(), "with a stranger");
}

#[test]
fn a_second_contact_and_a_missing_handle_are_found() {
    let second = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let handles = ledger.contacts[0].handles.clone();
        let id = "crd_other".to_owned();
        ledger.contacts.push(ContactEntry { id, name: None, handles, merged_into: None });
    };
    check(second, "again 1: is not expected");
    check(|ledger, _| drop(ledger.contacts.last_mut().and_then(|row| row.handles.pop())), "contact ");
}

#[test]
fn another_order_and_a_refusal_are_found() {
    check(|ledger, _| ledger.imports.reverse(), "order of");
    check(|_, refused| refused.push("acme.calltrail.acme.1.call".to_owned()), "refusal of");
}
