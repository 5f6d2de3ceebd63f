//! An archiving by a person lasts until a call comes: what comes late reopens nothing.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::ids::{CallId, EffectKey, EffectKind};
use calltrail_simulator::front::{ConversationEntry, EventEntry};

use super::Findings;
use super::front::Activity;
use super::limits::{CLOSE_MS, UNDER_WAY_MS};
use super::status::{is_by_people, is_status, sent_ms, was_aware};
use super::view::{AccountView, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for account in &view.accounts {
        let mut inside: BTreeMap<&str, Vec<&Activity<'_>>> = BTreeMap::new();
        for activity in &account.front.activities {
            inside.entry(&activity.conversation.id).or_default().push(activity);
        }
        for conversation in &account.evidence.front.conversations {
            if conversation.merged_into.is_some() {
                continue;
            }
            let activities = inside.get(conversation.id.as_str()).map_or(&[][..], Vec::as_slice);
            let place = Inside { account, conversation, activities };
            place.reopenings(findings);
            place.end(findings);
        }
    }
}

/// One conversation with what is in it.
struct Inside<'v, 'a> {
    account: &'v AccountView<'a>,
    conversation: &'v ConversationEntry,
    activities: &'v [&'v Activity<'a>],
}

impl Inside<'_, '_> {
    /// A reopening is not sent over an archiving that came after the record that settled the call.
    fn reopenings(&self, findings: &mut Findings) {
        let events = self.account.front.events_of(&self.conversation.id);
        let mut last: BTreeMap<&str, &EventEntry> = BTreeMap::new();
        for event in events.iter().filter(|event| is_status(event)) {
            if is_by_people(event) {
                last.insert(&event.conversation, event);
                continue;
            }
            let put_away =
                last.get(event.conversation.as_str()).filter(|act| ["archive", "trash"].contains(&act.kind));
            match put_away {
                Some(act) if ["reopen", "restore"].contains(&event.kind) => {
                    self.reopened(act, event, findings)
                }
                _ => {}
            }
        }
    }

    /// What settled a call before counts by its own time: the engine knows no other.
    fn reopened(&self, act: &EventEntry, event: &EventEntry, findings: &mut Findings) {
        let calls = self.calls().chain(self.reopening_calls());
        let settled = calls.filter_map(|call| self.account.records.settles.get(&call));
        let settled = settled.filter(|settled| settled.place.appended_ms <= event.at_ms);
        let after_ms = settled.map(|settled| settled.received_ms - act.at_ms).max();
        if after_ms.is_some_and(|after_ms| after_ms > CLOSE_MS) {
            findings.tallies().reopenings_strict += 1;
            return;
        }
        let by_import = self.activities.iter().any(|one| one.message.imported_at_ms == event.at_ms);
        let known_window = if by_import && self.account.evidence.import_reopens {
            self.was_under_way(act.at_ms, event.at_ms)
        } else {
            !self.had_looked(act.at_ms, event)
        };
        if known_window || after_ms.is_some_and(|after_ms| after_ms > -CLOSE_MS) {
            findings.tallies().reopenings_lenient += 1;
            return;
        }
        findings.tallies().reopenings_strict += 1;
        let (id, kind, at, done) = (&self.conversation.id, event.kind, event.at_ms, act.at_ms);
        findings.of(
            self.account.id,
            format!("{kind} through the API at {at} in {id}, put away by a person at {done}, and no call settled since"),
        );
    }

    /// The conversation was read after the act and before the request that reopened it was sent.
    fn had_looked(&self, act_ms: i64, event: &EventEntry) -> bool {
        let sent_ms = sent_ms(self.account, &event.conversation, event.at_ms);
        let path = format!("/conversations/{}", event.conversation);
        let mut reads = self.account.requests("GET", &path);
        reads.any(|(_, landed_ms)| act_ms < landed_ms && landed_ms < sent_ms)
    }

    /// Calls of the callers in here that were to reopen it, also where Front has refused to show the call.
    fn reopening_calls(&self) -> impl Iterator<Item = u64> {
        let records = &self.account.records;
        let parties: BTreeSet<&str> = self
            .calls()
            .flat_map(|call| records.decisions_of(call))
            .map(|decided| decided.decision.party.as_str())
            .collect();
        let reopening = records.effects.iter().filter(|(key, _)| key.kind == EffectKind::Reopen);
        let own = reopening.filter(move |(_, decided)| {
            parties.contains(records.decisions[**decided].decision.party.as_str())
        });
        own.map(|(key, _)| key.call.0)
    }

    /// What was archived last, and got no call since, is archived at the end.
    fn end(&self, findings: &mut Findings) {
        let events = self.account.front.events_of(&self.conversation.id);
        let Some(last) = events.iter().rev().find(|event| is_status(event)) else { return };
        let is_deleted = self.account.deleted_ms(&self.conversation.id).is_some();
        if last.kind != "archive"
            || !is_by_people(last)
            || last.conversation != self.conversation.id
            || is_deleted
        {
            return;
        }
        let since_ms = last.at_ms - UNDER_WAY_MS;
        let disturbed = self.calls().any(|call| self.is_newer(call, since_ms))
            // Front tells of a merger by no webhook: what was decided for the one that is gone reaches this one.
            || self.account.front.merged.contains_key(self.conversation.id.as_str())
            || self.was_under_way(last.at_ms, i64::MAX)
            || self.activities.iter().any(|one| self.was_unaware(one, last));
        if disturbed {
            return;
        }
        findings.tallies().archivings_kept += 1;
        if self.conversation.status != "archived" {
            let (id, status, at) = (&self.conversation.id, self.conversation.status, last.at_ms);
            findings.of(
                self.account.id,
                format!(
                    "{id} is {status}: a person archived it at {at}, and nothing but late parts came since"
                ),
            );
        }
    }

    fn calls(&self) -> impl Iterator<Item = u64> {
        self.activities.iter().filter_map(|activity| Some(activity.named?.1))
    }

    /// The call settled since, or its own reopening may have been under way.
    fn is_newer(&self, call: u64, since_ms: i64) -> bool {
        let records = &self.account.records;
        let reopen = EffectKey { call: CallId(call), kind: EffectKind::Reopen };
        let mut facts = records.by_effect.get(&reopen).into_iter().flatten();
        let settled = records.settles.get(&call).is_none_or(|settled| settled.place.appended_ms > since_ms);
        let is_open = records.effects.contains_key(&reopen) && !records.by_effect.contains_key(&reopen);
        settled || is_open || facts.any(|place| records.settled[*place].0.appended_ms > since_ms)
    }

    /// Something that was decided before, or shortly after, this archiving became visible around it or later.
    fn was_under_way(&self, archived_ms: i64, until_ms: i64) -> bool {
        let around = |activity: &&&Activity<'_>| {
            (archived_ms - UNDER_WAY_MS..=until_ms).contains(&activity.message.imported_at_ms)
        };
        self.activities.iter().filter(around).any(|activity| {
            let Some((_, call, kind)) = activity.named else { return true };
            let decided = self.account.records.decision_of(kind.key(call));
            decided.is_none_or(|decided| {
                !decided.is_late() || decided.place.appended_ms <= archived_ms + UNDER_WAY_MS
            })
        })
    }

    /// It was decided by somebody who did not know of this archiving.
    fn was_unaware(&self, activity: &Activity<'_>, archived: &EventEntry) -> bool {
        let records = &self.account.records;
        let decided = activity.named.and_then(|(_, call, kind)| records.decision_of(kind.key(call)));
        activity.message.imported_at_ms >= archived.at_ms
            && decided.is_none_or(|decided| !was_aware(self.account, decided, archived))
    }
}
