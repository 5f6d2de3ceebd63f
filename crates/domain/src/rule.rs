//! Rules that a test build can switch off one at a time, to see that something turns red then: a test of the row that the
//! rule stands behind, or the simulation, for a rule between the parts. Else nothing would hold the rule.
//!
//! **Invariant:** without the feature `rule-switches` every rule holds, and nothing of the switches is compiled.

/// A rule that stands in one place of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    AContactIsLookedUpOnce,
    LaterCallsJoinTheConversation,
    AnArchivedConversationIsReopened,
    ALineHasItsInbox,
    WhatIsSwitchedOffIsLeftOut,
    CallersWithoutANumberAreKeptApart,
    TheSubjectNamesTheCall,
    TheSubjectBelongsToItsSegment,
    AnEffectIsDecidedOnce,
    AnUntrustedStatusIsReadFirst,
    AMissedCallTellsWhy,
    TheDurationIsShown,
    TheRecordingIsShown,
    AVoicemailWaitsForItsLink,
    ACommentInDoubtIsLookedFor,
    AnImportHasOneExternalId,
    ActivitiesHaveTimesOfTheCall,
    TextFromOutsideIsNeutral,
    AnsweredCallsAreTheAgents,
    UnansweredCallsAreTheCustomers,
    OnlyAnsweredCallsAssign,
    EmailsHaveNoCase,
    ImportsRunRules,
    // The rules between the parts: a simulated engine breaks without them.
    AWebhookIsAnsweredWhenItIsStored,
    FieldsGoByTheirTime,
    ATagTakenOffIsGone,
    AStatusGoesByFrontsTime,
    WhatComesLateOpensNoSegment,
    AStepCountsOnce,
    OneItemIsOutstanding,
    AnItemSettlesWithItsLastEffect,
    TheYoungerPartyDrainsFirst,
    DecisionsWaitForTheHead,
    NothingIsPublishedBeforeCatchUp,
    WhatIsOutstandingIsToldAtTheGate,
    RefusedDecisionsAreMadeAgain,
    ALostItemIsPublishedAgain,
    ARepublishedItemHasAnotherId,
    AFenceIsComparedAndSet,
    AnAttemptIsArmedBeforeItIsSent,
    AnAttemptInDoubtIsWaitedFor,
    DoubtNeverLeavesAnEffect,
    ARefusalMayMeanThatFrontHasIt,
    AcceptedIsNoProof,
    AFactIsToldAgainWhenUnknown,
    SettledOrdinalsAreRemembered,
    AWriterPassesNoOpenEffect,
    AnArchivingAfterTheCallCounts,
    TrashingAfterTheCallCounts,
    APersonsChangeIsKept,
    AMergerIsFollowed,
    TheDeadlineIsCheckedBeforeSending,
    TheBudgetIsComparedAndSet,
    ASlotSleptThroughIsLost,
    RecordsAreCutByBytes,
    WorkItemsAreCutByBytes,
    RefusedPublicationHoldsUpNothingElse,
    OnlyPassedOverCallsAreDropped,
    SegmentsGoByTheLog,
    AReadFindsWhenItWasArchived,
    DroppedStrayEventsAreRemembered,
    RefusedFirstImportLeavesNoTrace,
    PartsOfARefusedCallAreSkipped,
    ExternalTransferKeepsTheLastAgent,
    DoubtIsTimedByTheStore,
    SafeStepsAreRepeatedAtOnce,
    ClockSetBackHoldsNothing,
    LogIdentityIsChecked,
    StaleDecisionsAreDropped,
    NewerFenceSwallowsNoEffect,
    EmailIdentifiesAnAgent,
    CommentsStayAsWritten,
    MentionsAreDefused,
    LineSetsTheTimeZone,
    LocaleSetsPunctuation,
    BodyLinesEndInBreaks,
    MissedCallNamesWhomItRang,
    MissedCallShowsTheWait,
    MenuChoicesAreShown,
    FirstAgentIsShown,
    FailedTransferHidesTheAttempt,
    OnlyExternalTransfersLeadOutside,
    InvisibleTextCountsAsBlank,
    EarlierMarkersAreAccepted,
    NightHoursBelongToTheirFirstDay,
    OnlyFrontRefuses,
    OperatorsConditionsWait,
    MissingInboxIsReplaced,
    RefusedAuthorIsLeftOut,
    TooLongTextIsShortened,
    ConditionsAreProbedOnce,
    GoneConversationIsForgotten,
    AnsweredImportsAreRepeatedSoon,
    OnlyTheFileCostsTheAudio,
    SharedEmailJoinsNoContacts,
    ContactIsLookedUpAgain,
    OtherContactShownIsLookedUp,
    MovedNumberLeavesItsParty,
    MergedContactKeepsItsConversation,
    ReadShowsTheInbox,
    QuietConversationIsReadFirst,
    FailedReopeningDoubtsTheStatus,
    EventsArePolled,
    HistoryDoesNotDisturb,
    ReadCallsGoByTheirTime,
    FrontIsRecoveredFirst,
    LongWindowsAreSplit,
    WebhookIsSwitchedOn,
    OvertakenReadIsRepeated,
    UnexpectedPlaceIsLookedAt,
    ErasedCallStaysErased,
    ErasureFollowsItsState,
    ErasedRecordIsNoOtherLog,
    TrimmedRecordsAreNotMissed,
    SnapshotsCountWhenWhole,
    SnapshotsBringTheLineage,
    OnlyLeftOutCallsAreReconsidered,
    ReconsideredCallSettlesAgain,
    OnlyRefusedEffectsAreRetried,
    RetriedCallBringsItsParts,
    RetriedEffectsAreInDoubt,
    RefusedPageIsReadAgain,
    RecoveryLeavesHistoryAlone,
    OverlapIsReadAgain,
    OverlapAddsNoCalls,
    LapsedClaimIsTakenOver,
    FailedCheckKnowsNothing,
    GapIsNotedBeforeItIsMended,
    RecoveryIsAskedForUntilStored,
    ReadersShareTheirBudget,
    ReadersSleptSlotIsLost,
    ChecksKeepAShare,
    CommentsOfACallAreBounded,
    LiveGoesBeforeBulk,
    BulkHoldsHistoryAlone,
}

impl Rule {
    pub const ALL: [Self; 135] = [
        Self::AContactIsLookedUpOnce,
        Self::LaterCallsJoinTheConversation,
        Self::AnArchivedConversationIsReopened,
        Self::ALineHasItsInbox,
        Self::WhatIsSwitchedOffIsLeftOut,
        Self::CallersWithoutANumberAreKeptApart,
        Self::TheSubjectNamesTheCall,
        Self::TheSubjectBelongsToItsSegment,
        Self::AnEffectIsDecidedOnce,
        Self::AnUntrustedStatusIsReadFirst,
        Self::AMissedCallTellsWhy,
        Self::TheDurationIsShown,
        Self::TheRecordingIsShown,
        Self::AVoicemailWaitsForItsLink,
        Self::ACommentInDoubtIsLookedFor,
        Self::AnImportHasOneExternalId,
        Self::ActivitiesHaveTimesOfTheCall,
        Self::TextFromOutsideIsNeutral,
        Self::AnsweredCallsAreTheAgents,
        Self::UnansweredCallsAreTheCustomers,
        Self::OnlyAnsweredCallsAssign,
        Self::EmailsHaveNoCase,
        Self::ImportsRunRules,
        Self::AWebhookIsAnsweredWhenItIsStored,
        Self::FieldsGoByTheirTime,
        Self::ATagTakenOffIsGone,
        Self::AStatusGoesByFrontsTime,
        Self::WhatComesLateOpensNoSegment,
        Self::AStepCountsOnce,
        Self::OneItemIsOutstanding,
        Self::AnItemSettlesWithItsLastEffect,
        Self::TheYoungerPartyDrainsFirst,
        Self::DecisionsWaitForTheHead,
        Self::NothingIsPublishedBeforeCatchUp,
        Self::WhatIsOutstandingIsToldAtTheGate,
        Self::RefusedDecisionsAreMadeAgain,
        Self::ALostItemIsPublishedAgain,
        Self::ARepublishedItemHasAnotherId,
        Self::AFenceIsComparedAndSet,
        Self::AnAttemptIsArmedBeforeItIsSent,
        Self::AnAttemptInDoubtIsWaitedFor,
        Self::DoubtNeverLeavesAnEffect,
        Self::ARefusalMayMeanThatFrontHasIt,
        Self::AcceptedIsNoProof,
        Self::AFactIsToldAgainWhenUnknown,
        Self::SettledOrdinalsAreRemembered,
        Self::AWriterPassesNoOpenEffect,
        Self::AnArchivingAfterTheCallCounts,
        Self::TrashingAfterTheCallCounts,
        Self::APersonsChangeIsKept,
        Self::AMergerIsFollowed,
        Self::TheDeadlineIsCheckedBeforeSending,
        Self::TheBudgetIsComparedAndSet,
        Self::ASlotSleptThroughIsLost,
        Self::RecordsAreCutByBytes,
        Self::WorkItemsAreCutByBytes,
        Self::RefusedPublicationHoldsUpNothingElse,
        Self::OnlyPassedOverCallsAreDropped,
        Self::SegmentsGoByTheLog,
        Self::AReadFindsWhenItWasArchived,
        Self::DroppedStrayEventsAreRemembered,
        Self::RefusedFirstImportLeavesNoTrace,
        Self::PartsOfARefusedCallAreSkipped,
        Self::ExternalTransferKeepsTheLastAgent,
        Self::DoubtIsTimedByTheStore,
        Self::SafeStepsAreRepeatedAtOnce,
        Self::ClockSetBackHoldsNothing,
        Self::LogIdentityIsChecked,
        Self::StaleDecisionsAreDropped,
        Self::NewerFenceSwallowsNoEffect,
        Self::EmailIdentifiesAnAgent,
        Self::CommentsStayAsWritten,
        Self::MentionsAreDefused,
        Self::LineSetsTheTimeZone,
        Self::LocaleSetsPunctuation,
        Self::BodyLinesEndInBreaks,
        Self::MissedCallNamesWhomItRang,
        Self::MissedCallShowsTheWait,
        Self::MenuChoicesAreShown,
        Self::FirstAgentIsShown,
        Self::FailedTransferHidesTheAttempt,
        Self::OnlyExternalTransfersLeadOutside,
        Self::InvisibleTextCountsAsBlank,
        Self::EarlierMarkersAreAccepted,
        Self::NightHoursBelongToTheirFirstDay,
        Self::OnlyFrontRefuses,
        Self::OperatorsConditionsWait,
        Self::MissingInboxIsReplaced,
        Self::RefusedAuthorIsLeftOut,
        Self::TooLongTextIsShortened,
        Self::ConditionsAreProbedOnce,
        Self::GoneConversationIsForgotten,
        Self::AnsweredImportsAreRepeatedSoon,
        Self::OnlyTheFileCostsTheAudio,
        Self::SharedEmailJoinsNoContacts,
        Self::ContactIsLookedUpAgain,
        Self::OtherContactShownIsLookedUp,
        Self::MovedNumberLeavesItsParty,
        Self::MergedContactKeepsItsConversation,
        Self::ReadShowsTheInbox,
        Self::QuietConversationIsReadFirst,
        Self::FailedReopeningDoubtsTheStatus,
        Self::EventsArePolled,
        Self::HistoryDoesNotDisturb,
        Self::ReadCallsGoByTheirTime,
        Self::FrontIsRecoveredFirst,
        Self::LongWindowsAreSplit,
        Self::WebhookIsSwitchedOn,
        Self::OvertakenReadIsRepeated,
        Self::UnexpectedPlaceIsLookedAt,
        Self::ErasedCallStaysErased,
        Self::ErasureFollowsItsState,
        Self::ErasedRecordIsNoOtherLog,
        Self::TrimmedRecordsAreNotMissed,
        Self::SnapshotsCountWhenWhole,
        Self::SnapshotsBringTheLineage,
        Self::OnlyLeftOutCallsAreReconsidered,
        Self::ReconsideredCallSettlesAgain,
        Self::OnlyRefusedEffectsAreRetried,
        Self::RetriedCallBringsItsParts,
        Self::RetriedEffectsAreInDoubt,
        Self::RefusedPageIsReadAgain,
        Self::RecoveryLeavesHistoryAlone,
        Self::OverlapIsReadAgain,
        Self::OverlapAddsNoCalls,
        Self::LapsedClaimIsTakenOver,
        Self::FailedCheckKnowsNothing,
        Self::GapIsNotedBeforeItIsMended,
        Self::RecoveryIsAskedForUntilStored,
        Self::ReadersShareTheirBudget,
        Self::ReadersSleptSlotIsLost,
        Self::ChecksKeepAShare,
        Self::CommentsOfACallAreBounded,
        Self::LiveGoesBeforeBulk,
        Self::BulkHoldsHistoryAlone,
    ];

    /// The rows that the rule stands behind, as their tests' names begin.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub fn rows(self) -> &'static [&'static str] {
        match self {
            Self::AContactIsLookedUpOnce => &["m01"],
            Self::LaterCallsJoinTheConversation => &["m02"],
            Self::AnArchivedConversationIsReopened => &["m03"],
            Self::ALineHasItsInbox => &["m04"],
            Self::WhatIsSwitchedOffIsLeftOut => &["m05"],
            Self::NightHoursBelongToTheirFirstDay => &["m05"],
            Self::CallersWithoutANumberAreKeptApart => &["m06"],
            Self::TheSubjectNamesTheCall => &["m07"],
            Self::TheSubjectBelongsToItsSegment => &["m08"],
            Self::ExternalTransferKeepsTheLastAgent => &["m19"],
            Self::AReadFindsWhenItWasArchived => &["m08"],
            Self::SegmentsGoByTheLog => &["m08"],
            Self::AnEffectIsDecidedOnce => &["m09"],
            Self::AnUntrustedStatusIsReadFirst => &["m10"],
            Self::AMissedCallTellsWhy => &["m11"],
            Self::TheDurationIsShown => &["m12"],
            Self::TheRecordingIsShown => &["m13"],
            Self::AVoicemailWaitsForItsLink => &["m14"],
            Self::ACommentInDoubtIsLookedFor => &["m15"],
            Self::AnImportHasOneExternalId => &["m16"],
            Self::ActivitiesHaveTimesOfTheCall => &["m17"],
            Self::TextFromOutsideIsNeutral => &["m18"],
            Self::AnsweredCallsAreTheAgents => &["m19"],
            Self::UnansweredCallsAreTheCustomers => &["m20", "m21"],
            Self::OnlyAnsweredCallsAssign => &["m22"],
            Self::EmailsHaveNoCase => &["m23"],
            Self::ImportsRunRules => &["m24"],
            Self::EmailIdentifiesAnAgent => &["m19"],
            Self::CommentsStayAsWritten => &["m15"],
            Self::MentionsAreDefused => &["m18"],
            Self::EarlierMarkersAreAccepted => &["m15"],
            Self::LineSetsTheTimeZone
            | Self::LocaleSetsPunctuation
            | Self::BodyLinesEndInBreaks
            | Self::MissedCallNamesWhomItRang
            | Self::MissedCallShowsTheWait
            | Self::MenuChoicesAreShown
            | Self::FirstAgentIsShown
            | Self::FailedTransferHidesTheAttempt
            | Self::OnlyExternalTransfersLeadOutside
            | Self::InvisibleTextCountsAsBlank => &["m11"],
            Self::OnlyFrontRefuses => &["m16"],
            Self::OperatorsConditionsWait => &["m04"],
            Self::MissingInboxIsReplaced => &["m04"],
            Self::RefusedAuthorIsLeftOut => &["m23"],
            Self::GoneConversationIsForgotten => &["m08"],
            Self::OnlyTheFileCostsTheAudio => &["m13"],
            Self::SharedEmailJoinsNoContacts
            | Self::ContactIsLookedUpAgain
            | Self::OtherContactShownIsLookedUp => &["m01"],
            Self::MovedNumberLeavesItsParty | Self::MergedContactKeepsItsConversation => &["m02"],
            Self::ReadShowsTheInbox => &["m04"],
            Self::QuietConversationIsReadFirst
            | Self::FailedReopeningDoubtsTheStatus
            | Self::EventsArePolled => &["m10"],
            Self::HistoryDoesNotDisturb => &["m31"],
            Self::ReadCallsGoByTheirTime => &["m08"],
            Self::FrontIsRecoveredFirst => &["m10"],
            Self::LongWindowsAreSplit => &["reader"],
            Self::WebhookIsSwitchedOn => &["keeper"],
            Self::GapIsNotedBeforeItIsMended => &["gap"],
            Self::OverlapIsReadAgain => &["overlap"],
            Self::RecoveryIsAskedForUntilStored => &["gap"],
            Self::ReadersSleptSlotIsLost => &["slot"],
            Self::ReadersShareTheirBudget => &["budget"],
            Self::ChecksKeepAShare => &["share"],
            Self::CommentsOfACallAreBounded => &["m15"],
            Self::OnlyLeftOutCallsAreReconsidered | Self::ReconsideredCallSettlesAgain => &["m05"],
            Self::OnlyRefusedEffectsAreRetried
            | Self::RetriedCallBringsItsParts
            | Self::RetriedEffectsAreInDoubt => &["retry"],
            Self::UnexpectedPlaceIsLookedAt => &["m10"],
            Self::AWebhookIsAnsweredWhenItIsStored
            | Self::FieldsGoByTheirTime
            | Self::ATagTakenOffIsGone
            | Self::AStatusGoesByFrontsTime
            | Self::WhatComesLateOpensNoSegment
            | Self::AStepCountsOnce
            | Self::OneItemIsOutstanding
            | Self::AnItemSettlesWithItsLastEffect
            | Self::TheYoungerPartyDrainsFirst
            | Self::DecisionsWaitForTheHead
            | Self::NothingIsPublishedBeforeCatchUp
            | Self::WhatIsOutstandingIsToldAtTheGate
            | Self::RefusedDecisionsAreMadeAgain
            | Self::ALostItemIsPublishedAgain
            | Self::ARepublishedItemHasAnotherId
            | Self::AFenceIsComparedAndSet
            | Self::AnAttemptIsArmedBeforeItIsSent
            | Self::AnAttemptInDoubtIsWaitedFor
            | Self::DoubtNeverLeavesAnEffect
            | Self::ARefusalMayMeanThatFrontHasIt
            | Self::AcceptedIsNoProof
            | Self::AFactIsToldAgainWhenUnknown
            | Self::SettledOrdinalsAreRemembered
            | Self::AWriterPassesNoOpenEffect
            | Self::AnArchivingAfterTheCallCounts
            | Self::TrashingAfterTheCallCounts
            | Self::APersonsChangeIsKept
            | Self::AMergerIsFollowed
            | Self::TheDeadlineIsCheckedBeforeSending
            | Self::TheBudgetIsComparedAndSet
            | Self::ASlotSleptThroughIsLost
            | Self::RecordsAreCutByBytes
            | Self::WorkItemsAreCutByBytes
            | Self::RefusedPublicationHoldsUpNothingElse
            | Self::OnlyPassedOverCallsAreDropped
            | Self::DroppedStrayEventsAreRemembered
            | Self::RefusedFirstImportLeavesNoTrace
            | Self::PartsOfARefusedCallAreSkipped
            | Self::DoubtIsTimedByTheStore
            | Self::SafeStepsAreRepeatedAtOnce
            | Self::ClockSetBackHoldsNothing
            | Self::LogIdentityIsChecked
            | Self::StaleDecisionsAreDropped
            | Self::NewerFenceSwallowsNoEffect
            | Self::TooLongTextIsShortened
            | Self::ConditionsAreProbedOnce
            | Self::AnsweredImportsAreRepeatedSoon
            | Self::OvertakenReadIsRepeated => &[],
            Self::ErasedCallStaysErased
            | Self::ErasureFollowsItsState
            | Self::ErasedRecordIsNoOtherLog
            | Self::TrimmedRecordsAreNotMissed
            | Self::SnapshotsCountWhenWhole
            | Self::SnapshotsBringTheLineage => &[],
            Self::RefusedPageIsReadAgain
            | Self::RecoveryLeavesHistoryAlone
            | Self::OverlapAddsNoCalls
            | Self::LapsedClaimIsTakenOver
            | Self::FailedCheckKnowsNothing
            | Self::LiveGoesBeforeBulk
            | Self::BulkHoldsHistoryAlone => &[],
        }
    }
}

/// True while the rule holds: always.
#[cfg(not(feature = "rule-switches"))]
#[must_use]
pub const fn holds(_: Rule) -> bool {
    true
}

#[cfg(feature = "rule-switches")]
pub use switches::{holds, switch_off};

#[cfg(feature = "rule-switches")]
mod switches {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Rule;

    /// One more than the place of the rule that is switched off; none at zero.
    static OFF: AtomicUsize = AtomicUsize::new(0);

    /// True unless this process has switched the rule off.
    #[must_use]
    pub fn holds(rule: Rule) -> bool {
        OFF.load(Ordering::Relaxed) != rule as usize + 1
    }

    /// From now on the rule does not hold in this process.
    pub fn switch_off(rule: Rule) {
        OFF.store(rule as usize + 1, Ordering::Relaxed);
    }
}
