//! Conversations that were deleted for good.

use calltrail_domain::effect::{EffectSettled, Outcome};
use calltrail_domain::ids::ConversationId;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;

use super::story::THIRD_MS;
use super::{finds, finds_among_others, passes, remove, settled};
use crate::evidence::{Evidence, LoggedRecord};

const DELETED_MS: i64 = 3_500_000;
/// When the last part of the third call is decided.
const LAST_MS: i64 = THIRD_MS + 10_000;
const AGAIN_MS: i64 = 7_000_000;

fn gone(conversation: &str) -> Outcome {
    Outcome::Gone { conversation: ConversationId::new(conversation), at: Timestamp::from_millis(DELETED_MS) }
}

/// People delete the conversation at this time.
fn delete(evidence: &mut Evidence, at_ms: i64) {
    evidence.accounts[0].deleted.insert("cnv_a".into(), at_ms);
}

/// The effect finds its conversation gone, and nothing of it is in Front.
fn lose(evidence: &mut Evidence, key: &str) {
    settled(evidence, key).outcome = gone("cnv_a");
    remove(evidence, key);
    let id = format!("calltrail:acme:{key}");
    evidence.accounts[0].front.imports.retain(|import| import.external_id != id);
}

#[test]
fn loss_sees_a_conversation_that_is_told_to_be_gone_and_is_there() {
    for deleted_ms in [None, Some(8_000_000)] {
        finds("loss", "finds cnv_a gone, which is there", |evidence| {
            deleted_ms.into_iter().for_each(|at_ms| delete(evidence, at_ms));
            settled(evidence, "3:voicemail").outcome = gone("cnv_a");
        });
    }
}

#[test]
fn what_comes_late_for_a_deleted_conversation_may_be_missing() {
    let tallies = passes(|evidence| {
        delete(evidence, LAST_MS);
        lose(evidence, "3:voicemail");
    });
    assert_eq!(tallies.deleted, 1);
    finds_among_others("loss", "its voicemail (3:voicemail) is not in Front", |evidence| {
        delete(evidence, LAST_MS);
        lose(evidence, "3:voicemail");
        lose(evidence, "3:call");
    });
}

#[test]
fn subject_sees_a_call_that_goes_on_in_a_conversation_that_is_gone() {
    finds("subject", "in another conversation than the trashed one", |evidence| {
        delete(evidence, 2_500_000);
        lose(evidence, "2:recording");
    });
}

#[test]
fn call_that_was_to_go_into_a_deleted_conversation_is_decided_again() {
    let lost = |evidence: &mut Evidence| {
        delete(evidence, DELETED_MS);
        lose(evidence, "3:call");
    };
    finds_among_others("loss", "its call (3:call) is not in Front", lost);
    finds_among_others("convergence", "call 3, settled at sequence", lost);
}

#[test]
fn call_that_was_deleted_with_its_conversation_was_shown() {
    let tallies = passes(|evidence| {
        delete(evidence, 8_000_000);
        remove(evidence, "2:recording");
    });
    assert_eq!(tallies.deleted, 1);
}

/// The fact of this key once more, under another ordinal.
fn settle_again(evidence: &mut Evidence, key: &str) {
    let fact = EffectSettled { ordinal: 77, ..settled(evidence, key).clone() };
    let sequence = evidence.log.last().map_or(0, |logged| logged.sequence) + 1;
    let record =
        Record { received_at: Timestamp::from_millis(AGAIN_MS), body: RecordBody::EffectSettled(fact) };
    evidence.log.push(LoggedRecord { sequence, appended_ms: AGAIN_MS, account: "acme".into(), record });
}

#[test]
fn log_allows_another_ordinal_only_after_one_whose_conversation_was_gone() {
    finds("log", "effect 3:voicemail has ordinal", |evidence| settle_again(evidence, "3:voicemail"));
    passes(|evidence| {
        delete(evidence, LAST_MS);
        settle_again(evidence, "3:voicemail");
        settled(evidence, "3:voicemail").outcome = gone("cnv_a");
    });
}
