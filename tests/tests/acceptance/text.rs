//! M17 and M18: the time of each activity, and text that stays text.

use serde_json::{Value, json};

use crate::world::{
    CALLER, NOOR, activity, answered, call, changed, check, check_both, commented, contacts, conversations,
    given, inbound, times, told,
};

#[tokio::test(flavor = "multi_thread")]
async fn m17_each_activity_has_a_time_of_the_calls_life_and_the_thread_reads_in_order() {
    let late = || inbound(2, CALLER).ends(40).voicemail_told(9_000);
    check_both(
        given(),
        &[
            told(late(), &["call.created", "call.hungup", "call.ended"]),
            call(answered(3, CALLER, NOOR).recorded()),
            call(answered(1, CALLER, NOOR).ends(0)),
            told(late(), &["call.voicemail_left"]),
        ],
        &[times(
            "
            1:call after 0 s
            1:duration after 1 s
            2:call after 0 s
            2:voicemail after 42 s
            3:call after 0 s
            3:duration after 65 s
            3:recording after 67 s",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_names_and_tags_become_no_markup_no_link_and_no_image() {
    let script = answered(1, CALLER, NOOR).tagged("*vip* [x](http://evil.example)", 20);
    let step = changed(script, |data| {
        data["contact"] = json!({
            "first_name": "<b>Dana</b>",
            "last_name": "![M](https://evil.example/x.png)",
            "emails": [],
        });
    });
    check(
        given(),
        &[step],
        &[
            contacts(
                "‹b›Dana‹/b› !［M］(https：//evil․example/x․png): custom +447700900123, phone +447700900123",
            ),
            activity(
                "1:call",
                "
                after 0 s, from +441632960001 to +447700900123
                Inbound call - Support line
                Customer: ‹b›Dana‹/b› !［M］(https：//evil․example/x․png) (+447700900123)
                Line: Support line (+441632960001)
                Agent: Noor Haddad
                Started: 2026-01-05 09:00:00 (Europe/Vienna)
                Tags: ∗vip∗ ［x］(http：//evil․example)
                Aircall #1",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_mention_in_a_comment_notifies_no_teammate_and_addresses_stay() {
    let text = "@iris and (@noor): mail dana@customer.example\nor https://social.example/@dana @ 9";
    check(
        given(),
        &[call(answered(1, CALLER, NOOR).commented(text, 70))],
        &[commented(
            "note 10",
            "
            ＠iris and (＠noor): mail dana@customer.example
            or https://social.example/@dana @ 9

            Aircall #1, note 10",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_comment_has_no_markdown_where_it_is_to_be_escaped() {
    let text = "# Refund *now*\nsee [x](https://crm.example/a_b) & <b>\n1. @iris";
    check(
        given().calls("comments = \"escaped\""),
        &[call(answered(1, CALLER, NOOR).commented(text, 70))],
        &[commented(
            "note 10",
            "
            \\# Refund \\*now\\*\u{20}\u{20}
            see \\[x\\](https://crm.example/a\\_b) \\& \\<b\\>\u{20}\u{20}
            1\\. ＠iris

            Aircall #1, note 10",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_link_to_a_recording_elsewhere_is_not_shown() {
    let elsewhere = |data: &mut Value| {
        if !data["asset"].is_null() {
            data["asset"] = "https://aircall.io.evil.example/calls/1/recording".into();
        }
    };
    let step = || changed(answered(1, CALLER, NOOR).recorded(), elsewhere);
    check(
        given(),
        &[step()],
        &[activity(
            "1:recording",
            "
            after 67 s, from +441632960001 to +447700900123
            Recording: in Aircall
            Aircall #1, recording",
        )],
    )
    .await;
    let named = given().aircall("link_hosts = [\"evil.example\"]");
    check(
        named,
        &[step()],
        &[activity(
            "1:recording",
            "
            after 67 s, from +441632960001 to +447700900123
            Recording: https://aircall.io.evil.example/calls/1/recording
            Aircall #1, recording",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_what_cannot_be_seen_is_left_out_of_names_tags_and_addresses() {
    let script = answered(1, CALLER, NOOR).tagged("V\u{ad}I\u{e0041}P\u{2061}", 20);
    let step = changed(script, |data| {
        data["number"]["name"] = "Sup\u{202e}port\u{fff9} line".into();
        data["contact"] = json!({
            "first_name": "Da\u{ad}na\u{e0042}",
            "last_name": "\u{206a}Lee",
            "emails": [
                { "label": "a", "value": "dana\u{202e}@customer.example" },
                { "label": "b", "value": "Dana <dana@evil.example>" },
                { "label": "c", "value": "dana@good.example@evil.example" },
                { "label": "d", "value": " dana@customer.example " },
            ],
        });
    });
    check(
        given().calls("subject = \"{type} - {line} {tags}\""),
        &[step],
        &[
            contacts("Dana Lee: custom +447700900123, email dana@customer.example, phone +447700900123"),
            conversations(
                "
                Dana Lee: open in Aircall Phone for Noor
                  Inbound call - Support line VIP
                    1:call by Noor
                    1:duration by Noor",
            ),
        ],
    )
    .await;
}
