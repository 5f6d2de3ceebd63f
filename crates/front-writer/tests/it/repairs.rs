//! Who repairs what Front refuses: the engine by leaving something out, an operator while the work waits, or no one.

use std::time::Duration;

use calltrail_domain::effect::{Action, ConversationStatus, Effect, Sender, WorkItem};
use calltrail_domain::ids::{ConversationId, EffectKind, InboxId, LineId};
use calltrail_front::{Ambiguous, Answer};
use calltrail_front_writer::command::Why;

use crate::front::refused;
use crate::world::{
    End, Fate, World, comment, import, import_from, item, look_up, number, observe, reopen, tag,
};

fn world() -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Open);
    world
}

fn page(status: u16) -> Fate {
    Fate::Instead(Answer::Ambiguous { reason: Ambiguous::Page { status, retry_after: None } })
}

fn refusal(status: u16, words: &str) -> Fate {
    Fate::Instead(refused(status, words))
}

/// The effect is settled like this, and no dead letter is kept.
fn check(mut world: World, effect: Effect, expect: &str) -> World {
    world.run_to_end(&item(Some("cnv_5"), vec![effect]));
    assert_eq!((world.outcomes(), world.letters.len()), (vec![expect.to_owned()], 0));
    world
}

fn by_iris(kind: EffectKind) -> Effect {
    let email = Some("iris@example.com".to_owned());
    import_from(7, kind, Sender::Agent { email, line_number: None, number: Some(number()), assign: true })
}

fn call() -> Effect {
    import(7, EffectKind::Call)
}

#[test]
fn pages_of_a_proxy_cost_nothing_but_time() {
    for status in [400, 401, 403, 404, 407, 422, 429] {
        for effect in
            [call(), by_iris(EffectKind::Call), comment(7, Some("iris@example.com")), tag(7, "Refund")]
        {
            let (key, wants_author) = (effect.key, effect == by_iris(EffectKind::Call));
            let mut world = world();
            world.fates.extend(vec![page(status); 4]);
            let world = check(world, effect, &format!("{key} applied cnv_5"));
            let has_author = world.front.messages.iter().any(|one| one.activity.author.is_some());
            assert_eq!(has_author, wants_author, "{status} {key}");
        }
    }
}

#[test]
fn page_in_place_of_the_teammates_costs_no_author() {
    let mut world = world();
    world.fates.extend([page(404), page(403)]);
    let world = check(world, by_iris(EffectKind::Call), "7:call applied cnv_5");
    assert!(world.front.messages[0].activity.author.is_some());
}

#[test]
fn page_in_place_of_a_conversation_does_not_say_that_it_is_gone() {
    let mut world = world();
    world.fates.extend([page(404), page(410)]);
    check(world, observe(7, "cnv_5"), "7:observe observed cnv_5 Open");
}

#[test]
fn page_in_place_of_a_contact_makes_no_second_one() {
    let mut world = world();
    world.run_to_end(&item(None, vec![look_up(6, &[])]));
    (world.fence, world.log) = (None, Vec::new());
    world.fates.extend([page(404)]);
    world.run_to_end(&item(None, vec![look_up(7, &[])]));
    assert_eq!(world.front.contacts.len(), 1);
}

#[test]
fn eight_failures_in_a_row_cost_less_than_ninety_seconds() {
    let mut world = world();
    let broken = Fate::Instead(Answer::Ambiguous { reason: Ambiguous::Status(502) });
    world.fates.extend(vec![broken; 8]);
    let start = world.now;
    let world = check(world, call(), "7:call applied cnv_5");
    assert!(world.now.since(start) < Duration::from_secs(90), "{:?}", world.now.since(start));
}

#[test]
fn refused_author_is_left_out_whatever_the_status() {
    for (status, words) in
        [(403, "Teammate has no access to this inbox"), (402, ""), (409, "blocked"), (404, "")]
    {
        let mut world = world();
        world.fates.extend([Fate::Answered, refusal(status, words)]);
        if status == 409 {
            // It may mean that Front has it: that is looked into first.
            world.front.lag_ms = 0;
        }
        let world = check(world, by_iris(EffectKind::Call), "7:call applied cnv_5");
        assert!(world.front.messages[0].activity.author.is_none(), "{status}");
    }
}

#[test]
fn text_that_is_too_long_goes_shorter_with_a_note() {
    for (status, words) in [(413, ""), (422, "body is too long"), (400, "body exceeds the maximum")] {
        let mut effect = call();
        let Action::ImportActivity(wanted) = &mut effect.action else { unreachable!("it is an import") };
        wanted.body = format!("{}\n\n{}", "x".repeat(50_000), effect.key.marker());
        let mut world = world();
        world.fates.extend([refusal(status, words)]);
        if status != 413 {
            world.fates.clear();
            world.fates.extend([refusal(status, words)]);
        }
        let world = check(world, effect, "7:call applied cnv_5");
        let body = &world.front.messages[0].activity.body;
        assert!(body.len() < 9_000 && body.ends_with("Aircall)\n\nAircall #7"), "{status}");
    }
}

/// The claim is given back for an operator, and the effect is done once nothing is wrong any more.
fn check_wait(effect: Effect, times: usize, fate: Fate, before: usize) -> World {
    let key = effect.key;
    let item = item(Some("cnv_5"), vec![effect]);
    let mut world = world();
    for _ in 0..times {
        world.fates.extend(vec![Fate::Answered; before]);
        world.fates.push_back(fate.clone());
        let End::Released(after, why) = world.run(&item) else { panic!("{key} waits") };
        assert_eq!(why, Why::Operator, "{key}");
        assert!(after <= Duration::from_secs(60));
        world.now = world.now.plus(after);
        world.fates.clear();
    }
    world.run_to_end(&item);
    assert_eq!(world.letters.len(), 0);
    world
}

#[test]
fn missing_right_makes_the_work_wait() {
    let lacks = |scope: &str| refusal(403, &format!("The token lacks the scope {scope}"));
    let world = check_wait(call(), 5, lacks("messages:write"), 0);
    assert_eq!(world.outcomes(), ["7:call applied cnv_5"]);
    let world = check_wait(call(), 1, lacks("messages:read"), 1);
    assert_eq!(world.outcomes(), ["7:call applied cnv_5"]);
    let world = check_wait(by_iris(EffectKind::Call), 2, lacks("teammates:read"), 0);
    assert!(world.front.messages[0].activity.author.is_some());
    let world = check_wait(comment(7, None), 2, lacks("comments:write"), 0);
    assert_eq!(world.outcomes(), ["7:comment:99 applied cnv_5"]);
    let world = check_wait(observe(7, "cnv_5"), 20, refusal(403, "Forbidden"), 0);
    assert_eq!(world.outcomes(), ["7:observe observed cnv_5 Open"]);
    let world = check_wait(tag(7, "Refund"), 2, lacks("tags:read"), 1);
    assert_eq!(world.outcomes(), ["7:tag:7 applied cnv_5"]);
    let world = check_wait(look_up(7, &[]), 2, lacks("contacts:write"), 1);
    assert_eq!(world.front.contacts.len(), 1);
}

#[test]
fn forbidden_without_an_author_too_waits_and_goes_with_its_author_later() {
    let item = item(Some("cnv_5"), vec![by_iris(EffectKind::Call)]);
    let mut world = world();
    world.fates.extend([Fate::Answered, refusal(403, "Forbidden"), refusal(403, "Forbidden")]);
    assert!(matches!(world.run(&item), End::Released(_, Why::Operator)));
    world.run_to_end(&item);
    assert_eq!(world.outcomes(), ["7:call applied cnv_5"]);
    assert!(world.front.messages[0].activity.author.is_some());
}

/// An import into `inbox`, of a call of the line 41.
fn into(inbox: &str) -> WorkItem {
    let mut effect = call();
    if let Action::ImportActivity(wanted) = &mut effect.action {
        (wanted.inbox, wanted.line) = (InboxId::new(inbox), Some(LineId(41)));
    }
    item(None, vec![effect])
}

#[test]
fn unknown_inbox_waits_until_front_has_it() {
    for words in ["", "Not found", "Unknown inbox ID inb_1"] {
        let mut world = World::new();
        for _ in 0..12 {
            world.fates.push_back(refusal(404, words));
            let End::Released(after, why) = world.run(&into("inb_1")) else { panic!("it waits") };
            assert_eq!(why, Why::Operator);
            world.now = world.now.plus(after);
        }
        world.run_to_end(&into("inb_1"));
        assert_eq!((world.outcomes(), world.letters.len()), (vec!["7:call applied cnv_1".to_owned()], 0));
    }
}

#[test]
fn inbox_that_front_does_not_have_gives_way_to_the_configured_one() {
    let mut world = World::new();
    world.settings.inboxes.by_line.insert(LineId(41), InboxId::new("inb_9"));
    world.fates.push_back(refusal(404, "Not found"));
    world.run_to_end(&into("inb_gone"));
    assert_eq!(world.front.messages[0].activity.inbox, InboxId::new("inb_9"));
    assert_eq!(world.outcomes(), ["7:call applied cnv_1"]);
}

#[test]
fn configured_inbox_that_is_unknown_too_waits_and_both_are_tried_again() {
    let mut world = World::new();
    world.settings.inboxes.default = InboxId::new("inb_typo");
    world.fates.extend(vec![refusal(404, ""); 2]);
    assert!(matches!(world.run(&into("inb_gone")), End::Released(_, Why::Operator)));
    world.settings.inboxes.default = InboxId::new("inb_right");
    world.fates.push_back(refusal(404, ""));
    world.run_to_end(&into("inb_gone"));
    assert_eq!(world.front.messages[0].activity.inbox, InboxId::new("inb_right"));
}

#[test]
fn bare_not_found_is_the_inbox_where_the_conversation_is_there() {
    let item = item(Some("cnv_5"), vec![call()]);
    let mut world = world();
    world.fates.push_back(refusal(404, "Not found"));
    assert!(matches!(world.run(&item), End::Released(_, Why::Operator)));
    assert_eq!(world.requests, ["import_message", "get_conversation"]);
    world.run_to_end(&item);
    assert_eq!(world.outcomes(), ["7:call applied cnv_5"]);
}

#[test]
fn conversation_that_front_does_not_have_is_gone_for_the_whole_item() {
    for (status, words) in [(400, "Unknown conversation ID cnv_5"), (404, "Unknown conversation ID cnv_5")] {
        let mut world = world();
        world.fates.push_back(refusal(status, words));
        let effects = vec![
            call(),
            import(7, EffectKind::Duration),
            comment(7, None),
            reopen(7),
            import(8, EffectKind::Call),
        ];
        world.run_to_end(&item(Some("cnv_5"), effects));
        let expect = [
            "7:call gone cnv_5",
            "7:duration gone cnv_5",
            "7:comment:99 gone cnv_5",
            "7:reopen gone cnv_5",
            "8:call gone cnv_5",
        ];
        assert_eq!((world.outcomes(), world.letters.len()), (expect.map(str::to_owned).to_vec(), 0));
        assert_eq!(world.requests, ["import_message"], "one refusal says it for all");
    }
}

#[test]
fn bare_not_found_is_the_conversation_where_that_is_not_there() {
    let mut world = World::new();
    world.fates.push_back(refusal(404, "Not found"));
    let world = check(world, call(), "7:call gone cnv_5");
    assert_eq!(world.requests, ["import_message", "get_conversation"]);
    for effect in [reopen(7), comment(7, None)] {
        let expect = format!("{} gone cnv_5", effect.key);
        check(World::new(), effect, &expect);
    }
}

#[test]
fn gone_conversation_is_the_one_that_the_others_go_into() {
    let mut world = world();
    let mut item = item(Some("cnv_5"), vec![comment(7, None), call()]);
    item.effects[0].conversation = Some(ConversationId::new("cnv_4"));
    world.run_to_end(&item);
    assert_eq!(world.outcomes(), ["7:comment:99 gone cnv_4", "7:call applied cnv_5"]);
}
