//! M4, M8, M16 and M23, where Front's answers mislead or refuse: nothing that the engine or an operator can repair ends
//! a call.

use calltrail_simulator::front::{Action, Fault, Front, Inbox};
use futures_util::future::join_all;

use crate::world::{
    CALLER, IRIS, NOOR, OTHER, Step, answered, bodies, call, check, check_both, conversations, given,
    inbound, person, requests, restart, trouble,
};

/// Support, which the scenarios below take from Front and give back.
const SUPPORT: &str = "inb_2";

fn drop_support(front: &mut Front, _: i64) {
    front.drop_inbox(SUPPORT).expect("the inbox is there");
}

fn add_support(front: &mut Front, _: i64) {
    front.add_inbox(Inbox::new(SUPPORT, "Support"));
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_calls_for_an_inbox_that_is_away_wait_and_appear_when_it_is_back() {
    let mapped = given().inboxes("\"41065\" = \"inb_2\"");
    let steps = [
        Step::InFront(drop_support),
        Step::Waits(bodies(&[answered(1, CALLER, NOOR), inbound(2, CALLER)]), "unknown_inbox"),
        Step::InFront(add_support),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Support for Noor
          Inbound call - Support line
            1:call by Noor
            1:duration by Noor
            2:call by the customer",
    )];
    check_both(mapped, &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_calls_for_a_misspelt_inbox_go_to_the_one_that_is_configured_later() {
    let misspelt = given().inboxes("\"41065\" = \"inb_typo\"");
    let corrected = given().inboxes("\"41065\" = \"inb_3\"");
    let steps = [
        Step::Waits(Vec::new(), "unknown_inbox"),
        Step::Waits(bodies(&[answered(1, CALLER, NOOR), inbound(2, CALLER)]), "unknown_inbox"),
        restart(corrected),
        call(inbound(3, CALLER)),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Billing for Noor
          Inbound call - Support line
            1:call by Noor
            1:duration by Noor
            2:call by the customer
            3:call by the customer",
    )];
    check(misspelt, &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_an_inbox_of_an_open_segment_that_is_gone_gives_way_to_the_configured_one() {
    let steps = [
        call(inbound(1, CALLER)),
        person(Action::Move(SUPPORT.into())),
        Step::InFront(drop_support),
        call(inbound(2, CALLER)),
    ];
    // The conversation stays where it was; nobody waits.
    check(given(), &steps, &[requests("POST /inboxes/inb_1/imported_messages", 2)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_a_right_that_the_token_lacks_for_a_while_holds_calls_up_and_loses_none() {
    fn take(front: &mut Front, _: i64) {
        front.behaviour_mut().lacking_scopes = vec!["messages:write".into()];
    }
    fn give(front: &mut Front, _: i64) {
        front.behaviour_mut().lacking_scopes.clear();
    }
    let steps = [
        Step::InFront(take),
        Step::Waits(bodies(&[answered(1, CALLER, IRIS), inbound(2, OTHER)]), "missing_scope"),
        Step::InFront(give),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone for Iris
          Inbound call - Support line
            1:call by Iris
            1:duration by Iris
        +447700900124: open in Aircall Phone
          Missed call - Support line
            2:call by the customer",
    )];
    check(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_a_conversation_that_was_deleted_unnoticed_is_left_and_a_new_one_begins() {
    fn delete_newest(front: &mut Front, now_ms: i64) {
        let newest = front.ledger().conversations.last().map(|row| row.id.clone());
        assert!(front.delete_conversation(now_ms, &newest.expect("a conversation is there")));
    }
    let steps = [
        call(answered(1, CALLER, NOOR)),
        Step::InFront(delete_newest),
        call(answered(2, CALLER, IRIS)),
        call(inbound(3, CALLER)),
        Step::InFront(delete_newest),
        call(inbound(4, CALLER)),
    ];
    let expect = [conversations(
        "
        +447700900123: trashed in Aircall Phone for Noor
          Inbound call - Support line
            1:call by Noor
            1:duration by Noor
        +447700900123: trashed in Aircall Phone for Iris
          Inbound call - Support line
            2:call by Iris
            2:duration by Iris
            3:call by the customer
        +447700900123: open in Aircall Phone
          Missed call - Support line
            4:call by the customer",
    )];
    check_both(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_pages_of_a_proxy_cost_no_call_no_author_and_no_conversation() {
    let faults = [
        (403, Fault::PageBefore(403)),
        (404, Fault::PageAfter(404)),
        (400, Fault::PageBefore(400)),
        (401, Fault::PageAfter(401)),
        (429, Fault::PageBefore(429)),
    ];
    join_all(faults.map(|(status, fault)| pages(status, fault))).await;
}

async fn pages(status: u16, fault: Fault) {
    let steps = [
        trouble("POST", "/imported_messages", fault, 2),
        trouble("GET", "/teammates", Fault::PageBefore(status), 1),
        call(answered(1, CALLER, NOOR)),
        trouble("GET", "/conversations/", Fault::PageBefore(status), 1),
        trouble("GET", "/contacts/", Fault::PageBefore(status), 1),
        call(inbound(2, CALLER)),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone for Noor
          Inbound call - Support line
            1:call by Noor
            1:duration by Noor
            2:call by the customer",
    )];
    check_both(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m23_an_author_who_may_not_use_the_inbox_does_not_cost_the_call() {
    let barred = given().front(|front| front.barred_authors = vec!["tea_1".into()]);
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone
          Inbound call - Support line
            1:call by no teammate
            1:duration by no teammate",
    )];
    check(barred, &[call(answered(1, CALLER, NOOR))], &expect).await;
}
