//! What is done to the status of a conversation, as Front's events tell it.

use calltrail_simulator::front::EventEntry;

/// Archived, reopened, trashed, restored, snoozed, or the end of a snooze; by whomever.
pub(super) fn is_status(event: &EventEntry) -> bool {
    ["archive", "reopen", "trash", "restore", "reminder"].contains(&event.kind)
}

/// Not by Calltrail, which alone uses the API: by a person, or by the end of a snooze that a person set.
pub(super) fn is_by_people(event: &EventEntry) -> bool {
    event.source != "api"
}

pub(super) fn is_merger(event: &EventEntry) -> bool {
    event.kind == "conversations_merged"
}
