//! Nothing is too large to pass: decisions and work items are cut by bytes.

use calltrail_domain::decision::Decision;
use calltrail_domain::effect::{Action, WorkItem};
use calltrail_domain::fact::{CallSnapshot, Comment, Fact, MenuChoice};
use calltrail_domain::ids::CallId;
use calltrail_domain::limits::{COMMENT_CHARS_MAX, DECISION_BYTES_MAX, WORK_ITEM_BYTES_MAX};
use calltrail_domain::time::Timestamp;

use crate::engine::{Engine, snapshot};

/// What one record, and one item, may have: the ports' limit.
const PORT_BYTES_MAX: usize = 1_000_000;

fn comments(engine: &mut Engine, call: u64, count: u64, text: &str) {
    let comment =
        |id| Comment { id: call * 1_000 + id, posted_at: None, by: None, text: text.to_owned(), left_out: 0 };
    for id in 1..=count {
        let told = CallSnapshot { comments: vec![comment(id)], ..snapshot(call, 1, 4, true) };
        engine.append(Fact::CallSnapshot(Box::new(told)));
    }
}

fn ended(engine: &mut Engine, call: u64) {
    engine.append(Fact::CallSnapshot(Box::new(snapshot(call, 1, 3, true))));
}

fn decisions(engine: &Engine) -> Vec<Decision> {
    let facts = engine.log.iter().filter_map(|(_, fact)| match fact {
        Fact::EffectsDecided(decided) => Some(decided.decisions.clone()),
        _ => None,
    });
    facts.flatten().collect()
}

fn encoded_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).expect("it has a JSON form").len()
}

/// Runs dry and returns every item that was published.
fn items(engine: &mut Engine) -> Vec<WorkItem> {
    let mut items = Vec::new();
    loop {
        let decided = engine.decide();
        items.extend(engine.published.iter().cloned());
        if !engine.settle_one_item() && decided == 0 {
            return items;
        }
    }
}

fn check(text: &str, count: u64) {
    let mut engine = Engine::new();
    ended(&mut engine, 1);
    comments(&mut engine, 1, count, text);
    let mut published = items(&mut engine);
    ended(&mut engine, 3);
    engine.run_dry();
    comments(&mut engine, 1, count + 7, text);
    comments(&mut engine, 3, count, text);
    published.extend(items(&mut engine));
    for decision in decisions(&engine) {
        assert!(encoded_bytes(&decision) < DECISION_BYTES_MAX + 20_000, "a decision of {}", decision.call);
    }
    for item in published {
        assert!(encoded_bytes(&item) < PORT_BYTES_MAX, "item {}", item.item);
    }
    let shown = engine.effects_in_log().into_iter().filter(|(_, _, key)| key.contains(":comment:")).count();
    assert_eq!(shown as u64, 2 * count + 7);
    for id in [1, 3] {
        let call = engine.state.call(CallId(id)).expect("memory").expect("told");
        assert!(call.effects.values().all(|effect| effect.outcome.is_some()));
    }
}

#[test]
fn long_comments_of_any_alphabet_pass_in_parts() {
    check(&"x".repeat(8_000), 30);
    check(&"\u{1f600}".repeat(COMMENT_CHARS_MAX), 20);
    check(&"\"\n".repeat(COMMENT_CHARS_MAX / 2), 40);
}

#[test]
fn comments_longer_than_front_shows_pass_too() {
    check(&"é".repeat(3 * COMMENT_CHARS_MAX), 16);
}

#[test]
fn shortened_comment_says_so_above_its_marker() {
    for (length, is_cut) in [(COMMENT_CHARS_MAX, false), (COMMENT_CHARS_MAX + 1, true)] {
        let mut engine = Engine::new();
        ended(&mut engine, 1);
        comments(&mut engine, 1, 1, &"x".repeat(length));
        let items = items(&mut engine);
        let effects = items.iter().flat_map(|item| &item.effects);
        let bodies: Vec<_> = effects
            .filter_map(|effect| match &effect.effect.action {
                Action::AddComment(comment) => Some(comment.body.as_str()),
                _ => None,
            })
            .collect();
        let says_so = bodies[0].contains("…\n\n(shortened; the whole text is in Aircall)\n\nAircall #1,");
        assert_eq!(says_so, is_cut, "{length} characters");
    }
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let choice = |n: i64| MenuChoice {
        at: Timestamp::from_seconds(1_700_000_060 + n),
        title: Some(format!("Option {n}")),
        key: None,
    };
    let menu = (1..=13).map(choice).collect();
    let tags = Some((1..=25).map(|n| format!("tag {n:02}")).collect());
    let mut engine = Engine::new();
    engine.append(Fact::CallSnapshot(Box::new(CallSnapshot { menu, tags, ..snapshot(1, 1, 3, false) })));
    let items = items(&mut engine);
    let bodies: Vec<_> = items
        .iter()
        .flat_map(|item| &item.effects)
        .filter_map(|effect| match &effect.effect.action {
            Action::ImportActivity(import) => Some(import.body.as_str()),
            _ => None,
        })
        .collect();
    assert!(bodies[0].contains(", Option 10, … and 3 more  \n"), "{bodies:?}");
    assert!(bodies[0].contains(", tag 20, … and 5 more  \n"), "{bodies:?}");
}

#[test]
fn the_bounds_leave_room_for_what_surrounds_the_effects() {
    const { assert!(DECISION_BYTES_MAX + 100_000 < PORT_BYTES_MAX) };
    const { assert!(WORK_ITEM_BYTES_MAX + 10_000 < PORT_BYTES_MAX) };
}

#[test]
fn an_item_ends_with_the_effects_of_a_call() {
    let mut engine = Engine::new();
    ended(&mut engine, 1);
    engine.run_dry();
    for call in [3, 5, 7] {
        ended(&mut engine, call);
        engine.decide();
        comments(&mut engine, call, 1, "a note");
    }
    // Two of them wait behind the first, and each has two effects and comments of its own.
    for item in items(&mut engine) {
        let calls: Vec<_> = item.effects.iter().map(|effect| effect.effect.key.call).collect();
        let own = item.effects.iter().filter(|effect| effect.effect.key.to_string().ends_with(":call"));
        for own in own {
            let call = own.effect.key.call;
            let parts = calls.iter().filter(|other| **other == call).count();
            assert!(parts >= 2, "the call and its duration are in one item");
        }
    }
}
