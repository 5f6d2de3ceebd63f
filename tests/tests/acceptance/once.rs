//! M16: everything appears once, whatever is duplicated, late, out of order or answered in vain.

use calltrail_simulator::aircall::{CallScript, Disturbance, Step as Delivery, disturb, steps_of};
use calltrail_simulator::front::{Action, Fault, RepeatAnswer};
use futures_util::future::join_all;

use crate::world::{
    CALLER, Expect, IRIS, NOOR, OTHER, Step, answered, bodies, call, calls, check, check_both, contacts,
    conversations, given, inbound, outbound, person, requests, trouble,
};

/// Every webhook comes twice or late, or both.
const DISTURBANCE: Disturbance =
    Disturbance { duplicate_permille: 700, delay_permille: 700, delay_ms_max: 60_000 };

const REPEATS: [RepeatAnswer; 4] = [
    RepeatAnswer::AcceptedAndResolves,
    RepeatAnswer::AcceptedAndNeverResolves,
    RepeatAnswer::BadRequest,
    RepeatAnswer::Conflict,
];

fn three_calls() -> [CallScript; 3] {
    [answered(1, CALLER, NOOR), inbound(2, CALLER).voicemail(), outbound(3, OTHER, IRIS).answered(IRIS, 9)]
}

const THREE_CALLS: &str = "
    +447700900123: open in Aircall Phone for Noor
      Inbound call - Support line
        1:call by Noor
        1:duration by Noor
        2:call by the customer
        2:voicemail by the customer
    +447700900124: open in Aircall Phone for Iris
      Outbound call - Support line
        3:call by Iris
        3:duration by Iris";

#[tokio::test(flavor = "multi_thread")]
async fn m16_calls_that_are_told_twice_appear_once() {
    let [first, second, third] = three_calls();
    let twice = |script: &CallScript| {
        let told = bodies(std::slice::from_ref(script));
        Step::Webhooks(told.iter().flat_map(|body| [body.clone(), body.clone()]).collect())
    };
    check_both(
        given(),
        &[twice(&first), twice(&second), twice(&third), calls(&three_calls())],
        &[conversations(THREE_CALLS)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_calls_that_are_told_late_twice_and_out_of_order_appear_once() {
    let worlds = (1..=4).map(|seed| {
        let deliveries = three_calls().into_iter().map(move |script| {
            let disturbed = disturb(seed, &steps_of(&[script]), &DISTURBANCE);
            Step::Webhooks(disturbed.into_iter().filter_map(body).collect())
        });
        let steps: Vec<Step> = deliveries.collect();
        async move { check(given(), &steps, &[conversations(THREE_CALLS)]).await }
    });
    join_all(worlds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_calls_that_are_told_backwards_appear_once() {
    let backwards = |script: CallScript| Step::Webhooks(bodies(&[script]).into_iter().rev().collect());
    check_both(given(), &three_calls().map(backwards), &[conversations(THREE_CALLS)]).await;
}

fn body(delivery: Delivery) -> Option<String> {
    match delivery {
        Delivery::Webhook { body, .. } => Some(body),
        Delivery::FrontAction { .. } => None,
    }
}

/// Slow, because an answer that is lost is waited for until its deadline: so all that can be lost is lost at once.
#[tokio::test(flavor = "multi_thread")]
async fn m16_what_front_did_and_did_not_tell_appears_once() {
    tokio::join!(lost_activities(), lost_creation(), lost_changes());
}

/// The answer to the first activity of a new conversation is lost, and that to one of a known conversation.
async fn lost_activities() {
    let applied = [Fault::LostAfter, Fault::ErrorAfter];
    let repeated = REPEATS.into_iter().flat_map(|repeat| applied.map(|fault| (repeat, fault)));
    let not_applied = [Fault::LostBefore, Fault::ErrorBefore].map(|fault| (REPEATS[0], fault));
    let worlds = repeated.chain(not_applied).map(|(repeat, fault)| {
        let steps = [
            call(inbound(1, CALLER)),
            trouble("POST", "/imported_messages", fault, 2),
            calls(&[answered(2, CALLER, NOOR), outbound(3, OTHER, IRIS).ends(20)]),
        ];
        let given = given().front(|front| front.repeat = repeat);
        async move { check(given, &steps, &[after_trouble()]).await }
    });
    join_all(worlds).await;
}

fn after_trouble() -> Expect {
    conversations(
        "
        +447700900123: open in Aircall Phone for Noor
          Missed call - Support line
            1:call by the customer
            2:call by Noor
            2:duration by Noor
        +447700900124: open in Aircall Phone
          Unanswered outbound call - Support line
            3:call by Iris",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_reads_that_fail_cost_nothing() {
    check_both(
        given(),
        &[
            trouble("GET", "/contacts/alt:phone", Fault::LostBefore, 1),
            trouble("GET", "/messages", Fault::ErrorBefore, 1),
            call(inbound(1, CALLER)),
            trouble("GET", "/conversations", Fault::LostAfter, 2),
            call(inbound(2, CALLER)),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer",
        )],
    )
    .await;
}

async fn lost_creation() {
    check(
        given(),
        &[trouble("POST", "/contacts", Fault::LostAfter, 1), call(inbound(1, CALLER))],
        &[contacts("no name: custom +447700900123, phone +447700900123")],
    )
    .await;
}

/// The reopening and the assignment.
async fn lost_changes() {
    let by_request = given().calls("assign_by = \"request\"").front(|front| {
        (front.import_reopens, front.import_assigns_existing) = (false, false);
    });
    let steps = |method: &str, path: &str| {
        [
            call(inbound(1, CALLER)),
            person(Action::Archive),
            trouble(method, path, Fault::LostAfter, 1),
            call(answered(2, CALLER, NOOR)),
        ]
    };
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone for Noor
          Missed call - Support line
            1:call by the customer
          Inbound call - Support line
            2:call by Noor
            2:duration by Noor",
    )];
    let (reopening, assignment) = (steps("PATCH", "/conversations"), steps("PUT", "/assignee"));
    tokio::join!(
        check(by_request.clone(), &reopening, &expect),
        check(by_request.clone(), &assignment, &expect),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_a_rebuild_from_the_log_sends_nothing_again() {
    check_both(
        given(),
        &[call(answered(1, CALLER, NOOR)), call(inbound(2, OTHER)), Step::RestartFromLog(Box::new(given()))],
        &[requests("POST /inboxes/inb_1/imported_messages", 3), requests("POST /contacts", 2)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_a_call_whose_end_is_told_only_after_it_was_waited_for_appears_once() {
    let mut told = bodies(&[answered(1, CALLER, NOOR)]);
    let ended = told.pop().expect("a call has webhooks");
    assert!(ended.contains("\"call.ended\""), "the last webhook tells of the end");
    check(
        given().timing("ended_wait_seconds = 1"),
        &[Step::Meanwhile(told, Vec::new()), Step::Webhooks(vec![ended])],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor",
        )],
    )
    .await;
}
