//! Everything comes to an end: each call has a verdict, each effect a fact.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::decision::Verdict;
use calltrail_domain::effect::Outcome;
use calltrail_domain::ids::EffectKey;

use super::Findings;
use super::records::{Decided, is_gone};
use super::view::{AccountView, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    if !view.evidence.at_rest {
        let (ended, faults) = (view.evidence.ended_ms, view.evidence.faults_end_ms);
        findings.push(None, format!("the run is not at rest at {ended}, its last fault was before {faults}"));
    }
    for account in &view.accounts {
        effects(account, findings);
        // A writer may have finished what a decision brought that is gone.
        if view.evidence.tails_lost == 0 {
            facts(account, findings);
        }
        verdicts(account, findings);
        totals(account, findings);
    }
}

/// A call is logged, and counted, once.
fn totals(account: &AccountView<'_>, findings: &mut Findings) {
    let logged = account.records.decisions.iter().filter(|decided| decided.logged().is_some());
    let calls: BTreeSet<_> = logged.map(|decided| decided.decision.call).collect();
    for (projector, counted) in account.evidence.logged.iter().enumerate() {
        if *counted != calls.len() as u64 {
            let what =
                format!("projector {projector} counts {counted} calls as logged, and {} are", calls.len());
            findings.of(account.id, what);
        }
    }
}

fn effects(account: &AccountView<'_>, findings: &mut Findings) {
    let joined = joined(account);
    for decided in &account.records.decisions {
        if !decided.is_first {
            findings.tallies().second_decisions += 1;
            continue;
        }
        for effect in &decided.decision.effects {
            if is_settled(account, decided, effect.key) {
                continue;
            }
            let joined_at = joined.get(decided.decision.party.as_str());
            if joined_at.is_some_and(|joined_at| *joined_at < decided.place.sequence) {
                findings.tallies().dropped_effects += 1;
            } else {
                let (key, sequence) = (effect.key, decided.place.sequence);
                findings
                    .of(account.id, format!("effect {key}, decided at sequence {sequence}, never settled"));
            }
        }
    }
}

/// Something came of the effect. One whose conversation was gone may be decided again, and that comes to something of its own.
fn is_settled(account: &AccountView<'_>, decided: &Decided<'_>, key: EffectKey) -> bool {
    let mut facts = account.records.facts_of(key);
    if facts.clone().any(|(_, fact)| is_gone(fact)) {
        return account.records.new_facts(key, decided.place.sequence).next().is_some();
    }
    facts.next().is_some()
}

/// Parties of one contact, with the sequence at which that was known: a step of one that was joined was decided on a state
/// that is gone. What was decided before is done before they join.
fn joined<'a>(account: &AccountView<'a>) -> BTreeMap<&'a str, u64> {
    let mut of_contact: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (place, fact) in &account.records.settled {
        if let Outcome::ContactFound { contact, .. } = &fact.outcome {
            let parties = of_contact.entry(contact.as_str()).or_default();
            parties.entry(fact.party.as_str()).or_insert(place.sequence);
        }
    }
    let shared = of_contact.into_values().filter(|parties| parties.len() > 1);
    let known = shared.flat_map(|parties| {
        let last = parties.values().copied().max().unwrap_or_default();
        parties.into_keys().map(move |party| (party, last))
    });
    known.collect()
}

fn facts(account: &AccountView<'_>, findings: &mut Findings) {
    let decided: BTreeSet<_> = account
        .records
        .decisions
        .iter()
        .flat_map(|decided| decided.decision.effects.iter().map(|effect| effect.key))
        .collect();
    for (key, places) in &account.records.by_effect {
        if !decided.contains(key) {
            let sequence = places.first().map_or(0, |place| account.records.settled[*place].0.sequence);
            findings
                .of(account.id, format!("effect {key} settled at sequence {sequence} and nobody decided it"));
        }
    }
}

fn verdicts(account: &AccountView<'_>, findings: &mut Findings) {
    for (call, settled) in &account.records.settles {
        let has = account.records.decisions_of(*call).any(|decided| match decided.decision.verdict {
            Verdict::Logged(_) => !account.records.is_undone(decided),
            Verdict::LeftOut { .. } => true,
            Verdict::ReadFirst | Verdict::Added => false,
        });
        if !has {
            let sequence = settled.place.sequence;
            findings.of(account.id, format!("call {call}, settled at sequence {sequence}, has no verdict"));
        }
    }
}
