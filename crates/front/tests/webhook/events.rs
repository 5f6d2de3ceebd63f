//! Front's events, and the facts in them.

use calltrail_domain::fact::{ConversationChange, ConversationChanged, Fact};
use calltrail_domain::ids::{ContactId, ConversationId, InboxId, TeammateId};
use calltrail_domain::record::FrontEvent;
use calltrail_domain::time::Timestamp;
use calltrail_front::events::facts;
use calltrail_front::{Answer, EventPage, PolledEvent, Reply, Request, classify, polled};
use http::{HeaderMap, StatusCode};

const RECEIVED_AT: Timestamp = Timestamp::from_millis(1_800_000_000_123);

fn fact(body: &str) -> Fact {
    facts(&FrontEvent { body: body.to_owned() }, RECEIVED_AT)
}

fn changed(conversation: &str, at_ms: i64, change: ConversationChange) -> Fact {
    Fact::ConversationChanged(ConversationChanged {
        conversation: ConversationId::new(conversation),
        at: Timestamp::from_millis(at_ms),
        received_at: Some(RECEIVED_AT),
        change,
        contact: None,
    })
}

/// The fact without the contact whom the conversation is with, and that contact.
fn split(fact: Fact) -> (Fact, Option<ContactId>) {
    match fact {
        Fact::ConversationChanged(mut changed) => {
            let contact = changed.contact.take();
            (Fact::ConversationChanged(changed), contact)
        }
        other => (other, None),
    }
}

#[test]
fn event_names_the_contact_of_its_conversation() {
    let cases = [
        (include_str!("fixtures/webhook_conversation_archived.json"), Some("crd_3h53wd0")),
        (include_str!("fixtures/event_archive_api.json"), Some("crd_4x1iwyw")),
        (r#"{"type":"archive","emitted_at":1,"conversation":{"id":"cnv_1"}}"#, None),
    ];
    for (body, expect) in cases {
        assert_eq!(split(fact(body)).1, expect.map(ContactId::new), "{body}");
    }
}

/// What an event with these fields changes, told in an envelope and alone.
fn change(fields: &str) -> ConversationChange {
    let event = format!(r#"{{"emitted_at":1.5,"conversation":{{"id":"cnv_1"}},{fields}}}"#);
    let alone = fact(&event);
    let wrapped = fact(&format!(r#"{{"type":"x","authorization":{{"id":"cmp_1"}},"payload":{event}}}"#));
    assert_eq!(alone, wrapped, "{fields}");
    match alone {
        Fact::ConversationChanged(changed) => changed.change,
        other => panic!("{fields} gave {other:?}"),
    }
}

fn assigned(teammate: &str) -> ConversationChange {
    ConversationChange::Assigned { teammate: TeammateId::new(teammate) }
}

fn moved(inbox: &str) -> ConversationChange {
    ConversationChange::Moved { inbox: InboxId::new(inbox) }
}

#[test]
fn every_fixture_gives_its_fact() {
    let cases = [
        (
            include_str!("fixtures/webhook_conversation_archived.json"),
            changed("cnv_1033w6l0", 1_693_940_000_063, ConversationChange::Archived),
        ),
        (
            include_str!("fixtures/event_archive_api.json"),
            changed("cnv_1jm05qco", 1_758_533_084_000, ConversationChange::Archived),
        ),
        (
            include_str!("fixtures/event_assign_teammate.json"),
            changed("cnv_8t1qgef", 1_603_219_092_531, assigned("tea_b2c7")),
        ),
        (
            include_str!("fixtures/event_preview_assign_rule.json"),
            changed("cnv_55c8c149", 1_453_770_984_123, assigned("tea_55c8c149")),
        ),
        (
            include_str!("fixtures/event_unassign_api.json"),
            changed("cnv_bewwgnb", 1_625_758_576_764, ConversationChange::Unassigned),
        ),
        (
            include_str!("fixtures/event_comment_teammate.json"),
            changed("cnv_8p1bfgn", 1_602_126_167_916, ConversationChange::Other),
        ),
    ];
    for (body, expect) in cases {
        assert_eq!(split(fact(body)).0, expect);
    }
    for body in
        [include_str!("fixtures/event_inbound_inboxes.json"), include_str!("fixtures/event_tag_rule.json")]
    {
        let Fact::ConversationChanged(changed) = fact(body) else { panic!("it is about a conversation") };
        assert_eq!(changed.change, ConversationChange::Other);
    }
}

#[test]
fn what_happens_to_a_conversation_is_told_by_the_short_name() {
    for (kind, expect) in [
        ("archive", ConversationChange::Archived),
        ("reopen", ConversationChange::Reopened),
        ("trash", ConversationChange::Trashed),
        ("restore", ConversationChange::Restored),
        ("unassign", ConversationChange::Unassigned),
        ("conversations_merged", ConversationChange::Merged),
        ("invented_later", ConversationChange::Other),
    ] {
        assert_eq!(change(&format!(r#""type":"{kind}""#)), expect, "{kind}");
    }
    assert_eq!(change(r#""type":7"#), ConversationChange::Other);
}

#[test]
fn a_move_names_its_inbox_in_a_list_an_object_or_a_preview() {
    for (target, expect) in [
        (r#"{"data":[{"id":"inb_1"},{"id":"inb_2"}]}"#, moved("inb_1")),
        (r#"{"data":{"id":"inb_1"}}"#, moved("inb_1")),
        (r#"{"_meta":{"type":"inboxes"},"id":"inb_1"}"#, moved("inb_1")),
        (r#"{"data":null,"id":"inb_1"}"#, moved("inb_1")),
        (r#"{"data":[]}"#, ConversationChange::Other),
        (r#"{"data":[{"id":7}]}"#, ConversationChange::Other),
        (r#"{"data":{"id":""}}"#, ConversationChange::Other),
        ("null", ConversationChange::Other),
    ] {
        assert_eq!(change(&format!(r#""type":"move","target":{target}"#)), expect, "{target}");
    }
    assert_eq!(change(r#""type":"move""#), ConversationChange::Other);
}

#[test]
fn the_two_ends_of_a_snooze_are_told_apart() {
    let wrapped = |kind: &str, reminders: &str| {
        let body = format!(
            r#"{{"type":"{kind}","payload":{{"type":"reminder","emitted_at":2,"conversation":{{"id":"cnv_1","scheduled_reminders":{reminders}}}}}}}"#
        );
        fact(&body)
    };
    let snoozed = changed("cnv_1", 2000, ConversationChange::Snoozed);
    let reopened = changed("cnv_1", 2000, ConversationChange::Reopened);
    assert_eq!(wrapped("conversation_snoozed", "[]"), snoozed);
    assert_eq!(wrapped("conversation_snooze_expired", "[{}]"), reopened);
    assert_eq!(wrapped("unnamed", r#"[{"scheduled_at":9}]"#), snoozed);
    assert_eq!(wrapped("unnamed", "[]"), reopened);
    assert_eq!(wrapped("unnamed", "null"), reopened);
}

#[test]
fn a_reopening_is_a_persons_unless_its_source_is_the_api_or_a_message() {
    for (source, expect) in [
        ("teammate", ConversationChange::Reopened),
        ("rule", ConversationChange::Reopened),
        ("api", ConversationChange::ReopenedByApi),
        ("oauth_client", ConversationChange::ReopenedByApi),
        ("inboxes", ConversationChange::ReopenedByApi),
        ("recipient", ConversationChange::ReopenedByApi),
    ] {
        let told = format!(r#""type":"reopen","source":{{"_meta":{{"type":"{source}"}},"data":null}}"#);
        assert_eq!(change(&told), expect, "{source}");
    }
}

#[test]
fn odd_text_elsewhere_does_not_change_who_reopened_or_where_it_went() {
    let odd = r#""conversation_blurb":"half a pair \ud83d","number":1e999"#;
    let source = r#""source":{"_meta":{"type":"api"},"data":null}"#;
    let reopened = change(&format!(r#""type":"reopen",{odd},{source}"#));
    assert_eq!(reopened, ConversationChange::ReopenedByApi);
    let moved =
        change(&format!(r#""type":"move",{odd},"target":{{"data":[{{"id":"inb_2","name":"\ud83d"}}]}}"#));
    assert_eq!(moved, ConversationChange::Moved { inbox: InboxId::new("inb_2") });
}

#[test]
fn a_time_that_cannot_be_read_is_the_time_of_receipt() {
    for (written, expect_ms) in [
        ("1693940000.063", 1_693_940_000_063),
        (r#""1693940000.5""#, 1_693_940_000_500),
        ("null", RECEIVED_AT.as_millis()),
        ("-1", RECEIVED_AT.as_millis()),
        ("1e300", RECEIVED_AT.as_millis()),
    ] {
        let body = format!(r#"{{"type":"archive","emitted_at":{written},"conversation":{{"id":"cnv_1"}}}}"#);
        assert_eq!(fact(&body), changed("cnv_1", expect_ms, ConversationChange::Archived), "{written}");
    }
}

#[test]
fn half_an_emoji_in_a_quoted_message_does_not_lose_the_event() {
    let body = r#"{"type":"archive","emitted_at":2,"conversation":{"id":"cnv_1","last_message":{"blurb":"cut \ud83d"}}}"#;
    assert_eq!(fact(body), changed("cnv_1", 2000, ConversationChange::Archived));
}

#[test]
fn what_is_about_no_conversation_is_kept_without_meaning() {
    for body in [
        "",
        "null",
        "[]",
        "7",
        "{}",
        r#"{"type":"sync","authorization":{"id":"cmp_1"}}"#,
        r#"{"type":"archive"}"#,
        r#"{"type":"archive","conversation":null}"#,
        r#"{"type":"archive","conversation":{}}"#,
        r#"{"type":"archive","conversation":{"id":""}}"#,
        r#"{"type":"archive","conversation":{"id":7}}"#,
        r#"{"type":"x","payload":"archive"}"#,
    ] {
        assert_eq!(fact(body), Fact::Other, "{body}");
    }
}

/// The events that Front answers with when it is asked for them.
fn asked_for(events: &str) -> Vec<PolledEvent> {
    let request = Request::ListEvents { after: Timestamp::from_millis(0), page: None };
    let body = format!(r#"{{"_results":[{events}],"_pagination":{{"next":null}}}}"#);
    match classify(&request, StatusCode::OK, &HeaderMap::new(), body.as_bytes()) {
        Answer::Done(Reply::CompanyEvents(EventPage { events, next: None })) => events,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_polled_event_keeps_what_its_webhook_tells_and_nothing_personal() {
    let webhook = include_str!("fixtures/webhook_conversation_archived.json");
    let wrapped: serde_json::Value = serde_json::from_str(webhook).expect("JSON");
    let own = [
        wrapped["payload"].to_string(),
        include_str!("fixtures/event_archive_api.json").to_owned(),
        r#"{"id":"evt_1","type":"move","emitted_at":2.5,"conversation":{"id":"cnv_1","subject":"x"},
            "target":{"data":[{"id":"inb_2","name":"y"}]}}"#
            .to_owned(),
        r#"{"id":"evt_2","type":"reopen","emitted_at":3,"source":{"_meta":{"type":"api"},"data":null},
            "conversation":{"id":"cnv_1","scheduled_reminders":[]}}"#
            .to_owned(),
    ];
    for event in own {
        let [kept] = &asked_for(&event)[..] else { panic!("one event") };
        let told = match fact(&event) {
            Fact::ConversationChanged(told) => ConversationChanged { received_at: None, ..told },
            other => panic!("{other:?}"),
        };
        assert_eq!(kept.at, told.at);
        assert_eq!(polled::facts(&kept.event, RECEIVED_AT), Fact::ConversationChanged(told), "{event}");
        for personal in ["subject", "email", "name", "blurb"] {
            assert!(!kept.event.body.contains(personal), "{}", kept.event.body);
        }
    }
}

#[test]
fn an_odd_polled_event_does_not_lose_the_others() {
    let good = |id: &str, odd: &str| {
        format!(
            r#"{{"id":"{id}","type":"archive","emitted_at":2,"conversation":{{"id":"cnv_1","blurb":{odd}}}}}"#
        )
    };
    let odd = [
        good("evt_1", r#""cut \ud83d""#),
        good("", "1e999"),
        "7".to_owned(),
        r#"{"id":"evt_2","emitted_at":null}"#.to_owned(),
        good("evt_3", "1e999"),
    ];
    let kept = asked_for(&odd.join(","));
    assert_eq!(kept.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["evt_1", "evt_3"]);
}

#[test]
fn an_event_with_an_odd_id_is_about_no_conversation() {
    for id in ["..", "../x", "cnv_1?x", "cnv_\u{202e}1"] {
        let body = format!(r#"{{"type":"archive","emitted_at":1,"conversation":{{"id":"{id}"}}}}"#);
        assert_eq!(fact(&body), Fact::Other, "{id}");
        let target = format!(r#""target":{{"data":{{"id":"{id}"}}}}"#);
        assert_eq!(change(&format!(r#""type":"assign",{target}"#)), ConversationChange::Other, "{id}");
        assert_eq!(change(&format!(r#""type":"move",{target}"#)), ConversationChange::Other, "{id}");
        let with = format!("https://x.api.frontapp.com/contacts/{id}");
        let body = format!(
            r#"{{"type":"archive","emitted_at":1,"conversation":{{"id":"cnv_1","recipient":{{"_links":{{"related":{{"contact":"{with}"}}}}}}}}}}"#
        );
        let contact = split(fact(&body)).1.map(|contact| contact.to_string());
        assert!(contact.is_none_or(|contact| contact == "cnv_1"), "{id}");
    }
}
