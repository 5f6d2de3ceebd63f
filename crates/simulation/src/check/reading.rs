//! Readers: Aircall is asked no more than it may be, its webhook is on again, history disturbs nobody, and live calls do not
//! wait for it.

use std::collections::BTreeMap;

use calltrail_domain::effect::{Action, Sender};

use super::Findings;
use super::limits::{BULK_EVERY, MINUTE_MS};
use super::rate::Window;
use super::records::Decided;
use super::view::{AccountView, View};
use crate::evidence::{AircallEvidence, Claimed};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for account in &view.accounts {
        let Some(aircall) = &account.evidence.aircall else { continue };
        rate(account, aircall, findings);
        if !aircall.is_on {
            findings.of(account.id, "Aircall's webhook is off at the end".to_owned());
        }
        marks(account, aircall, findings);
        for decided in &account.records.decisions {
            unasked(account, aircall, decided, findings);
            disturbs(account, decided, findings);
        }
        conversations(account, findings);
    }
    bulk_items(view, findings);
    claims(view, findings);
}

fn rate(account: &AccountView<'_>, aircall: &AircallEvidence, findings: &mut Findings) {
    let limit = aircall.requests_per_minute;
    let mut minute = Window::new(MINUTE_MS, limit);
    let mut sent_ms = aircall.sent_ms.clone();
    sent_ms.sort_unstable();
    for at_ms in sent_ms {
        if let Some(count) = minute.take(at_ms) {
            let what =
                format!("{count} requests to Aircall in the minute before {at_ms}, {limit} are allowed");
            findings.of(account.id, what);
        }
    }
}

/// What was read is history by its age, or because it was before the webhook and somebody has asked for it.
fn marks(account: &AccountView<'_>, aircall: &AircallEvidence, findings: &mut Findings) {
    for (place, call, history) in &account.records.reads {
        findings.tallies().calls_read += 1;
        let Some(planned) = account.calls.get(call) else { continue };
        let age_ms = place.appended_ms - planned.ended_ms;
        // Between the reading and the log lies little time, and Aircall tells seconds.
        let is_doubtful = (age_ms - aircall.history_after_ms).abs() <= READ_BEFORE_MS;
        let must = aircall.is_older(*call) || age_ms > aircall.history_after_ms;
        if *history != must && !is_doubtful && !aircall.is_older(*call) {
            let at = place.sequence;
            findings.of(account.id, format!("call {call}, read at {at}, {age_ms} ms old: history {history}"));
        }
    }
}

/// How long before its record a call may have been read.
const READ_BEFORE_MS: i64 = 300_000;

/// What was before the webhook is logged for those who ask, and nobody else.
fn unasked(
    account: &AccountView<'_>,
    aircall: &AircallEvidence,
    decided: &Decided<'_>,
    findings: &mut Findings,
) {
    let call = decided.decision.call.0;
    let is_told =
        account.evidence.taken.range((call, String::new())..(call + 1, String::new())).next().is_some();
    let is_history = account.calls.get(&call).is_some_and(|planned| aircall.is_history(planned.ended_ms));
    if decided.logged().is_some() && is_history && !aircall.backfilled && !is_told {
        let at = decided.place.sequence;
        findings.of(account.id, format!("call {call} was before the webhook and is logged at {at}, unasked"));
    }
}

/// History reopens nothing, assigns nobody and runs no rules.
fn disturbs(account: &AccountView<'_>, decided: &Decided<'_>, findings: &mut Findings) {
    let call = decided.decision.call.0;
    if !is_history(account, call) {
        return;
    }
    for effect in &decided.decision.effects {
        let what = match &effect.action {
            Action::ReopenConversation(_) => "reopens",
            Action::AssignConversation(_) => "assigns",
            Action::ImportActivity(import) if matches!(import.from, Sender::Agent { assign: true, .. }) => {
                "assigns"
            }
            Action::ImportActivity(import) if !import.skips_rules => "runs rules",
            _ => continue,
        };
        findings.of(account.id, format!("{}, of a call that is history, {what}", effect.key));
    }
}

/// The call settled with a read, and was history by what Aircall and the setting say.
fn is_history(account: &AccountView<'_>, call: u64) -> bool {
    let Some(aircall) = &account.evidence.aircall else { return false };
    let Some(settled) = account.records.settles.get(&call).filter(|settled| settled.by_time) else {
        return false;
    };
    let age_ms = settled.place.appended_ms - settled.received_ms;
    // A call from before the webhook of which a late webhook told may be read as a missed one, before or after the backfill.
    let first = account.records.reads.iter().find(|(_, read, _)| *read == call);
    let was_asked_for = aircall.is_older(call) && first.is_some_and(|(_, _, history)| *history);
    was_asked_for || age_ms > aircall.history_after_ms + READ_BEFORE_MS
}

/// A conversation that has nothing but history, and that no person has touched, is archived and nobody's.
fn conversations(account: &AccountView<'_>, findings: &mut Findings) {
    let mut inside: BTreeMap<&str, bool> = BTreeMap::new();
    for activity in &account.front.activities {
        let is_old = activity.named.is_some_and(|(_, call, _)| is_history(account, call));
        *inside.entry(&activity.conversation.id).or_insert(true) &= is_old;
    }
    for (id, _) in inside.into_iter().filter(|(_, is_old)| *is_old) {
        let Some(conversation) = account.front.conversations.get(id) else { continue };
        let is_touched = account.evidence.deeds.iter().any(|deed| deed.conversation == id);
        if is_touched {
            continue;
        }
        findings.tallies().conversations_of_history += 1;
        if conversation.status != "archived" || conversation.assignee.is_some() {
            let (status, assignee) = (conversation.status, conversation.assignee.is_some());
            findings.of(
                account.id,
                format!("{id} has nothing but history, and is {status}, assigned {assignee}"),
            );
        }
    }
}

/// What is live waits in no item that may wait for others.
fn bulk_items(view: &View<'_>, findings: &mut Findings) {
    for publication in view.evidence.publications.iter().filter(|publication| publication.is_bulk) {
        let Some(account) = view.accounts.iter().find(|account| account.id == publication.account) else {
            continue;
        };
        findings.tallies().bulk_items += 1;
        let own =
            account.records.settled.iter().map(|(_, fact)| fact).filter(|fact| {
                fact.party == publication.party && publication.ordinals.contains(&fact.ordinal)
            });
        for fact in own {
            let settled = account.records.settles.get(&fact.key.call.0);
            if settled.is_some_and(|settled| !settled.history) {
                let key = fact.key;
                findings.of(account.id, format!("{key} is live, and was published in a bulk item"));
            }
        }
    }
}

/// Of so many claims of a writer at most one is of bulk while something live waits.
fn claims(view: &View<'_>, findings: &mut Findings) {
    let mut by_writer: BTreeMap<(usize, usize), Vec<&Claimed>> = BTreeMap::new();
    for claim in &view.evidence.claims {
        by_writer.entry((claim.writer, claim.account)).or_default().push(claim);
    }
    for ((writer, account), claims) in by_writer {
        let is_ahead = |claim: &&&Claimed| claim.is_bulk && claim.live_waits;
        findings.tallies().bulk_ahead += claims.iter().filter(is_ahead).count() as u64;
        let some = BULK_EVERY.min(claims.len());
        if claims.windows(some).any(|window| window.iter().filter(is_ahead).count() > 1) {
            let id = view.accounts[account].id;
            findings.of(id, format!("writer {writer} goes on with bulk items while live ones wait"));
        }
    }
}
