//! How an import is recognised in Front: by its uid, by its marker, on every page, and after a merger.

use std::time::Duration;

use calltrail_domain::effect::{ConversationStatus, Sender, WorkItem};
use calltrail_domain::ids::{ContactId, EffectKind};
use calltrail_domain::record::RecordBody;
use calltrail_front::Contact;
use calltrail_front_writer::limits::INVISIBLE_RESENDS_MAX;

use crate::front::{ANONYMOUS, Repeat, refused};
use crate::world::{End, Fate, World, import, import_from, item};

fn with_room() -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Open);
    world.front.lag_ms = 0;
    world
}

fn of_call(call: u64) -> WorkItem {
    item(Some("cnv_5"), vec![import(call, EffectKind::Call)])
}

/// What a writer knows of the parties is gone.
fn forget(world: &mut World) {
    (world.fence, world.log) = (None, Vec::new());
    world.requests.clear();
}

#[test]
fn a_uid_proves_a_message_whose_text_front_has_rewritten() {
    let mut world = with_room();
    world.front.rewrites = true;
    world.run_to_end(&of_call(7));
    assert_eq!(world.outcomes(), ["7:call applied cnv_5"]);
    assert_eq!(world.requests, ["import_message", "list_conversation_messages"]);
}

#[test]
fn a_claim_that_comes_back_for_an_import_looks_once_and_not_quickly_again() {
    let mut world = with_room();
    world.front.lag_ms = 50_000;
    let mut looks_of_claims = Vec::new();
    loop {
        let before = world.requests.len();
        let end = world.run(&of_call(7));
        looks_of_claims.push(world.requests.len() - before);
        let End::Released(after, _) = end else { break };
        world.now = world.now.plus(after);
    }
    assert_eq!(world.outcomes(), ["7:call applied cnv_5"]);
    // The import and seven looks, then one look every fifteen seconds.
    assert_eq!(looks_of_claims, [8, 1, 1, 1]);
}

#[test]
fn a_marker_is_looked_for_on_further_pages() {
    let mut world = with_room();
    world.front.page_len = 1;
    for call in [7, 8, 9] {
        world.run_to_end(&of_call(call));
        forget(&mut world);
    }
    world.front.repeat = Repeat::Refused;
    world.run_to_end(&of_call(7));
    assert_eq!(world.outcomes(), ["7:call applied cnv_5"]);
    let list = "list_conversation_messages";
    assert_eq!(world.requests, ["import_message", list, list, list]);
    assert_eq!(world.front.messages.len(), 3);
}

#[test]
fn import_of_an_earlier_release_is_found_by_its_marker() {
    for (marker, found) in [("Aircall call 7", true), ("Aircall call 77", false), ("Aircall #7", true)] {
        let mut world = with_room();
        world.run_to_end(&of_call(7));
        forget(&mut world);
        marker.clone_into(&mut world.front.messages[0].last_line);
        world.front.repeat = Repeat::Refused;
        world.run_to_end(&of_call(7));
        assert_eq!(world.outcomes() == ["7:call applied cnv_5"], found, "{marker}");
    }
}

#[test]
fn an_import_into_a_merged_conversation_goes_into_its_survivor() {
    let mut world = with_room();
    let survivor = world.front.open_room("cnv_6", ConversationStatus::Open);
    world.front.room("cnv_5").merged_into = Some(survivor.clone());
    world.run_to_end(&of_call(7));
    assert_eq!(world.outcomes(), ["7:call applied cnv_6"]);
    assert_eq!(world.front.messages[0].conversation, survivor);
    let merged =
        |body: &RecordBody| matches!(body, RecordBody::ConversationMerged(merged) if merged.into == survivor);
    assert_eq!(world.log.iter().filter(|record| merged(&record.body)).count(), 1);
}

fn anonymous() -> WorkItem {
    let from = Sender::Customer { number: None, name: None, line_number: None };
    item(None, vec![import_from(7, EffectKind::Call, from)])
}

#[test]
fn an_import_from_a_caller_without_a_number_is_looked_for_among_all_such_callers() {
    for status in [400, 409] {
        let mut world = World::new();
        let contact = Contact { id: ContactId::new("crd_1"), handles: Vec::new() };
        world.front.contacts.insert(ANONYMOUS.to_owned(), contact);
        world.fates = [Fate::LostAfter, Fate::Instead(refused(status, "known"))].into();
        world.run_to_end(&anonymous());
        assert_eq!(world.outcomes(), ["7:call applied cnv_1"]);
        let look = ["get_contact", "list_contact_conversations", "list_conversation_messages"];
        assert_eq!(world.requests[..2], ["import_message"; 2]);
        assert_eq!(world.requests[2..], look);
        assert_eq!((world.front.messages.len(), world.letters.len()), (1, 0));
    }
}

/// Front has the call, shows it so long after it took it, and answers 409 to it from now on.
fn known_and_not_shown(lag: Duration) -> World {
    let mut world = with_room();
    (world.front.repeat, world.front.lag_ms) = (Repeat::Refused, lag.as_millis() as i64);
    world
}

fn imports(world: &World) -> usize {
    world.requests.iter().filter(|request| **request == "import_message").count()
}

/// The fence is lost together with what it said of the first attempt.
fn without_doubt(world: &mut World) {
    assert!(matches!(world.run(&of_call(7)), End::Released(..)));
    forget(world);
}

fn in_doubt(world: &mut World) {
    world.fates.push_back(Fate::LostAfter);
}

#[test]
fn an_import_that_front_knows_and_does_not_show_yet_is_sent_again_until_it_does() {
    for before in [in_doubt, without_doubt] {
        for seconds in [80, 100, 200, 300, 400, 600, 720] {
            let mut world = known_and_not_shown(Duration::from_secs(seconds));
            before(&mut world);
            world.run_to_end(&of_call(7));
            assert_eq!(world.outcomes(), ["7:call applied cnv_5"], "shown after {seconds} s");
            assert_eq!((world.front.messages.len(), world.letters.len()), (1, 0));
        }
    }
}

#[test]
fn an_import_that_front_knows_and_never_shows_is_refused_after_a_few_more_tries() {
    for (before, sent_before) in [(in_doubt as fn(&mut World), 1), (without_doubt, 0)] {
        let mut world = known_and_not_shown(Duration::from_hours(24 * 365));
        before(&mut world);
        world.run_to_end(&of_call(7));
        assert_eq!(world.outcomes(), ["7:call rejected 409 external_id is taken"]);
        assert_eq!(imports(&world), sent_before + 1 + INVISIBLE_RESENDS_MAX as usize);
        assert_eq!(world.letters.len(), 1);
    }
}

#[test]
fn a_refused_import_in_doubt_is_looked_for_in_the_survivor_of_its_conversation() {
    let mut world = with_room();
    world.front.refusal = Some((405, "no"));
    world.fates.push_back(Fate::LostBefore);
    for _ in 0..2 {
        let End::Released(after, _) = world.run(&of_call(7)) else { panic!("the doubt is waited for") };
        world.now = world.now.plus(after);
    }
    let survivor = world.front.open_room("cnv_6", ConversationStatus::Open);
    world.front.room("cnv_5").merged_into = Some(survivor);
    let asked = world.requests.len();
    let end = world.run(&of_call(7));
    assert_eq!(world.requests[asked..asked + 2], ["list_conversation_messages"; 2], "{end:?}");
    world.front.refusal = None;
    world.run_to_end(&of_call(7));
    assert_eq!(world.outcomes(), ["7:call applied cnv_6"]);
}
