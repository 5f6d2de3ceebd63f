//! A call that was erased is never decided again, and a gap that an erasure leaves is no other log.

use std::collections::BTreeSet;

use calltrail_domain::record::RecordBody;

use super::Findings;
use super::view::View;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut erased = BTreeSet::new();
    for logged in &view.evidence.log {
        let account = logged.account.as_str();
        match &logged.record.body {
            // One that something came before means nothing.
            RecordBody::PartyErased(record) if logged.sequence == record.through + record.part => {
                erased.extend(record.calls.iter().map(|call| (account, *call)));
            }
            RecordBody::EffectsDecided(decided) => {
                for decision in &decided.decisions {
                    if erased.contains(&(account, decision.call)) {
                        let (call, sequence) = (decision.call, logged.sequence);
                        findings.of(
                            account,
                            format!("call {call} was erased and is decided at sequence {sequence}"),
                        );
                    }
                }
            }
            _ => {}
        }
    }
    let again = view.evidence.folded_again;
    if again > 0 && view.evidence.tails_lost == 0 && !view.evidence.is_trimmed {
        findings.push(None, format!("projectors folded again {again} times, and the log lost nothing"));
    }
}
