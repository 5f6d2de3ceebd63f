//! Subjects: the segment's as long as the conversation is not archived, then the call's own.
//!
//! Who must carry which is told by what people did in Front, and judged strictly where nothing was under way meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::effect::Outcome;
use calltrail_domain::ids::{CallId, EffectKey, EffectKind};
use calltrail_simulator::front::EventEntry;

use super::Findings;
use super::chain::{Chains, Entry, chains};
use super::front::Kind;
use super::limits::UNDER_WAY_MS;
use super::records::SettledBy;
use super::status::{is_by_people, is_merger, is_status, was_aware};
use super::view::{AccountView, View};
use crate::evidence::CallKind;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for account in &view.accounts {
        let chains = chains(account);
        for chain in chains.values() {
            for place in 0..chain.len() {
                Link { account, chain, place }.judge(findings);
            }
        }
        parts(account, &chains, findings);
    }
}

/// What a call's subject has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    Keep,
    Open,
    /// Its own, in another conversation: the one before was trashed.
    Leave,
    Either,
}

/// One call in its chain.
struct Link<'v, 'a> {
    account: &'v AccountView<'a>,
    chain: &'v [Entry<'v, 'a>],
    place: usize,
}

impl<'v, 'a> Link<'v, 'a> {
    fn judge(&self, findings: &mut Findings) {
        let this = &self.chain[self.place];
        if this.activity.is_none() {
            return;
        }
        let own = self.own().contains(this.subject);
        let kept = match self.previous() {
            Some(previous) => previous.subject == this.subject,
            None => false,
        };
        let must = self.must();
        let tallies = findings.tallies();
        let (holds, expected) = match must {
            Must::Keep => {
                tallies.subjects_kept += 1;
                (kept, "that of the call before it")
            }
            Must::Open => {
                tallies.subjects_opened += 1;
                (own, "its own")
            }
            Must::Leave => {
                tallies.subjects_opened += 1;
                (own && !self.is_with_previous(), "its own, in another conversation than the trashed one")
            }
            Must::Either => {
                tallies.subjects_lenient += 1;
                let holds = own || self.before().contains(this.subject) || self.is_decided_twice();
                (holds, "its own or that of a call before it")
            }
        };
        if !holds {
            let (id, subject, sequence) = (this.call.id, this.subject, this.decided.place.sequence);
            findings.of(
                self.account.id,
                format!(
                    "call {id}, decided at sequence {sequence}, carries `{subject}` and must carry {expected}"
                ),
            );
        }
        if let Some(other) = self.split() {
            let (id, other, here) =
                (this.call.id, other.call.id, this.activity.map(|one| &one.conversation.id));
            findings.of(
                self.account.id,
                format!("call {id} stands apart from call {other}, in {here:?}, and nobody trashed or merged anything"),
            );
        }
    }

    fn previous(&self) -> Option<&'v Entry<'v, 'a>> {
        self.chain[..self.place].last()
    }

    /// The subject that the call has by itself. A voicemail may have become known too late; a call whose end was not
    /// told by then may have looked like any.
    fn own(&self) -> BTreeSet<String> {
        let this = &self.chain[self.place];
        let kinds = match this.call.kind {
            _ if this.settled.is_none_or(|settled| !settled.was_over) => vec![
                CallKind::InboundAnswered,
                CallKind::OutboundAnswered,
                CallKind::OutboundUnanswered,
                CallKind::Missed,
                CallKind::Voicemail,
            ],
            CallKind::Voicemail => vec![CallKind::Voicemail, CallKind::Missed],
            kind => vec![kind],
        };
        kinds.into_iter().map(|kind| format!("{} - {}", kind.words(), this.call.line)).collect()
    }

    /// The subjects that the call may go on under: of the call before it, of each of the caller's numbers.
    fn before(&self) -> BTreeSet<&'a str> {
        let mut last = BTreeMap::new();
        for entry in &self.chain[..self.place] {
            last.insert(entry.call.number.as_deref(), entry.subject);
        }
        last.into_values().collect()
    }

    fn must(&self) -> Must {
        let this = &self.chain[self.place];
        if self.is_decided_twice() {
            return Must::Either;
        }
        let Some(before) = self.previous() else { return Must::Open };
        let (Some(settled), Some(was_settled)) = (this.settled, before.settled) else { return Must::Either };
        let (Some(here), Some(there)) = (this.activity, before.activity) else { return Must::Either };
        let id = there.conversation.id.as_str();
        let is_merged = [here, there]
            .iter()
            .any(|one| self.account.front.merged.contains_key(one.conversation.id.as_str()));
        if is_merged || this.status_unread || before.status_unread || !self.is_joined(settled) {
            return Must::Either;
        }
        let events = self.account.front.events_of(id).iter().copied();
        let acts: Vec<&EventEntry> = events
            .filter(|event| event.at_ms <= this.last.appended_ms && is_status(event) && is_by_people(event))
            .collect();
        if self.was_archived_late(id, &acts) {
            return Must::Either;
        }
        let reads = self.account.records.observed.get(id).map_or(&[][..], Vec::as_slice);
        if self.account.evidence.front_webhooks && acts.iter().any(|act| is_crossed(act, reads)) {
            return Must::Either;
        }
        let new = acts.iter().copied().filter(|act| !self.knew(before, was_settled, act));
        let new: Vec<&EventEntry> = new.collect();
        match self.asked(&acts, &new, settled) {
            Must::Keep | Must::Open if here.conversation.id != id => Must::Either,
            must => must,
        }
    }

    /// By a party that was joined meanwhile, and again by the one it joined: what is before it is not known here.
    fn is_decided_twice(&self) -> bool {
        let decisions = self.account.records.decisions_of(self.chain[self.place].call.id);
        decisions.filter(|decided| decided.is_first && decided.logged().is_some()).count() > 1
    }

    /// A part that came late, decided while the conversation was put away, may have archived it again after that was over:
    /// where Front archives by such imports, a known window.
    fn was_archived_late(&self, conversation: &str, acts: &[&EventEntry]) -> bool {
        let records = &self.account.records;
        let came_back = acts.iter().any(|act| ["reminder", "reopen", "restore"].contains(&act.kind));
        let mut parts =
            self.account.front.activities.iter().filter(|part| part.conversation.id == conversation);
        self.account.evidence.archived_import_archives
            && came_back
            && parts.any(|part| {
                let decided = part.named.and_then(|(_, call, kind)| records.decision_of(kind.key(call)));
                decided.is_some_and(|decided| decided.is_late())
            })
    }

    /// What the acts since the call before it ask for, when all of them were known and none is too fresh.
    fn asked(&self, acts: &[&EventEntry], new: &[&EventEntry], settled: &SettledBy) -> Must {
        let this = &self.chain[self.place];
        // A snooze ends no segment, whoever knows of it.
        if new.iter().all(|act| act.kind == "reminder") {
            return if self.reopenings_stand() { Must::Keep } else { Must::Either };
        }
        let [.., last] = acts else { return Must::Either };
        let is_tied = acts.iter().rev().nth(1).is_some_and(|act| act.at_ms == last.at_ms);
        let known = new.iter().all(|act| self.knew(this, settled, act));
        let is_new = new.last().is_some_and(|act| act.id == last.id);
        if is_tied || !known || !is_new || self.was_under_way(last) {
            return Must::Either;
        }
        match last.kind {
            "archive" => Must::Open,
            "trash" if !self.is_reopened_since(last.at_ms - UNDER_WAY_MS) => Must::Leave,
            "reopen" | "restore" | "reminder" => Must::Keep,
            _ => Must::Either,
        }
    }

    /// Whoever decided on this call must have known what was done.
    fn knew(&self, entry: &Entry<'_, '_>, settled: &SettledBy, act: &EventEntry) -> bool {
        if self.account.evidence.front_webhooks {
            let told = self.account.records.told.get(act.id.as_str());
            return told.is_some_and(|told| told.sequence <= entry.decided.through);
        }
        act.at_ms < settled.place.appended_ms - UNDER_WAY_MS
    }

    /// All numbers of this caller that had a call by now were one party when this call settled: each was looked up, and its
    /// first call stood in Front.
    fn is_joined(&self, settled: &SettledBy) -> bool {
        let this = &self.chain[self.place];
        let mut first: BTreeMap<Option<&str>, &Entry<'_, '_>> = BTreeMap::new();
        let mut found = BTreeSet::new();
        for entry in self.chain {
            let number = entry.call.number.as_deref();
            let at = entry.settled.map_or(u64::MAX, |settled| settled.place.sequence);
            if at < this.last.sequence {
                first.entry(number).or_insert(entry);
            }
            let key = EffectKey { call: CallId(entry.call.id), kind: EffectKind::Contact };
            if let Some(Outcome::ContactFound { .. }) = self.account.records.outcome_of(key) {
                found.insert(number);
            }
        }
        first.len() < 2
            || first.iter().all(|(number, entry)| {
                let visible_ms = entry.activity.map(|activity| activity.message.imported_at_ms);
                let is_there = visible_ms.is_some_and(|visible_ms| visible_ms < settled.place.appended_ms);
                is_there && found.contains(number)
            })
    }

    /// No reopening of an earlier call failed, so that the conversation may have stayed archived.
    fn reopenings_stand(&self) -> bool {
        self.chain[..self.place].iter().all(|entry| {
            let key = EffectKey { call: CallId(entry.call.id), kind: EffectKind::Reopen };
            match self.account.records.outcome_of(key) {
                Some(Outcome::Applied { .. }) => true,
                Some(_) => false,
                None => !self.account.records.effects.contains_key(&key),
            }
        })
    }

    /// Something that may have undone the archiving became visible around it or later, before this call.
    fn was_under_way(&self, archived: &EventEntry) -> bool {
        let this = &self.chain[self.place];
        let around = archived.at_ms - UNDER_WAY_MS..=this.last.appended_ms;
        let records = &self.account.records;
        self.chain[..self.place].iter().any(|entry| {
            Kind::ALL.into_iter().filter_map(|kind| self.account.front.activity(entry.call.id, kind)).any(
                |part| {
                    let Some((_, call, kind)) = part.named else { return true };
                    let late = records.decision_of(kind.key(call)).filter(|decided| decided.is_late());
                    let is_aware = late.is_some_and(|late| {
                        late.place.appended_ms > archived.at_ms + UNDER_WAY_MS
                            && was_aware(self.account, late, archived)
                    });
                    around.contains(&part.message.imported_at_ms) && !is_aware
                },
            )
        })
    }

    /// A reopening of ours for an earlier call ended since, or did not end.
    fn is_reopened_since(&self, since_ms: i64) -> bool {
        let records = &self.account.records;
        self.chain[..self.place].iter().any(|entry| {
            let key = EffectKey { call: CallId(entry.call.id), kind: EffectKind::Reopen };
            let mut facts = records.by_effect.get(&key).into_iter().flatten();
            let is_open = records.effects.contains_key(&key) && !records.by_effect.contains_key(&key);
            is_open || facts.any(|place| records.settled[*place].0.appended_ms >= since_ms)
        })
    }

    fn is_with_previous(&self) -> bool {
        let here = self.chain[self.place].activity.map(|activity| &activity.conversation.id);
        here == self.previous().and_then(|entry| entry.activity).map(|activity| &activity.conversation.id)
    }

    /// The call before it, where this one stands in another conversation for no reason.
    fn split(&self) -> Option<&'v Entry<'v, 'a>> {
        let this = &self.chain[self.place];
        let before = self.previous()?;
        let (here, there) = (this.activity?.conversation, before.activity?.conversation);
        if here.id == there.id || !self.is_joined(this.settled?) {
            return None;
        }
        let events = [here, there].map(|row| self.account.front.events_of(&row.id));
        let excused = events.into_iter().flatten().any(|event| event.kind == "trash" || is_merger(event));
        (!excused).then_some(before)
    }
}

/// A read was under way around this act, so that its order with the act is told by two clocks.
fn is_crossed(act: &EventEntry, reads: &[(i64, i64)]) -> bool {
    reads.iter().any(|(asked_ms, appended_ms)| {
        (asked_ms - UNDER_WAY_MS..=appended_ms + UNDER_WAY_MS).contains(&act.at_ms)
    })
}

/// All parts of a call carry its subject; those that came late carry the segment's.
fn parts(account: &AccountView<'_>, chains: &Chains<'_, '_>, findings: &mut Findings) {
    for activity in &account.front.activities {
        let Some((_, id, kind)) = activity.named.filter(|(_, _, kind)| *kind != Kind::Call) else { continue };
        let Some(decided) = account.records.decision_of(kind.key(id)) else { continue };
        let chain = account.callers.of_call(id).and_then(|who| chains.get(who));
        let Some(chain) = chain.map(Vec::as_slice) else { continue };
        let subjects: BTreeSet<&str> = if decided.is_late() {
            findings.tallies().late_activities += 1;
            let mut last = BTreeMap::new();
            for entry in chain.iter().filter(|entry| entry.decided.place < decided.place) {
                last.insert(entry.call.number.as_deref(), entry.subject);
            }
            last.into_values().collect()
        } else {
            chain.iter().filter(|entry| entry.call.id == id).map(|entry| entry.subject).collect()
        };
        let subject = activity.message.subject.as_str();
        if !subjects.contains(subject) {
            let (word, sequence) = (kind.word(), decided.place.sequence);
            findings.of(
                account.id,
                format!("the {word} of call {id}, decided at sequence {sequence}, carries `{subject}`, not the segment's"),
            );
        }
    }
}
