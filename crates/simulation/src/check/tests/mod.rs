//! Every checker can fail: one clean run, and one fault planted in it for each rule.

mod gone;
mod log;
mod reading;
mod shown;
mod story;
mod subjects;
mod threads;

use calltrail_domain::effect::EffectSettled;
use calltrail_domain::record::RecordBody;
use calltrail_simulator::front::{ConversationEntry, MessageEntry, RequestEntry};

use super::{Tallies, check};
use crate::evidence::{Evidence, Sent};
use story::clean;

/// Plants a fault in a clean run and returns what the checkers say.
fn said(plant: impl FnOnce(&mut Evidence)) -> Vec<(&'static str, String)> {
    let mut evidence = clean();
    plant(&mut evidence);
    check(&evidence).violations.into_iter().map(|found| (found.checker, found.what)).collect()
}

/// Exactly this checker sees it, and says this.
#[track_caller]
fn finds(checker: &str, words: &str, plant: impl FnOnce(&mut Evidence)) {
    let said = said(plant);
    assert!(said.iter().all(|(by, _)| *by == checker), "others spoke too: {said:#?}");
    assert!(said.iter().any(|(_, what)| what.contains(words)), "nobody said {words:?}: {said:#?}");
}

/// At least this checker sees it: what is planted breaks other rules too.
#[track_caller]
fn finds_among_others(checker: &str, words: &str, plant: impl FnOnce(&mut Evidence)) {
    let said = said(plant);
    let is_said = said.iter().any(|(by, what)| *by == checker && what.contains(words));
    assert!(is_said, "{checker} did not say {words:?}: {said:#?}");
}

#[track_caller]
fn passes(plant: impl FnOnce(&mut Evidence)) -> Tallies {
    let mut evidence = clean();
    plant(&mut evidence);
    let verdict = check(&evidence);
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
    verdict.tallies
}

fn conversation(evidence: &mut Evidence, place: usize) -> &mut ConversationEntry {
    &mut evidence.accounts[0].front.conversations[place]
}

fn message<'a>(evidence: &'a mut Evidence, part: &str) -> &'a mut MessageEntry {
    let id = format!("calltrail:acme:{part}");
    let rows = evidence.accounts[0].front.conversations.iter_mut();
    rows.flat_map(|row| &mut row.messages).find(|message| message.external_id == id).expect("it is there")
}

fn remove(evidence: &mut Evidence, part: &str) {
    let id = format!("calltrail:acme:{part}");
    for row in &mut evidence.accounts[0].front.conversations {
        row.messages.retain(|message| message.external_id != id);
    }
}

fn settled<'a>(evidence: &'a mut Evidence, key: &str) -> &'a mut EffectSettled {
    let facts = evidence.log.iter_mut().filter_map(|logged| match &mut logged.record.body {
        RecordBody::EffectSettled(fact) => Some(fact),
        _ => None,
    });
    facts.into_iter().find(|fact| fact.key.to_string() == key).expect("it settled")
}

fn drop_records(evidence: &mut Evidence, is_dropped: impl Fn(&RecordBody) -> bool) {
    evidence.log.retain(|logged| !is_dropped(&logged.record.body));
}

fn requests(evidence: &mut Evidence, count: usize, at_ms: i64, method: &'static str, path: &str) {
    let sent = Sent { at_ms, method, path: path.into() };
    evidence.accounts[0].sent.extend(vec![sent; count]);
}

/// A request that Front has had.
fn landed(evidence: &mut Evidence, at_ms: i64, method: &str, path: &str) {
    let row =
        RequestEntry { at_ms, method: method.into(), path: path.into(), status: Some(200), fault: None };
    evidence.accounts[0].front.requests.push(row);
}

#[test]
fn a_clean_run_is_clean_and_judged_strictly() {
    let tallies = passes(|_| {});
    let expected = Tallies {
        calls: 5,
        activities: 8,
        comments: 2,
        subjects_kept: 1,
        subjects_opened: 4,
        late_activities: 1,
        assignees_strict: 2,
        assignees_lenient: 1,
        folds_compared: 1,
        ..Tallies::default()
    };
    assert_eq!(tallies, expected);
}
