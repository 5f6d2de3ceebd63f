//! M9: a subject is decided once, whatever comes after.

use calltrail_simulator::front::{Action, Fault};

use crate::world::{
    CALLER, IRIS, Step, answered, bodies, call, check, check_both, conversations, given, inbound, person,
    restart, trouble,
};

#[tokio::test(flavor = "multi_thread")]
async fn m09_a_subject_is_the_same_after_a_lost_answer_and_a_restart_with_another_template() {
    let other_template = given().calls("subject = \"{line}: {type}\"");
    check_both(
        given(),
        &[
            trouble("POST", "/imported_messages", Fault::ErrorBefore, 1),
            Step::RestartMeanwhile(bodies(&[answered(1, CALLER, IRIS)]), Box::new(other_template)),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Inbound call - Support line
                1:call by Iris
                1:duration by Iris",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m09_a_rebuild_from_the_log_with_another_template_changes_no_subject_of_the_segment() {
    let other_template = given().calls("subject = \"{line}: {type}\"");
    check(
        given(),
        &[
            call(inbound(1, CALLER)),
            Step::RestartFromLog(Box::new(other_template)),
            call(inbound(2, CALLER).voicemail()),
            person(Action::Archive),
            call(answered(3, CALLER, IRIS)),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer
              Support line: Inbound call
                3:call by Iris
                3:duration by Iris",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m09_webhooks_that_are_delivered_again_after_a_restart_decide_nothing_anew() {
    let other_template = given().calls("subject = \"{line}: {type}\"");
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            restart(other_template),
            call(inbound(1, CALLER).tagged("late", 100)),
            call(inbound(1, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                1:voicemail by the customer",
        )],
    )
    .await;
}
