//! What a writer has done so far, for `status`, metrics and proofs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use calltrail_domain::effect::Outcome;
use calltrail_domain::ids::InboxId;
use calltrail_domain::time::Timestamp;
use calltrail_front::{Answer, RequestKind};

use crate::command::Why;
use crate::condition::{Condition, Lasting};
use crate::contact::NOT_FOUND;

/// The words for the classes of answers, in the order of their counters.
///
/// `not_found` is the 404 of a look-up: nobody has the number, or what was accepted does not show yet.
pub const ANSWERS: [&str; 7] =
    ["done", "not_applied", "rejected", "not_found", "bad_token", "ambiguous", "moved"];
/// The words for the outcomes of effects, in the order of their counters.
pub const OUTCOMES: [&str; 8] =
    ["contact_found", "observed", "applied", "unconfirmed", "rejected", "overtaken", "skipped", "gone"];

/// Counters of one process; all of them only grow.
#[derive(Debug, Default)]
pub struct Counters {
    requests: [[AtomicU64; ANSWERS.len()]; RequestKind::ALL.len()],
    outcomes: [AtomicU64; OUTCOMES.len()],
    releases: [AtomicU64; Why::ALL.len()],
    budget_wait_ms: AtomicU64,
    conflicts: AtomicU64,
    takeovers: AtomicU64,
    duplicate_comments: AtomicU64,
    handles_refused: AtomicU64,
    newer_fences: AtomicU64,
    polled_events: AtomicU64,
    conditions: Mutex<Vec<Lasting>>,
    missing_inboxes: Mutex<Vec<Lasting>>,
}

impl Counters {
    pub(crate) fn count_request(&self, kind: RequestKind, answer: &Answer) {
        let class = match answer {
            Answer::Done(_) => 0,
            Answer::NotApplied { .. } => 1,
            Answer::Rejected(refusal) if refusal.status == NOT_FOUND && looks_up(kind) => 3,
            Answer::Rejected(_) => 2,
            Answer::BadToken => 4,
            Answer::Ambiguous { .. } => 5,
            Answer::Moved(_) => 6,
        };
        if let (RequestKind::AddContactHandle, Answer::Rejected(_)) = (kind, answer) {
            self.handles_refused.fetch_add(1, Ordering::Relaxed);
        }
        self.requests[kind as usize][class].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_outcome(&self, outcome: &Outcome) {
        let index = match outcome {
            Outcome::ContactFound { .. } => 0,
            Outcome::Observed { .. } => 1,
            Outcome::Applied { unconfirmed: false, .. } => 2,
            Outcome::Applied { unconfirmed: true, .. } => 3,
            Outcome::Rejected { .. } => 4,
            Outcome::Overtaken { .. } => 5,
            Outcome::Skipped { .. } => 6,
            Outcome::Gone { .. } => 7,
        };
        self.outcomes[index].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_release(&self, why: Why) {
        self.releases[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_budget_wait(&self, wait: Duration) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.budget_wait_ms.fetch_add(wait_ms, Ordering::Relaxed);
    }

    pub(crate) fn count_claim(&self, conflicts: u32, takeovers: u32) {
        self.conflicts.fetch_add(u64::from(conflicts), Ordering::Relaxed);
        self.takeovers.fetch_add(u64::from(takeovers), Ordering::Relaxed);
    }

    /// Requests of this kind whose answer was of this class; the words are those of [`RequestKind::as_str`] and [`ANSWERS`].
    #[must_use]
    pub fn requests(&self) -> Vec<(&'static str, &'static str, u64)> {
        let of_kind = |kind: RequestKind| {
            let counts = &self.requests[kind as usize];
            ANSWERS.into_iter().zip(counts).map(move |(class, count)| (kind.as_str(), class, read(count)))
        };
        RequestKind::ALL.into_iter().flat_map(of_kind).filter(|(_, _, count)| *count > 0).collect()
    }

    /// Requests sent, whatever came of them.
    #[must_use]
    pub fn requests_total(&self) -> u64 {
        self.requests.iter().flatten().map(read).sum()
    }

    /// Terminal facts appended, by outcome.
    #[must_use]
    pub fn outcomes(&self) -> Vec<(&'static str, u64)> {
        OUTCOMES.into_iter().zip(&self.outcomes).map(|(word, count)| (word, read(count))).collect()
    }

    /// Claims given back, by reason. `bad_token` means that Front does not take the token.
    #[must_use]
    pub fn releases(&self) -> Vec<(&'static str, u64)> {
        Why::ALL.into_iter().map(|why| (why.as_str(), read(&self.releases[why as usize]))).collect()
    }

    /// Time spent waiting for slots that were reserved, in milliseconds, all workers together.
    #[must_use]
    pub fn budget_wait_ms(&self) -> u64 {
        read(&self.budget_wait_ms)
    }

    /// Fences that another writer changed first.
    #[must_use]
    pub fn conflicts(&self) -> u64 {
        read(&self.conflicts)
    }

    /// Effects in flight that were taken over from another claim.
    #[must_use]
    pub fn takeovers(&self) -> u64 {
        read(&self.takeovers)
    }

    pub(crate) fn count_duplicate_comments(&self, duplicates: u32) {
        self.duplicate_comments.fetch_add(u64::from(duplicates), Ordering::Relaxed);
    }

    /// Comments that stand in Front a second time: a request landed after it was looked for.
    #[must_use]
    pub fn duplicate_comments(&self) -> u64 {
        read(&self.duplicate_comments)
    }

    pub(crate) fn count_newer_fences(&self, items: u32) {
        self.newer_fences.fetch_add(u64::from(items), Ordering::Relaxed);
    }

    /// Items whose effects the fence knew and the log did not: the log was restored, or lost its last records.
    #[must_use]
    pub fn newer_fences(&self) -> u64 {
        read(&self.newer_fences)
    }

    pub(crate) fn count_polled(&self, events: u64) {
        self.polled_events.fetch_add(events, Ordering::Relaxed);
    }

    /// Events of Front that a poll brought; most came as webhooks too.
    #[must_use]
    pub fn polled_events(&self) -> u64 {
        read(&self.polled_events)
    }

    pub(crate) fn set_conditions(&self, lasting: Vec<Lasting>) {
        *self.conditions.lock().unwrap_or_else(PoisonError::into_inner) = lasting;
    }

    /// Notes which configured inboxes Front does not have; those that were missing before keep their time.
    pub fn set_missing_inboxes(&self, now: Timestamp, missing: Vec<InboxId>) {
        let mut known = self.missing_inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let lasting = |inbox| {
            let condition = Condition::UnknownInbox(inbox);
            let since = known.iter().find(|one| one.condition == condition).map_or(now, |one| one.since);
            Lasting { condition, since }
        };
        *known = missing.into_iter().map(lasting).collect();
    }

    /// Front has taken an import into this inbox.
    pub(crate) fn inbox_is_there(&self, inbox: &InboxId) {
        let mut missing = self.missing_inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|one| one.condition.subject() != inbox.as_str());
    }

    /// What only an operator can repair, and since when: what work waits for, and configured inboxes that are missing.
    #[must_use]
    pub fn conditions(&self) -> Vec<Lasting> {
        let mut lasting = self.conditions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let missing = self.missing_inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |one: &&Lasting| lasting.iter().all(|known| known.condition != one.condition);
        let more: Vec<_> = missing.iter().filter(is_new).cloned().collect();
        lasting.extend(more);
        lasting
    }

    /// Handles that Front did not add to a contact. The call is logged all the same.
    #[must_use]
    pub fn handles_refused(&self) -> u64 {
        read(&self.handles_refused)
    }
}

/// Reads of one thing, which may not be there. A list of everything always is, unless the address is wrong.
fn looks_up(kind: RequestKind) -> bool {
    let is_of_everything =
        matches!(kind, RequestKind::Me | RequestKind::ListTeammates | RequestKind::ListEvents);
    !kind.is_write() && !is_of_everything
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use calltrail_front::Refusal;

    use super::{Answer, Counters, RequestKind};

    fn check(kind: RequestKind, status: u16, expect: &str) {
        let counters = Counters::default();
        let refusal = Refusal { status, message: String::new(), contacts: Vec::new() };
        counters.count_request(kind, &Answer::Rejected(refusal));
        assert_eq!(counters.requests(), [(kind.as_str(), expect, 1)]);
        assert_eq!(counters.requests_total(), 1);
    }

    #[test]
    fn what_a_look_up_does_not_find_is_not_counted_as_a_refusal() {
        check(RequestKind::GetContact, 404, "not_found");
        check(RequestKind::GetMessage, 404, "not_found");
        check(RequestKind::GetConversation, 404, "not_found");
        check(RequestKind::GetContact, 403, "rejected");
        check(RequestKind::ListTeammates, 404, "rejected");
        check(RequestKind::ImportMessage, 404, "rejected");
        check(RequestKind::AddContactHandle, 404, "rejected");
    }
}
