//! Decisions as records: what `decide` returned, folded by everybody and remade by nobody.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::effect::Effect;
use crate::ids::{CallId, ConversationId, InboxId, PartyId, ThreadRef};
use crate::policy::CallType;

/// Decisions of several parties, made by a projector that had folded the log up to `through`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectsDecided {
    pub through: u64,
    /// The hash of the record at `through`, as the projector had folded it (`hash::of_record`). A decision whose basis is
    /// not what the log holds there was made on a state that the log does not have, and is not folded. Earlier releases
    /// wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<u64>,
    pub decisions: Vec<Decision>,
    /// Nothing else up to `through` is left to be decided, whatever a later release would find there. True also of a
    /// record without decisions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

/// One step of one party: what becomes of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub party: PartyId,
    /// 1, 2, 3, … per party. The first record of a step counts; any other was decided on a state that is gone.
    pub step: u64,
    pub call: CallId,
    pub verdict: Verdict,
    pub effects: Vec<Arc<Effect>>,
    /// The log position from which the call had been waiting when this was decided; 0 where an earlier release decided.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub position: u64,
    /// The call had more to show than fits one step; the next step brings it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Where the effects go when that is not the party's present conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(position: &u64) -> bool {
    *position == 0
}

/// What becomes of a settled call, or of what is told of it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Something has to be read first; the call stays at the head of the queue.
    ReadFirst,
    /// Left out, for a reason that is counted and shown.
    LeftOut { reason: LeftOut },
    /// Logged with these.
    Logged(Logged),
    /// What came late for a call that is logged already.
    Added,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    pub call_type: CallType,
    pub thread: ThreadRef,
    pub inbox: InboxId,
    pub subject: String,
    /// True when the call opens a segment; false when it carries the subject of the open one.
    pub opens_segment: bool,
    /// True when the status could not be read in time and the last known one decided.
    pub status_unread: bool,
}

/// Why a call is not logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// This type of call is switched off.
    Type,
    /// This line is switched off.
    Line,
    /// Outside business hours.
    Hours,
    /// The caller withheld the number, or it is none, and such calls are switched off.
    NoNumber,
    /// Over long before it was first heard of: somebody tagged or archived an old call.
    Old,
}

impl LeftOut {
    /// The word that `status` and metrics show.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Line => "line",
            Self::Hours => "hours",
            Self::NoNumber => "no_number",
            Self::Old => "old",
        }
    }
}
