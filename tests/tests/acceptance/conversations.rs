//! M3 and M4: whether a conversation is open, and in which inbox it is.

use calltrail_simulator::front::{Action, Fault};
use futures_util::future::join_all;

use crate::world::{
    BILLING, CALLER, MENU, Step, activity, bodies, call, calls, check, check_both, conversations, given,
    inbound, inbound_on, person, requests, trouble,
};

#[tokio::test(flavor = "multi_thread")]
async fn m03_a_new_conversation_is_open() {
    check_both(
        given(),
        &[call(inbound(1, CALLER))],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_a_call_reopens_an_archived_conversation_whether_imports_do_that_or_not() {
    let steps = [call(inbound(1, CALLER)), person(Action::Archive), call(inbound(2, CALLER).voicemail())];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone
          Missed call - Support line
            1:call by the customer
          Voicemail - Support line
            2:call by the customer
            2:voicemail by the customer",
    )];
    let behaviours = [(true, false), (true, true), (false, false)].map(|(reopens, tells)| {
        let given = given().front(|front| {
            (front.import_reopens, front.import_reopening_emits_event) = (reopens, tells);
        });
        check_both(given, &steps, &expect)
    });
    join_all(behaviours).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_an_archiving_that_came_after_the_call_stands() {
    let given = given().front(|front| front.import_reopens = false);
    check_both(
        given,
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            Step::SlowAnswersMs(1_500),
            trouble("POST", "/imported_messages", Fault::Slow, 1),
            Step::Meanwhile(bodies(&[inbound(2, CALLER)]), vec![Action::Reopen, Action::Archive]),
        ],
        &[conversations(
            "
            +447700900123: archived in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_an_open_conversation_that_is_archived_while_a_call_is_logged_stays_archived() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            Step::SlowAnswersMs(1_500),
            trouble("POST", "/imported_messages", Fault::Slow, 1),
            Step::Meanwhile(bodies(&[inbound(2, CALLER)]), vec![Action::Archive]),
        ],
        &[conversations(
            "
            +447700900123: archived in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_a_line_has_its_inbox_and_other_lines_go_to_the_default_one() {
    let mapped = given().inboxes("\"41065\" = \"inb_2\"\n\"41026\" = \"inb_3\"");
    check(
        mapped,
        &[calls(&[
            inbound(1, "+447700900111"),
            inbound_on(BILLING, 2, "+447700900112"),
            inbound_on(MENU, 3, "+447700900113"),
        ])],
        &[conversations(
            "
            +447700900111: open in Support
              Missed call - Support line
                1:call by the customer
            +447700900112: open in Billing
              Missed call - Billing line
                2:call by the customer
            +447700900113: open in Aircall Phone
              Missed call - Menu line
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_a_moved_conversation_stays_where_the_agent_put_it_and_later_calls_go_there() {
    check_both(
        given().inboxes("\"41065\" = \"inb_2\""),
        &[
            call(inbound(1, CALLER)),
            person(Action::Move("inb_4".into())),
            call(inbound(2, CALLER)),
            person(Action::Archive),
            call(inbound(3, CALLER)),
        ],
        &[conversations(
            "
            +447700900123: open in Sales
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_a_move_that_front_tells_of_or_a_read_shows_is_where_later_calls_are_imported() {
    check_both(
        given().inboxes("\"41065\" = \"inb_2\""),
        &[call(inbound(1, CALLER)), person(Action::Move("inb_4".into())), call(inbound(2, CALLER))],
        &[
            requests("POST /inboxes/inb_2/imported_messages", 1),
            requests("POST /inboxes/inb_4/imported_messages", 1),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_a_call_over_another_line_goes_where_the_conversation_is_and_its_text_names_the_line() {
    let mapped = given().inboxes("\"41065\" = \"inb_2\"\n\"41026\" = \"inb_3\"");
    check_both(
        mapped,
        &[call(inbound(1, CALLER)), call(inbound_on(BILLING, 2, CALLER))],
        &[
            conversations(
                "
                +447700900123: open in Support
                  Missed call - Support line
                    1:call by the customer
                    2:call by the customer",
            ),
            activity(
                "2:call",
                "
                after 0 s, from +447700900123 to +441632960002
                Missed call - Billing line
                Customer: +447700900123
                Line: Billing line (+441632960002)
                Started: 2026-01-05 09:00:00 (Europe/London)
                Reason: no agent answered
                Waited: 20 s
                Aircall #2",
            ),
        ],
    )
    .await;
}
