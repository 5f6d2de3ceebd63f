//! What Front refuses, never shows, or does not let the token do: what is tried again, how often, and what it costs.

use std::time::Duration;

use calltrail_domain::effect::{ConversationStatus, Effect, Outcome, Sender};
use calltrail_domain::ids::{ContactId, EffectKind, TeammateId};
use calltrail_front::{Answer, Contact, HandleSource, NotApplied, Teammate};
use calltrail_front_writer::budget::Budget;
use calltrail_front_writer::command::{Command, Why};
use calltrail_front_writer::fence::State;
use calltrail_front_writer::limits::{INVISIBLE_RESENDS_MAX, RETRY_AFTER_MAX, TEAMMATES_REFRESH_EVERY};

use crate::front::{Repeat, handle, refused};
use crate::world::{
    ATTEMPT, End, Fate, GRACE, NUMBER, World, import, import_from, item, look_up, number, observe, reopen,
};

fn check(world: &mut World, effect: Effect, expect: &str) {
    world.run_to_end(&item(Some("cnv_5"), vec![effect]));
    assert_eq!(world.outcomes(), [expect]);
}

fn with_room(status: ConversationStatus) -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", status);
    world
}

fn by_iris() -> Effect {
    let email = Some("iris@example.com".to_owned());
    import_from(
        7,
        EffectKind::Call,
        Sender::Agent { email, line_number: None, number: Some(number()), assign: true },
    )
}

fn author_of(world: &World) -> Option<&str> {
    world.front.messages[0].activity.author.as_ref().map(TeammateId::as_str)
}

fn with_contact(world: &mut World) {
    let handles = vec![handle(HandleSource::Phone, NUMBER)];
    world.front.contacts.insert(NUMBER.to_owned(), Contact { id: ContactId::new("crd_9"), handles });
}

fn forbidden() -> Fate {
    Fate::Instead(refused(403, "forbidden"))
}

fn not_applied(reason: NotApplied, retry_after: Option<Duration>) -> Fate {
    Fate::Instead(Answer::NotApplied { reason, retry_after })
}

#[test]
fn an_import_that_front_accepts_and_never_shows_becomes_a_dead_letter_after_a_few_more_tries() {
    let mut world = with_room(ConversationStatus::Open);
    (world.front.repeat, world.front.lag_ms) = (Repeat::Dropped, i64::MAX / 4);
    let reason = "7:call rejected 202 front accepted the import 4 times and showed it nowhere";
    check(&mut world, import(7, EffectKind::Call), reason);
    let imports = world.requests.iter().filter(|request| **request == "import_message").count();
    assert_eq!((imports, INVISIBLE_RESENDS_MAX), (4, 3));
    assert_eq!(world.letters.len(), 1);
}

#[test]
fn invisible_imports_are_sent_again_later_and_later() {
    let mut world = with_room(ConversationStatus::Open);
    (world.front.repeat, world.front.lag_ms) = (Repeat::Dropped, i64::MAX / 4);
    let item = item(Some("cnv_5"), vec![import(7, EffectKind::Call)]);
    let mut delays = Vec::new();
    while let End::Released(after, why) = world.run(&item) {
        assert_eq!(why, Why::Invisible);
        world.now = world.now.plus(after);
        if after >= Duration::from_secs(60) {
            delays.push(after.as_secs());
        }
    }
    assert_eq!(delays, [60, 120, 240]);
}

#[test]
fn an_author_whom_front_refuses_does_not_cost_the_import() {
    for status in [400, 404, 422] {
        let mut world = with_room(ConversationStatus::Open);
        world.fates.extend([Fate::Answered, Fate::Instead(refused(status, "unknown author"))]);
        check(&mut world, by_iris(), "7:call applied cnv_5");
        assert_eq!((author_of(&world), world.letters.len()), (None, 0));
    }
}

#[test]
fn an_import_that_is_refused_without_its_author_too_is_refused_for_good() {
    let mut world = with_room(ConversationStatus::Open);
    let refusal = Fate::Instead(refused(405, "no"));
    world.fates.extend([Fate::Answered, refusal.clone(), refusal]);
    check(&mut world, by_iris(), "7:call rejected 405 no");
    assert_eq!(world.requests, ["list_teammates", "import_message", "import_message"]);
}

#[test]
fn a_handle_is_tried_until_front_says_yes_or_no() {
    let unanswered = [
        not_applied(NotApplied::TooMany, None),
        not_applied(NotApplied::NoConnection, None),
        Fate::LostBefore,
    ];
    for fate in unanswered {
        let mut world = World::new();
        with_contact(&mut world);
        world.fates.extend([Fate::Answered, fate]);
        check(&mut world, look_up(7, &[]), "7:contact found crd_9");
        assert_eq!(world.front.writes, ["handle custom crd_9"]);
    }
    let mut world = World::new();
    with_contact(&mut world);
    world.fates.extend([Fate::Answered, forbidden()]);
    check(&mut world, look_up(7, &[]), "7:contact found crd_9");
    assert_eq!(world.requests, ["get_contact", "add_contact_handle"]);
}

#[test]
fn a_conversation_that_is_not_there_is_observed_as_trashed() {
    for status in [404, 410] {
        let mut world = with_room(ConversationStatus::Open);
        world.fates.push_back(Fate::Instead(refused(status, "")));
        check(&mut world, observe(7, "cnv_5"), "7:observe observed cnv_5 Trashed");
    }
}

#[test]
fn what_is_only_good_to_know_is_done_without() {
    let mut world = with_room(ConversationStatus::Archived);
    world.fates.extend([Fate::Answered, forbidden()]);
    check(&mut world, reopen(7), "7:reopen applied cnv_5");
    let mut world = with_room(ConversationStatus::Open);
    world.fates.push_back(forbidden());
    check(&mut world, by_iris(), "7:call applied cnv_5");
    assert_eq!(author_of(&world), None);
}

#[test]
fn who_was_known_stays_known_while_front_gives_no_list() {
    let mut world = with_room(ConversationStatus::Open);
    let iris = Teammate { id: TeammateId::new("tea_1"), email: Some("iris@example.com".to_owned()) };
    world.directory.replace(&[iris], world.now);
    world.now = world.now.plus(TEAMMATES_REFRESH_EVERY);
    world.fates.push_back(forbidden());
    check(&mut world, by_iris(), "7:call applied cnv_5");
    assert_eq!((author_of(&world), world.requests[0]), (Some("tea_1"), "list_teammates"));
}

#[test]
fn a_look_up_refused_after_an_attempt_in_doubt_counts_only_after_the_grace_and_another_look() {
    let mut world = World::new();
    let refusal = Fate::Instead(refused(400, "no"));
    world.fates.extend([Fate::Answered, Fate::LostBefore, refusal.clone(), refusal]);
    let start = world.now;
    check(&mut world, look_up(7, &[]), "7:contact rejected 400 no");
    assert!(world.now.since(start) >= ATTEMPT + GRACE);
}

#[test]
fn a_retry_after_of_a_month_is_cut() {
    let mut world = with_room(ConversationStatus::Open);
    world.fates.push_back(not_applied(NotApplied::TooMany, Some(Duration::from_hours(24 * 30))));
    let end = world.run(&item(Some("cnv_5"), vec![import(7, EffectKind::Call)]));
    assert_eq!(end, End::Released(RETRY_AFTER_MAX, Why::Trouble));
}

#[test]
fn a_claim_given_back_after_a_429_leaves_nothing_in_flight_behind() {
    let mut world = with_room(ConversationStatus::Open);
    world.fates.push_back(not_applied(NotApplied::TooMany, None));
    let item = item(Some("cnv_5"), vec![import(7, EffectKind::Call)]);
    let no_more_slots = |world: &mut World, command: &Command| {
        if matches!(command, Command::WaitUntil(_)) {
            let mut budget = Budget::default();
            budget.push_back(world.now.plus(RETRY_AFTER_MAX).as_millis());
            world.budget = Some(budget);
        }
        false
    };
    let end = world.run_beside(&item, no_more_slots);
    assert!(matches!(end, End::Released(_, Why::Budget)), "{end:?}");
    let (fence, _) = world.fence.expect("the fence is stored");
    assert_eq!(fence.entries[0].state, State::Planned);
}

#[test]
fn attempts_count_what_was_sent_and_nothing_else() {
    let mut world = with_room(ConversationStatus::Archived);
    let unsent = [NotApplied::NoConnection, NotApplied::TooLate].map(|reason| not_applied(reason, None));
    world.fates.extend(unsent);
    check(&mut world, reopen(7), "7:reopen applied cnv_5");
    assert_eq!(world.facts()[0].attempts as usize, world.requests.len() - 2);
}

#[test]
fn what_was_applied_is_dated_before_the_request_that_did_it_or_showed_it() {
    let mut world = with_room(ConversationStatus::Archived);
    check(&mut world, reopen(7), "7:reopen applied cnv_5");
    let answered_at = world.now;
    let Outcome::Applied { at, .. } = world.facts()[0].outcome else { panic!("it was applied") };
    // Each request of this world takes 100 ms.
    assert_eq!(answered_at.since(at), Duration::from_millis(100));
    let mut world = with_room(ConversationStatus::Open);
    check(&mut world, import(7, EffectKind::Call), "7:call applied cnv_5");
    let Outcome::Applied { at, .. } = world.facts()[0].outcome else { panic!("it was applied") };
    assert_eq!(world.now.since(at), Duration::from_millis(100));
}
