//! M5: which calls are logged, and that nothing is left out silently.

use crate::world::{
    BILLING, CALLER, IRIS, NOOR, answered, call, check, conversations, given, inbound, inbound_on, left_out,
    outbound,
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

/// Call 1 starts on a Monday at 9:00 in Vienna, and each next one an hour later.
#[tokio::test(flavor = "multi_thread")]
async fn m05_night_hours_belong_to_the_day_on_which_they_begin() {
    let nights = "business_hours = { days = [\"mon\"], from = \"22:00\", to = \"06:00\" }";
    // Monday 21:00 and 22:00, Tuesday 05:00, 06:00 and 22:00, and Monday 05:00 a week later.
    let ids = [13, 14, 21, 22, 38, 165];
    check(
        given().calls(&format!("time_zone = \"Europe/Vienna\"\n{nights}")),
        &ids.map(|id| call(inbound(id, CALLER))),
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone
                  Missed call - Support line
                    14:call by the customer
                    21:call by the customer",
            ),
            left_out("4 hours"),
        ],
    )
    .await;
}
