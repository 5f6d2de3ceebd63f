//! Nothing that a writer stores is larger than the stores take, and a refusal by size makes no claim spin.

use calltrail_domain::effect::{Action, ConversationStatus, Effect, Outcome, Sender, WorkItem};
use calltrail_domain::ids::{EffectKind, MessageUid};
use calltrail_domain::limits::{COMMENT_CHARS_MAX, REASON_CHARS_MAX, WORK_ITEM_EFFECTS_MAX};
use calltrail_domain::record::RecordBody;
use calltrail_event_log::limits::BODY_BYTES_MAX;
use calltrail_front::{Accepted, Answer, Refusal, Reply};
use calltrail_front_writer::limits::TOO_LARGE_DELAY;
use calltrail_front_writer::{Came, Operation, Place};

use crate::ports::{Ended, Ports, Turn, is_put};
use crate::world::{Fate, comment, import, import_from, item, number};

fn refused() -> Fate {
    let message = "😀".repeat(REASON_CHARS_MAX);
    Fate::Instead(Answer::Rejected(Refusal { status: 422, message, contacts: Vec::new() }))
}

fn long_comment(call: u64, letter: &str) -> Effect {
    let mut effect = comment(call, None);
    let Action::AddComment(comment) = &mut effect.action else { panic!("it is a comment") };
    comment.body = format!("{}\n{}", letter.repeat(COMMENT_CHARS_MAX), effect.key.marker());
    comment.unsigned_body.clone_from(&comment.body);
    effect
}

fn long_import(call: u64, chars: usize) -> Effect {
    let from = Sender::Agent { email: None, line_number: None, number: Some(number()), assign: true };
    let mut effect = import_from(call, EffectKind::Call, from);
    let Action::ImportActivity(import) = &mut effect.action else { panic!("it is an import") };
    import.body = format!("{}\n{}", "😀".repeat(chars), effect.key.marker());
    effect
}

fn with_room() -> Ports {
    let mut ports = Ports::new();
    ports.world.front.open_room("cnv_5", ConversationStatus::Open);
    ports
}

/// Runs the item to its end; whatever is stored fits. Returns the largest value.
fn check(ports: &mut Ports, item: &WorkItem) -> usize {
    let mut largest = 0;
    for _ in 0..2_000 {
        let end = ports.run_beside(item, |_, operation| {
            let size_bytes = match operation {
                Operation::Put { value, .. } => value.encode().expect("a value has a stored form").len(),
                Operation::Append(records) => records.iter().map(|record| record.encode().len()).sum(),
                _ => 0,
            };
            largest = largest.max(size_bytes);
            assert!(size_bytes <= BODY_BYTES_MAX, "{operation:?} has {size_bytes} bytes");
            Turn::Goes
        });
        match end {
            Ended::Done => return largest,
            Ended::Released(after, _) => ports.pause(after),
            Ended::Crashed => unreachable!("nothing crashes here"),
        }
    }
    panic!("the item is never done");
}

#[test]
fn refused_long_comments_fit() {
    for letter in ["😀", "\u{1}", "a"] {
        let mut ports = with_room();
        ports.world.fates.extend((0..WORK_ITEM_EFFECTS_MAX).map(|_| refused()));
        let calls = 1..=WORK_ITEM_EFFECTS_MAX as u64;
        let effects = calls.map(|call| long_comment(call, letter)).collect();
        let largest = check(&mut ports, &item(Some("cnv_5"), effects));
        assert!(largest > COMMENT_CHARS_MAX, "the texts are kept");
        let rejected = |body: &RecordBody| matches!(body, RecordBody::EffectSettled(fact) if matches!(fact.outcome, Outcome::Rejected { .. }));
        let count = ports.world.log.iter().filter(|record| rejected(&record.body)).count();
        assert_eq!(count, WORK_ITEM_EFFECTS_MAX);
    }
}

#[test]
fn refusals_and_uids_of_accepted_imports_fit() {
    let mut ports = with_room();
    // Each is refused with its author or its file, and accepted without, with a uid that nobody expects.
    for call in 0..WORK_ITEM_EFFECTS_MAX {
        let uid = MessageUid::new("u".repeat(if call % 2 == 0 { 200 } else { 500_000 }));
        let accepted = Answer::Done(Reply::Accepted(Accepted { message_uid: uid }));
        ports.world.fates.push_back(Fate::Instead(accepted));
    }
    let calls = 1..=WORK_ITEM_EFFECTS_MAX as u64;
    let effects = calls.map(|call| long_import(call, 5_000)).collect();
    check(&mut ports, &item(Some("cnv_5"), effects));
}

#[test]
fn largest_effect_that_an_item_can_hold_is_kept_as_a_letter() {
    for chars in [30_000, 120_000, 240_000] {
        let mut ports = with_room();
        ports.world.fates.extend([refused(), refused()]);
        let item = item(Some("cnv_5"), vec![long_import(7, chars)]);
        assert!(serde_json::to_vec(&item).expect("an item has a JSON form").len() <= BODY_BYTES_MAX);
        check(&mut ports, &item);
        assert!(ports.values.keys().any(|place| matches!(place, Place::DeadLetter(_))));
    }
}

#[test]
fn refusal_by_size_makes_no_claim_spin() {
    let item = item(Some("cnv_5"), vec![import(7, EffectKind::Call)]);
    let fence = Place::Fence(item.party.clone());
    for at in ["fence", "append"] {
        let mut ports = with_room();
        let end = ports.run_beside(&item, |_, operation| {
            let is_it = match operation {
                Operation::Append(_) => at == "append",
                operation => at == "fence" && is_put(operation, &fence),
            };
            if is_it { Turn::Comes(&Came::TooLarge) } else { Turn::Goes }
        });
        assert_eq!(end, Ended::Released(TOO_LARGE_DELAY, None), "{at}");
    }
}
