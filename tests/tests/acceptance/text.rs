//! M17 and M18: the time of each activity, and text that stays text.

use serde_json::json;

use crate::world::{
    CALLER, NOOR, activity, answered, call, changed, check, check_both, commented, given, inbound, times,
    told,
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
async fn m18_names_tags_and_comments_become_no_markup_no_link_and_no_image() {
    let script = answered(1, CALLER, NOOR).tagged("*vip* [x](http://evil.example)", 20).commented(
        "# Hi\n<img src=x onerror=alert(1)> see https://evil.example/a_b\n- `code` & &lt; @iris",
        70,
    );
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
            commented(
                "note 10",
                "
                \u{2060}# Hi
                ‹img src=x onerror=alert(1)› see https：//evil․example/aˍb
                \u{2060}- ˋcodeˋ & ＆lt; ＠iris

                Aircall #1, note 10",
            ),
        ],
    )
    .await;
}
