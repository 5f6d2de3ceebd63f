//! What Front refused is retried once the cause is gone, or given up: nothing is lost for good, and nothing appears twice.

use calltrail_simulator::front::{Front, ScriptedAnswer};
use serde_json::json;

use crate::world::{
    CALLER, IRIS, NOOR, Step, answered, call, check_both, conversations, give_up, given, inbound, restart,
    retry,
};

/// Front refuses the next request to a path that ends so, for good, and once more when it comes without its author.
fn refuse(front: &mut Front, path_ends: &str, is_applied: bool) {
    refuse_next(front, path_ends, is_applied);
    refuse_next(front, path_ends, false);
}

fn refuse_next(front: &mut Front, path_ends: &str, is_applied: bool) {
    front.script(ScriptedAnswer {
        method: Some("POST".to_owned()),
        path_ends: Some(path_ends.to_owned()),
        status: 405,
        json: Some(json!({ "_error": { "status": 405, "title": "Method Not Allowed", "message": "no" } })),
        apply: is_applied,
        times: Some(1),
        ..ScriptedAnswer::default()
    });
}

fn refuse_import(front: &mut Front, _now_ms: i64) {
    refuse(front, "/imported_messages", false);
}

fn refuse_comment(front: &mut Front, _now_ms: i64) {
    refuse(front, "/comments", false);
}

/// Front says no and writes the comment all the same.
fn refuse_comment_and_write_it(front: &mut Front, _now_ms: i64) {
    refuse(front, "/comments", true);
}

const COMMENTED: &str = "
    +447700900123: open in Aircall Phone for Noor
      Inbound call - Support line
        1:call by Noor
        1:duration by Noor
      comments
        Iris: Sent the form / Aircall #1, note 10";

#[tokio::test(flavor = "multi_thread")]
async fn retry_of_a_refused_call_brings_all_of_it() {
    check_both(
        given(),
        &[
            Step::InFront(refuse_import),
            call(answered(1, CALLER, NOOR).commented_by(IRIS, "Sent the form", 90)),
            retry(&["1:call"]),
        ],
        &[conversations(COMMENTED)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_of_a_refused_call_goes_into_the_conversation_of_later_calls() {
    check_both(
        given(),
        &[
            Step::InFront(refuse_import),
            call(answered(1, CALLER, NOOR)),
            call(answered(2, CALLER, NOOR)),
            retry(&["1:call"]),
            restart(given()),
            call(inbound(3, CALLER)),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
                2:call by Noor
                2:duration by Noor
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_of_a_refused_comment_brings_it_alone() {
    check_both(
        given(),
        &[
            Step::InFront(refuse_comment),
            call(answered(1, CALLER, NOOR).commented_by(IRIS, "Sent the form", 90)),
            retry(&["1:comment:10"]),
            retry(&["1:comment:10"]),
        ],
        &[conversations(COMMENTED)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_of_a_comment_that_front_has_after_all_adds_none() {
    check_both(
        given(),
        &[
            Step::InFront(refuse_comment_and_write_it),
            call(answered(1, CALLER, NOOR).commented_by(IRIS, "Sent the form", 90)),
            retry(&["1:comment:10"]),
        ],
        &[conversations(COMMENTED)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_means_nothing_for_what_was_given_up() {
    check_both(
        given(),
        &[
            Step::InFront(refuse_comment),
            call(answered(1, CALLER, NOOR).commented_by(IRIS, "Sent the form", 90)),
            give_up(&["1:comment:10"]),
            retry(&["1:comment:10"]),
        ],
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
