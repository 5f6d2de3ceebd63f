//! What comes late for a call: shown once each, under the current segment, and never a reason to reopen.

use std::collections::BTreeMap;

use calltrail_domain::decision::{EffectsDecided, LeftOut, Verdict};
use calltrail_domain::effect::{Action, ImportActivity};
use calltrail_domain::fact::{CallSnapshot, Comment, Fact, Media};
use calltrail_domain::ids::{CallId, MediaLink};
use calltrail_domain::policy::{CallType, Policy};
use calltrail_domain::timer::Timer;
use proptest::prelude::*;

use crate::engine::{Engine, policy, snapshot};

#[derive(Debug, Clone)]
enum Act {
    Settles {
        call: u64,
    },
    Comment {
        call: u64,
        id: u64,
    },
    Recording {
        call: u64,
        linked: bool,
    },
    Voicemail {
        call: u64,
        linked: bool,
    },
    LinkAwaited {
        call: u64,
    },
    Archive,
    Decide,
    /// A decision is made; what comes next reaches the log before it.
    DecideAhead,
    Front,
}

const CALLS: u64 = 5;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let call = 1..=CALLS;
    let act = prop_oneof![
        3 => call.clone().prop_map(|call| Act::Settles { call }),
        3 => (call.clone(), 1_u64..4).prop_map(|(call, id)| Act::Comment { call, id }),
        2 => (call.clone(), any::<bool>()).prop_map(|(call, linked)| Act::Recording { call, linked }),
        2 => (call.clone(), any::<bool>()).prop_map(|(call, linked)| Act::Voicemail { call, linked }),
        1 => call.prop_map(|call| Act::LinkAwaited { call }),
        1 => Just(Act::Archive),
        2 => Just(Act::Decide),
        3 => Just(Act::DecideAhead),
        3 => Just(Act::Front),
    ];
    prop::collection::vec(act, 1..60)
}

/// Calls of one party; the odd ones were answered.
fn told(call: u64, stage: usize) -> CallSnapshot {
    snapshot(call, 1, stage, call % 2 == 1)
}

fn media(call: u64, kind: &str, linked: bool) -> Media {
    let link = MediaLink::new(&format!("https://assets.aircall.io/calls/{call}/{kind}"));
    if linked { Media::Linked(link.expect("a good link")) } else { Media::Announced }
}

fn commented(call: u64, id: u64) -> CallSnapshot {
    let comment = Comment { id, posted_at: None, by: None, text: format!("note {id}"), left_out: 0 };
    CallSnapshot { comments: vec![comment], ..told(call, 4) }
}

fn happen(engine: &mut Engine, act: &Act) {
    let mut tell = |snapshot: CallSnapshot| engine.append(Fact::CallSnapshot(Box::new(snapshot)));
    match act {
        Act::Settles { call } => tell(told(*call, 3)),
        Act::Comment { call, id } => tell(commented(*call, *id)),
        Act::Recording { call, linked } => {
            tell(CallSnapshot { recording: media(*call, "recording", *linked), ..told(*call, 4) });
        }
        Act::Voicemail { call, linked } => {
            tell(CallSnapshot { voicemail: media(*call, "voicemail", *linked), ..told(*call, 4) });
        }
        Act::LinkAwaited { call } => {
            engine.append(Fact::TimerElapsed(Timer::MediaLink { call: CallId(*call) }));
        }
        Act::Archive => engine.archive(1),
        Act::Decide => drop(engine.decide()),
        Act::DecideAhead => drop(engine.decide_ahead()),
        Act::Front => drop(engine.settle_one_item()),
    }
}

fn run(acts: &[Act]) -> Engine {
    let mut engine = Engine::new();
    acts.iter().for_each(|act| happen(&mut engine, act));
    engine.run_dry();
    engine
}

/// Every effect that was decided, with its verdict, by key.
fn decided(engine: &Engine) -> BTreeMap<String, (Verdict, Action)> {
    let mut all = BTreeMap::new();
    for (_, fact) in &engine.log {
        let Fact::EffectsDecided(decided) = fact else { continue };
        for decision in &decided.decisions {
            for effect in &decision.effects {
                let known =
                    all.insert(effect.key.to_string(), (decision.verdict.clone(), effect.action.clone()));
                assert!(known.is_none(), "{} was decided twice", effect.key);
            }
        }
    }
    all
}

fn import(action: &Action) -> Option<&ImportActivity> {
    match action {
        Action::ImportActivity(import) => Some(import),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn everything_that_was_told_of_a_logged_call_is_shown_once(acts in acts()) {
        let engine = run(&acts);
        let decided = decided(&engine);
        for id in 1..=CALLS {
            let Some(call) = engine.state.call(CallId(id)).expect("memory") else { continue };
            if !matches!(call.verdict, Some(Verdict::Logged(_))) { continue }
            for comment in call.told.comments() {
                let shown = decided.contains_key(&format!("{id}:comment:{}", comment.id));
                prop_assert_eq!(shown, id % 2 == 1, "comments are about answered calls");
            }
            for (media, word) in [(call.told.recording(), "recording"), (call.told.voicemail(), "voicemail")] {
                let linked = decided.contains_key(&format!("{id}:{word}"));
                let pending = decided.contains_key(&format!("{id}:{word}_pending"));
                prop_assert_eq!(linked, matches!(media, Media::Linked(_)));
                prop_assert!(!pending || call.media_overdue);
                prop_assert!(*media != Media::Announced || pending == call.media_overdue);
            }
        }
    }

    #[test]
    fn what_is_added_reopens_nothing_assigns_nobody_and_opens_no_segment(acts in acts()) {
        for (key, (verdict, action)) in decided(&run(&acts)) {
            if verdict != Verdict::Added { continue }
            prop_assert!(!key.ends_with(":reopen") && !key.ends_with(":assign") && !key.ends_with(":call"), "{}", key);
            if let Some(import) = import(&action) {
                let assigns = matches!(import.from, calltrail_domain::effect::Sender::Agent { assign: true, .. });
                prop_assert!(!assigns, "{} assigns", key);
            }
        }
    }

    #[test]
    fn a_rebuild_folds_what_was_added_under_whatever_rules_and_adds_nothing_to_it(acts in acts()) {
        let mut engine = run(&acts);
        let through = engine.log.last().map_or(0, |(place, _)| place.sequence);
        engine.append(Fact::EffectsDecided(EffectsDecided { through, basis: None, decisions: Vec::new(), complete: true }));
        let mut other = policy();
        other.comments_on_unanswered = true;
        let mut log = engine.log.clone();
        log[1].1 = Fact::PolicyChanged(other);
        let mut rebuilt = Engine::rebuilt(&log);
        prop_assert_eq!(rebuilt.effects_in_log(), engine.effects_in_log());
        let before = decided(&engine).len();
        rebuilt.decide();
        prop_assert_eq!(decided(&rebuilt).len(), before, "nothing is decided anew");
    }
}

#[test]
fn what_comes_after_an_archiving_leaves_the_conversation_archived_and_before_it_open() {
    let mut engine = Engine::new();
    happen(&mut engine, &Act::Settles { call: 1 });
    engine.run_dry();
    happen(&mut engine, &Act::Recording { call: 1, linked: true });
    engine.run_dry();
    happen(&mut engine, &Act::Archive);
    happen(&mut engine, &Act::Voicemail { call: 1, linked: true });
    engine.run_dry();
    let decided = decided(&engine);
    let archived = |key: &str| import(&decided[key].1).expect("an activity").archived;
    assert_eq!((archived("1:recording"), archived("1:voicemail")), (false, true));
}

#[test]
fn more_than_one_step_brings_follows_in_the_next_ones() {
    let mut engine = Engine::new();
    happen(&mut engine, &Act::Settles { call: 1 });
    (1..=50).for_each(|id| happen(&mut engine, &Act::Comment { call: 1, id }));
    engine.run_dry();
    assert_eq!(decided(&engine).keys().filter(|key| key.contains(":comment:")).count(), 50);
}

#[test]
fn a_call_that_is_left_out_shows_nothing_that_comes_late() {
    let mut engine = Engine::new();
    let mut rules = policy();
    rules.skip_lines.insert(calltrail_domain::ids::LineId(7));
    engine.append(Fact::PolicyChanged(rules));
    happen(&mut engine, &Act::Settles { call: 1 });
    happen(&mut engine, &Act::Comment { call: 1, id: 1 });
    happen(&mut engine, &Act::Recording { call: 1, linked: true });
    engine.run_dry();
    assert_eq!(verdict(&engine, 1), Some(Verdict::LeftOut { reason: LeftOut::Line }));
    assert!(decided(&engine).is_empty());
}

#[test]
fn what_comes_while_the_reopening_is_under_way_does_not_archive_the_conversation_again() {
    let mut engine = Engine::new();
    let rules = Policy { front_webhooks: true, ..policy() };
    engine.append(Fact::PolicyChanged(rules));
    happen(&mut engine, &Act::Settles { call: 1 });
    engine.run_dry();
    happen(&mut engine, &Act::Archive);
    happen(&mut engine, &Act::Settles { call: 3 });
    engine.decide();
    happen(&mut engine, &Act::Recording { call: 3, linked: true });
    engine.run_dry();
    let decided = decided(&engine);
    assert!(decided.contains_key("3:reopen"), "the conversation was archived");
    assert!(!import(&decided["3:recording"].1).expect("an activity").archived);
}

/// Only calls of these types are logged from now on.
fn log_only(engine: &mut Engine, types: &[CallType]) {
    let types = types.iter().copied().collect();
    engine.append(Fact::PolicyChanged(Policy { types, ..policy() }));
}

fn verdict(engine: &Engine, call: u64) -> Option<Verdict> {
    engine.state.call(CallId(call)).expect("memory").expect("told").verdict
}

#[test]
fn a_type_that_is_switched_on_later_brings_no_old_call_back() {
    let mut engine = Engine::new();
    log_only(&mut engine, &[CallType::Voicemail]);
    happen(&mut engine, &Act::Settles { call: 2 });
    happen(&mut engine, &Act::Settles { call: 4 });
    engine.run_dry();
    log_only(&mut engine, &[CallType::Voicemail, CallType::Missed]);
    happen(&mut engine, &Act::Comment { call: 2, id: 1 });
    happen(&mut engine, &Act::Voicemail { call: 4, linked: true });
    engine.run_dry();
    assert_eq!(verdict(&engine, 2), Some(Verdict::LeftOut { reason: LeftOut::Type }));
    assert!(matches!(verdict(&engine, 4), Some(Verdict::Logged(_))), "a voicemail became known");
}

#[test]
fn a_voicemail_is_left_out_when_voicemails_are_whenever_it_becomes_known() {
    let mut engine = Engine::new();
    log_only(&mut engine, &[CallType::Missed]);
    happen(&mut engine, &Act::Settles { call: 2 });
    engine.run_dry();
    happen(&mut engine, &Act::Voicemail { call: 2, linked: true });
    happen(&mut engine, &Act::Voicemail { call: 4, linked: true });
    happen(&mut engine, &Act::Settles { call: 4 });
    engine.run_dry();
    assert_eq!(verdict(&engine, 4), Some(Verdict::LeftOut { reason: LeftOut::Type }));
    assert_eq!(decided(&engine).keys().filter(|key| key.ends_with(":voicemail")).count(), 0);
    assert!(decided(&engine).contains_key("2:call"));
}
