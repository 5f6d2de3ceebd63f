//! How an import is recognised in Front: by its uid, by its marker, on every page, and after a merger.

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::EffectKind;
use calltrail_domain::record::RecordBody;

use crate::front::Repeat;
use crate::world::{End, World, import, item};

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
