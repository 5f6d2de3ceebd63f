//! What is done to the status of a conversation, as Front's events tell it.

use calltrail_simulator::front::EventEntry;

use super::limits::{UNDER_WAY_MS, USUAL_MS};
use super::records::Decided;
use super::view::AccountView;

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

/// Whoever decided on what came late knew of this act: Front had told it, or the conversation was read well after it.
pub(super) fn was_aware(account: &AccountView<'_>, decided: &Decided<'_>, act: &EventEntry) -> bool {
    if account.evidence.front_webhooks {
        let told = account.records.told.get(act.id.as_str());
        return told.is_some_and(|told| told.sequence <= decided.through);
    }
    let reads = account.records.observed.get(act.conversation.as_str()).into_iter().flatten();
    reads.into_iter().any(|(asked_ms, appended_ms)| {
        *asked_ms > act.at_ms + UNDER_WAY_MS && *appended_ms <= decided.place.appended_ms
    })
}

/// When a request that landed at this moment, for this conversation, was sent: earlier than that if it was late.
pub(super) fn sent_ms(account: &AccountView<'_>, conversation: &str, landed_ms: i64) -> i64 {
    late_writes(account, conversation)
        .filter(|(at_ms, _)| *at_ms == landed_ms)
        .map(|(_, sent_ms)| sent_ms)
        .min()
        .unwrap_or(landed_ms)
}

/// Writes to this conversation that were long under way: when they landed, and when they were sent.
pub(super) fn late_writes(account: &AccountView<'_>, conversation: &str) -> impl Iterator<Item = (i64, i64)> {
    account.evidence.sent_ms.iter().filter_map(move |(place, sent_ms)| {
        let request = account.evidence.front.requests.get(*place)?;
        let is_write = request.method.starts_with('P') && request.path.contains(conversation);
        (is_write && request.at_ms - sent_ms > USUAL_MS).then_some((request.at_ms, *sent_ms))
    })
}
