//! Rule by rule: imports, reads, contacts, and what the fence promises.

use std::time::Duration;

use calltrail_domain::effect::{ConversationStatus, Sender, WorkItem};
use calltrail_domain::ids::{ContactId, EffectKind};
use calltrail_domain::record::RecordBody;
use calltrail_domain::time::Timestamp;
use calltrail_front::{Answer, Contact, HandleSource, NotApplied};
use calltrail_front_writer::Confirm;
use calltrail_front_writer::command::{Command, Why};
use calltrail_front_writer::delays;
use calltrail_front_writer::fence::State;
use calltrail_front_writer::limits::INVISIBLE_RESENDS_MAX;

use crate::front::{Repeat, conflict_with, handle, refused};
use crate::world::{
    ATTEMPT, End, Fate, GRACE, NUMBER, World, assign, import, import_from, item, look_up, number, observe,
    reopen,
};

/// Runs the item to its end and compares the facts.
fn check(world: &mut World, item: &WorkItem, expect: &[&str]) {
    world.run_to_end(item);
    assert_eq!(world.outcomes(), expect);
}

fn first_call() -> WorkItem {
    item(None, vec![import(7, EffectKind::Call)])
}

#[test]
fn the_first_import_is_seen_in_front_before_the_next_one_goes_into_its_conversation() {
    let mut world = World::new();
    let item = item(None, vec![import(7, EffectKind::Call), import(7, EffectKind::Duration)]);
    check(&mut world, &item, &["7:call applied cnv_1", "7:duration applied cnv_1"]);
    assert_eq!(world.front.messages[0].activity.conversation, None);
    assert_eq!(world.front.messages[1].activity.conversation.as_ref().map(|id| id.as_str()), Some("cnv_1"));
    let import = "import_message";
    let imports: Vec<_> = world.requests.iter().filter(|request| **request == import).collect();
    assert_eq!((imports.len(), world.requests[0], world.requests[1]), (2, import, "get_message"));
}

#[test]
fn one_listing_at_the_end_confirms_the_imports_of_a_known_conversation() {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Open);
    world.front.lag_ms = 0;
    let effects =
        vec![import(7, EffectKind::Call), import(7, EffectKind::Duration), import(8, EffectKind::Call)];
    let expect = ["7:call applied cnv_5", "7:duration applied cnv_5", "8:call applied cnv_5"];
    check(&mut world, &item(Some("cnv_5"), effects), &expect);
    let import = "import_message";
    assert_eq!(world.requests, [import, import, import, "list_conversation_messages"]);
}

#[test]
fn without_confirmation_the_fact_says_so_but_the_first_conversation_is_found_all_the_same() {
    let mut world = World::new();
    world.settings.confirm = Confirm::Never;
    let item = item(None, vec![import(7, EffectKind::Call), import(7, EffectKind::Duration)]);
    check(&mut world, &item, &["7:call applied cnv_1", "7:duration unconfirmed cnv_1"]);
}

#[test]
fn a_lost_answer_is_waited_out_and_the_import_sent_again_with_the_same_external_id() {
    for (repeat, fate) in [
        (Repeat::Accepted, Fate::LostAfter),
        (Repeat::Accepted, Fate::LostBefore),
        (Repeat::Dropped, Fate::LostAfter),
        (Repeat::Refused, Fate::LostAfter),
    ] {
        let mut world = World::new();
        world.front.repeat = repeat;
        world
            .front
            .contacts
            .insert(NUMBER.to_owned(), Contact { id: ContactId::new("crd_1"), handles: vec![] });
        world.fates.push_back(fate.clone());
        let start = world.now;
        check(&mut world, &first_call(), &["7:call applied cnv_1"]);
        assert_eq!(world.front.messages.len(), 1, "{repeat:?} {fate:?}");
        assert_eq!(world.front.messages[0].external_id, "calltrail:acme:7:call");
        assert!(world.now.since(start) >= ATTEMPT, "the deadline is waited for");
    }
}

#[test]
fn a_known_external_id_is_looked_into_even_when_the_fence_knows_nothing() {
    let mut world = World::new();
    world.front.repeat = Repeat::Refused;
    world.front.contacts.insert(NUMBER.to_owned(), Contact { id: ContactId::new("crd_1"), handles: vec![] });
    world.run_to_end(&first_call());
    (world.fence, world.log) = (None, Vec::new());
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
    assert_eq!((world.front.messages.len(), world.letters.len()), (1, 0));
}

#[test]
fn a_refusal_is_kept_as_a_dead_letter_without_a_number_in_its_key_or_in_the_fact() {
    let mut world = World::new();
    world.fates.push_back(Fate::Instead(refused(400, "bad body")));
    check(&mut world, &first_call(), &["7:call rejected 400 bad body"]);
    let (key, letter) = world.letters.first_key_value().expect("a dead letter is kept");
    assert_eq!(key, "acme.calltrail.acme.7.call");
    assert_eq!((letter.status, letter.reason.as_str()), (400, "bad body"));
    let body =
        letter.request.as_ref().and_then(|request| request.body.as_ref()).expect("the request is kept");
    assert_eq!(body["external_id"], "calltrail:acme:7:call");
}

#[test]
fn after_an_attempt_in_doubt_a_refusal_counts_only_after_the_grace_another_look_and_a_few_more_tries() {
    let mut world = World::new();
    world.front.refusal = Some((400, "bad body"));
    world.fates.push_back(Fate::LostBefore);
    let start = world.now;
    check(&mut world, &first_call(), &["7:call rejected 400 bad body"]);
    let resends: Duration = (1..=INVISIBLE_RESENDS_MAX).map(delays::resend).sum();
    let tries = INVISIBLE_RESENDS_MAX + 1;
    assert!(world.now.since(start) >= ATTEMPT + (ATTEMPT + GRACE) * tries + resends);
    let sent = |name: &str| world.requests.iter().filter(|request| **request == name).count();
    assert_eq!(sent("import_message"), 1 + tries as usize);
    assert_eq!(sent("get_contact"), 2 * tries as usize, "once at each refusal, once after each grace");
}

#[test]
fn a_refusal_after_an_attempt_in_doubt_is_forgotten_when_front_takes_the_import_after_all() {
    let mut world = World::new();
    world.fates.extend([Fate::LostBefore, Fate::Instead(refused(400, "bad body"))]);
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
    assert_eq!((world.front.messages.len(), world.letters.len()), (1, 0));
}

#[test]
fn an_answer_that_says_not_applied_leaves_an_earlier_doubt_where_it_is() {
    let mut world = World::new();
    let too_many = Answer::NotApplied { reason: NotApplied::TooMany, retry_after: None };
    world.front.refusal = Some((405, "no"));
    world.fates.extend([Fate::LostBefore, Fate::Instead(too_many)]);
    let start = world.now;
    check(&mut world, &first_call(), &["7:call rejected 405 no"]);
    assert!(world.now.since(start) >= ATTEMPT + ATTEMPT + GRACE, "the first attempt may still arrive");
}

#[test]
fn no_effect_is_passed_by_the_next_one() {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Open);
    world.fates.push_back(Fate::LostBefore);
    let item = item(Some("cnv_5"), vec![import(7, EffectKind::Call), import(7, EffectKind::Duration)]);
    assert!(matches!(world.run(&item), End::Released(_, Why::InDoubt)));
    assert_eq!(world.requests, ["import_message"]);
}

#[test]
fn what_needs_a_rejected_effect_is_skipped_and_the_rest_goes_on() {
    let mut world = World::new();
    world.fates.push_back(Fate::Instead(refused(405, "no")));
    let effects = vec![
        import(7, EffectKind::Call),
        import(7, EffectKind::Duration),
        reopen(7),
        import(8, EffectKind::Call),
    ];
    let expect = [
        "7:call rejected 405 no",
        "7:duration skipped 7:call",
        "7:reopen skipped 7:call",
        "8:call applied cnv_1",
    ];
    check(&mut world, &item(None, effects), &expect);
}

#[test]
fn nothing_is_rejected_because_of_a_bad_token() {
    let mut world = World::new();
    world.fates.extend([Fate::Instead(Answer::BadToken)]);
    let end = world.run(&first_call());
    assert_eq!(end, End::Released(Duration::from_secs(5), Why::BadToken));
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
}

#[test]
fn an_attempt_that_was_certainly_not_applied_leaves_no_doubt_behind() {
    let mut world = World::new();
    let not_applied = Answer::NotApplied { reason: NotApplied::NoConnection, retry_after: None };
    world.fates.push_back(Fate::Instead(not_applied));
    let start = world.now;
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
    assert!(world.now.since(start) < ATTEMPT, "no deadline is waited for");
}

#[test]
fn an_accepted_import_that_stays_invisible_is_sent_again() {
    let mut world = World::new();
    world.fates.push_back(Fate::Instead(Answer::Done(calltrail_front::Reply::Accepted(
        calltrail_front::Accepted { message_uid: calltrail_domain::ids::MessageUid::new("lost") },
    ))));
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
    assert_eq!(world.front.messages.len(), 1);
    let imports = world.requests.iter().filter(|request| **request == "import_message").count();
    assert_eq!(imports, 2);
}

#[test]
fn a_writer_that_meets_an_import_in_flight_waits_for_its_deadline_by_its_own_clock() {
    let mut world = World::new();
    let crashed = world.run_until(&first_call(), |command| matches!(command, Command::Send { .. }));
    assert_eq!(crashed, End::Crashed);
    world.now = world.now.plus(Duration::from_hours(1));
    // The store's clock is no help here: it was set back.
    world.store_ahead_ms = -7_200_000;
    world.restart();
    let met_at = world.now;
    assert_eq!(world.run(&first_call()), End::Released(ATTEMPT, Why::InDoubt));
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
    assert!(world.now.since(met_at) >= ATTEMPT);
}

#[test]
fn a_clock_that_is_set_back_does_not_make_a_doubt_longer() {
    let mut world = World::new();
    world.fates.push_back(Fate::LostBefore);
    let start = world.now;
    let back = Timestamp::from_millis(start.as_millis() - 3_600_000);
    let set_back = |world: &mut World, _: &Command| {
        if world.requests.len() == 1 && world.now > start {
            world.now = back;
        }
        false
    };
    let End::Released(after, _) = world.run_beside(&first_call(), set_back) else {
        panic!("the doubt is waited for")
    };
    assert!(after <= ATTEMPT, "the hour is not waited for");
    world.now = world.now.plus(after);
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
    assert!(world.now.since(back) < ATTEMPT + GRACE);
}

#[test]
fn an_item_at_or_below_the_mark_is_only_acknowledged() {
    let mut world = World::new();
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
    let (requests, facts) = (world.requests.len(), world.log.len());
    let again = WorkItem { publication: 2, ..first_call() };
    assert_eq!(world.run(&again), End::Done);
    assert_eq!((world.requests.len(), world.log.len()), (requests, facts));
}

#[test]
fn a_settled_fence_whose_fact_may_be_missing_is_told_again_and_nothing_is_sent() {
    let mut world = World::new();
    let crashed = world.run_until(&first_call(), |command| matches!(command, Command::Append(_)));
    assert_eq!((crashed, world.log.len()), (End::Crashed, 0));
    let requests = world.requests.len();
    check(&mut world, &first_call(), &["7:call applied cnv_1"]);
    assert_eq!(world.requests.len(), requests);
}

#[test]
fn a_fact_is_appended_only_after_the_fence_says_that_the_effect_is_settled() {
    let mut world = World::new();
    let item = first_call();
    world.run_until(&item, |command| matches!(command, Command::Append(_)));
    let (fence, _) = world.fence.expect("the fence is stored");
    assert!(matches!(fence.entries[0].state, State::Settled { .. }));
    assert!(!fence.entries[0].appended);
}

#[test]
fn commands_show_nothing_personal() {
    let mut world = World::new();
    let from = Sender::Agent {
        email: Some("iris@example.com".to_owned()),
        line_number: None,
        number: Some(number()),
        assign: true,
    };
    let mut shown = String::new();
    world.run_until(&item(None, vec![import_from(7, EffectKind::Call, from)]), |command| {
        shown.push_str(&format!("{command:?} "));
        false
    });
    assert!(shown.contains("FindTeammate") && shown.contains("Send(Request(import_message))"), "{shown}");
    assert!(!shown.contains("iris") && !shown.contains("336"), "{shown}");
}

#[test]
fn a_republished_item_without_a_fence_counts_as_in_doubt() {
    let mut world = World::new();
    let item = WorkItem { publication: 2, ..first_call() };
    world.run_until(&item, |command| matches!(command, Command::Send { .. }));
    assert!(world.fence.expect("the fence is stored").0.entries[0].ambiguous);
}

#[test]
fn a_claim_that_lost_its_fence_to_another_reads_it_again() {
    let mut world = World::new();
    let item = first_call();
    let mut slow = world.claim(&item);
    let mut input = calltrail_front_writer::command::Input::Claimed;
    let write = loop {
        match slow.step(world.now, input) {
            command @ Command::WriteFence { .. } => break command,
            command => input = world.perform(command),
        }
    };
    world.run_to_end(&item);
    let lost = world.perform(write);
    let next = slow.step(world.now, lost);
    assert_eq!(next, Command::ReadFence);
    let found = world.perform(next);
    let acknowledgement = slow.step(world.now, found);
    assert!(matches!(acknowledgement, Command::WriteFence { .. }));
    let written = world.perform(acknowledgement);
    assert_eq!(slow.step(world.now, written), Command::Done);
    assert_eq!(world.front.messages.len(), 1);
}

#[test]
fn the_agent_is_the_author_and_the_assignee_and_an_unknown_one_is_neither() {
    for (email, author) in [("IRIS@example.com", Some("tea_1")), ("nobody@example.com", None)] {
        let mut world = World::new();
        let from = Sender::Agent {
            email: Some(email.to_owned()),
            line_number: None,
            number: Some(number()),
            assign: true,
        };
        let item = item(None, vec![import_from(7, EffectKind::Call, from)]);
        check(&mut world, &item, &["7:call applied cnv_1"]);
        assert_eq!(world.front.messages[0].activity.author.as_ref().map(|id| id.as_str()), author);
        assert_eq!(world.requests[0], "list_teammates");
    }
}

#[test]
fn a_list_of_teammates_that_cannot_be_read_costs_no_author() {
    let mut world = World::new();
    world.fates.push_back(Fate::LostBefore);
    let email = Some("iris@example.com".to_owned());
    let from = Sender::Agent { email, line_number: None, number: Some(number()), assign: true };
    check(&mut world, &item(None, vec![import_from(7, EffectKind::Call, from)]), &["7:call applied cnv_1"]);
    assert_eq!(world.front.messages[0].activity.author.as_ref().map(|id| id.as_str()), Some("tea_1"));
}

#[test]
fn a_known_contact_gets_the_handle_that_imports_are_matched_by() {
    let mut world = World::new();
    let handles = vec![handle(HandleSource::Phone, NUMBER)];
    world.front.contacts.insert(NUMBER.to_owned(), Contact { id: ContactId::new("crd_9"), handles });
    check(&mut world, &item(None, vec![look_up(7, &[])]), &["7:contact found crd_9"]);
    assert_eq!(world.front.writes, ["handle custom crd_9"]);
}

#[test]
fn an_unknown_number_becomes_a_contact_once_also_when_the_answer_is_lost() {
    for fate in [Fate::Answered, Fate::LostAfter, Fate::LostBefore] {
        let mut world = World::new();
        world.fates.extend([Fate::Answered, fate.clone()]);
        let found = if fate == Fate::LostAfter { "found" } else { "created" };
        check(&mut world, &item(None, vec![look_up(7, &[])]), &[&format!("7:contact {found} crd_1")]);
        assert_eq!(world.front.writes, ["contact crd_1"]);
    }
}

#[test]
fn a_conflict_without_emails_names_the_contact_which_then_gets_the_number() {
    let mut world = World::new();
    let other = ContactId::new("crd_5");
    world.front.contacts.insert("+15550100".to_owned(), Contact { id: other.clone(), handles: vec![] });
    world.fates.extend([Fate::Answered, Fate::Instead(conflict_with(&other))]);
    check(&mut world, &item(None, vec![look_up(7, &[])]), &["7:contact found crd_5"]);
    assert_eq!(world.front.writes, ["handle phone crd_5", "handle custom crd_5"]);
}

#[test]
fn an_email_that_front_refuses_does_not_cost_the_contact() {
    let mut world = World::new();
    world.fates.extend([Fate::Answered, Fate::Instead(refused(400, "no e-mail"))]);
    check(&mut world, &item(None, vec![look_up(7, &["@"])]), &["7:contact created crd_1"]);
}

#[test]
fn what_is_observed_is_dated_before_the_request() {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Snoozed);
    let start = world.now;
    check(&mut world, &item(Some("cnv_5"), vec![observe(7, "cnv_5")]), &["7:observe observed cnv_5 Snoozed"]);
    let fact = &world.facts()[0];
    assert!(matches!(fact.outcome, calltrail_domain::effect::Outcome::Observed { at, .. } if at == start));
}

#[test]
fn a_status_that_cannot_be_read_for_a_minute_is_given_up_and_is_no_dead_letter() {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Open);
    world.fates.extend(vec![Fate::LostBefore; 100]);
    let start = world.now;
    let expect = ["7:observe rejected 0 the conversation could not be read for 60 s"];
    check(&mut world, &item(Some("cnv_5"), vec![observe(7, "cnv_5")]), &expect);
    assert!(world.now.since(start) >= Duration::from_secs(60));
    assert!(world.letters.is_empty());
}

#[test]
fn a_merged_conversation_is_told_to_the_log_and_its_survivor_is_used() {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Open);
    let survivor = world.front.open_room("cnv_6", ConversationStatus::Open);
    world.front.room("cnv_5").merged_into = Some(survivor);
    let effects = vec![observe(7, "cnv_5"), assign(7, "iris@example.com")];
    check(
        &mut world,
        &item(Some("cnv_5"), effects),
        &["7:observe observed cnv_6 Open", "7:assign applied cnv_6"],
    );
    let mergers: Vec<_> = world
        .log
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::ConversationMerged(merged) => Some(format!("{} {}", merged.from, merged.into)),
            _ => None,
        })
        .collect();
    assert_eq!(mergers, ["cnv_5 cnv_6"]);
}
