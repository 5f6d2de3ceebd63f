//! The oracle of the day finds what it is there to find, and says so without a caller's number.

use std::sync::OnceLock;

use calltrail_simulator::front::{CommentEntry, ContactEntry, ConversationEntry, Ledger, MessageEntry};

use super::company::Rules;
use super::play::{Plan, Played, play};
use super::verdict::Verdict;

/// An hour, played once for all of these tests.
fn day() -> &'static Played {
    static DAY: OnceLock<Played> = OnceLock::new();
    let rules = Rules {
        front_webhooks: false,
        requests_per_minute: 200,
        import_reopens: true,
        import_assigns: true,
        front_tags: true,
        comments_on_unanswered: true,
    };
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
    message(ledger, |row| row.external_id.ends_with(":duration") && row.author.is_some())
}

fn voicemail(ledger: &mut Ledger) -> &mut MessageEntry {
    message(ledger, |row| row.external_id.ends_with(":voicemail"))
}

/// The call itself, with tags or without.
fn call(ledger: &mut Ledger, is_tagged: bool) -> &mut MessageEntry {
    message(ledger, |row| row.external_id.ends_with(":call") && row.body.contains("Tags: ") == is_tagged)
}

fn message(ledger: &mut Ledger, is: impl Fn(&MessageEntry) -> bool) -> &mut MessageEntry {
    let mut messages = ledger.conversations.iter_mut().flat_map(|row| &mut row.messages);
    messages.find(|row| is(row)).expect("there is one")
}

/// The comments of a conversation in which one has a teammate as its author, first.
fn comments(ledger: &mut Ledger) -> &mut Vec<CommentEntry> {
    let mut all = ledger.conversations.iter_mut().map(|row| &mut row.comments);
    let found = all.find(|comments| comments.first().is_some_and(|first| first.author.is_some()));
    found.expect("an agent has written")
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
fn another_story_of_a_call_is_found() {
    for (label, what) in [
        ("\nStarted: ", "the start"),
        ("\nRang: ", "whom it rang"),
        ("\nWaited: ", "the wait"),
        ("\nMenu: ", "the menu"),
        ("\nAnswered by: ", "who answered"),
        ("\nTransferred to: ", "the transfer"),
        ("\nTransfer failed to: ", "the failed transfer"),
    ] {
        let says = |row: &MessageEntry| row.external_id.ends_with(":call") && row.body.contains(label);
        let spoil = |ledger: &mut Ledger, _: &mut Vec<String>| {
            let row = message(ledger, says);
            row.body = row.body.replace(label, &format!("{label}not "));
        };
        check(spoil, &format!("the text lacks {what}"));
    }
    let untold = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let row = message(ledger, |row| row.body.starts_with("Outbound call"));
        row.body.insert_str(20, "\nWaited: 9 s  \n");
    };
    check(untold, "the text has a wait");
    let run_together = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let row = duration(ledger);
        row.body = row.body.replace("  \n", "\n");
    };
    check(run_together, "the text lacks the total time");
}

#[test]
fn an_activity_in_another_conversation_and_a_second_conversation_are_found() {
    let moved = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let from = conversation(ledger);
        let (id, row) = (from.id.clone(), from.messages.pop().expect("it has messages"));
        let into = ledger.conversations.iter_mut().find(|row| row.id != id && !row.messages.is_empty());
        into.expect("there are others").messages.push(row);
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

#[test]
fn a_comment_that_is_lost_doubled_in_another_order_or_by_somebody_else_is_found() {
    check(|ledger, _| drop(comments(ledger).remove(0)), ": is lost");
    check(|ledger, _| comments(ledger).extend_from_within(..1), "is there twice");
    check(|ledger, _| comments(ledger)[0].author = None, "logged is `comment by nobody`");
    check(|ledger, _| comments(ledger)[0].body.insert(0, 'x'), "the text lacks the comment");
    let turned = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let mut all = ledger.conversations.iter_mut().map(|row| &mut row.comments);
        let of_one_call = |two: &[CommentEntry]| {
            let call = |comment: &CommentEntry| {
                comment.body.rsplit_once(", note").map(|(told, _)| told[told.len() - 6..].to_owned())
            };
            call(&two[0]) == call(&two[1])
        };
        let (found, place) = all
            .find_map(|row| row.windows(2).position(of_one_call).map(|place| (row, place)))
            .expect("two comments on a call");
        let first = found[place].posted_at_ms;
        found[place].posted_at_ms = std::mem::replace(&mut found[place + 1].posted_at_ms, first);
    };
    check(turned, "order of comments on");
}

#[test]
fn a_voicemail_without_its_link_or_of_somebody_else_is_found() {
    check(
        |ledger, _| voicemail(ledger).body = voicemail(ledger).body.replace("https:", ""),
        "the text lacks the link",
    );
    check(|ledger, _| voicemail(ledger).external_id.push_str("_pending"), "voicemail: is lost");
    check(|ledger, _| voicemail(ledger).is_inbound = false, "logged is `outbound");
}

#[test]
fn another_tag_in_the_text_or_on_the_conversation_is_found() {
    check(
        |ledger, _| call(ledger, true).body = call(ledger, true).body.replace("Tags: ", "Tags: New, "),
        "the text lacks the tags",
    );
    check(|ledger, _| call(ledger, false).body.insert_str(0, "Tags: New\n"), "the text has tags");
    let changed = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let tag = ledger.tags[0].id.clone();
        let tags = &mut conversation(ledger).tags;
        match tags.iter().position(|known| *known == tag) {
            Some(place) => drop(tags.remove(place)),
            None => tags.push(tag),
        }
    };
    check(changed, "tagged [");
    let none = |ledger: &mut Ledger, _: &mut Vec<String>| {
        ledger.conversations.iter_mut().for_each(|row| row.tags.clear());
    };
    check(none, "tagged []");
}

#[test]
fn a_call_without_a_number_in_a_wrong_conversation_is_found() {
    let moved = |ledger: &mut Ledger, _: &mut Vec<String>| {
        let mut withheld = ledger
            .conversations
            .iter_mut()
            .filter(|row| row.messages.iter().any(|row| row.sender == "anonymous-caller"));
        let (first, second) = (withheld.next().expect("one"), withheld.next().expect("another"));
        first.messages.append(&mut second.messages);
    };
    check(moved, "withheld");
}
