//! With Front's webhooks, too, a conversation that was quiet for long is read before a call goes into it: a mass action, which no
//! webhook reports, may have archived or trashed it.

use calltrail_domain::effect::{EffectSettled, Outcome};
use calltrail_domain::ids::{CallId, EffectKey, EffectKind};

use super::Findings;
use super::limits::CLOCK_WRONG_MS;
use super::records::{Decided, Place, SettledBy};
use super::status::{is_by_people, is_status};
use super::view::{AccountView, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // Sequences are given again then.
    if view.evidence.tails_lost > 0 {
        return;
    }
    for account in view.accounts.iter().filter(|account| account.evidence.front_webhooks) {
        for (call, settled) in &account.records.settles {
            let mut decisions = account.records.decisions_of(*call);
            let Some(decided) = decisions.find(|decided| {
                let counts = decided.is_first && !account.records.is_undone(decided);
                counts && decided.logged().is_some()
            }) else {
                continue;
            };
            // Where it went then: the conversation may have been merged into another one since.
            let key = EffectKey { call: CallId(*call), kind: EffectKind::Call };
            let Some(Outcome::Applied { conversation: Some(conversation), .. }) =
                account.records.outcome_of(key)
            else {
                continue;
            };
            let call = Call { account, call: *call, settled, decided };
            call.judge(conversation.as_str(), findings);
        }
    }
}

/// A call that was logged.
struct Call<'v, 'a> {
    account: &'v AccountView<'a>,
    call: u64,
    settled: &'v SettledBy,
    decided: &'v Decided<'a>,
}

impl Call<'_, '_> {
    fn judge(&self, conversation: &str, findings: &mut Findings) {
        let Some(heard_ms) = self.heard_ms(conversation) else { return };
        let quiet_ms = self.settled.received_ms - heard_ms;
        if quiet_ms <= self.account.evidence.front_silence_ms + 2 * CLOCK_WRONG_MS
            || !self.was_changed(conversation)
        {
            return;
        }
        findings.tallies().quiet_calls += 1;
        let read = EffectKey { call: CallId(self.call), kind: EffectKind::Observe };
        if !self.account.records.effects.contains_key(&read) {
            let (call, id) = (self.call, self.account.id);
            let what = format!(
                "call {call} went into {conversation}, which a mass action had changed and which was quiet for {quiet_ms} ms, unread"
            );
            findings.of(id, what);
        }
    }

    /// When the conversation was last heard of before the decision, but for the call's own read; `None` where it was not the party's
    /// then: it is new, or the party's was merged into it since.
    fn heard_ms(&self, conversation: &str) -> Option<i64> {
        let records = &self.account.records;
        let is_earlier = |(place, fact): &&(Place, &EffectSettled)| {
            place.sequence <= self.decided.through
                && fact.key.call.0 != self.call
                && fact.party == self.decided.decision.party
        };
        let seen =
            records.settled.iter().filter(is_earlier).filter_map(|(place, fact)| match &fact.outcome {
                Outcome::Applied { conversation: Some(of), .. }
                | Outcome::Observed { conversation: of, .. } => Some((place, fact.key.kind, of.as_str())),
                _ => None,
            });
        let seen: Vec<_> = seen.collect();
        let is_of_party =
            |(_, kind, _): &&(_, EffectKind, _)| matches!(kind, EffectKind::Call | EffectKind::Observe);
        // It was in another one since, which was merged back into this.
        if seen.iter().filter(is_of_party).next_back().is_some_and(|(_, _, of)| *of != conversation) {
            return None;
        }
        let seen = seen.iter().filter(|(_, _, of)| *of == conversation).map(|(place, ..)| place.appended_ms);
        let own = self.account.front.own_events.get(conversation).into_iter().flatten();
        let told = own.filter_map(|event| records.told_again.get(event.id.as_str())).flatten();
        let told = told.filter(|place| place.sequence <= self.decided.through).map(|place| place.appended_ms);
        let seen_ms = seen.max()?;
        Some(told.max().unwrap_or(seen_ms).max(seen_ms))
    }

    /// Something that no webhook told of was done to it before the call settled.
    fn was_changed(&self, conversation: &str) -> bool {
        let own = self.account.front.own_events.get(conversation).into_iter().flatten();
        let mut acts = own.filter(|event| is_status(event) && is_by_people(event));
        acts.any(|act| {
            let is_untold = !self.account.records.told_again.contains_key(act.id.as_str());
            is_untold && act.at_ms < self.settled.received_ms - CLOCK_WRONG_MS
        })
    }
}
