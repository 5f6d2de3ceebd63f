//! What is taken, what is refused, and what is kept of it.

use calltrail_aircall::limits::{BODY_BYTES_MAX, NESTING_LEVELS_MAX};
use calltrail_aircall::{Malformed, Tokens, receive};

use crate::fixtures::fixtures;

fn is_from(body: &str, tokens: &[&str]) -> bool {
    receive(body.as_bytes()).expect("the body keeps the bounds").is_from(&Tokens::new(tokens))
}

#[test]
fn a_body_is_from_the_account_whose_live_token_it_holds() {
    let body = r#"{"event":"x","token":"second"}"#;
    assert!(is_from(body, &["first", "second"]));
    assert!(!is_from(body, &["first"]));
    assert!(!is_from(body, &[]));
    assert!(is_from(r#"{"event":"x","token":"sec\u006fnd"}"#, &["second"]), "an escape is the same text");
}

#[test]
fn a_missing_or_odd_token_is_nobodys() {
    for token in ["null", "7", "{}", r#""""#, r#"["good"]"#, r#""good ""#, r#""\ud83d""#] {
        assert!(!is_from(&format!(r#"{{"event":"x","token":{token}}}"#), &["good", ""]), "{token}");
    }
    assert!(!is_from(r#"{"event":"x"}"#, &["good", ""]));
}

#[test]
fn nothing_is_lost_but_the_value_of_the_token() {
    for (name, body) in fixtures() {
        let kept = receive(body.as_bytes()).unwrap().into_event().body;
        assert_eq!(kept, body.replace(r#""fixture-token""#, r#""""#), "{name}");
    }
    let odd = "\t{ \"data\" : { \"token\":\"t\" , \"é\":[1.50,  1e999] },\"to\\u006ben\": \"t\\\"t\" ,\"event\":\"x\"}\n";
    let kept = receive(odd.as_bytes()).unwrap().into_event().body;
    assert_eq!(kept, odd.replace(r#""t\"t""#, r#""""#));
}

#[test]
fn neither_tokens_nor_bodies_show_in_debug_output() {
    let received = receive(br#"{"event":"x","token":"canary"}"#).unwrap();
    let shown = format!("{received:?} {:?}", Tokens::new(["canary"]));
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn call_events_are_told_from_others() {
    assert!(receive(br#"{"event":"call.ended"}"#).unwrap().is_about_a_call());
    assert!(!receive(br#"{"event":"contact.created"}"#).unwrap().is_about_a_call());
}

#[test]
fn a_body_of_the_greatest_size_is_taken_and_a_longer_one_is_not() {
    let body = |bytes: usize| {
        let frame = r#"{"event":"x","pad":""}"#.len();
        format!(r#"{{"event":"x","pad":"{}"}}"#, "a".repeat(bytes - frame))
    };
    assert!(receive(body(BODY_BYTES_MAX).as_bytes()).is_ok());
    let refused = receive(body(BODY_BYTES_MAX + 1).as_bytes()).unwrap_err();
    let expect = Malformed::TooLarge { size_bytes: BODY_BYTES_MAX + 1, limit_bytes: BODY_BYTES_MAX };
    assert_eq!(refused, expect);
}

#[test]
fn nesting_is_taken_up_to_its_bound() {
    let nested = |levels: usize| {
        format!(r#"{{"event":"x","data":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1))
    };
    assert!(receive(nested(NESTING_LEVELS_MAX).as_bytes()).is_ok());
    let refused = Malformed::TooDeep { limit_levels: NESTING_LEVELS_MAX };
    for levels in [NESTING_LEVELS_MAX + 1, 200, 100_000] {
        assert_eq!(receive(nested(levels).as_bytes()).unwrap_err(), refused, "{levels}");
    }
    assert_eq!(receive("[".repeat(100_000).as_bytes()).unwrap_err(), refused);
}

#[test]
fn brackets_in_text_are_no_nesting() {
    let text = r#"[{\"[\\"#.repeat(100);
    let body = format!(r#"{{"event":"x","data":"{text}"}}"#);
    assert!(receive(body.as_bytes()).is_ok(), "{:?}", receive(body.as_bytes()));
}

#[test]
fn a_nul_is_refused_as_a_byte_and_as_an_escape() {
    for body in [&b"{\"event\":\"x\0\"}"[..], b"{\"event\":\"x\"}\0"] {
        assert!(matches!(receive(body).unwrap_err(), Malformed::Nul { .. }), "{body:?}");
    }
    assert!(receive(br#"{"event":"x","a":"\u0000"}"#).is_ok(), "text that somebody typed");
}

#[test]
fn a_key_that_decides_something_may_stand_only_once() {
    for body in [
        r#"{"event":"x","token":"a","token":"b"}"#,
        r#"{"event":"x","token":"a","tok\u0065n":"b"}"#,
        r#"{"event":"x","event":"y"}"#,
        r#"{"event":"x","data":{},"data":null}"#,
    ] {
        assert!(matches!(receive(body.as_bytes()).unwrap_err(), Malformed::Duplicate { .. }), "{body}");
    }
}

#[test]
fn what_is_no_json_object_with_an_event_is_refused() {
    let not_json = |line, column| Malformed::NotJson { line, column };
    for (body, expect) in [
        (&b""[..], not_json(1, 1)),
        (b"hello", not_json(1, 1)),
        (b"[]", not_json(1, 1)),
        (b"null", not_json(1, 1)),
        (br#"["t","call.ended",{}]"#, not_json(1, 1)),
        (b"{\"event\":\"x\",\n}", not_json(2, 1)),
        (br#"{"event":"x"} {"#, not_json(1, 15)),
        (b"{\"event\":\"\xff\"}", Malformed::NotUtf8 { offset_bytes: 10 }),
        (b"{}", Malformed::NoEvent),
        (br#"{"event":null}"#, Malformed::NoEvent),
        (br#"{"event":7}"#, Malformed::NoEvent),
    ] {
        let shown = String::from_utf8_lossy(body);
        assert_eq!(receive(body).unwrap_err(), expect, "{shown}");
    }
}

#[test]
fn a_refusal_never_repeats_what_was_sent() {
    for body in ["canary", r#"{"canary":}"#, r#"{"event":"x","token":"canary","token":"canary"}"#] {
        let refused = receive(body.as_bytes()).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused}");
    }
}
