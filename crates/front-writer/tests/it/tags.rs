//! Tags: found by name or made, and set only where they are not set already.

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::{EffectKind, TagId};
use calltrail_front::{Answer, Reply, Tag};
use calltrail_front_writer::command::Why;

use crate::front::refused;
use crate::world::{End, Fate, World, import, item, tag};

fn world(known: &[&str], set: &[&str]) -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Open);
    let numbered = |(number, name): (usize, &&str)| Tag {
        id: TagId::new(format!("tag_{}", number + 1)),
        name: (*name).to_owned(),
    };
    world.front.tags = known.iter().enumerate().map(numbered).collect();
    world.front.room("cnv_5").tags = set.iter().map(|name| (*name).to_owned()).collect();
    world
}

fn tagging() -> WorkItem {
    item(Some("cnv_5"), vec![tag(7, "Refund")])
}

fn check(mut world: World, writes: &[&str], requests: &[&str]) {
    world.run_to_end(&tagging());
    assert_eq!(world.front.room("cnv_5").tags, ["Refund"]);
    assert_eq!(world.front.writes, writes);
    assert_eq!(world.requests, requests);
    assert_eq!(world.outcomes(), ["7:tag:7 applied cnv_5"]);
}

#[test]
fn a_tag_that_is_known_is_set_and_one_that_is_not_is_made() {
    let requests = ["get_conversation", "list_tags", "add_tag"];
    check(world(&["Vip", "Refund"], &[]), &["tag cnv_5 tag_2"], &requests);
    let requests = ["get_conversation", "list_tags", "create_tag", "add_tag"];
    check(world(&[], &[]), &["create tag Refund", "tag cnv_5 tag_1"], &requests);
}

#[test]
fn a_tag_that_is_set_already_takes_one_look() {
    check(world(&["Refund"], &["Refund"]), &[], &["get_conversation"]);
}

#[test]
fn a_tag_in_doubt_is_looked_at_before_it_is_set_again() {
    let mut there = world(&["Refund"], &[]);
    there.fates = [Fate::Answered, Fate::Answered, Fate::LostAfter].into();
    let requests = ["get_conversation", "list_tags", "add_tag", "get_conversation"];
    check(there, &["tag cnv_5 tag_1"], &requests);
    let mut made = world(&[], &[]);
    made.fates = [Fate::Answered, Fate::Answered, Fate::LostAfter].into();
    let requests =
        ["get_conversation", "list_tags", "create_tag", "get_conversation", "list_tags", "add_tag"];
    check(made, &["create tag Refund", "tag cnv_5 tag_1"], &requests);
}

/// The call, its first tag, which Front refuses with this answer at the `at`th request, and its second tag.
fn refused_at(at: usize, status: u16, words: &str) -> (World, WorkItem) {
    let mut world = world(&["Vip"], &[]);
    world.fates.extend(vec![Fate::Answered; at]);
    world.fates.push_back(Fate::Instead(refused(status, words)));
    let effects = vec![import(7, EffectKind::Call), tag(7, "Refund"), tag(8, "Vip")];
    (world, item(Some("cnv_5"), effects))
}

#[test]
fn a_tag_that_front_refuses_is_a_dead_letter_and_costs_nothing_else() {
    // The import, the look for it, the conversation, the list of tags, and the new tag.
    for (status, words) in [(400, "name is not allowed"), (422, "Body did not satisfy requirements")] {
        let (mut world, item) = refused_at(4, status, words);
        world.run_to_end(&item);
        let rejected = format!("7:tag:7 rejected {status} {words}");
        assert_eq!(world.outcomes(), ["7:call applied cnv_5", &rejected, "8:tag:7 applied cnv_5"]);
        let letters: Vec<String> =
            world.letters.values().map(|letter| letter.effect.key.to_string()).collect();
        assert_eq!(letters, ["7:tag:7"]);
        assert_eq!(world.front.room("cnv_5").tags, ["Vip"]);
    }
}

#[test]
fn a_tag_waits_for_the_right_to_make_tags() {
    let (mut world, item) = refused_at(4, 403, "The token lacks the scope tags:write");
    let End::Released(after, Why::Operator) = world.run(&item) else { panic!("it waits for an operator") };
    assert_eq!(world.letters.len(), 0);
    world.now = world.now.plus(after);
    world.run_to_end(&item);
    assert_eq!(world.outcomes(), ["7:call applied cnv_5", "7:tag:7 applied cnv_5", "8:tag:7 applied cnv_5"]);
    assert_eq!(world.front.room("cnv_5").tags, ["Refund", "Vip"]);
}

#[test]
fn a_tag_that_front_writes_in_another_way_is_made_once() {
    let mut world = world(&[], &[]);
    let made = Tag { id: TagId::new("tag_1"), name: "refund".to_owned() };
    world.front.tags = vec![made.clone()];
    world.fates = [Fate::Answered, Fate::Answered, Fate::Instead(Answer::Done(Reply::Tag(made)))].into();
    world.run_to_end(&tagging());
    assert_eq!(world.requests, ["get_conversation", "list_tags", "create_tag", "add_tag"]);
    assert_eq!(world.front.room("cnv_5").tags, ["refund"]);
}
