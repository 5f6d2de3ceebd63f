//! What is taken, what is refused, and what is kept of it.

use calltrail_aircall::limits::{BODY_BYTES_MAX, NESTING_LEVELS_MAX};
use calltrail_aircall::{Malformed, Meaning, Tokens, receive};

use crate::fixtures::fixtures;
use crate::sample::call_event;

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
fn of_doubled_keys_the_last_counts_and_no_token_is_kept() {
    for (body, token) in [
        (r#"{"event":"x","token":"a","token":"b"}"#, "b"),
        (r#"{"event":"x","token":"a","tok\u0065n":"b"}"#, "b"),
        (r#"{"event":"x","token":"b","token":"a","data":{}}"#, "a"),
    ] {
        assert!(is_from(body, &[token]), "{body}");
        let other = if token == "a" { "b" } else { "a" };
        assert!(!is_from(body, &[other]), "{body}");
        let kept = receive(body.as_bytes()).unwrap().into_event().body;
        assert!(!kept.contains(r#""a""#) && !kept.contains(r#""b""#), "{kept}");
    }
    assert!(!receive(br#"{"event":"call.ended","event":"y"}"#).unwrap().is_about_a_call());
    assert!(receive(br#"{"event":"y","event":"call.ended"}"#).unwrap().is_about_a_call());
    let twice =
        br#"{"event":"call.ended","data":{"raw_digits":"112"},"data":{"raw_digits":"+447700900123"}}"#;
    let number = receive(twice).unwrap().into_event().number.expect("a number");
    assert_eq!(number.as_str(), "+447700900123");
}

#[test]
fn byte_order_mark_in_front_is_no_part_of_the_body() {
    let body = "\u{feff}{\"event\":\"x\",\"token\":\"good\"}";
    assert!(is_from(body, &["good"]));
    assert_eq!(receive(body.as_bytes()).unwrap().into_event().body, r#"{"event":"x","token":""}"#);
    assert!(receive("\u{feff}".as_bytes()).is_err());
}

#[test]
fn calls_that_cannot_be_named_are_told_from_calls() {
    let meaning = |body: &str| receive(body.as_bytes()).unwrap().meaning();
    for data in [r#"{"id":"abc"}"#, r#"{"id":-1}"#, "{}", "[812]", "null", "812", r#""812""#, r#"{"call":7}"#]
    {
        let body = format!(r#"{{"event":"call.ended","data":{data}}}"#);
        assert_eq!(meaning(&body), Meaning::UnreadableCall, "{data}");
    }
    assert_eq!(meaning(r#"{"event":"call.ended"}"#), Meaning::UnreadableCall);
    assert_eq!(meaning(r#"{"event":"call.ended","data":{"call":{"id":"call_812"}}}"#), Meaning::Call);
    assert_eq!(meaning(r#"{"event":"user.opened.v2","data":{}}"#), Meaning::Other);
    assert_eq!(meaning(r#"{"event":"call.reincarnated","data":{}}"#), Meaning::Other);
}

#[test]
fn times_that_cannot_be_read_are_noticed() {
    let noticed =
        |fields: &str| receive(call_event("call.ended", fields).as_bytes()).unwrap().has_unreadable_time();
    for fields in [
        r#""answered_at":"soon""#,
        r#""started_at":{}"#,
        r#""ended_at":true"#,
        r#""comments":[{"content":"a","posted_at":"yesterday"}]"#,
    ] {
        assert!(noticed(fields), "{fields}");
    }
    for fields in [
        "",
        r#""answered_at":null,"started_at":0,"ended_at":"""#,
        r#""answered_at":false,"started_at":"2026-11-29T06:50:00Z","ended_at":1795935060000"#,
        r#""cost":"soon","comments":["a"]"#,
    ] {
        assert!(!noticed(fields), "{fields}");
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
    for body in ["canary", r#"{"canary":}"#, r#"{"event":7,"token":"canary"}"#] {
        let refused = receive(body.as_bytes()).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused}");
    }
}
