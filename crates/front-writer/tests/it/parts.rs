//! What belongs to a call that Front refused is skipped, also where the conversation is known; other calls are not touched.
//! What belongs to an older conversation goes there.

use calltrail_domain::effect::{ConversationStatus, Effect, WorkItem};
use calltrail_domain::ids::{ConversationId, EffectKind};

use crate::front::refused;
use crate::world::{Fate, World, assign, comment, import, item, reopen, tag};

fn world() -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Archived);
    world
}

/// All that a call may bring after its own activity.
fn parts(call: u64) -> Vec<Effect> {
    let kinds = [
        EffectKind::Duration,
        EffectKind::Recording,
        EffectKind::RecordingPending,
        EffectKind::Voicemail,
        EffectKind::VoicemailPending,
    ];
    let imports = kinds.map(|kind| import(call, kind));
    let others = [comment(call, None), tag(call, "Refund"), assign(call, "iris@example.com"), reopen(call)];
    imports.into_iter().chain(others).collect()
}

#[test]
fn parts_of_a_refused_call_are_skipped_in_a_known_conversation() {
    for part in parts(7) {
        let mut world = world();
        world.fates.push_back(Fate::Instead(refused(405, "no")));
        let key = part.key;
        let effects = vec![import(7, EffectKind::Call), part, import(8, EffectKind::Call), comment(8, None)];
        world.run_to_end(&item(Some("cnv_5"), effects));
        let expect = [
            "7:call rejected 405 no".to_owned(),
            format!("{key} skipped 7:call"),
            "8:call applied cnv_5".to_owned(),
            "8:comment:99 applied cnv_5".to_owned(),
        ];
        assert_eq!(world.outcomes(), expect);
        assert_eq!(world.letters.len(), 1, "the refused call alone can be retried");
    }
}

#[test]
fn refused_part_takes_nothing_else_with_it() {
    let mut world = world();
    world.fates.extend([Fate::Answered, Fate::Instead(refused(405, "no"))]);
    let effects = vec![
        import(7, EffectKind::Call),
        import(7, EffectKind::Duration),
        comment(7, None),
        comment(8, None),
    ];
    world.run_to_end(&item(Some("cnv_5"), effects));
    let expect = [
        "7:call applied cnv_5",
        "7:duration rejected 405 no",
        "7:comment:99 applied cnv_5",
        "8:comment:99 applied cnv_5",
    ];
    assert_eq!(world.outcomes(), expect);
}

/// The effect goes into a conversation of its own.
fn into(mut item: WorkItem, index: usize, conversation: &str) -> WorkItem {
    item.effects[index].conversation = Some(ConversationId::new(conversation));
    item
}

#[test]
fn effect_with_its_own_conversation_goes_there() {
    let effects = [
        import(7, EffectKind::Recording),
        comment(7, None),
        tag(7, "Refund"),
        assign(7, "iris@example.com"),
        reopen(7),
    ];
    for effect in effects {
        let mut world = world();
        world.front.open_room("cnv_4", ConversationStatus::Archived);
        let key = effect.key;
        let item = into(item(Some("cnv_5"), vec![effect, import(8, EffectKind::Call)]), 0, "cnv_4");
        world.run_to_end(&item);
        assert_eq!(world.outcomes(), [format!("{key} applied cnv_4"), "8:call applied cnv_5".to_owned()]);
    }
}

#[test]
fn late_part_opens_no_conversation_for_the_next_call() {
    let mut world = world();
    let item =
        into(item(None, vec![import(7, EffectKind::Recording), import(8, EffectKind::Call)]), 0, "cnv_5");
    world.run_to_end(&item);
    assert_eq!(world.outcomes(), ["7:recording applied cnv_5", "8:call applied cnv_2"]);
    assert_eq!(world.front.messages[1].activity.conversation, None);
}
