//! Nothing of one account is in another's Front or under another's name in the log.

use std::collections::BTreeMap;

use calltrail_domain::effect::Outcome;

use super::Findings;
use super::view::{AccountView, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut parties: BTreeMap<&str, &str> = BTreeMap::new();
    for account in &view.accounts {
        for activity in &account.front.activities {
            let id = &activity.message.external_id;
            let named = id.strip_prefix("calltrail:").and_then(|rest| rest.split(':').next());
            if named != Some(account.id) {
                findings.of(account.id, format!("{id} stands in {}", activity.conversation.id));
            }
        }
        calls(account, findings);
        conversations(view, account, findings);
        let decided = account.records.decisions.iter().map(|decided| &decided.decision.party);
        let settled = account.records.settled.iter().map(|(_, fact)| &fact.party);
        for party in decided.chain(settled) {
            let other = parties.entry(party.as_str()).or_insert(account.id);
            if *other != account.id {
                findings.of(account.id, format!("party {party} is also in the log of {other}"));
                *other = account.id;
            }
        }
    }
    for logged in &view.evidence.log {
        if !view.accounts.iter().any(|account| account.id == logged.account) {
            findings
                .of(&logged.account, format!("sequence {} is of an account that is none", logged.sequence));
        }
    }
}

fn calls(account: &AccountView<'_>, findings: &mut Findings) {
    let heard = account.records.heard.iter().map(|((call, _), place)| (*call, place.sequence));
    let timers = account.records.timers.iter().map(|(sequence, call)| (*call, *sequence));
    let decided = account.records.decisions.iter().flat_map(|decided| {
        let calls = decided.decision.effects.iter().map(|effect| effect.key.call);
        calls.chain([decided.decision.call]).map(|call| (call.0, decided.place.sequence))
    });
    let settled = account.records.settled.iter().map(|(place, fact)| (fact.key.call.0, place.sequence));
    for (call, sequence) in heard.chain(timers).chain(decided).chain(settled) {
        if !account.calls.contains_key(&call) {
            findings.of(
                account.id,
                format!("sequence {sequence} names call {call}, which is not of this account"),
            );
        }
    }
}

/// Two companies may use the same ids; one that is another's alone is a leak.
fn conversations(view: &View<'_>, account: &AccountView<'_>, findings: &mut Findings) {
    for (place, fact) in &account.records.settled {
        let conversation = match &fact.outcome {
            Outcome::Applied { conversation: Some(conversation), .. }
            | Outcome::Observed { conversation, .. }
            | Outcome::Gone { conversation, .. } => conversation,
            Outcome::Applied { conversation: None, .. }
            | Outcome::ContactFound { .. }
            | Outcome::Rejected { .. }
            | Outcome::Overtaken { .. }
            | Outcome::Skipped { .. } => continue,
        };
        let id = conversation.as_str();
        let is_of_another = view.accounts.iter().any(|other| other.front.conversations.contains_key(id));
        if is_of_another && !account.front.conversations.contains_key(id) {
            findings.of(
                account.id,
                format!("sequence {} names {id}, which is another account's", place.sequence),
            );
        }
    }
}
