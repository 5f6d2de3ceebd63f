//! What Aircall was seen to send, or may send, and how much of it is understood.

use calltrail_domain::fact::{
    Agent, CallEvent, CallStatus, ContactHint, Direction, Fact, Media, Transfer, TransferTarget,
};
use calltrail_domain::ids::{CallId, LineId, MediaLink};
use calltrail_domain::time::Timestamp;

use crate::sample::{RECEIVED_AT, call_event, fact, snapshot};

const USER: &str = r#"{"id":41000,"name":"Noor Haddad","email":"noor@example.com"}"#;

fn noor() -> Agent {
    Agent { id: 41000, name: Some("Noor Haddad".to_owned()), email: Some("noor@example.com".to_owned()) }
}

#[test]
fn each_of_the_nineteen_call_events_brings_a_snapshot() {
    let events = [
        "created",
        "ringing_on_agent",
        "agent_declined",
        "answered",
        "hold",
        "unhold",
        "transferred",
        "external_transferred",
        "unsuccessful_transfer",
        "ivr_option_selected",
        "hungup",
        "ended",
        "voicemail_left",
        "comm_assets_generated",
        "assigned",
        "archived",
        "tagged",
        "untagged",
        "commented",
    ];
    for event in events {
        let expect = match event {
            "hungup" => CallEvent::HungUp,
            "ended" => CallEvent::Ended,
            _ => CallEvent::Other,
        };
        let snapshot = snapshot(&format!("call.{event}"), "");
        assert_eq!((snapshot.call, snapshot.event), (CallId(812), expect), "{event}");
    }
}

#[test]
fn other_and_unknown_events_are_kept_without_meaning() {
    let events = [
        "user.closed.v2",
        "number.created",
        "contact.updated",
        "message.received",
        "transcription.created",
        "call.reincarnated",
        "CALL.ENDED",
        "",
    ];
    for event in events {
        assert_eq!(fact(&call_event(event, "")), Fact::Other, "{event}");
    }
}

#[test]
fn a_call_without_a_readable_id_is_kept_without_meaning() {
    for data in
        [r#"{"id":"abc"}"#, r#"{"id":-1}"#, r#"{"id":null}"#, r#"{"id":1.5}"#, "{}", "[812]", "null", "812"]
    {
        let body = format!(r#"{{"event":"call.ended","timestamp":1,"data":{data}}}"#);
        assert_eq!(fact(&body), Fact::Other, "{data}");
    }
    assert_eq!(fact(r#"{"event":"call.ended"}"#), Fact::Other, "no data");
}

#[test]
fn ids_may_be_text_or_beyond_what_a_double_holds() {
    for (id, expect) in [(r#""812""#, 812), ("812.0", 812), ("18446744073709551615", u64::MAX)] {
        let body = format!(r#"{{"event":"call.ended","data":{{"id":{id}}}}}"#);
        let Fact::CallSnapshot(snapshot) = fact(&body) else { panic!("{id} is an id") };
        assert_eq!(snapshot.call, CallId(expect));
    }
}

#[test]
fn times_may_be_text_or_have_a_fraction_and_zero_is_none() {
    let cases = [
        ("1646389756", Some(1_646_389_756_000)),
        (r#""1646389756""#, Some(1_646_389_756_000)),
        ("1646389756.25", Some(1_646_389_756_250)),
        ("0", None),
        ("-5", None),
        ("null", None),
        ("1e999", None),
        ("99999999999999", None),
        (r#""soon""#, None),
        (r#""NaN""#, None),
        ("{}", None),
    ];
    for (written, expect) in cases {
        let ended_at = snapshot("call.ended", &format!(r#""ended_at":{written}"#)).ended_at;
        assert_eq!(ended_at.map(Timestamp::as_millis), expect, "{written}");
    }
}

#[test]
fn a_webhook_without_a_readable_time_counts_from_its_receipt() {
    let Fact::CallSnapshot(snapshot) = fact(r#"{"event":"call.ended","timestamp":"?","data":{"id":812}}"#)
    else {
        panic!("the time is not needed to name the call");
    };
    assert_eq!((snapshot.at, snapshot.received_at), (RECEIVED_AT, RECEIVED_AT));
}

#[test]
fn the_status_and_the_direction_are_words_or_nothing() {
    let of = |status: &str, direction: &str| {
        let snapshot = snapshot("call.created", &format!(r#""status":{status},"direction":{direction}"#));
        (snapshot.status, snapshot.direction)
    };
    assert_eq!(of(r#""initial""#, r#""inbound""#), (Some(CallStatus::Initial), Some(Direction::Inbound)));
    assert_eq!(of(r#""answered""#, r#""outbound""#), (Some(CallStatus::Answered), Some(Direction::Outbound)));
    assert_eq!(of(r#""done""#, r#""sideways""#), (Some(CallStatus::Done), None));
    assert_eq!(of(r#""voicemail""#, "7"), (None, None));
}

#[test]
fn one_bad_field_harms_no_other() {
    let bad = r#""started_at":[],"direction":{},"user":"nobody","number":[1],"contact":7,"tags":"vip","missed_call_reason":"\ud83d","status":"done","ended_at":1646389756"#;
    let snapshot = snapshot("call.ended", bad);
    assert_eq!(snapshot.status, Some(CallStatus::Done));
    assert_eq!(snapshot.ended_at, Some(Timestamp::from_seconds(1_646_389_756)));
    assert_eq!((snapshot.agent, snapshot.line, snapshot.contact), (None, None, None));
    assert_eq!((snapshot.tags, snapshot.missed_reason, snapshot.direction), (None, None, None));
}

#[test]
fn the_user_is_the_agent_but_not_while_the_call_only_rings() {
    let user = format!(r#""user":{USER}"#);
    for event in ["call.created", "call.answered", "call.hungup", "call.ended", "call.transferred"] {
        assert_eq!(snapshot(event, &user).agent, Some(noor()), "{event}");
    }
    for event in ["call.ringing_on_agent", "call.agent_declined"] {
        assert_eq!(snapshot(event, &user).agent, None, "{event}");
    }
}

#[test]
fn an_agent_may_lack_everything_but_the_id() {
    let agent = snapshot("call.answered", r#""user":{"id":"41000","name":" ","email":null}"#).agent;
    assert_eq!(agent, Some(Agent { id: 41000, name: None, email: None }));
    assert_eq!(snapshot("call.answered", r#""user":{"name":"Noor"}"#).agent, None);
}

#[test]
fn only_the_events_of_a_transfer_tell_of_one() {
    let fields = format!(r#""transferred_by":{{"id":7}},"transferred_to":{USER}"#);
    let at = Timestamp::from_seconds(1_646_389_786);
    let by = Some(Agent { id: 7, name: None, email: None });
    let to = Some(TransferTarget::Agent(noor()));
    let of = |event| snapshot(event, &fields).transfer;
    assert_eq!(
        of("call.transferred"),
        Some(Transfer { at, succeeded: true, by: by.clone(), to: to.clone() })
    );
    assert_eq!(of("call.unsuccessful_transfer"), Some(Transfer { at, succeeded: false, by: by.clone(), to }));
    let outside = Some(TransferTarget::External);
    assert_eq!(of("call.external_transferred"), Some(Transfer { at, succeeded: true, by, to: outside }));
    for event in ["call.answered", "call.hungup", "call.ended", "call.tagged"] {
        assert_eq!(of(event), None, "{event}");
    }
}

#[test]
fn a_voicemail_is_there_when_a_link_or_the_event_says_so() {
    for (event, fields, expect) in [
        ("call.ended", r#""voicemail":"https://media.example.test/v.mp3""#, Media::Announced),
        ("call.ended", r#""voicemail":null"#, Media::Absent),
        ("call.ended", r#""voicemail":"""#, Media::Absent),
        ("call.ended", "", Media::Absent),
        ("call.voicemail_left", r#""voicemail":null"#, Media::Announced),
    ] {
        assert_eq!(snapshot(event, fields).voicemail, expect, "{event} {fields}");
    }
}

#[test]
fn the_asset_is_the_link_that_lasts_of_whatever_it_names_or_of_the_only_one_there_is() {
    let of = |fields: &str| {
        let snapshot = snapshot("call.ended", fields);
        (snapshot.recording, snapshot.voicemail)
    };
    let linked = |text: &str| Media::Linked(MediaLink::new(text).expect("a link"));
    let recording = "https://assets.aircall.io/calls/812/recording";
    let voicemail = "https://assets.aircall.io/calls/812/voicemail";
    let asset = |asset: &str, rest: &str| of(&format!(r#""asset":"{asset}"{rest}"#));
    assert_eq!(asset(recording, ""), (linked(recording), Media::Absent));
    assert_eq!(asset(voicemail, r#","voicemail":"v""#), (Media::Absent, linked(voicemail)));
    assert_eq!(asset(voicemail, r#","recording":"r""#), (Media::Announced, linked(voicemail)));
    let other = "https://assets.aircall.io/c/812";
    assert_eq!(asset(other, r#","recording":"r""#), (linked(other), Media::Absent));
    assert_eq!(asset(other, r#","voicemail":"v","recording":"r""#), (Media::Announced, Media::Announced));
    assert_eq!(asset(other, ""), (Media::Absent, Media::Absent));
    for bad in ["http://assets.aircall.io/calls/812/recording", "https://x/<b>/recording", "recording"] {
        assert_eq!(asset(bad, r#","recording":"r""#), (Media::Announced, Media::Absent), "{bad}");
    }
}

#[test]
fn comments_are_read_one_by_one_and_a_bad_one_harms_no_other() {
    let of = |comments: &str| snapshot("call.commented", &format!(r#""comments":{comments}"#)).comments;
    let told = of(
        r#"[{"id":99,"content":"Call back\nsoon","posted_at":1646389786,"posted_by":{"id":7,"name":"Noor"}},
            {"id":100,"content":null},7,{"id":101,"content":"By the API","posted_by":null}]"#,
    );
    let shown: Vec<_> = told.iter().map(|one| (one.id, one.text.as_str(), one.by.is_some())).collect();
    assert_eq!(shown, [(99, "Call back\nsoon", true), (101, "By the API", false)]);
    assert_eq!(told[0].posted_at, Some(Timestamp::from_seconds(1_646_389_786)));
    let unnamed = of(r#"[{"content":"a","posted_at":5},{"content":"b","posted_at":5}]"#);
    assert_ne!(unnamed[0].id, unnamed[1].id, "what has no id is known by its words");
    assert_eq!(of("null"), []);
}

#[test]
fn what_stands_in_place_of_a_number_is_kept_when_it_says_anything() {
    let of = |digits: &str| snapshot("call.created", &format!(r#""raw_digits":{digits}"#)).shown_number;
    assert_eq!(of(r#""*86""#).as_deref(), Some("*86"));
    assert_eq!(of(r#""anonymous""#), None);
    assert_eq!(of(r#""+44 7700 900123""#), None);
    assert_eq!(of("null"), None);
}

#[test]
fn tags_are_the_names_of_the_full_list() {
    let of = |tags: &str| {
        let tags = snapshot("call.tagged", &format!(r#""tags":{tags}"#)).tags;
        tags.map(|tags| tags.into_iter().collect::<Vec<_>>())
    };
    let tagged = r#"[{"id":1,"name":"VIP","tagged_by":{},"tagged_at":1},{"id":2,"name":null},"Refund",{"name":"VIP"}]"#;
    assert_eq!(of(tagged), Some(vec!["Refund".to_owned(), "VIP".to_owned()]));
    assert_eq!(of("[]"), Some(vec![]), "an empty list takes the tags away");
    assert_eq!(of("null"), None, "null tells nothing");
    assert_eq!(of("{}"), None);
}

#[test]
fn the_contact_is_named_by_person_or_by_company() {
    let of = |contact: &str| snapshot("call.created", &format!(r#""contact":{contact}"#)).contact;
    let hint = |name: Option<&str>, emails: &[&str]| {
        let emails = emails.iter().map(|&email| email.to_owned()).collect();
        Some(ContactHint { name: name.map(str::to_owned), emails })
    };
    let full = r#"{"first_name":"Dana","last_name":"Moreau","company_name":"Example Ltd","emails":[{"value":"dana@example.com"},{"value":null},"d@example.com"]}"#;
    assert_eq!(of(full), hint(Some("Dana Moreau"), &["dana@example.com", "d@example.com"]));
    assert_eq!(of(r#"{"first_name":null,"last_name":"Moreau"}"#), hint(Some("Moreau"), &[]));
    assert_eq!(of(r#"{"first_name":"","company_name":"Example Ltd"}"#), hint(Some("Example Ltd"), &[]));
    assert_eq!(of(r#"{"emails":[{"value":"dana@example.com"}]}"#), hint(None, &["dana@example.com"]));
    assert_eq!((of("{}"), of("null"), of("[]")), (None, None, None));
}

#[test]
fn the_line_needs_an_id_and_nothing_else() {
    let of = |number: &str| snapshot("call.created", &format!(r#""number":{number}"#)).line;
    let full =
        of(r#"{"id":"41065","name":"Support","digits":"01632 960001","e164_digits":null,"country":"gb"}"#);
    let full = full.expect("the id may be text");
    assert_eq!((full.id, full.name.as_deref()), (LineId(41065), Some("Support")));
    assert_eq!(full.number.as_ref().map(|number| number.as_str()), Some("+441632960001"));
    let newer =
        of(r#"{"id":1,"digits":"01632 960001","e164_digits":"+33142685300"}"#).expect("an id is there");
    assert_eq!(newer.number.as_ref().map(|number| number.as_str()), Some("+33142685300"));
    let bare = of(r#"{"id":1,"digits":"5 words"}"#).expect("an id is there");
    assert_eq!((bare.name, bare.number), (None, None));
    assert_eq!(of(r#"{"name":"Support"}"#), None);
    assert_eq!(of("null"), None);
}
