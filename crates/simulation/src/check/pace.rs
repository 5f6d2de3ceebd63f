//! How long an effect waits, where little goes wrong: a crash loop, or a clock that is set back, holds no caller for long.

use calltrail_domain::ids::EffectKind;

use super::Findings;
use super::limits::{PACE_COMMENT_MS, PACE_IMPORT_MS, PACE_SAFE_MS, PACE_SET_BACK_MS};
use super::view::{AccountView, View};
use crate::fault::Scenario;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let bound: fn(EffectKind) -> i64 = match view.evidence.scenario {
        Scenario::CrashLoop => in_crash_loop,
        Scenario::ClockSetBack => |_| PACE_SET_BACK_MS,
        Scenario::Everything | Scenario::TailLost => return,
    };
    for account in &view.accounts {
        judge(account, bound, findings);
    }
}

/// From when an effect could have been done: it was decided, and the one before it was done.
fn judge(account: &AccountView<'_>, bound: fn(EffectKind) -> i64, findings: &mut Findings) {
    let records = &account.records;
    let mut before_ms = std::collections::BTreeMap::new();
    let mut known = std::collections::BTreeSet::new();
    for (place, fact) in &records.settled {
        if !known.insert(fact.key) {
            continue;
        }
        let before_ms = before_ms.insert(fact.party.as_str(), place.appended_ms).unwrap_or_default();
        let Some(decided) = records.decision_of(fact.key) else { continue };
        let waited_ms = place.appended_ms - decided.place.appended_ms.max(before_ms);
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
