//! M5: which calls are logged, and that nothing is left out silently.

use crate::world::{
    BILLING, CALLER, IRIS, NOOR, OTHER, Step, answered, call, check, conversations, given, inbound,
    inbound_on, left_out, outbound, restart,
};

#[tokio::test(flavor = "multi_thread")]
async fn m05_each_of_the_five_types_can_be_switched_off_and_what_is_left_out_is_counted() {
    check(
        given().calls("types = [\"inbound_answered\", \"voicemail\"]"),
        &[
            call(inbound(1, CALLER)),
            call(answered(2, CALLER, NOOR)),
            call(outbound(3, CALLER, IRIS).answered(IRIS, 5)),
            call(outbound(4, CALLER, IRIS).ends(20)),
            call(inbound(5, CALLER).voicemail()),
        ],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone for Noor
                  Inbound call - Support line
                    2:call by Noor
                    2:duration by Noor
                    5:call by the customer
                    5:voicemail by the customer",
            ),
            left_out("3 type"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m05_lines_can_be_left_out_and_so_can_calls_outside_business_hours() {
    let monday = "business_hours = { days = [\"mon\"], from = \"09:00\", to = \"11:00\" }";
    check(
        given().calls(&format!("skip_lines = [41026]\ntime_zone = \"Europe/Vienna\"\n{monday}")),
        &[
            call(inbound(1, CALLER)),
            call(inbound_on(BILLING, 2, CALLER)),
            call(inbound(3, CALLER)),
            call(inbound(26, CALLER)),
        ],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone
                  Missed call - Support line
                    1:call by the customer",
            ),
            left_out("2 hours, 1 line"),
        ],
    )
    .await;
}

/// Call 1 starts on Monday, 2026-01-05 at 9:00 in Vienna, and each next one an hour later.
async fn check_night(day: &str, ids: &[i64], inside: &[i64], outside: &'static str) {
    let nights = format!("business_hours = {{ days = [\"{day}\"], from = \"22:00\", to = \"06:00\" }}");
    let calls: Vec<_> = ids.iter().map(|id| call(inbound(*id, CALLER))).collect();
    let logged: String = inside.iter().map(|id| format!("\n    {id}:call by the customer")).collect();
    let shown = format!("+447700900123: open in Aircall Phone\n  Missed call - Support line{logged}");
    let given = given().calls(&format!("time_zone = \"Europe/Vienna\"\n{nights}"));
    check(given, &calls, &[conversations(shown), left_out(outside)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m05_night_hours_belong_to_the_day_on_which_they_begin() {
    // Monday 21:00 and 22:00, Tuesday 05:00, 06:00 and 22:00, and Monday 05:00 a week later.
    check_night("mon", &[13, 14, 21, 22, 38, 165], &[14, 21], "4 hours").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m05_night_hours_go_by_the_clock_on_the_wall() {
    // 03-29: 01:00, 03:00 an hour later, 05:00 and 06:00. 10-24 and 10-25: 21:00, 22:00, 02:00 twice, 05:00 and 06:00.
    let ids = [1_985, 1_986, 1_988, 1_989, 7_020, 7_021, 7_025, 7_026, 7_029, 7_030];
    check_night("sat", &ids, &[1_985, 1_986, 1_988, 7_021, 7_025, 7_026, 7_029], "3 hours").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m05_old_call_decided_again_on_purpose_disturbs_no_one() {
    let again = || Step::Reconsider(vec![1, 2], true);
    let on_billing = |id, from| inbound_on(BILLING, id, from).rings(IRIS, 0).answered(IRIS, 5).ends(65);
    check(
        given().calls("skip_lines = [41026]"),
        &[
            call(on_billing(1, CALLER)),
            call(on_billing(2, OTHER)),
            call(on_billing(3, OTHER)),
            call(inbound(4, OTHER)),
            restart(given()),
            again(),
            again(),
        ],
        &[
            conversations(
                "
                +447700900123: archived in Aircall Phone
                  Inbound call - Billing line
                    1:call by Iris
                    1:duration by Iris
                +447700900124: open in Aircall Phone
                  Missed call - Support line
                    2:call by Iris
                    2:duration by Iris
                    4:call by the customer",
            ),
            left_out("1 line"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m05_only_what_is_left_out_is_decided_again() {
    check(
        given(),
        &[
            call(inbound(1, CALLER)),
            restart(given().calls("types = [\"voicemail\"]")),
            call(inbound(2, CALLER)),
            Step::Reconsider(vec![1, 2, 3], false),
        ],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone
                  Missed call - Support line
                    1:call by the customer",
            ),
            left_out("1 type"),
        ],
    )
    .await;
}
