//! M10 and M24: decided against the real status, and seen by Front's own rules.

use calltrail_simulator::front::Action;

use crate::world::{
    CALLER, NOOR, OTHER, Step, answered, call, check, check_both, conversations, events, given, inbound,
    observed, person,
};

#[tokio::test(flavor = "multi_thread")]
async fn m10_without_front_webhooks_the_conversation_is_read_once_before_each_later_call() {
    check(
        given().without_front_webhooks(),
        &[
            call(inbound(1, CALLER)),
            call(inbound(2, CALLER)),
            call(inbound(3, CALLER)),
            call(inbound(4, OTHER)),
        ],
        &[observed(2)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_front_webhooks_that_arrive_make_reading_unnecessary() {
    check(
        given(),
        &[call(inbound(1, CALLER)), call(inbound(2, CALLER)), call(inbound(3, CALLER))],
        &[observed(0)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_front_webhooks_that_have_been_silent_for_too_long_are_not_relied_on() {
    check(
        given().timing("front_silence_seconds = 1"),
        &[call(inbound(1, CALLER)), Step::Silence, call(inbound(2, CALLER))],
        &[observed(1)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_what_people_did_decides_whether_front_told_it_or_it_was_read() {
    let steps = [
        call(inbound(1, CALLER)),
        person(Action::Archive),
        call(answered(2, CALLER, NOOR)),
        Step::People(vec![Action::Assign("tea_3".into()), Action::Tag("tag_1".into())]),
        call(inbound(3, CALLER)),
        person(Action::Trash),
        call(inbound(4, CALLER)),
    ];
    let expect = [conversations(
        "
        +447700900123: trashed in Aircall Phone for Pavel tagged Refund
          Missed call - Support line
            1:call by the customer
          Inbound call - Support line
            2:call by Noor
            2:duration by Noor
            3:call by the customer
        +447700900123: open in Aircall Phone
          Missed call - Support line
            4:call by the customer",
    )];
    check_both(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m24_fronts_rules_see_each_activity_as_a_message_and_each_comment() {
    check(
        given(),
        &[call(inbound(1, CALLER).voicemail()), call(answered(2, CALLER, NOOR).commented("refund", 70))],
        &[events("inbound", 2), events("outbound", 2), events("comment", 1)],
    )
    .await;
}
