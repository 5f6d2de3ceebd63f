//! The log is a log: it grows, begins with the account, and numbers each effect once.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::records::is_gone;
use super::view::{AccountView, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for pair in view.evidence.log.windows(2) {
        if pair[1].sequence <= pair[0].sequence {
            let (before, after) = (pair[0].sequence, pair[1].sequence);
            findings.push(None, format!("sequence {after} follows sequence {before}"));
        }
    }
    for account in &view.accounts {
        if let Some((sequence, kind)) = account.records.first.filter(|(_, kind)| *kind != "account.created") {
            findings.of(account.id, format!("the first record, sequence {sequence}, is {kind}"));
        }
        // A writer may append what came of a decision that is gone.
        if view.evidence.tails_lost == 0 {
            ordinals(account, findings);
        }
    }
}

fn ordinals(account: &AccountView<'_>, findings: &mut Findings) {
    let mut by_key = BTreeMap::new();
    let mut by_ordinal = BTreeMap::new();
    let mut gone = BTreeSet::new();
    for (place, fact) in &account.records.settled {
        let sequence = place.sequence;
        let ordinal = (fact.party.as_str(), fact.ordinal);
        if is_gone(fact) {
            gone.insert(ordinal);
        }
        let known = by_key.entry(fact.key).or_insert(ordinal);
        if *known != ordinal && gone.contains(known) {
            *known = ordinal;
        } else if *known != ordinal && !gone.contains(&ordinal) {
            let (key, one, other) = (fact.key, known.1, fact.ordinal);
            findings.of(
                account.id,
                format!("effect {key} has ordinal {one}, and {other} at sequence {sequence}"),
            );
        }
        let known = by_ordinal.entry(ordinal).or_insert(fact.key);
        if *known != fact.key {
            let (ordinal, one, other) = (fact.ordinal, *known, fact.key);
            findings
                .of(account.id, format!("ordinal {ordinal} is {one}, and {other} at sequence {sequence}"));
        }
    }
}
