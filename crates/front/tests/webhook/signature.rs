//! Who is believed to be Front, and what is echoed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use calltrail_domain::record::FrontEvent;
use calltrail_domain::time::Timestamp;
use calltrail_front::limits::{CHALLENGE_BYTES_MAX, WEBHOOK_WINDOW};
use calltrail_front::webhook::{
    CHALLENGE_HEADER, Received, Rejected, SIGNATURE_HEADER, SigningKeys, TIMESTAMP_HEADER, receive,
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use sha2::Sha256;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const BODY: &str = r#"{"type":"conversation_archived","payload":{"id":"evt_1"}}"#;

fn signature(key: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key length fits");
    mac.update(&[timestamp.as_bytes(), b":", body].concat());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).expect("a header's value");
    pairs.iter().map(|&(name, text)| (http::HeaderName::from_static(name), value(text))).collect()
}

fn signed(key: &str, at: i64, body: &str) -> HeaderMap {
    let timestamp = at.to_string();
    let signature = signature(key, &timestamp, body.as_bytes());
    headers(&[(TIMESTAMP_HEADER, &timestamp), (SIGNATURE_HEADER, &signature)])
}

fn keys(keys: &[&str]) -> SigningKeys {
    SigningKeys::new(keys.iter().map(|&key| SecretString::from(key)))
}

fn check(headers: &HeaderMap, body: &str, live: &[&str]) -> Result<Received, Rejected> {
    receive(&keys(live), headers, body.as_bytes(), NOW)
}

fn event(body: &str) -> Result<Received, Rejected> {
    Ok(Received::Event(FrontEvent { body: body.to_owned() }))
}

#[test]
fn a_signature_computed_elsewhere_is_recognised() {
    // printf '1700000000000:{"type":"sync"}' | openssl dgst -sha256 -hmac signing-key -binary | base64
    let headers = headers(&[
        (TIMESTAMP_HEADER, "1700000000000"),
        (SIGNATURE_HEADER, "1vKuEd2fsQUiMBAcADliCDhqAmyAz8GR/FNWR+yaEHc="),
    ]);
    assert_eq!(check(&headers, r#"{"type":"sync"}"#, &["signing-key"]), event(r#"{"type":"sync"}"#));
}

#[test]
fn any_live_key_is_good_and_no_other() {
    let headers = signed("old", NOW.as_millis(), BODY);
    assert_eq!(check(&headers, BODY, &["new", "old"]), event(BODY));
    assert_eq!(check(&headers, BODY, &["old", "new"]), event(BODY));
    assert_eq!(check(&headers, BODY, &["new"]), Err(Rejected::WrongSignature));
    assert_eq!(check(&headers, BODY, &[]), Err(Rejected::WrongSignature));
    let empty = signed("", NOW.as_millis(), BODY);
    assert_eq!(check(&empty, BODY, &[""]), Err(Rejected::WrongSignature), "an empty key is no key");
}

#[test]
fn the_signature_covers_every_byte_of_the_body_and_the_time() {
    let headers = signed("key", NOW.as_millis(), BODY);
    assert_eq!(check(&headers, &format!("{BODY} "), &["key"]), Err(Rejected::WrongSignature));
    let mut later = headers.clone();
    later.insert(TIMESTAMP_HEADER, HeaderValue::from_static("1700000000001"));
    assert_eq!(check(&later, BODY, &["key"]), Err(Rejected::WrongSignature));
}

#[test]
fn the_window_is_open_in_both_directions() {
    let window = i64::try_from(WEBHOOK_WINDOW.as_millis()).unwrap();
    for (offset_ms, good) in
        [(0, true), (window, true), (-window, true), (window + 1, false), (-window - 1, false)]
    {
        let taken = check(&signed("key", NOW.as_millis() + offset_ms, BODY), BODY, &["key"]);
        assert_eq!(taken.is_ok(), good, "{offset_ms}");
    }
    let taken = check(&signed("key", i64::MIN, BODY), BODY, &["key"]);
    assert!(matches!(taken, Err(Rejected::OutsideWindow { .. })), "{taken:?}");
}

#[test]
fn a_missing_or_odd_header_is_unauthentic() {
    let good = signed("key", NOW.as_millis(), BODY);
    for header in [TIMESTAMP_HEADER, SIGNATURE_HEADER] {
        for odd in [None, Some(""), Some("not base64, no number"), Some("\u{e9}")] {
            let mut headers = good.clone();
            headers.remove(header);
            if let Some(odd) = odd {
                headers.insert(header, HeaderValue::from_bytes(odd.as_bytes()).unwrap());
            }
            let refused = check(&headers, BODY, &["key"]).unwrap_err();
            assert!(refused.is_unauthentic(), "{header} {odd:?}: {refused}");
        }
    }
    let mut short = good;
    short.insert(SIGNATURE_HEADER, HeaderValue::from_static("AAAA"));
    assert_eq!(check(&short, BODY, &["key"]), Err(Rejected::WrongSignature));
}

#[test]
fn the_validation_request_gets_its_challenge_back() {
    let sync = r#"{"type":"sync","authorization":{"id":"cmp_abc"}}"#;
    let mut headers = signed("key", NOW.as_millis(), sync);
    headers.insert(CHALLENGE_HEADER, HeaderValue::from_static("a-1\"</b>"));
    let Ok(Received::Challenge(challenge)) = check(&headers, sync, &["key"]) else {
        panic!("a signed validation request is answered");
    };
    assert_eq!(challenge.body(), r#"{"challenge":"a-1\"</b>"}"#);
    assert_eq!(
        check(&headers, sync, &["other"]),
        Err(Rejected::WrongSignature),
        "only who signs is answered"
    );
}

#[test]
fn an_event_with_a_challenge_is_still_an_event() {
    let mut headers = signed("key", NOW.as_millis(), BODY);
    headers.insert(CHALLENGE_HEADER, HeaderValue::from_static("abc"));
    assert_eq!(check(&headers, BODY, &["key"]), event(BODY));
}

#[test]
fn an_odd_challenge_is_malformed() {
    let sync = r#"{"type":"sync"}"#;
    let long = "a".repeat(CHALLENGE_BYTES_MAX + 1);
    for odd in ["", "with space", "\u{e9}", &long] {
        let mut headers = signed("key", NOW.as_millis(), sync);
        headers.insert(CHALLENGE_HEADER, HeaderValue::from_bytes(odd.as_bytes()).unwrap());
        let refused = check(&headers, sync, &["key"]).unwrap_err();
        assert_eq!(refused, Rejected::BadChallenge { limit_bytes: CHALLENGE_BYTES_MAX }, "{odd}");
        assert!(!refused.is_unauthentic());
    }
}

#[test]
fn a_signed_body_that_is_no_object_is_malformed() {
    for body in ["", "[]", "null", "{", r#"{"type":"sync"} x"#] {
        let refused = check(&signed("key", NOW.as_millis(), body), body, &["key"]).unwrap_err();
        assert!(matches!(refused, Rejected::NotJson { .. }), "{body}: {refused}");
    }
}

#[test]
fn keys_do_not_show_in_debug_output() {
    assert_eq!(format!("{:?}", keys(&["canary", "other"])), "SigningKeys(2)");
}
