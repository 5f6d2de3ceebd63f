//! M31: history does not disturb; and what was missed is logged as if it had come in time (M8, M10).

use calltrail_simulator::front::Action;

use crate::world::{
    CALLER, IRIS, NOOR, OTHER, Step, answered, call, check, conversations, given, history, inbound, missed,
    outbound, person,
};

#[tokio::test(flavor = "multi_thread")]
async fn m31_history_makes_archived_conversations_that_nobody_has() {
    check(
        given().with_aircall(),
        &[history(&[
            inbound(1, CALLER),
            answered(2, CALLER, IRIS),
            outbound(3, OTHER, NOOR).answered(NOOR, 5),
        ])],
        &[conversations(
            "
            +447700900123: archived in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by Iris
                2:duration by Iris
            +447700900124: archived in Aircall Phone
              Outbound call - Support line
                3:call by Noor
                3:duration by Noor",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m31_a_live_call_after_history_opens_the_conversation_under_its_own_subject() {
    check(
        given().with_aircall(),
        &[history(&[inbound(1, CALLER)]), call(answered(2, CALLER, IRIS))],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Missed call - Support line
                1:call by the customer
              Inbound call - Support line
                2:call by Iris
                2:duration by Iris",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m31_history_leaves_a_conversation_as_it_is() {
    check(
        given().with_aircall(),
        &[
            call(answered(1, CALLER, IRIS)),
            call(inbound(2, OTHER)),
            person(Action::Archive),
            history(&[outbound(3, CALLER, NOOR).answered(NOOR, 5), answered(4, OTHER, NOOR)]),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Inbound call - Support line
                1:call by Iris
                1:duration by Iris
                3:call by Noor
                3:duration by Noor
            +447700900124: archived in Aircall Phone
              Missed call - Support line
                2:call by the customer
                4:call by Noor
                4:duration by Noor",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m31_a_call_that_was_logged_and_is_read_again_appears_once() {
    check(
        given().with_aircall().polled(),
        &[call(answered(1, CALLER, IRIS)), history(&[inbound(2, CALLER)]), missed(&[inbound(3, CALLER)])],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Inbound call - Support line
                1:call by Iris
                1:duration by Iris
                2:call by the customer
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_a_missed_call_belongs_to_the_segment_of_its_time() {
    check(
        given().with_aircall().polled(),
        &[call(inbound(1, CALLER)), person(Action::Archive), missed(&[answered(2, CALLER, IRIS)])],
        &[conversations(
            "
            +447700900123: archived in Aircall Phone for Iris
              Missed call - Support line
                1:call by the customer
                2:call by Iris
                2:duration by Iris",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_what_people_did_is_known_before_a_missed_call_is_decided() {
    check(
        given().with_aircall().polled(),
        &[call(answered(1, CALLER, IRIS)), Step::Unheard(Action::Archive), Step::ReadNow(2)],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Inbound call - Support line
                1:call by Iris
                1:duration by Iris
              Missed call - Support line
                2:call by the customer",
        )],
    )
    .await;
}
