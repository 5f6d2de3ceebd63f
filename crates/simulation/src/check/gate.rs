//! Nothing old is published: a projector that starts has folded what was settled before, and tells nobody of it.

use std::collections::BTreeMap;

use calltrail_domain::record::RecordBody;

use super::Violation;
use crate::evidence::{Evidence, Publication};

const NAME: &str = "gate";

pub(super) fn check(evidence: &Evidence, violations: &mut Vec<Violation>) {
    let mut settled_at = BTreeMap::new();
    for logged in &evidence.log {
        if let RecordBody::EffectSettled(settled) = &logged.record.body {
            let key = (logged.account.as_str(), &settled.party, settled.ordinal);
            settled_at.entry(key).or_insert(logged.sequence);
        }
    }
    for publication in &evidence.publications {
        let Publication { projector, started_at_tail, account, party, ordinals } = publication;
        let was_settled = |ordinal: &u64| {
            settled_at.get(&(account.as_str(), party, *ordinal)).is_some_and(|at| at <= started_at_tail)
        };
        if ordinals.iter().all(was_settled) {
            let what = format!(
                "projector {projector} published effects {ordinals:?} of party {party}, which were settled in the log at its \
                 start, at sequence {started_at_tail}"
            );
            violations.push(Violation { checker: NAME, account: Some(account.clone()), what });
        }
    }
}
