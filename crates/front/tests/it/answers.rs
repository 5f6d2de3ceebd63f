//! The outcome classes, from answers in the shapes that Front sends.

use std::time::Duration;

use calltrail_domain::effect::ConversationStatus;
use calltrail_domain::ids::{ContactId, ConversationId, MessageUid, PhoneNumber, TeammateId};
use calltrail_domain::time::Timestamp;
use calltrail_front::{
    Ambiguous, Answer, Exchange, NotApplied, RateLimit, Reply, Request, classify, exchange, rate_limit,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;

fn answer(request: &Request, status: u16, body: &str) -> Answer {
    let status = StatusCode::from_u16(status).expect("a status");
    classify(request, status, &HeaderMap::new(), body.as_bytes())
}

fn conversation() -> Request {
    Request::GetConversation(ConversationId::new("cnv_1"))
}

fn message() -> Request {
    Request::GetMessageByUid(MessageUid::new("u1"))
}

#[test]
fn a_4xx_is_a_refusal_in_fronts_own_words() {
    for (body, status, message) in [
        (include_str!("fixtures/error_400_bad_json.json"), 400, "Unexpected token a in JSON at position 109"),
        (include_str!("fixtures/error_400_body.json"), 400, "Body did not satisfy requirements"),
        (include_str!("fixtures/error_404_contact_not_found.json"), 404, "Not found"),
        (include_str!("fixtures/error_404_unknown_conversation.json"), 404, "Unknown conversation ID cn_123"),
    ] {
        let Answer::Rejected(refusal) = answer(&conversation(), status, body) else {
            panic!("{status} is a refusal")
        };
        assert_eq!((refusal.status, refusal.message.as_str()), (status, message));
    }
}

#[test]
fn a_conflict_names_the_contact() {
    let request = Request::GetContact(Some(PhoneNumber::from_e164("+33612345678")));
    let body = include_str!("fixtures/error_409_contact_conflict.json");
    let Answer::Rejected(refusal) = answer(&request, 409, body) else { panic!("409 is a refusal") };
    assert_eq!(refusal.contacts, [ContactId::new("crd_123")]);
}

#[test]
fn a_bad_token_says_nothing_about_the_request() {
    let body = include_str!("fixtures/error_401_invalid_token.json");
    assert_eq!(answer(&conversation(), 401, body), Answer::BadToken);
    let Answer::Rejected(refusal) = answer(&conversation(), 403, r#"{"_error":{"status":403}}"#) else {
        panic!("a right that is lacking concerns this request alone")
    };
    assert_eq!(refusal.status, 403);
}

/// What a proxy, a firewall or a load balancer writes in Front's place.
const PAGES: [&str; 5] =
    ["", "<html><h1>Forbidden</h1></html>", "{}", r#"{"message":"no"}"#, r#"{"_error":"no"}"#];

#[test]
fn a_page_is_no_refusal_of_fronts() {
    for status in [400, 401, 403, 404, 407, 409, 410, 422, 429, 451] {
        for page in PAGES {
            let expect = Ambiguous::Page { status, retry_after: None };
            assert_eq!(answer(&conversation(), status, page), Answer::Ambiguous { reason: expect }, "{page}");
        }
    }
}

#[test]
fn a_page_says_how_long_to_wait_and_nothing_of_the_rate() {
    let given = headers(&[("retry-after", "30"), ("x-ratelimit-limit", "3"), ("x-ratelimit-remaining", "0")]);
    let Exchange { answer, rate } =
        exchange(&conversation(), StatusCode::TOO_MANY_REQUESTS, &given, b"<html>slow down</html>");
    let reason = Ambiguous::Page { status: 429, retry_after: Some(Duration::from_secs(30)) };
    assert_eq!((answer, rate), (Answer::Ambiguous { reason }, RateLimit::default()));
}

#[test]
fn a_page_in_place_of_an_empty_answer_does_not_say_that_it_is_done() {
    let open = Request::OpenConversation(ConversationId::new("cnv_1"));
    let malformed = Answer::Ambiguous { reason: Ambiguous::Malformed };
    assert_eq!(answer(&open, 200, "<html>Please log in</html>"), malformed);
    assert_eq!(answer(&open, 204, ""), Answer::Done(Reply::Nothing));
    assert_eq!(answer(&open, 200, "{}"), Answer::Done(Reply::Nothing));
}

fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs =
        given.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    pairs.collect()
}

#[test]
fn a_429_is_certainly_not_applied_and_says_how_long_to_wait() {
    let words = include_str!("fixtures/error_429_tier2.json");
    for (given, body, expect) in [
        (Some("7"), words, Some(7_000)),
        (Some("0"), words, Some(1_000)),
        (Some("soon"), words, Some(341)),
        (None, words, Some(341)),
        (None, r#"{"_error":{"message":"Please retry in a few milliseconds."}}"#, None),
        (None, r#"{"_error":{"message":"Please retry in 2 seconds."}}"#, None),
        (None, r#"{"_error":{"message":"Please retry in 99999999999999999999 milliseconds."}}"#, None),
    ] {
        let headers = given.map(|given| headers(&[("retry-after", given)])).unwrap_or_default();
        let answer = classify(&conversation(), StatusCode::TOO_MANY_REQUESTS, &headers, body.as_bytes());
        let retry_after = expect.map(Duration::from_millis);
        assert_eq!(
            answer,
            Answer::NotApplied { reason: NotApplied::TooMany, retry_after },
            "{given:?} {body}"
        );
    }
}

#[test]
fn when_nothing_is_left_the_pause_ends_at_the_reset_by_fronts_clock() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let now = Timestamp::from_seconds(784_111_780);
    for (remaining, reset, date, expect) in [
        ("0", "784111807", DATE, Some(30)),
        ("0", "784111807", "yesterday", Some(27)),
        ("0", "784111770", DATE, Some(0)),
        ("0", "never", DATE, None),
        ("3", "784111807", DATE, None),
        ("", "784111807", DATE, None),
        ("-1", "784111807", DATE, None),
    ] {
        let given = [("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", reset), ("date", date)];
        let rate = rate_limit(&headers(&given));
        assert_eq!(rate.pause(now), expect.map(Duration::from_secs), "{given:?}");
    }
    assert_eq!(rate_limit(&headers(&[("x-ratelimit-limit", "100")])).limit, Some(100));
    assert_eq!(rate_limit(&HeaderMap::new()), RateLimit::default());
}

#[test]
fn what_leaves_it_open_whether_front_did_it_is_ambiguous() {
    for status in [500, 502, 503, 504, 408, 302] {
        let expect = Answer::Ambiguous { reason: Ambiguous::Status(status) };
        assert_eq!(answer(&message(), status, "{}"), expect);
    }
    for body in ["", "<html>", "{}", "{\"id\":1}"] {
        let expect = Answer::Ambiguous { reason: Ambiguous::Malformed };
        assert_eq!(answer(&conversation(), 200, body), expect, "{body:?}");
    }
}

#[test]
fn a_301_names_the_survivor() {
    let mut headers = HeaderMap::new();
    headers.insert("location", HeaderValue::from_static("https://api2.frontapp.com/conversations/cnv_9"));
    let moved = classify(&conversation(), StatusCode::MOVED_PERMANENTLY, &headers, b"");
    assert_eq!(moved, Answer::Moved(ConversationId::new("cnv_9")));
}

#[test]
fn a_301_to_anything_but_a_conversation_names_no_survivor() {
    for location in [
        "https://login.example.com/?to=/conversations/cnv_9",
        "https://api2.frontapp.com/conversations/",
        "https://api2.frontapp.com/conversations/login",
        "https://api2.frontapp.com/conversations/cnv_",
        "https://api2.frontapp.com/inboxes/inb_1",
    ] {
        let headers = headers(&[("location", location)]);
        let moved = classify(&conversation(), StatusCode::MOVED_PERMANENTLY, &headers, b"");
        assert_eq!(moved, Answer::Ambiguous { reason: Ambiguous::Status(301) }, "{location}");
    }
}

#[test]
fn a_snoozed_conversation_is_not_archived() {
    for (status, reminders, expect) in [
        ("archived", json!([]), ConversationStatus::Archived),
        ("archived", json!([{"scheduled_at": 1}]), ConversationStatus::Snoozed),
        ("archived", json!(null), ConversationStatus::Archived),
        ("deleted", json!([]), ConversationStatus::Trashed),
        ("assigned", json!([]), ConversationStatus::Open),
        ("unassigned", json!([]), ConversationStatus::Open),
    ] {
        let body = json!({"id": "cnv_1", "status": status, "scheduled_reminders": reminders,
            "assignee": {"id": "tea_1", "email": "iris@example.com"}});
        let Answer::Done(Reply::Conversation(read)) = answer(&conversation(), 200, &body.to_string()) else {
            panic!("a conversation is read")
        };
        assert_eq!((read.status, read.assignee), (expect, Some(TeammateId::new("tea_1"))));
    }
}

#[test]
fn a_message_tells_its_conversation_and_its_marker() {
    let body = json!({"id": "msg_1", "message_uid": "u1", "text": "Missed call\n\nAircall #812\n",
        "_links": {"related": {"conversation": "https://example.api.frontapp.com/conversations/cnv_7"}}});
    let Answer::Done(Reply::Message(read)) = answer(&message(), 200, &body.to_string()) else {
        panic!("a message is read")
    };
    assert_eq!(read.conversation, Some(ConversationId::new("cnv_7")));
    assert_eq!(read.last_line.as_deref(), Some("Aircall #812"));
    assert!(!format!("{read:?}").contains("812"), "no text is shown by debug");
}

#[test]
fn the_token_of_the_next_page_is_taken_from_a_url_of_any_host() {
    let request =
        Request::ListConversationMessages { conversation: ConversationId::new("cnv_1"), page: None };
    let next = "https://example.api.frontapp.com/conversations/cnv_1/messages?limit=100&page_token=a%3Db";
    let body = json!({"_results": [{"body": "x"}], "_pagination": {"next": next}});
    let Answer::Done(Reply::Messages(page)) = answer(&request, 200, &body.to_string()) else {
        panic!("a page is read")
    };
    assert_eq!((page.messages.len(), page.next.as_deref()), (1, Some("a=b")));
    let last = json!({"_results": [], "_pagination": {"next": null}}).to_string();
    let Answer::Done(Reply::Messages(page)) = answer(&request, 200, &last) else { panic!("a page is read") };
    assert_eq!(page.next, None);
}

#[test]
fn events_are_dated_to_the_millisecond() {
    let request = Request::ListConversationEvents(ConversationId::new("cnv_1"));
    let body = r#"{"_results":[{"id":"evt_1","type":"archive","emitted_at":1693940000.063}]}"#;
    let Answer::Done(Reply::Events(events)) = answer(&request, 200, body) else { panic!("events are read") };
    assert_eq!((events[0].name.as_str(), events[0].at.as_millis()), ("archive", 1_693_940_000_063));
}

/// No ids of Front's; the first two would name another path.
const ODD_IDS: [&str; 6] = ["..", "../company/tags", "cnv_1?limit=1", "cnv_1/x", "", "cnv_\u{202e}1"];

/// Answers of every kind that gives an id, with `id` in its place.
fn answers_with(id: &str) -> Vec<(Request, serde_json::Value)> {
    let cnv = || ConversationId::new("cnv_1");
    let contact = || Request::GetContactById(ContactId::new("crd_1"));
    let status = json!({"id": "cnv_1", "status": "assigned", "assignee": {"id": id}});
    vec![
        (Request::Me, json!({"id": id})),
        (Request::ListTeammates, json!({"_results": [{"id": id, "email": "iris@example.com"}]})),
        (contact(), json!({"id": id, "handles": []})),
        (Request::ListContactConversations(ContactId::new("crd_1")), json!({"_results": [{"id": id}]})),
        (conversation(), json!({"id": id, "status": "archived"})),
        (conversation(), status),
        (conversation(), json!({"id": "cnv_1", "status": "archived", "tags": [{"id": id, "name": "vip"}]})),
        (Request::ListComments(cnv()), json!({"_results": [{"id": id, "body": "Aircall #812"}]})),
        (Request::AddComment { conversation: cnv(), author: None, body: String::new() }, json!({"id": id})),
        (Request::ListTags { page: None }, json!({"_results": [{"id": id, "name": "vip"}]})),
        (Request::CreateTag { name: "vip".to_owned() }, json!({"id": id, "name": "vip"})),
        (Request::ListInboxes, json!({"_results": [{"id": id}]})),
    ]
}

#[test]
fn an_answer_whose_id_is_none_of_fronts_cannot_be_read() {
    for id in ODD_IDS {
        for (request, body) in answers_with(id) {
            let malformed = Answer::Ambiguous { reason: Ambiguous::Malformed };
            assert_eq!(answer(&request, 200, &body.to_string()), malformed, "{request:?} {id:?}");
        }
    }
    for id in ["cnv_1", "A-b_9", "7"] {
        for (request, body) in answers_with(id) {
            let answer = answer(&request, 200, &body.to_string());
            assert!(matches!(answer, Answer::Done(_)), "{request:?} {id:?}: {answer:?}");
        }
    }
}

#[test]
fn an_odd_id_in_a_link_or_an_event_is_no_id() {
    for id in ODD_IDS {
        let links = json!({"_links": {"related": {"conversation": format!("https://x.api.frontapp.com/conversations/{id}")}}});
        let Answer::Done(Reply::Message(message)) = answer(&message(), 200, &links.to_string()) else {
            panic!("a message is read")
        };
        let named = message.conversation.map(|id| id.to_string());
        assert!(named.is_none_or(|named| named == "cnv_1"), "{id}");
        let event = json!({"id": id, "type": "archive", "emitted_at": 1_700_000_000.0, "conversation": {"id": "cnv_1"}});
        let body = json!({"_results": [event]}).to_string();
        let events = Request::ListEvents { after: Timestamp::from_millis(0), page: None };
        let Answer::Done(Reply::CompanyEvents(page)) = answer(&events, 200, &body) else {
            panic!("events are read")
        };
        assert_eq!(page.events, [], "{id}");
    }
}
