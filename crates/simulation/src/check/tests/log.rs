//! The log, the folds, the rate and the accounts.

use calltrail_domain::effect::EffectSettled;
use calltrail_domain::ids::{EffectKey, PartyId};
use calltrail_domain::record::RecordBody;

use super::{drop_records, finds, finds_among_others, message, passes, requests, settled};
use crate::evidence::{DecidedThrough, Evidence, Publication};
use crate::fault::Scenario;

#[test]
fn gate_sees_what_a_projector_does_before_it_has_folded_what_it_knows_of() {
    finds("gate", "which the log told as settled", |evidence| {
        let settled = evidence.log.iter().find_map(|logged| match &logged.record.body {
            RecordBody::EffectSettled(settled) => Some(settled.clone()),
            _ => None,
        });
        let settled = settled.expect("something was settled");
        evidence.publications.push(Publication {
            projector: 0,
            started_at_tail: evidence.log.len() as u64,
            account: "acme".into(),
            party: settled.party,
            ordinals: vec![settled.ordinal],
            is_bulk: false,
        });
    });
    finds("gate", "having folded 3, and knew of 5", |evidence| {
        let (projector, account) = (1, "acme".to_owned());
        evidence.decided.push(DecidedThrough { projector, account, through: 3, tail: 5 });
    });
    passes(|evidence| {
        let (projector, account) = (1, "acme".to_owned());
        evidence.decided.push(DecidedThrough { projector, account, through: 5, tail: 5 });
    });
}

#[test]
fn convergence_sees_a_call_that_is_counted_twice() {
    finds("convergence", "counts 9 calls as logged", |evidence| evidence.accounts[0].logged = vec![9]);
}

#[test]
fn replay_sees_another_hash_and_nothing_to_compare() {
    finds("replay", "differ at sequence", |evidence| evidence.folds[1].2 = 8);
    finds("replay", "at least two", |evidence| {
        evidence.folds.pop();
    });
    finds("replay", "no two folds", |evidence| evidence.folds[1].1 += 1);
}

#[test]
fn convergence_sees_what_has_no_end() {
    finds("convergence", "not at rest", |evidence| evidence.at_rest = false);
    finds("convergence", "effect 2:duration, decided at sequence", |evidence| {
        drop_records(evidence, |body| match body {
            RecordBody::EffectSettled(fact) => fact.key.to_string() == "2:duration",
            _ => false,
        });
    });
    finds("convergence", "nobody decided it", |evidence| {
        settled(evidence, "2:recording").key = "2:recording_pending".parse().expect("a key");
        let mut fact = settled(evidence, "2:recording_pending").clone();
        (fact.key, fact.ordinal) = ("2:recording".parse().expect("a key"), 90);
        let mut logged = evidence.log.pop().expect("a record");
        logged.account = "acme".into();
        logged.record.body = RecordBody::EffectSettled(fact);
        evidence.log.push(logged);
        let beta = "900:call".parse().expect("a key");
        evidence.accounts.retain(|account| account.id == "acme");
        evidence.log.retain(|logged| logged.account == "acme");
        assert!(settled_key(evidence, beta).is_none());
    });
    finds("convergence", "has no verdict", |evidence| {
        drop_records(evidence, |body| match body {
            RecordBody::EffectsDecided(decided) => decided.decisions[0].call.0 == 4,
            RecordBody::EffectSettled(fact) => fact.key.call.0 == 4,
            _ => false,
        });
    });
}

fn settled_key(evidence: &Evidence, key: EffectKey) -> Option<u64> {
    evidence.log.iter().find_map(|logged| match &logged.record.body {
        RecordBody::EffectSettled(fact) if fact.key == key => Some(logged.sequence),
        _ => None,
    })
}

#[test]
fn rate_sees_too_many_in_a_minute_and_in_a_second() {
    let path = "/conversations/cnv_a";
    finds("rate", "51 requests in the minute", |evidence| requests(evidence, 51, 9_000_000, "GET", path));
    passes(|evidence| {
        requests(evidence, 50, 9_000_000, "GET", path);
        requests(evidence, 50, 9_060_000, "GET", path);
    });
    finds("rate", "6 writes to one of conversations", |evidence| {
        requests(evidence, 3, 9_000_000, "PATCH", path);
        requests(evidence, 3, 9_000_999, "POST", "/conversations/cnv_a/comments?x=1");
    });
    passes(|evidence| {
        requests(evidence, 5, 9_000_000, "PATCH", path);
        requests(evidence, 5, 9_001_000, "PATCH", path);
        requests(evidence, 5, 9_001_000, "PATCH", "/conversations/cnv_w");
    });
}

#[test]
fn rate_counts_what_front_has_refused_and_planned_faults_apart() {
    let tallies = passes(|evidence| {
        let requests = &mut evidence.accounts[0].front.requests;
        requests.last_mut().expect("a request").status = Some(429);
    });
    assert_eq!(tallies.refused_429, 1);
}

#[test]
fn apart_sees_what_is_another_accounts() {
    finds_among_others("apart", "calltrail:beta:1:call stands in cnv_a", |evidence| {
        message(evidence, "1:call").external_id = "calltrail:beta:1:call".into();
    });
    finds_among_others("apart", "names call 900, which is not of this account", |evidence| {
        evidence.log.last_mut().expect("a record").account = "acme".into();
    });
    finds_among_others("apart", "party pa is also in the log of acme", |evidence| {
        settled(evidence, "900:call").party = PartyId::new("pa");
    });
    finds("apart", "which is another account's", |evidence| {
        let outcome = settled(evidence, "1:call").outcome.clone();
        settled(evidence, "900:call").outcome = outcome;
    });
}

#[test]
fn log_sees_what_is_no_log() {
    finds_among_others("log", "follows sequence", |evidence| evidence.log[5].sequence = 2);
    finds("log", "the first record", |evidence| {
        evidence.log.remove(0);
    });
    finds_among_others("log", "effect 2:call has ordinal", |evidence| {
        let again = settled(evidence, "2:call").clone();
        let last = evidence.log.last_mut().expect("a record");
        last.account = "acme".into();
        last.record.body = RecordBody::EffectSettled(EffectSettled { ordinal: 99, ..again });
    });
    finds_among_others("log", "ordinal 3 is", |evidence| settled(evidence, "2:duration").ordinal = 3);
}

#[test]
fn pace_sees_an_effect_that_a_crash_loop_holds() {
    let looped = |evidence: &mut Evidence| evidence.scenario = Scenario::CrashLoop;
    assert!(passes(looped).waits_judged > 0);
    finds("pace", "2:duration, decided at sequence", |evidence| {
        looped(evidence);
        late_fact(evidence, "2:duration", 200_000);
    });
    passes(|evidence| late_fact(evidence, "2:duration", 200_000));
    finds("pace", "2:duration, decided at sequence", |evidence| {
        evidence.scenario = Scenario::ClockSetBack;
        late_fact(evidence, "2:duration", 901_000);
    });
}

/// The fact and all that follow come so much later.
fn late_fact(evidence: &mut Evidence, key: &str, by_ms: i64) {
    let is_it =
        |body: &RecordBody| matches!(body, RecordBody::EffectSettled(fact) if fact.key.to_string() == key);
    let place = evidence.log.iter().position(|logged| is_it(&logged.record.body)).expect("it settled");
    let account = evidence.log[place].account.clone();
    evidence.log[place..]
        .iter_mut()
        .filter(|logged| logged.account == account)
        .for_each(|logged| logged.appended_ms += by_ms);
}
