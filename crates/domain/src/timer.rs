//! Waits that end by themselves, as records: what was awaited and for whom.

use serde::{Deserialize, Serialize};

use crate::ids::{CallId, PartyId};

/// What has been waited for long enough. A timer that elapses after the awaited thing has happened means nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "awaited", rename_all = "snake_case")]
pub enum Timer {
    /// The end of a call: it settles without it.
    CallEnd { call: CallId },
    /// The link of a call's recording or voicemail: Front shows that it is there without it.
    MediaLink { call: CallId },
    /// A work item that the outbox no longer holds: it is published again under the next publication number.
    WorkItem { party: PartyId, item: u64, publication: u32 },
}
