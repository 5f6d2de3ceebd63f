//! What a projector does not do before it has folded what it knows of: tell the outbox of what is settled, and decide.

use std::collections::BTreeMap;

use calltrail_domain::record::RecordBody;

use super::Findings;
use super::view::View;
use crate::evidence::{DecidedThrough, Publication};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // Sequences are given again then.
    if view.evidence.tails_lost == 0 {
        published(view, findings);
    }
    for DecidedThrough { projector, account, through, tail } in &view.evidence.decided {
        if through < tail {
            let what = format!("projector {projector} decided having folded {through}, and knew of {tail}");
            findings.of(account, what);
        }
    }
}

/// A projector that starts has folded what was settled before.
fn published(view: &View<'_>, findings: &mut Findings) {
    let mut settled_at = BTreeMap::new();
    for logged in &view.evidence.log {
        if let RecordBody::EffectSettled(settled) = &logged.record.body {
            let key = (logged.account.as_str(), &settled.party, settled.ordinal);
            settled_at.entry(key).or_insert(logged.sequence);
        }
    }
    for Publication { projector, started_at_tail, account, party, ordinals, .. } in
        &view.evidence.publications
    {
        let was_settled = |ordinal: &u64| {
            settled_at.get(&(account.as_str(), party, *ordinal)).is_some_and(|at| at <= started_at_tail)
        };
        if ordinals.iter().all(was_settled) {
            let what = format!(
                "projector {projector} published effects {ordinals:?} of party {party}, which the log told as settled when \
                 it started at sequence {started_at_tail}"
            );
            findings.of(account, what);
        }
    }
}
