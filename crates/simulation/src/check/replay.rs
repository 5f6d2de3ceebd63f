//! Whoever folds the log to the same place has the same state.

use std::collections::BTreeMap;

use super::Findings;
use super::view::View;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let folds = &view.evidence.folds;
    if folds.len() < 2 {
        findings
            .push(None, format!("{} folds are there to be compared, at least two are needed", folds.len()));
    }
    let mut first: BTreeMap<u64, (&str, u64)> = BTreeMap::new();
    for (name, sequence, hash) in folds {
        let Some((other, expected)) = first.get(sequence) else {
            first.insert(*sequence, (name, *hash));
            continue;
        };
        findings.tallies().folds_compared += 1;
        if hash != expected {
            findings.push(None, format!("{name} and {other} differ at sequence {sequence}"));
        }
    }
    if folds.len() > 1 && first.len() == folds.len() {
        findings.push(None, "no two folds have folded through the same sequence".into());
    }
}
