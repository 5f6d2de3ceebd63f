//! Which bodies become records.

use calltrail_aircall::{Malformed, Meaning, Tokens};
use calltrail_domain::record::RecordBody;
use calltrail_front::webhook::Rejected;
use calltrail_ingest::{Account, Admitted, LiveTokens, Reason, Refusal, Source, Understood, admit};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::site::{EVENT, NOW, accounts, front_headers};

fn check(
    account: usize,
    source: Source,
    headers: &[(&str, String)],
    body: &str,
) -> Result<Admitted, Refusal> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            (name, HeaderValue::from_str(value).expect("a header's value"))
        })
        .collect();
    admit(&accounts()[account], source, &headers, body.as_bytes(), NOW)
}

fn aircall(account: usize, body: &str) -> Result<Admitted, Refusal> {
    check(account, Source::Aircall, &[], body)
}

#[test]
fn a_webhook_with_a_good_token_becomes_a_record_without_it() {
    let Ok(Admitted::Record { record, understood }) = aircall(0, EVENT) else {
        panic!("the token is good and the event known");
    };
    assert_eq!(understood, Understood { meaning: Some(Meaning::Call), has_unreadable_time: false });
    let RecordBody::AircallEvent(event) = record.body else { panic!("Aircall sent it") };
    assert_eq!(record.received_at, NOW);
    assert_eq!(event.number.as_ref().map(|number| number.as_str()), Some("+447700900123"));
    assert_eq!(event.body, EVENT.replace(r#""good""#, r#""""#));
}

#[test]
fn every_live_token_of_the_account_is_good_and_no_other() {
    assert!(aircall(0, &EVENT.replace("good", "older")).is_ok());
    for body in
        [EVENT.replace("good", "plain-token"), EVENT.replace("good", ""), EVENT.replace("token", "nokey")]
    {
        assert_eq!(aircall(0, &body), Err(Refusal::Unauthenticated), "{body}");
    }
}

#[test]
fn tokens_may_become_known_and_change() {
    let live = LiveTokens::from(Tokens::new::<&str>([]));
    let account = Account { id: "acme".parse().expect("an id"), aircall: live.clone(), front: None };
    let admit = |token: &str| {
        let body = EVENT.replace("good", token);
        admit(&account, Source::Aircall, &HeaderMap::new(), body.as_bytes(), NOW).map(|_| ())
    };
    assert_eq!(admit("good"), Err(Refusal::TokenNotKnown));
    assert_eq!(Refusal::TokenNotKnown.reason().status(), 503);
    live.set(Tokens::new(["good"]));
    assert_eq!((admit("good"), admit("bad")), (Ok(()), Err(Refusal::Unauthenticated)));
    live.set(Tokens::new(["new"]));
    assert_eq!((admit("good"), admit("new")), (Err(Refusal::Unauthenticated), Ok(())));
}

#[test]
fn an_unknown_event_with_a_good_token_is_a_record_without_meaning() {
    for event in ["user.opened.v2", "call.invented", ""] {
        let admitted = aircall(0, &EVENT.replace("call.created", event));
        let Ok(Admitted::Record { understood, .. }) = admitted else { panic!("{event} is kept") };
        assert_eq!(understood.meaning, Some(Meaning::Other), "{event}");
    }
}

#[test]
fn bounds_and_form_come_before_the_token() {
    assert_eq!(aircall(0, "{}"), Err(Refusal::Malformed(Malformed::NoEvent)));
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let too_deep = Malformed::TooDeep { limit_levels: 32 };
    assert_eq!(aircall(0, &nested), Err(Refusal::Malformed(too_deep.clone())));
    let headers = front_headers(&nested);
    assert_eq!(check(0, Source::Front, &headers, &nested), Err(Refusal::Malformed(too_deep)));
}

#[test]
fn a_signed_webhook_of_front_becomes_a_record() {
    let body = r#"{"type":"conversation_archived","payload":{"type":"archive"}}"#;
    let Ok(Admitted::Record { record, .. }) = check(0, Source::Front, &front_headers(body), body) else {
        panic!("the signature is good");
    };
    let RecordBody::FrontEvent(event) = record.body else { panic!("Front sent it") };
    assert_eq!((event.body.as_str(), record.received_at), (body, NOW));
}

#[test]
fn a_signed_validation_request_is_answered_and_no_record() {
    let body = r#"{"type":"sync","authorization":{"id":"cmp_1"}}"#;
    let mut headers = front_headers(body);
    headers.push(("x-front-challenge", "abc".to_owned()));
    let Ok(Admitted::Challenge(challenge)) = check(0, Source::Front, &headers, body) else {
        panic!("a validation request is answered");
    };
    assert_eq!(challenge.body(), r#"{"challenge":"abc"}"#);
}

#[test]
fn an_unsigned_or_wrongly_signed_webhook_of_front_is_refused() {
    let body = r#"{"type":"conversation_archived"}"#;
    assert_eq!(check(0, Source::Front, &[], body), Err(Refusal::Unauthenticated));
    assert_eq!(check(0, Source::Front, &front_headers("other"), body), Err(Refusal::Unauthenticated));
    let odd = "[]";
    let refused = Refusal::Front(Rejected::NotJson { line: 1, column: 1 });
    assert_eq!(check(0, Source::Front, &front_headers(odd), odd), Err(refused));
}

#[test]
fn an_account_without_signing_key_takes_nothing_from_front() {
    let body = r#"{"type":"sync"}"#;
    assert_eq!(check(1, Source::Front, &front_headers(body), body), Err(Refusal::NoSigningKey));
}

#[test]
fn reasons_are_listed_in_their_order_and_written_as_they_serialise() {
    for (place, reason) in Reason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, place);
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
    }
}
