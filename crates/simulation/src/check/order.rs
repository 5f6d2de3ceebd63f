//! Everything in its order: the calls of a caller, the parts of a call, the effects of a party.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::ids::{CallId, EffectKey, EffectKind};

use super::Findings;
use super::front::Kind;
use super::view::{AccountView, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // Webhooks that are delivered again settle calls in another order than Front was told of them, and a writer may append
    // what came of a decision that is gone.
    if view.evidence.tails_lost > 0 {
        return;
    }
    for account in &view.accounts {
        calls(account, findings);
        parts(account, findings);
        comments(account, findings);
        ordinals(account, findings);
    }
}

/// Per number, not per contact: that two numbers are one contact is known only once a look-up is in the log.
fn calls(account: &AccountView<'_>, findings: &mut Findings) {
    let mut by_number: BTreeMap<&str, Vec<(u64, usize, u64)>> = BTreeMap::new();
    for call in &account.evidence.calls {
        let settled = account.records.settles.get(&call.id);
        let taken = account.front.accepted.get(&(call.id, Kind::Call));
        if let (Some(number), Some(settled), Some(taken)) = (call.number.as_deref(), settled, taken) {
            let row = (settled.place.sequence, *taken, call.id);
            by_number.entry(number).or_default().push(row);
        }
    }
    for mut rows in by_number.into_values() {
        rows.sort_unstable();
        for pair in rows.windows(2) {
            let ((sequence, number, call), (next_sequence, next_number, next_call)) = (pair[0], pair[1]);
            if next_number < number {
                findings.of(
                    account.id,
                    format!(
                        "call {call} settled at sequence {sequence}, before call {next_call} of the same number at \
                         {next_sequence}, and is imported after it"
                    ),
                );
            }
        }
    }
}

fn parts(account: &AccountView<'_>, findings: &mut Findings) {
    let mut last: Option<((u64, Kind), usize)> = None;
    for ((call, kind), place) in &account.front.accepted {
        if let Some(((before, earlier), at)) = last
            && before == *call
            && place < &at
        {
            let (word, earlier) = (kind.word(), earlier.word());
            findings.of(account.id, format!("the {word} of call {call} is imported before its {earlier}"));
        }
        last = Some(((*call, *kind), *place));
    }
}

/// Of one decision; a note that becomes known later comes later.
fn comments(account: &AccountView<'_>, findings: &mut Findings) {
    let mut last: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for note in &account.front.notes {
        let Some((call, id)) = note.named else { continue };
        if account.evidence.late_comments.contains(note.marker) {
            continue;
        }
        let key = EffectKey { call: CallId(call), kind: EffectKind::Comment(id) };
        let Some(decided) = account.records.decision_of(key) else { continue };
        let this = (id, decided.place.sequence);
        if let Some((before, sequence)) = last.insert(call, this)
            && id < before
            && decided.place.sequence <= sequence
        {
            findings.of(account.id, format!("note {id} of call {call} is written after note {before}"));
        }
    }
}

fn ordinals(account: &AccountView<'_>, findings: &mut Findings) {
    let mut reached: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for (place, fact) in &account.records.settled {
        if !known.insert((fact.party.as_str(), fact.ordinal)) {
            continue;
        }
        let (last, sequence) = reached.get(fact.party.as_str()).copied().unwrap_or_default();
        if fact.ordinal < last {
            let (key, ordinal, at) = (fact.key, fact.ordinal, place.sequence);
            findings.of(
                account.id,
                format!(
                    "effect {key}, ordinal {ordinal}, settled at {at}, after ordinal {last} at {sequence}"
                ),
            );
        } else {
            reached.insert(fact.party.as_str(), (fact.ordinal, place.sequence));
        }
    }
}
