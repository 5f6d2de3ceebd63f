//! Subjects: the segment's as long as the conversation is not archived, then the call's own.
//!
//! Judged by the order of the log: `segment` says what each call must carry.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::effect::Outcome;
use calltrail_domain::ids::{CallId, EffectKey, EffectKind};

use super::Findings;
use super::chain::{Entry, chains};
use super::front::{Activity, Kind};
use super::records::SettledBy;
use super::segment::{Judged, Lenient, Must, Segments};
use super::status::is_merger;
use super::view::{AccountView, View};
use crate::evidence::{CallKind, PlannedCall};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for account in &view.accounts {
        let segments = Segments::of(account);
        for (call, judged) in &segments.calls {
            if let Some(call) = account.calls.get(call) {
                judge(account, call, judged, findings);
            }
        }
        // In a history that is gone another call may have opened the conversation.
        for chain in chains(account).values().filter(|_| view.evidence.tails_lost == 0) {
            (0..chain.len()).for_each(|place| Link { account, chain, place }.stands_apart(findings));
        }
        parts(account, &segments, view.evidence.tails_lost > 0, findings);
    }
}

/// Judges what was decided, and what Front shows of it.
fn judge(account: &AccountView<'_>, call: &PlannedCall, judged: &Judged<'_>, findings: &mut Findings) {
    let Some(logged) = judged.decided.logged() else { return };
    let settled = account.records.settles.get(&call.id);
    let shown = account.front.activity(call.id, Kind::Call);
    let shown = shown.filter(|shown| !was_undone(account, shown, call.id)).map(|shown| shown.message);
    let subject = shown.map_or(&logged.subject, |shown| &shown.subject).as_str();
    let is_own = own(call, settled).contains(subject);
    let is_kept = judged.current == Some(subject);
    let was_there = shown.is_some_and(|shown| shown.imported_at_ms < judged.decided.place.appended_ms);
    let must = if was_there { Must::Either(Lenient::DecidedAgain) } else { judged.must };
    let tallies = findings.tallies();
    let (holds, expected) = match must {
        Must::Keep => {
            tallies.subjects_kept += 1;
            (is_kept && !logged.opens_segment, "that of the segment it settled in")
        }
        Must::Open => {
            tallies.subjects_opened += 1;
            (is_own && logged.opens_segment, "its own, and open a segment")
        }
        Must::Leave => {
            tallies.subjects_opened += 1;
            let leaves = judged.reference != Some(logged.thread.as_str());
            (
                is_own && logged.opens_segment && leaves,
                "its own, in another conversation than the trashed one",
            )
        }
        Must::Either(why) => {
            tallies.subjects_lenient[why as usize] += 1;
            (is_own || is_kept, "its own or that of the segment")
        }
    };
    if !holds {
        let (id, sequence) = (call.id, judged.decided.place.sequence);
        let at = settled.map_or(0, |settled| settled.place.sequence);
        findings.of(
            account.id,
            format!("call {id}, settled at {at} and decided at {sequence}, carries `{subject}` and must carry {expected}"),
        );
    }
}

/// The subject that the call has by itself. A voicemail may have become known too late; a call whose end was not
/// told by then may have looked like any.
fn own(call: &PlannedCall, settled: Option<&SettledBy>) -> BTreeSet<String> {
    let kinds = match call.kind {
        _ if settled.is_none_or(|settled| !settled.was_over) => vec![
            CallKind::InboundAnswered,
            CallKind::OutboundAnswered,
            CallKind::OutboundUnanswered,
            CallKind::Missed,
            CallKind::Voicemail,
        ],
        CallKind::Voicemail => vec![CallKind::Voicemail, CallKind::Missed],
        kind => vec![kind],
    };
    kinds.into_iter().map(|kind| format!("{} - {}", kind.words(), call.line)).collect()
}

/// One call in the chain of its caller.
struct Link<'v, 'a> {
    account: &'v AccountView<'a>,
    chain: &'v [Entry<'v, 'a>],
    place: usize,
}

impl<'v, 'a> Link<'v, 'a> {
    fn stands_apart(&self, findings: &mut Findings) {
        let this = &self.chain[self.place];
        if let Some(other) = self.split() {
            let (id, other, here) =
                (this.call.id, other.call.id, this.activity.map(|one| &one.conversation.id));
            findings.of(
                self.account.id,
                format!("call {id} stands apart from call {other}, in {here:?}, and nobody trashed, merged or deleted anything"),
            );
        }
    }

    /// The call before it, where this one stands in another conversation for no reason.
    fn split(&self) -> Option<&'v Entry<'v, 'a>> {
        let this = &self.chain[self.place];
        let before = self.chain[..self.place].last()?;
        let (here, there) = (this.activity?.conversation, before.activity?.conversation);
        if here.id == there.id || !self.is_joined(this.settled?) {
            return None;
        }
        let events = [here, there].map(|row| self.account.front.events_of(&row.id));
        let excused = events.into_iter().flatten().any(|event| event.kind == "trash" || is_merger(event));
        let is_deleted = [here, there].iter().any(|row| self.account.deleted_ms(&row.id).is_some());
        (!excused && !is_deleted).then_some(before)
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
}

/// It stands in a deleted conversation, and was decided for that one.
fn was_undone(account: &AccountView<'_>, activity: &Activity<'_>, call: u64) -> bool {
    let records = &account.records;
    let mut undone = records.decisions_of(call).filter(|decided| records.is_undone(decided));
    account.deleted_ms(&activity.conversation.id).is_some()
        && undone
            .any(|decided| decided.logged().is_some_and(|logged| logged.subject == activity.message.subject))
}

/// All parts of a call carry its subject; those that came late carry the segment's.
fn parts(account: &AccountView<'_>, segments: &Segments<'_>, has_lost: bool, findings: &mut Findings) {
    for activity in &account.front.activities {
        let Some((_, id, kind)) = activity.named.filter(|(_, _, kind)| *kind != Kind::Call) else { continue };
        let Some(decided) = account.records.decision_of(kind.key(id)) else { continue };
        let expected = if decided.is_late() {
            findings.tallies().late_activities += 1;
            segments.late.get(&kind.key(id)).copied()
        } else {
            let shown = account.front.activity(id, Kind::Call);
            shown
                .map(|shown| shown.message.subject.as_str())
                .or(decided.logged().map(|logged| logged.subject.as_str()))
        };
        let subject = activity.message.subject.as_str();
        // Decided again after the log lost its tail: Front keeps what it got first.
        if expected != Some(subject) && !has_lost && !was_undone(account, activity, id) {
            let (word, sequence) = (kind.word(), decided.place.sequence);
            findings.of(
                account.id,
                format!("the {word} of call {id}, decided at sequence {sequence}, carries `{subject}`, not the segment's"),
            );
        }
    }
}
