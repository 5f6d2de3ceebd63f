//! What readers may do wrong.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::effect::Action;
use calltrail_domain::ids::PartyId;
use calltrail_domain::record::{AircallRead, RecordBody};

use super::{Evidence, finds, finds_among_others, passes};
use crate::evidence::{AircallEvidence, Claimed, LoggedRecord, Publication};

/// All calls of the first account were posted, and none was missed.
fn aircall() -> AircallEvidence {
    AircallEvidence {
        installed_ms: 0,
        backfilled: false,
        started_ms: (1..=4).map(|call| (call, 50_000)).collect(),
        over: (1..=4).collect(),
        transferred: BTreeSet::new(),
        history_after_ms: 1_000_000,
        sent_ms: vec![1_000, 61_000, 121_000],
        requests_per_minute: 1,
        switched_off: 1,
        is_on: true,
        switches_on_by_itself: false,
    }
}

fn with(change: impl FnOnce(&mut AircallEvidence)) -> impl FnOnce(&mut Evidence) {
    move |evidence| {
        let mut aircall = aircall();
        change(&mut aircall);
        evidence.accounts[0].aircall = Some(aircall);
    }
}

/// The end of the first call was not posted, but read, much later.
fn reads_the_first(evidence: &mut Evidence, history: bool) {
    with(|_| {})(evidence);
    let place = evidence.log.iter().position(|logged| match &logged.record.body {
        RecordBody::AircallEvent(event) => event.body.contains("call.ended"),
        _ => false,
    });
    let LoggedRecord { record, appended_ms, .. } = &mut evidence.log[place.expect("its end is told")];
    let ended_s = *appended_ms / 1_000 - 5;
    let body = format!(r#"{{"id":1,"status":"done","started_at":50,"ended_at":{ended_s}}}"#);
    record.body = RecordBody::AircallRead(AircallRead { number: None, body, history, update: false });
    evidence.accounts[0].taken.remove(&(1, "call.ended".to_owned()));
    evidence.accounts[0].taken_each = BTreeSet::new();
}

#[test]
fn a_call_that_was_read_is_as_good_as_one_that_was_told() {
    let tallies = passes(|evidence| reads_the_first(evidence, false));
    assert_eq!(tallies.calls_read, 1);
}

#[test]
fn too_many_requests_to_aircall() {
    finds("reading", "2 requests to Aircall", with(|aircall| aircall.sent_ms.push(121_500)));
}

#[test]
fn a_webhook_that_stays_off() {
    finds("reading", "is off at the end", with(|aircall| aircall.is_on = false));
}

#[test]
fn a_call_that_nobody_received_is_missed() {
    finds_among_others("loss", "call 3 is over and its call", |evidence| {
        with(|_| {})(evidence);
        evidence.accounts[0].taken = BTreeMap::new();
        super::remove(evidence, "3:call");
    });
}

#[test]
fn a_young_call_that_is_taken_for_history() {
    finds_among_others("reading", "history true", |evidence| reads_the_first(evidence, true));
}

#[test]
fn history_that_runs_rules() {
    finds_among_others("reading", "runs rules", |evidence| {
        reads_the_first(evidence, true);
        let aircall = evidence.accounts[0].aircall.as_mut().expect("it is there");
        (aircall.installed_ms, aircall.backfilled) = (90_000, true);
        let has_import = evidence.log.iter().any(|logged| match &logged.record.body {
            RecordBody::EffectsDecided(decided) => decided.decisions.iter().any(|decision| {
                decision.effects.iter().any(|effect| matches!(effect.action, Action::ImportActivity(_)))
            }),
            _ => false,
        });
        assert!(has_import, "there is something to be shown");
    });
}

#[test]
fn older_calls_that_nobody_asked_for() {
    finds("reading", "unasked", |evidence| {
        with(|aircall| aircall.installed_ms = 400_000)(evidence);
        evidence.accounts[0].taken.retain(|(call, _), _| *call != 1);
    });
}

#[test]
fn a_live_effect_in_a_bulk_item() {
    finds_among_others("reading", "was published in a bulk item", |evidence| {
        evidence.publications.push(Publication {
            projector: 0,
            started_at_tail: 0,
            account: "acme".into(),
            party: PartyId::new("pa"),
            ordinals: (1..=20).collect(),
            is_bulk: true,
        });
    });
}

#[test]
fn bulk_before_live_again_and_again() {
    let claim = |is_bulk| Claimed { writer: 0, account: 0, is_bulk, live_waits: true };
    finds("reading", "goes on with bulk items", |evidence| {
        evidence.claims = vec![claim(true), claim(false), claim(true)];
    });
    passes(|evidence| {
        evidence.claims =
            vec![claim(true), claim(false), claim(false), claim(false), claim(false), claim(true)]
    });
}
