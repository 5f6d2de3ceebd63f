//! M10 and M24: decided against the real status, and seen by Front's own rules.

use calltrail_simulator::front::{Action, MassAction};

use crate::world::{
    CALLER, IRIS, NOOR, OTHER, Step, answered, call, calls, check, check_both, conversations, events, given,
    inbound, observed, person,
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

/// Front's webhooks arrive, about another conversation; then a mass action, which they leave out.
fn unreported(action: MassAction, with_event: bool) -> [Step; 6] {
    [
        call(inbound(7, OTHER)),
        call(inbound(1, CALLER)),
        Step::Silence,
        Step::PersonOn(OTHER, Action::Assign("tea_3".into())),
        Step::Mass(action, with_event),
        call(inbound(2, CALLER)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_conversation_that_a_mass_action_has_trashed_gets_no_call() {
    let expect = [
        observed(1),
        conversations(
            "
            +447700900124: open in Aircall Phone for Pavel
              Missed call - Support line
                7:call by the customer
            +447700900123: trashed in Aircall Phone
              Missed call - Support line
                1:call by the customer
            +447700900123: open in Aircall Phone
              Missed call - Support line
                2:call by the customer",
        ),
    ];
    for with_event in [true, false] {
        let given = given().timing("front_silence_seconds = 1");
        check(given, &unreported(MassAction::Trash, with_event), &expect).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_conversation_that_a_mass_action_has_archived_is_reopened_under_a_new_subject() {
    let expect = |subject: &str| {
        [conversations(format!(
            "
            +447700900124: open in Aircall Phone for Pavel
              Missed call - Support line
                7:call by the customer
            +447700900123: open in Aircall Phone for Iris
              Missed call - Support line
                1:call by the customer
              {subject} - Support line
                2:call by Iris
                2:duration by Iris"
        ))]
    };
    for (with_event, reopens) in [(true, true), (false, true), (true, false)] {
        let given = given().timing("front_silence_seconds = 1").front(|front| front.import_reopens = reopens);
        let mut steps = unreported(MassAction::Archive, with_event);
        steps[5] = call(answered(2, CALLER, IRIS));
        check(given, &steps, &expect("Inbound call")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_burst_of_calls_into_a_quiet_conversation_takes_one_read() {
    let steps = [
        call(inbound(7, OTHER)),
        call(inbound(1, CALLER)),
        Step::Silence,
        Step::PersonOn(OTHER, Action::Assign("tea_3".into())),
        calls(&[inbound(2, CALLER), inbound(3, CALLER), inbound(4, CALLER)]),
    ];
    check(given().timing("front_silence_seconds = 1"), &steps, &[observed(1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_reopening_that_finds_the_conversation_trashed_has_it_read_again() {
    check(
        given().front(|front| front.import_reopens = false),
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            Step::Mass(MassAction::Trash, false),
            call(inbound(2, CALLER)),
            call(inbound(3, CALLER)),
        ],
        &[conversations(
            "
            +447700900123: trashed in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
            +447700900123: open in Aircall Phone
              Missed call - Support line
                3:call by the customer",
        )],
    )
    .await;
}

/// Front takes imports into its trash, where no one sees them.
#[tokio::test(flavor = "multi_thread")]
async fn m10_a_call_in_a_conversation_trashed_before_it_brings_that_back() {
    check(
        given().front(|front| front.import_reopens = false),
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            Step::Mass(MassAction::Trash, true),
            call(inbound(2, CALLER)),
            call(inbound(3, CALLER)),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_call_in_a_conversation_put_away_unnoticed_brings_it_back_once_that_is_known() {
    for action in [MassAction::Archive, MassAction::Trash] {
        let steps =
            [call(inbound(1, CALLER)), Step::Mass(action, true), call(inbound(2, CALLER)), Step::Poll];
        let expect = [conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer",
        )];
        check(given().polled().front(|front| front.import_reopens = false), &steps, &expect).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_call_that_a_merger_took_into_an_archived_conversation_opens_it() {
    check(
        given().front(|front| front.import_reopens = false),
        &[
            call(answered(1, OTHER, NOOR)),
            call(inbound(2, CALLER)),
            Step::PersonOn(OTHER, Action::Archive),
            Step::MergeInto(OTHER),
            call(inbound(3, CALLER)),
        ],
        &[conversations(
            "
            +447700900124: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
              Missed call - Support line
                2:call by the customer
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_poll_brings_what_a_lost_webhook_would_have_told() {
    check(
        given().polled(),
        &[
            call(inbound(1, CALLER)),
            Step::Unheard(Action::Move("inb_2".into())),
            Step::Unheard(Action::Archive),
            Step::Poll,
            call(answered(2, CALLER, NOOR)),
        ],
        &[
            observed(1),
            conversations(
                "
                +447700900123: open in Support for Noor
                  Missed call - Support line
                    1:call by the customer
                  Inbound call - Support line
                    2:call by Noor
                    2:duration by Noor",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_what_a_webhook_has_told_is_polled_to_no_effect() {
    check(
        given().polled(),
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            call(answered(2, CALLER, NOOR)),
            Step::Poll,
            call(inbound(3, CALLER)),
        ],
        &[
            observed(1),
            conversations(
                "
                +447700900123: open in Aircall Phone for Noor
                  Missed call - Support line
                    1:call by the customer
                  Inbound call - Support line
                    2:call by Noor
                    2:duration by Noor
                    3:call by the customer",
            ),
        ],
    )
    .await;
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
