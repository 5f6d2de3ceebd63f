//! Planted bugs: rules of the production code that a run is made without, one at a time. The simulation must find each.

use calltrail_domain::rule::{Rule, switch_off};

/// The rules that are switched off, chosen before any checker was written. Each is a bug that somebody could make.
pub const PLANTED: [Rule; 71] = [
    Rule::AWebhookIsAnsweredWhenItIsStored,
    Rule::FieldsGoByTheirTime,
    Rule::ATagTakenOffIsGone,
    Rule::AStatusGoesByFrontsTime,
    Rule::WhatComesLateOpensNoSegment,
    Rule::AStepCountsOnce,
    Rule::OneItemIsOutstanding,
    Rule::AnItemSettlesWithItsLastEffect,
    Rule::TheYoungerPartyDrainsFirst,
    Rule::DecisionsWaitForTheHead,
    Rule::NothingIsPublishedBeforeCatchUp,
    Rule::WhatIsOutstandingIsToldAtTheGate,
    Rule::RefusedDecisionsAreMadeAgain,
    Rule::ALostItemIsPublishedAgain,
    Rule::ARepublishedItemHasAnotherId,
    Rule::AFenceIsComparedAndSet,
    Rule::AnAttemptIsArmedBeforeItIsSent,
    Rule::AnAttemptInDoubtIsWaitedFor,
    Rule::DoubtNeverLeavesAnEffect,
    Rule::ARefusalMayMeanThatFrontHasIt,
    Rule::AcceptedIsNoProof,
    Rule::AFactIsToldAgainWhenUnknown,
    Rule::SettledOrdinalsAreRemembered,
    Rule::AWriterPassesNoOpenEffect,
    Rule::AnArchivingAfterTheCallCounts,
    Rule::APersonsChangeIsKept,
    Rule::AMergerIsFollowed,
    Rule::TheDeadlineIsCheckedBeforeSending,
    Rule::TheBudgetIsComparedAndSet,
    Rule::ASlotSleptThroughIsLost,
    Rule::ACommentInDoubtIsLookedFor,
    Rule::AnImportHasOneExternalId,
    Rule::AnEffectIsDecidedOnce,
    Rule::TheSubjectBelongsToItsSegment,
    Rule::RecordsAreCutByBytes,
    Rule::WorkItemsAreCutByBytes,
    Rule::OnlyPassedOverCallsAreDropped,
    Rule::SegmentsGoByTheLog,
    Rule::AReadFindsWhenItWasArchived,
    Rule::DroppedStrayEventsAreRemembered,
    Rule::RefusedFirstImportLeavesNoTrace,
    Rule::PartsOfARefusedCallAreSkipped,
    Rule::ExternalTransferKeepsTheLastAgent,
    Rule::DoubtIsTimedByTheStore,
    Rule::SafeStepsAreRepeatedAtOnce,
    Rule::ClockSetBackHoldsNothing,
    Rule::LogIdentityIsChecked,
    Rule::StaleDecisionsAreDropped,
    Rule::NewerFenceSwallowsNoEffect,
    Rule::OnlyFrontRefuses,
    Rule::OperatorsConditionsWait,
    Rule::QuietConversationIsReadFirst,
    Rule::GoneConversationIsForgotten,
    Rule::OvertakenReadIsRepeated,
    Rule::ErasedCallStaysErased,
    Rule::ErasureFollowsItsState,
    Rule::ErasedRecordIsNoOtherLog,
    Rule::TrimmedRecordsAreNotMissed,
    Rule::SnapshotsCountWhenWhole,
    Rule::SnapshotsBringTheLineage,
    Rule::HistoryDoesNotDisturb,
    Rule::ReadCallsGoByTheirTime,
    Rule::WebhookIsSwitchedOn,
    Rule::RefusedPageIsReadAgain,
    Rule::RecoveryLeavesHistoryAlone,
    Rule::OverlapAddsNoCalls,
    Rule::LapsedClaimIsTakenOver,
    Rule::FailedCheckKnowsNothing,
    Rule::LiveGoesBeforeBulk,
    Rule::BulkHoldsHistoryAlone,
    Rule::TrashingAfterTheCallCounts,
];

/// Seeds that have found the bugs which few seeds find. They are tried first; a change to the simulation may make another
/// seed the one, which the search then names.
const KNOWN_SEEDS: [(Rule, u64); 5] = [
    (Rule::TheYoungerPartyDrainsFirst, 478),
    (Rule::ASlotSleptThroughIsLost, 1278),
    (Rule::AReadFindsWhenItWasArchived, 1955),
    (Rule::DoubtIsTimedByTheStore, 389),
    (Rule::TrashingAfterTheCallCounts, 24_774),
];

/// The seed that is known to find this bug, if that takes long otherwise.
#[must_use]
pub fn known_seed(rule: Rule) -> Option<u64> {
    KNOWN_SEEDS.iter().find(|(known, _)| *known == rule).map(|(_, seed)| *seed)
}

/// The planted bug of this name, as `ALostItemIsPublishedAgain`.
#[must_use]
pub fn named(name: &str) -> Option<Rule> {
    PLANTED.into_iter().find(|rule| format!("{rule:?}") == name)
}

/// From now on this process runs without the rule.
pub fn plant(rule: Rule) {
    switch_off(rule);
}
