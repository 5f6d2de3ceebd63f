//! Nothing is lost, and nothing stands in Front that no call explains.

use std::borrow::Cow;
use std::collections::BTreeSet;

use calltrail_domain::decision::{LeftOut, Verdict};
use calltrail_domain::effect::Outcome;
use calltrail_domain::ids::{CallId, EffectKey, EffectKind};

use super::Findings;
use super::front::{Activity, Kind, Note, last_line};
use super::limits::OLD_CALL_MS;
use super::view::{AccountView, View};
use crate::evidence::{CallKind, PlannedCall};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for account in &view.accounts {
        webhooks(account, findings);
        gone(account, findings);
        let written: BTreeSet<(u64, u64)> =
            account.front.notes.iter().filter_map(|note| note.named).collect();
        for call in &account.evidence.calls {
            if account.is_over(call.id) {
                parts(account, call, &written, findings);
            }
        }
        for activity in &account.front.activities {
            findings.tallies().activities += 1;
            if let Some(why) = unexplained(account, activity) {
                findings.of(
                    account.id,
                    format!("message {} in {} {why}", activity.message.id, activity.conversation.id),
                );
            }
        }
        for note in &account.front.notes {
            findings.tallies().comments += 1;
            if !is_planned(account, note) {
                let (comment, conversation) = (&note.comment.id, &note.conversation.id);
                findings.of(
                    account.id,
                    format!("comment {comment} in {conversation} is of no note of an answered call"),
                );
            }
        }
        comments_by_api(account, findings);
    }
}

fn webhooks(account: &AccountView<'_>, findings: &mut Findings) {
    for (call, event, at_s) in &account.evidence.taken_each {
        if !account.records.told_each.contains(&(*call, Cow::Borrowed(event), *at_s)) {
            findings.of(
                account.id,
                format!("{event} of call {call}, told at {at_s}, was taken and is not in the log"),
            );
        }
    }
    for ((call, event), at_ms) in &account.evidence.taken {
        if !account.records.heard.contains_key(&(*call, Cow::Borrowed(event))) {
            findings
                .of(account.id, format!("{event} of call {call} was taken at {at_ms} and is not in the log"));
        }
    }
}

/// A conversation reported as gone was deleted, and a decision that it undid does not count.
fn gone(account: &AccountView<'_>, findings: &mut Findings) {
    for (place, fact) in &account.records.settled {
        let Outcome::Gone { conversation, .. } = &fact.outcome else { continue };
        if account.deleted_ms(conversation.as_str()).is_none_or(|deleted_ms| deleted_ms > place.appended_ms) {
            let (key, at) = (fact.key, place.sequence);
            findings
                .of(account.id, format!("{key}, settled at {at}, finds {conversation} gone, which is there"));
        }
    }
    let undone = account.records.decisions.iter().filter(|decided| account.records.is_undone(decided));
    findings.tallies().undone += undone.count() as u64;
}

fn parts(
    account: &AccountView<'_>,
    call: &PlannedCall,
    written: &BTreeSet<(u64, u64)>,
    findings: &mut Findings,
) {
    findings.tallies().calls += 1;
    if is_old(account, call) {
        findings.tallies().old_calls += 1;
        return;
    }
    let answered = call.kind.is_answered();
    let due = [
        (Kind::Call, true),
        (Kind::Duration, answered),
        (Kind::Recording, answered && call.recorded),
        (Kind::Voicemail, call.kind == CallKind::Voicemail && call.recorded),
    ];
    for (kind, _) in due.into_iter().filter(|(_, is_due)| *is_due) {
        if account.front.activity(call.id, kind).is_none() {
            missing(account, kind.key(call.id), kind.word(), findings);
        }
    }
    for note in call.notes.iter().filter(|_| answered) {
        if !written.contains(&(call.id, *note)) {
            let key = EffectKey { call: CallId(call.id), kind: EffectKind::Comment(*note) };
            missing(account, key, "comment", findings);
        }
    }
}

fn missing(account: &AccountView<'_>, key: EffectKey, what: &str, findings: &mut Findings) {
    let refused =
        |key: EffectKey| account.evidence.refused.contains(&format!("calltrail:{}:{key}", account.id));
    let needed = match account.records.outcome_of(key) {
        Some(Outcome::Skipped { because_of }) => refused(*because_of),
        // No part of a call that Front refused is shown alone.
        None | Some(Outcome::Rejected { status: 0, .. }) if refused(Kind::Call.key(key.call.0)) => true,
        // Where the call that would have opened the conversation was refused there is none for what comes late.
        Some(Outcome::Rejected { status: 0, .. }) => {
            let calls =
                account.evidence.refused.iter().filter_map(|id| id.strip_suffix(":call")?.rsplit(':').next());
            let same = |other: u64| account.callers.of_call(other) == account.callers.of_call(key.call.0);
            calls.filter_map(|call| call.parse().ok()).any(same)
        }
        _ => false,
    };
    if refused(key) || needed {
        findings.tallies().refused += 1;
    } else if was_deleted(account, key) || is_late_for_deleted(account, key) {
        findings.tallies().deleted += 1;
    } else {
        findings.of(account.id, format!("call {} is over and its {what} ({key}) is not in Front", key.call));
    }
}

/// Front had shown it, or taken it for a conversation, when that was deleted.
fn was_deleted(account: &AccountView<'_>, key: EffectKey) -> bool {
    let external_id = format!("calltrail:{}:{key}", account.id);
    let deleted = account.evidence.front.conversations.iter();
    let deleted = deleted.filter(|row| account.deleted_ms(&row.id).is_some());
    if deleted.flat_map(|row| &row.messages).any(|message| message.external_id == external_id) {
        return true;
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.key(key.call.0) == key);
    let Some(taken) = kind.and_then(|kind| account.front.accepted.get(&(key.call.0, kind))) else {
        return false;
    };
    let taken_ms = account.evidence.front.imports[*taken].at_ms;
    account.records.facts_of(key).any(|(_, fact)| match &fact.outcome {
        Outcome::Applied { conversation: Some(conversation), .. } | Outcome::Gone { conversation, .. } => {
            account.deleted_ms(conversation.as_str()).is_some_and(|deleted_ms| taken_ms <= deleted_ms)
        }
        _ => false,
    })
}

/// It was to go into a deleted conversation, and the call itself was not to: that is in Front, or was deleted there.
fn is_late_for_deleted(account: &AccountView<'_>, key: EffectKey) -> bool {
    let call = Kind::Call.key(key.call.0);
    let (own, last) = (account.records.decision_of(call), account.records.decision_of(key));
    let is_of_call = own.zip(last).is_some_and(|(own, last)| {
        own.place.sequence <= last.place.sequence && !account.records.is_undone(own)
    });
    let is_gone = matches!(account.records.outcome_of(key), Some(Outcome::Gone { .. }));
    key != call && (is_of_call && is_gone || was_deleted(account, call))
}

/// Left out as `old`, and rightly so.
fn is_old(account: &AccountView<'_>, call: &PlannedCall) -> bool {
    let is_left_out = account
        .records
        .decisions_of(call.id)
        .any(|decided| matches!(decided.decision.verdict, Verdict::LeftOut { reason: LeftOut::Old }));
    let heard = account.records.heard.range((call.id, Cow::Borrowed(""))..);
    let first = heard.take_while(|((id, _), _)| *id == call.id).map(|(_, place)| place.appended_ms).min();
    is_left_out && first.is_some_and(|first_ms| first_ms - call.ended_ms >= OLD_CALL_MS)
}

fn unexplained(account: &AccountView<'_>, activity: &Activity<'_>) -> Option<String> {
    let Some((_, id, kind)) = activity.named else { return Some("has an external id of no activity".into()) };
    let Some(call) = account.calls.get(&id) else {
        return Some(format!("names call {id}, which nobody made"));
    };
    let answered = call.kind.is_answered();
    let fits = match kind {
        Kind::Call => true,
        Kind::Duration | Kind::RecordingPending => answered,
        Kind::Recording => answered && call.recorded,
        Kind::VoicemailPending => call.kind == CallKind::Voicemail,
        Kind::Voicemail => call.kind == CallKind::Voicemail && call.recorded,
    };
    // Front may have taken the call, forgotten it, and then refused it.
    let was_taken = account.front.accepted.contains_key(&(id, Kind::Call));
    if account.front.activity(id, Kind::Call).is_none() && !was_taken {
        return Some(format!("is the {} of call {id}, which is not there itself", kind.word()));
    }
    if !fits {
        return Some(format!("is the {} of call {id}, which has none", kind.word()));
    }
    let ends_well = last_line(&activity.message.body) == kind.marker(id);
    (!ends_well).then(|| format!("is the {} of call {id} and does not end with its marker", kind.word()))
}

fn is_planned(account: &AccountView<'_>, note: &Note<'_>) -> bool {
    note.named.is_some_and(|(id, note)| {
        account.calls.get(&id).is_some_and(|call| call.kind.is_answered() && call.notes.contains(&note))
    })
}

/// Calltrail alone comments through the API, and each of its comments has a marker.
fn comments_by_api(account: &AccountView<'_>, findings: &mut Findings) {
    let events = &account.evidence.front.events;
    let by_api = events.iter().filter(|event| event.kind == "comment" && event.source == "api").count();
    let marked = account.front.notes.len();
    if by_api != marked {
        findings.of(account.id, format!("{by_api} comments came through the API and {marked} have a marker"));
    }
}
