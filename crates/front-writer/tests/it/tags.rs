//! Tags: found by name or made, and set only where they are not set already.

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::TagId;
use calltrail_front::{Answer, Reply, Tag};

use crate::world::{Fate, World, item, tag};

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
