//! What Aircall was seen to send, or may send, and how much of it is understood.

use calltrail_domain::fact::{
    Agent, AnsweredGuess, CallEvent, CallStatus, ContactHint, Direction, Fact, Media, MenuChoice, Rung,
    Transfer, TransferTarget,
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
    for data in [
        r#"{"id":"abc"}"#,
        r#"{"id":-1}"#,
        r#"{"id":null}"#,
        r#"{"id":1.5}"#,
        r#"{"id":true}"#,
        r#"{"id":{}}"#,
        "{}",
        "[812]",
        "null",
        "812",
        r#"{"call":[]}"#,
        r#"{"call":{"call":{"id":812}}}"#,
    ] {
        let body = format!(r#"{{"event":"call.ended","timestamp":1,"data":{data}}}"#);
        assert_eq!(fact(&body), Fact::Other, "{data}");
    }
    assert_eq!(fact(r#"{"event":"call.ended"}"#), Fact::Other, "no data");
}

#[test]
fn ids_may_be_text_or_beyond_what_a_double_holds() {
    for (id, expect) in [
        (r#""812""#, 812),
        ("812.0", 812),
        ("18446744073709551615", u64::MAX),
        (r#""call_950000019""#, 950_000_019),
        (r#""call-7""#, 7),
    ] {
        assert_eq!(call_of(&format!(r#"{{"id":{id}}}"#)), CallId(expect), "{id}");
    }
}

fn call_of(data: &str) -> CallId {
    let body = format!(r#"{{"event":"call.ended","data":{data}}}"#);
    let Fact::CallSnapshot(snapshot) = fact(&body) else { panic!("{data} names a call") };
    snapshot.call
}

#[test]
fn ids_beyond_64_bits_and_names_give_one_call_each() {
    let ids = ["18446744073709551616", r#""call_18446744073709551617""#, r#""3f2c4b9e-0b1d""#];
    let calls = ids.map(|id| call_of(&format!(r#"{{"id":{id}}}"#)));
    assert_eq!(
        calls,
        ids.map(|id| call_of(&format!(r#"{{"id":{id},"status":"done"}}"#))),
        "the same each time"
    );
    assert!(calls[0] != calls[1] && calls[1] != calls[2]);
    assert!(calls.iter().all(|call| call.0 > u64::MAX / 2), "no id of Aircall is so large");
}

#[test]
fn call_is_named_by_its_own_link_where_the_id_is_not_readable() {
    let link = r#""direct_link":"https://api.aircall.io/v1/calls/950000019""#;
    for id in ["null", r#""abc""#, "{}", r#""3f2c4b9e""#, "99999999999999999999"] {
        assert_eq!(call_of(&format!(r#"{{"id":{id},{link}}}"#)), CallId(950_000_019), "{id}");
    }
    assert_eq!(call_of(&format!(r#"{{"id":812,{link}}}"#)), CallId(812));
}

#[test]
fn call_in_the_envelope_of_rest_answers_is_read() {
    let inner = r#"{"id":950000018,"status":"done","raw_digits":"+44 7700 900810"}"#;
    for data in [
        format!(r#"{{"call":{inner}}}"#),
        format!(r#"{{"call":7,"call":{inner}}}"#),
        format!(r#"{{"meta":{{}},"call":{inner}}}"#),
    ] {
        let body = format!(r#"{{"event":"call.ended","timestamp":1,"data":{data}}}"#);
        let Fact::CallSnapshot(snapshot) = fact(&body) else { panic!("{data} holds a call") };
        assert_eq!((snapshot.call, snapshot.status), (CallId(950_000_018), Some(CallStatus::Done)));
        assert_eq!(snapshot.number.as_ref().map(|number| number.as_str()), Some("+447700900810"));
    }
    assert_eq!(call_of(r#"{"id":812,"call":{"id":7}}"#), CallId(812), "the call's own id counts");
}

/// Which ones stay in Aircall does not depend on the order of its list.
#[test]
fn of_thousands_of_comments_and_tags_the_first_hundred_count() {
    let comment = |id: i64| format!(r#"{{"id":{id},"content":"note {id}","posted_at":{id}}}"#);
    let tag = |id: i64| format!(r#"{{"name":"tag {id:04}"}}"#);
    let list = |items: Vec<String>| items.join(",");
    for (all, left_out) in [(100, 0), (101, 1), (3_000, 2_900)] {
        let orders = [(1..=all).collect::<Vec<i64>>(), (1..=all).rev().collect()];
        for order in orders {
            let comments = list(order.iter().map(|id| comment(*id)).collect());
            let tags = list((1..=all).map(tag).collect());
            let snapshot = snapshot("call.ended", &format!(r#""comments":[{comments}],"tags":[{tags}]"#));
            let whole: Vec<_> = snapshot.comments.iter().filter(|comment| comment.left_out == 0).collect();
            assert_eq!(whole.len(), 100);
            assert!(whole.iter().all(|comment| comment.id <= 100 && !comment.text.is_empty()));
            let rest: Vec<_> = snapshot.comments.iter().filter(|comment| comment.left_out > 0).collect();
            assert_eq!(rest.iter().map(|comment| comment.left_out).sum::<u32>(), left_out);
            assert!(rest.iter().all(|comment| comment.id == 101 && comment.text.is_empty()));
            assert_eq!(snapshot.tags.map(|tags| tags.len()), Some(100));
        }
    }
}

#[test]
fn of_keys_that_stand_twice_the_last_counts_at_every_level() {
    let fields = r#""status":"initial","status":"done","number":{"id":1,"name":"Old"},
        "number":{"id":1,"name":"Sales","name":"Support"},"user":{"id":5,"id":41000,"name":"A","name":"Noor"},
        "tags":[{"name":"a","name":"vip"}],"comments":[{"id":1,"id":5,"content":"x","content":"y"}],
        "contact":{"first_name":"Old","first_name":"Dana","emails":[{"value":"a","value":"d@example.com"}]}"#;
    let snapshot = snapshot("call.ended", fields);
    assert_eq!(snapshot.status, Some(CallStatus::Done));
    let line = snapshot.line.expect("a line");
    assert_eq!((line.id, line.name.as_deref()), (LineId(1), Some("Support")));
    let agent = snapshot.agent.expect("an agent");
    assert_eq!((agent.id, agent.name.as_deref()), (41000, Some("Noor")));
    assert_eq!(snapshot.tags, Some(["vip".to_owned()].into()));
    assert_eq!((snapshot.comments[0].id, snapshot.comments[0].text.as_str()), (5, "y"));
    let contact = snapshot.contact.expect("a contact");
    assert_eq!(contact.name.as_deref(), Some("Dana"));
    assert_eq!(contact.emails, ["d@example.com"]);
}

#[test]
fn half_a_surrogate_pair_costs_nothing_but_itself() {
    let fields = r#""number":{"id":1,"name":"Support \ud83d"},"user":{"id":5,"name":"\udc4b Noor"},
        "tags":[{"name":"vip \ud83d"},"\ud83dno"],"comments":[{"id":5,"content":"cut off here \ud83d"},"\uD83D\uD83D\udc4b"],
        "contact":{"first_name":"Dana \ud83d\u0020","emails":[]},"missed_call_reason":"\ud83d","\ud83d":1"#;
    let snapshot = snapshot("call.ended", fields);
    assert_eq!(snapshot.line.expect("a line").name.as_deref(), Some("Support \u{fffd}"));
    assert_eq!(snapshot.agent.expect("an agent").name.as_deref(), Some("\u{fffd} Noor"));
    assert_eq!(snapshot.tags, Some(["vip \u{fffd}".to_owned(), "\u{fffd}no".to_owned()].into()));
    let comments: Vec<_> = snapshot.comments.iter().map(|comment| comment.text.as_str()).collect();
    assert_eq!(comments, ["cut off here \u{fffd}", "\u{fffd}\u{1f44b}"]);
    assert_eq!(snapshot.contact.expect("a contact").name.as_deref(), Some("Dana \u{fffd}"));
    assert_eq!(snapshot.missed_reason.as_deref(), Some("\u{fffd}"));
}

#[test]
fn text_that_shows_nothing_is_absent() {
    for blank in [r"\u200b", " ", r"\ufeff\u200d", r"\u3164", r"\u00a0\u2060", r"\u0000\u00ad"] {
        let fields = format!(
            r#""number":{{"id":1,"name":"{blank}"}},"user":{{"id":5,"name":"{blank}","email":"{blank}"}},
            "tags":[{{"name":"{blank}"}},"{blank}","vip"],"missed_call_reason":"{blank}","raw_digits":"{blank}",
            "comments":[{{"id":5,"content":"{blank}"}},"{blank}"],"contact":{{"first_name":"{blank}","emails":["{blank}"]}}"#
        );
        let snapshot = snapshot("call.ended", &fields);
        assert_eq!(snapshot.line.expect("a line").name, None, "{blank}");
        assert_eq!(snapshot.agent, Some(Agent { id: 5, name: None, email: None }), "{blank}");
        assert_eq!(snapshot.tags, Some(["vip".to_owned()].into()), "{blank}");
        assert_eq!(
            (snapshot.missed_reason, snapshot.number, snapshot.shown_number),
            (None, None, None),
            "{blank}"
        );
        assert_eq!((snapshot.comments, snapshot.contact), (vec![], None), "{blank}");
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
        ("1e25", None),
        ("1646389756000", Some(1_646_389_756_000)),
        ("1646389756250", Some(1_646_389_756_250)),
        (r#""1646389756250""#, Some(1_646_389_756_250)),
        (r#""2022-03-04T10:29:16Z""#, Some(1_646_389_756_000)),
        (r#""2022-03-04T11:29:16.250+01:00""#, Some(1_646_389_756_250)),
        (r#""2022-03-04 10:29:16""#, Some(1_646_389_756_000)),
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
fn answer_without_a_readable_time_is_an_answer() {
    let of = |event: &str, fields: &str| {
        let snapshot = snapshot(event, fields);
        (snapshot.answered_at, snapshot.answered_guess)
    };
    let guess = |over, seconds| Some(AnsweredGuess { over, at: Timestamp::from_seconds(seconds) });
    for written in [r#""soon""#, "true", "{}", "[]", r#""29/11/2026""#, "1e999"] {
        let field = format!(r#""answered_at":{written},"started_at":1646389700"#);
        assert_eq!(of("call.answered", &field), (None, guess(false, 1_646_389_786)), "{written}");
        assert_eq!(of("call.ended", &field), (None, guess(true, 1_646_389_700)), "{written}");
        let over = format!(r#"{field},"status":"done""#);
        assert_eq!(of("call.tagged", &over), (None, guess(true, 1_646_389_700)), "{written}");
    }
    for written in ["null", "0", r#""""#, "false", r#"" ""#, r#""0""#, "-1"] {
        assert_eq!(of("call.ended", &format!(r#""answered_at":{written}"#)), (None, None), "{written}");
    }
    assert_eq!(of("call.ended", ""), (None, None));
    let iso = of("call.ended", r#""answered_at":"2026-11-29T06:50:05Z""#);
    assert_eq!(iso, (Some(Timestamp::from_seconds(1_795_935_005)), None));
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
    assert_eq!(of(r#""DONE""#, r#""Outbound""#), (Some(CallStatus::Done), Some(Direction::Outbound)));
    assert_eq!(of(r#""voicemail""#, "7"), (None, None));
}

#[test]
fn one_bad_field_harms_no_other() {
    let bad = r#""started_at":[],"direction":{},"user":"nobody","number":[1],"contact":7,"tags":"vip","missed_call_reason":{},"status":"done","ended_at":1646389756"#;
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
    assert_eq!(snapshot("call.answered", r#""user":{}"#).agent, None);
}

#[test]
fn agent_without_an_id_is_known_by_email_or_name() {
    let agent = |user: &str| snapshot("call.ended", &format!(r#""user":{user}"#)).agent.expect("an agent");
    let noor = agent(r#"{"name":"Noor Haddad","email":"noor.haddad@example.com"}"#);
    assert_eq!(noor.email.as_deref(), Some("noor.haddad@example.com"));
    assert_eq!(noor.name.as_deref(), Some("Noor Haddad"));
    assert_eq!(noor.id, agent(r#"{"id":null,"name":"N. Haddad","email":"Noor.Haddad@Example.com"}"#).id);
    assert_ne!(noor.id, agent(r#"{"name":"Noor Haddad","email":"iris@example.com"}"#).id);
    assert_ne!(agent(r#"{"name":"Noor"}"#).id, agent(r#"{"name":"Iris"}"#).id);
    assert_eq!(agent(r#"{"id":"usr_41000","email":"noor@example.com"}"#).id, 41000);
    let told =
        r#""transferred_by":{"email":"noor@example.com"},"transferred_to":{"email":"iris@example.com"}"#;
    let transfer = snapshot("call.transferred", told).transfer.expect("a transfer");
    assert!(transfer.by.is_some() && matches!(transfer.to, Some(TransferTarget::Agent(_))));
}

#[test]
fn transfer_without_a_target_leads_nowhere_known() {
    let by = r#""transferred_by":{"id":7},"teams":[{"id":77,"name":"Tier 2"}]"#;
    for target in ["", r#","transferred_to":null"#, r#","transferred_to":{}"#, r#","transferred_to":"77""#] {
        let transfer = snapshot("call.transferred", &format!("{by}{target}")).transfer.expect("a transfer");
        assert_eq!((transfer.succeeded, transfer.to), (true, None), "{target}");
        let failed = snapshot("call.unsuccessful_transfer", &format!("{by}{target}")).transfer;
        assert_eq!(failed.map(|failed| (failed.succeeded, failed.to)), Some((false, None)), "{target}");
    }
}

#[test]
fn agents_whom_a_call_rang_on_are_told() {
    let at = Timestamp::from_seconds(1_646_389_786);
    let of = |event: &str| snapshot(event, &format!(r#""user":{USER}"#)).rung;
    assert_eq!(of("call.ringing_on_agent"), Some(Rung { at, agent: noor(), declined: false }));
    assert_eq!(of("call.agent_declined"), Some(Rung { at, agent: noor(), declined: true }));
    assert_eq!(of("call.answered"), None);
    assert_eq!(snapshot("call.agent_declined", "").rung, None);
}

#[test]
fn menu_options_are_told_with_their_times() {
    let menu = |event: &str, options: &str| {
        let chosen = snapshot(event, &format!(r#""ivr_options_selected":{options}"#)).menu;
        let told = |choice: MenuChoice| (choice.at.as_seconds(), choice.title, choice.key);
        chosen.into_iter().map(told).collect::<Vec<_>>()
    };
    let word = |text: &str| Some(text.to_owned());
    let timed = r#"[{"id":"1","title":"Sales","key":"2","created_at":"2022-03-04T10:29:16Z"},
        {"title":"Orders","key":1,"transition_started_at":1646389760},7,{"created_at":1646389770}]"#;
    let expect = vec![(1_646_389_756, word("Sales"), word("2")), (1_646_389_760, word("Orders"), word("1"))];
    assert_eq!(menu("call.ivr_option_selected", timed), expect);
    assert_eq!(menu("call.ended", timed), expect, "wherever they are told");
    let untimed = r#"[{"title":"Sales"},{"title":"\u200b","key":"fallback"}]"#;
    assert_eq!(menu("call.ivr_option_selected", untimed), [(1_646_389_786, None, word("fallback"))]);
    assert_eq!(menu("call.ended", untimed), [], "when it was chosen is not known");
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
fn comments_given_as_text_are_known_by_their_words() {
    let of = |call: u64, comments: &str| {
        let body = format!(r#"{{"event":"call.commented","data":{{"id":{call},"comments":{comments}}}}}"#);
        let Fact::CallSnapshot(snapshot) = fact(&body) else { panic!("a call") };
        snapshot.comments
    };
    let told = of(812, r#"["Call back","Refund",{"id":5,"content":"By an object"},"Refund"]"#);
    let texts: Vec<_> = told.iter().map(|comment| comment.text.as_str()).collect();
    assert_eq!(texts, ["Call back", "Refund", "By an object", "Refund"]);
    assert_eq!((told[0].by.is_none(), told[0].posted_at), (true, None));
    let ids: std::collections::BTreeSet<_> = told.iter().map(|comment| comment.id).collect();
    assert_eq!(ids.len(), 4, "each is one of its own");
    assert_eq!(of(812, r#"["Call back"]"#)[0].id, told[0].id, "told again it is the same");
    assert_ne!(of(813, r#"["Call back"]"#)[0].id, told[0].id);
    assert_eq!(of(812, r#""Call back""#)[0].id, told[0].id, "also without a list");
    assert_eq!(of(812, r#"{"id":5,"content":"Alone"}"#)[0].id, 5);
}

#[test]
fn what_stands_in_place_of_a_number_is_kept_when_it_says_anything() {
    let of = |digits: &str| snapshot("call.created", &format!(r#""raw_digits":{digits}"#)).shown_number;
    assert_eq!(of(r#""room 12""#).as_deref(), Some("room 12"));
    assert_eq!(of(r#""Unbekannt""#), None);
    assert_eq!(of(r#""0000000000""#), None);
    assert_eq!(of(r#""+266696687""#), None);
    assert_eq!(of(r#""*86""#), None, "its digits are its number");
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
fn line_without_an_id_keeps_its_name_and_number() {
    let of = |number: &str| snapshot("call.created", &format!(r#""number":{number}"#)).line.expect("a line");
    let line = of(r#"{"name":"Support","digits":"+44 1632 960001"}"#);
    assert_eq!(line.name.as_deref(), Some("Support"));
    assert_eq!(line.number.as_ref().map(|number| number.as_str()), Some("+441632960001"));
    assert_eq!(line.id, of(r#"{"id":"?","name":"Renamed","digits":"+44 1632 960001"}"#).id);
    assert_ne!(line.id, of(r#"{"name":"Support"}"#).id);
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
    assert_eq!(of("null"), None);
    assert_eq!(of("{}"), None);
}
