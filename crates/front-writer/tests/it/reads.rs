//! A read whose status is not what the log believes finds out in Front's events when it changed.

use calltrail_domain::effect::{Act, Action, ConversationStatus, ObserveConversation, Outcome, WorkItem};
use calltrail_domain::ids::ConversationId;
use calltrail_domain::time::Timestamp;
use calltrail_front::{Ambiguous, Answer, ConversationEvent};
use calltrail_front_writer::limits::{ACTS_MAX, OBSERVE_MAX};

use crate::front::refused;
use crate::world::{Fate, World, item, lost, observe};

const BOTH: [&str; 2] = ["get_conversation", "list_conversation_events"];

fn world(status: ConversationStatus) -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", status);
    world
}

/// A read of a conversation whose segment is believed to have ended, or not.
fn reading(segment_ended: Option<bool>) -> WorkItem {
    let mut effect = observe(7, "cnv_5");
    let conversation = ConversationId::new("cnv_5");
    effect.action =
        Action::ObserveConversation(ObserveConversation { conversation, segment_ended, with_inboxes: false });
    item(Some("cnv_5"), vec![effect])
}

/// An event so many seconds before the world begins.
fn event(world: &World, name: &str, seconds_ago: i64, by_person: bool) -> ConversationEvent {
    let at = Timestamp::from_millis(world.now.as_millis() - seconds_ago * 1000);
    ConversationEvent { name: name.to_owned(), at, by_person }
}

fn acts_in(world: &World) -> Vec<Act> {
    let facts = world.facts();
    let [fact] = facts.as_slice() else { panic!("one fact is told") };
    match &fact.outcome {
        Outcome::Observed { acts, .. } => acts.clone(),
        outcome => panic!("{outcome:?} is no read"),
    }
}

#[test]
fn events_are_read_only_where_the_status_is_news() {
    use ConversationStatus::{Archived, Open, Snoozed, Trashed};
    let cases = [
        (Archived, Some(false), true),
        (Open, Some(true), true),
        (Snoozed, Some(true), true),
        (Trashed, Some(true), false),
        (Trashed, Some(false), false),
        (Archived, Some(true), false),
        (Open, Some(false), false),
        (Snoozed, Some(false), false),
        (Archived, None, false),
        (Open, None, false),
    ];
    for (status, believed, is_news) in cases {
        let mut world = world(status);
        let archived = event(&world, "archive", 60, true);
        world.front.room("cnv_5").events.push(archived.clone());
        world.run_to_end(&reading(believed));
        assert_eq!(world.requests, BOTH[..1 + usize::from(is_news)], "{status:?}, believed {believed:?}");
        let expect = if is_news { vec![Act { at: archived.at, archived: true }] } else { Vec::new() };
        assert_eq!(acts_in(&world), expect);
        assert_eq!(world.outcomes(), [format!("7:observe observed cnv_5 {status:?}")]);
    }
}

#[test]
fn acts_are_those_of_people_oldest_first_and_bounded() {
    let mut short = world(ConversationStatus::Archived);
    let names = [("archive", 10, true), ("comment", 15, true), ("reopen", 20, false), ("reopen", 30, true)];
    let events = names.map(|(name, ago, by_person)| event(&short, name, ago, by_person));
    short.front.room("cnv_5").events.extend(events);
    short.run_to_end(&reading(Some(false)));
    assert_eq!(acts_in(&short).iter().map(|act| act.archived).collect::<Vec<_>>(), [false, true]);
    let mut long = world(ConversationStatus::Archived);
    let count = ACTS_MAX as i64 * 3;
    let events: Vec<_> = (0..count).map(|ago| event(&long, "archive", ago, true)).collect();
    let last = events[0].at;
    long.front.room("cnv_5").events.extend(events);
    long.run_to_end(&reading(Some(false)));
    let acts = acts_in(&long);
    assert_eq!((acts.len(), acts.last().map(|act| act.at)), (ACTS_MAX, Some(last)));
    assert!(acts.is_sorted_by_key(|act| act.at));
}

#[test]
fn events_that_cannot_be_read_leave_the_status() {
    for status in [403, 404, 400] {
        let mut world = world(ConversationStatus::Archived);
        world.fates.extend([Fate::Answered, Fate::Instead(refused(status, "no"))]);
        world.run_to_end(&reading(Some(false)));
        assert_eq!(acts_in(&world), []);
        assert_eq!((world.requests.as_slice(), world.letters.len()), (BOTH.as_slice(), 0), "{status}");
    }
}

#[test]
fn events_without_an_answer_are_given_up_after_a_minute() {
    let malformed = Answer::Ambiguous { reason: Ambiguous::Malformed };
    for answer in [lost(), malformed] {
        let mut world = world(ConversationStatus::Archived);
        let fates = [Fate::Answered, Fate::Instead(answer)];
        world.fates.extend(fates.iter().cycle().take(400).cloned());
        let start = world.now;
        world.run_to_end(&reading(Some(false)));
        assert_eq!(world.outcomes(), ["7:observe observed cnv_5 Archived"]);
        assert_eq!(acts_in(&world), []);
        let took = world.now.since(start);
        assert!(took >= OBSERVE_MAX && took < OBSERVE_MAX * 3, "{took:?}");
    }
}

#[test]
fn merger_between_the_reads_is_followed() {
    let mut world = world(ConversationStatus::Archived);
    let survivor = world.front.open_room("cnv_6", ConversationStatus::Archived);
    let archived = event(&world, "archive", 5, true);
    world.front.room("cnv_6").events.push(archived);
    world.run_beside(&reading(Some(false)), |world, _| {
        if world.requests.len() == 1 {
            world.front.room("cnv_5").merged_into = Some(survivor.clone());
        }
        false
    });
    assert_eq!(world.outcomes(), ["7:observe observed cnv_6 Archived"]);
    assert_eq!(acts_in(&world).len(), 1);
}

/// What is believed is believed of the conversation that was asked for.
#[test]
fn survivors_events_are_read_whatever_was_believed() {
    use ConversationStatus::{Archived, Open, Snoozed};
    for (status, believed, acts) in
        [(Archived, true, 1), (Archived, false, 1), (Open, true, 0), (Snoozed, true, 0), (Open, false, 0)]
    {
        let mut world = world(Archived);
        let survivor = world.front.open_room("cnv_6", status);
        let archived = event(&world, "archive", 5, true);
        world.front.room("cnv_6").events.push(archived);
        world.front.room("cnv_5").merged_into = Some(survivor);
        world.run_to_end(&reading(Some(believed)));
        assert_eq!(world.outcomes(), [format!("7:observe observed cnv_6 {status:?}")]);
        assert_eq!(acts_in(&world).len(), acts, "{status:?}, believed {believed}");
    }
}
