//! Comments: written once, looked for by their marker when in doubt, by whoever Front knows.

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::{EffectKind, TeammateId};
use calltrail_front::{Ambiguous, Answer, NotApplied, Request};
use calltrail_front_writer::command::Command;

use crate::front::refused;
use crate::world::{ATTEMPT, Fate, GRACE, World, comment, import, item};

const BODY: &str = "Called back\n\nAircall #7, note 99";
const UNSIGNED: &str = "Iris: Called back\n\nAircall #7, note 99";

fn world() -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Open);
    world
}

fn by(email: Option<&str>) -> WorkItem {
    item(Some("cnv_5"), vec![comment(7, email)])
}

/// The comment stands there once, by this author and with this text, after these requests.
fn check(mut world: World, item: &WorkItem, author: Option<&str>, body: &str, requests: &[&str]) {
    world.run_to_end(item);
    assert_eq!(world.front.room("cnv_5").comments, [(author.map(TeammateId::new), body.to_owned())]);
    assert_eq!(world.outcomes(), ["7:comment:99 applied cnv_5"]);
    assert_eq!(world.requests, requests);
}

#[test]
fn a_comment_is_written_by_the_agent_and_takes_one_request() {
    let requests = ["list_teammates", "add_comment"];
    check(world(), &by(Some("iris@example.com")), Some("tea_1"), BODY, &requests);
    check(world(), &by(None), None, UNSIGNED, &["add_comment"]);
}

#[test]
fn an_agent_whom_front_does_not_know_or_does_not_take_is_named_in_the_text() {
    let requests = ["list_teammates", "add_comment"];
    check(world(), &by(Some("zoe@example.com")), None, UNSIGNED, &requests);
    let mut world = world();
    world.fates = [Fate::Answered, Fate::Instead(refused(400, "author has left"))].into();
    let requests = ["list_teammates", "add_comment", "add_comment"];
    check(world, &by(Some("iris@example.com")), None, UNSIGNED, &requests);
}

#[test]
fn a_comment_in_doubt_is_looked_for_after_late_requests_have_run_out_and_before_it_is_written_again() {
    let mut there = world();
    there.fates = [Fate::LostAfter].into();
    let started = there.now;
    let item = by(None);
    there.run_to_end(&item);
    assert!(there.now.since(started) >= ATTEMPT + GRACE, "late requests were waited for");
    assert_eq!(there.front.room("cnv_5").comments.len(), 1);
    assert_eq!(there.requests, ["add_comment", "list_comments"]);

    let mut not_there = world();
    not_there.fates = [Fate::LostBefore].into();
    let requests = ["add_comment", "list_comments", "add_comment", "list_comments"];
    check(not_there, &item, None, UNSIGNED, &requests);
}

/// Written after one doubt, and then the list gives this answer.
fn check_unlisted(answer: Answer) {
    let mut world = world();
    world.fates = [Fate::LostBefore, Fate::Answered, Fate::Answered, Fate::Instead(answer)].into();
    let requests = ["add_comment", "list_comments", "add_comment", "list_comments"];
    check(world, &by(None), None, UNSIGNED, &requests);
}

#[test]
fn a_comment_that_front_took_is_there_even_if_it_cannot_be_looked_for_afterwards() {
    check_unlisted(refused(403, "no comments:read"));
    check_unlisted(refused(404, "no such conversation"));
    check_unlisted(malformed());
}

fn malformed() -> Answer {
    Answer::Ambiguous { reason: Ambiguous::Malformed }
}

#[test]
fn a_comment_in_doubt_whose_list_cannot_be_read_is_a_dead_letter_after_a_second_look() {
    let mut world = world();
    world.fates = [Fate::LostBefore, Fate::Instead(malformed()), Fate::Instead(malformed())].into();
    world.run_to_end(&by(None));
    assert_eq!(world.requests, ["add_comment", "list_comments", "list_comments"]);
    assert_eq!(world.outcomes(), ["7:comment:99 rejected 200 a list of comments that cannot be read"]);
    assert_eq!(world.letters.len(), 1);
}

#[test]
fn after_one_doubt_an_attempt_that_was_not_applied_leads_back_to_the_list() {
    let mut world = world();
    let refused = Answer::NotApplied { reason: NotApplied::TooMany, retry_after: None };
    world.fates = [Fate::LostBefore, Fate::Answered, Fate::Instead(refused)].into();
    let requests =
        ["add_comment", "list_comments", "add_comment", "list_comments", "add_comment", "list_comments"];
    check(world, &by(None), None, UNSIGNED, &requests);
}

#[test]
fn a_writer_that_meets_a_comment_in_flight_takes_over_and_looks() {
    let mut world = world();
    let item = by(None);
    let sent = |command: &Command| matches!(command, Command::Send { .. });
    world.run_until(&item, sent);
    world.restart();
    check(world, &item, None, UNSIGNED, &["list_comments", "add_comment", "list_comments"]);
}

#[test]
fn a_comment_that_lands_late_stands_twice_and_is_told() {
    let mut world = world();
    world.fates = [Fate::LostBefore].into();
    let item = by(None);
    let late = Request::AddComment {
        conversation: calltrail_domain::ids::ConversationId::new("cnv_5"),
        author: None,
        body: UNSIGNED.to_owned(),
    };
    let mut told = 0;
    for _ in 0..20 {
        let mut machine = world.claim(&item);
        let mut input = calltrail_front_writer::command::Input::Claimed;
        let end = loop {
            let command = machine.step(world.now, input);
            match command {
                Command::Done => break None,
                Command::Release { after, .. } => break Some(after),
                Command::Send { request: Request::AddComment { .. }, .. } if world.requests.len() == 2 => {
                    // The first request arrives after it was looked for, just before the second.
                    world.front.apply(world.now, &late);
                    input = world.perform(command);
                }
                command => input = world.perform(command),
            }
        };
        told += machine.duplicates();
        match end {
            Some(after) => world.now = world.now.plus(after),
            None => break,
        }
    }
    assert_eq!(world.front.room("cnv_5").comments.len(), 2, "nothing can prevent it");
    assert_eq!(told, 1);
    assert_eq!(world.outcomes(), ["7:comment:99 applied cnv_5"]);
}

#[test]
fn a_comment_waits_until_the_activity_before_it_is_seen() {
    let mut world = World::new();
    world.front.lag_ms = 0;
    let item = item(None, vec![import(7, EffectKind::Call), comment(7, None)]);
    world.run_to_end(&item);
    assert_eq!(world.requests, ["import_message", "get_message", "add_comment"]);
    assert_eq!(world.outcomes(), ["7:call applied cnv_1", "7:comment:99 applied cnv_1"]);
}

#[test]
fn a_comment_follows_a_merger_and_is_rejected_where_there_is_no_conversation() {
    let mut world = world();
    world.front.open_room("cnv_6", ConversationStatus::Open);
    world.front.room("cnv_5").merged_into = Some(calltrail_domain::ids::ConversationId::new("cnv_6"));
    world.run_to_end(&by(None));
    assert_eq!(world.outcomes(), ["7:comment:99 applied cnv_6"]);

    let mut gone = World::new();
    gone.run_to_end(&by(None));
    assert_eq!(gone.outcomes(), ["7:comment:99 gone cnv_5"]);
    assert_eq!(gone.letters.len(), 0);
}
