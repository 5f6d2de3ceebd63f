//! How long an effect waits, where little goes wrong: a crash loop, or a clock that is set back, holds no caller for long.

use calltrail_domain::ids::EffectKind;

use super::Findings;
use super::limits::{
    MINUTE_MS, PACE_COMMENT_MS, PACE_IMPORT_MS, PACE_ROOM_PERCENT, PACE_SAFE_MS, PACE_SET_BACK_MS,
};
use super::view::{AccountView, View};
use crate::fault::Scenario;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let bound: fn(EffectKind) -> i64 = match view.evidence.scenario {
        Scenario::CrashLoop => in_crash_loop,
        Scenario::ClockSetBack => |_| PACE_SET_BACK_MS,
        Scenario::Everything | Scenario::TailLost | Scenario::ReceiversDown => return,
    };
    for account in &view.accounts {
        judge(account, bound, findings);
    }
}

/// From when an effect could have been done: it was decided, the one before it was done, and the rate had room.
fn judge(account: &AccountView<'_>, bound: fn(EffectKind) -> i64, findings: &mut Findings) {
    let records = &account.records;
    let rate = Rate::of(account);
    let mut before_ms = std::collections::BTreeMap::new();
    let mut known = std::collections::BTreeSet::new();
    for (place, fact) in &records.settled {
        if !known.insert(fact.key) {
            continue;
        }
        let before_ms = before_ms.insert(fact.party.as_str(), place.appended_ms).unwrap_or_default();
        let Some(decided) = records.decision_of(fact.key) else { continue };
        let ready_ms = decided.place.appended_ms.max(before_ms);
        let waited_ms = place.appended_ms - rate.free_from_ms(ready_ms);
        findings.tallies().waits_judged += 1;
        if waited_ms > bound(fact.key.kind) {
            let (key, at, from) = (fact.key, place.sequence, decided.place.sequence);
            findings.of(
                account.id,
                format!("{key}, decided at sequence {from}, settled at {at} after {waited_ms} ms of its own"),
            );
        }
    }
}

/// The requests of an account in the order of time, and how many of them leave room in a minute.
struct Rate {
    sent_ms: Vec<i64>,
    room: usize,
}

impl Rate {
    /// Each killed writer may take a reserved slot with it, so the rate has no room before all of it was sent.
    fn of(account: &AccountView<'_>) -> Self {
        let mut sent_ms: Vec<i64> = account.evidence.sent.iter().map(|sent| sent.at_ms).collect();
        sent_ms.sort_unstable();
        Self { sent_ms, room: account.evidence.requests_per_minute * PACE_ROOM_PERCENT / 100 }
    }

    /// When of the requests sent by `at_ms` fewer than that are in the last minute; what others send later excuses no wait.
    fn free_from_ms(&self, at_ms: i64) -> i64 {
        let sent = &self.sent_ms[..self.sent_ms.partition_point(|sent_ms| *sent_ms <= at_ms)];
        match sent.len().checked_sub(self.room) {
            Some(excess) if self.room > 0 => at_ms.max(sent[excess] + MINUTE_MS),
            _ => at_ms,
        }
    }
}

fn in_crash_loop(kind: EffectKind) -> i64 {
    match kind {
        EffectKind::Comment(_) => PACE_COMMENT_MS,
        EffectKind::Contact | EffectKind::Observe | EffectKind::ObserveAgain(_) | EffectKind::Tag(_) => {
            PACE_SAFE_MS
        }
        // A person may have done something else meanwhile.
        EffectKind::Assign
        | EffectKind::Reopen
        | EffectKind::Call
        | EffectKind::Duration
        | EffectKind::Recording
        | EffectKind::RecordingPending
        | EffectKind::Voicemail
        | EffectKind::VoicemailPending => PACE_IMPORT_MS,
    }
}
