//! M15: agents' comments as Front comments, each once, in order, whenever they come.

use calltrail_simulator::aircall::{Agent, CallScript};
use calltrail_simulator::front::{Action, Fault};
use futures_util::future::join_all;

use crate::world::{
    CALLER, IRIS, NOOR, OTHER, Step, answered, bodies, call, check, check_both, commented, conversations,
    given, inbound, outbound, person, requests, restart, told, trouble,
};

/// Somebody who is in Aircall and not in Front.
const ZOE: Agent = Agent { id: 41_999, name: "Zoe Marsh", email: "zoe.marsh@example.com" };
const UNTIL_ENDED: [&str; 4] = ["call.created", "call.answered", "call.hungup", "call.ended"];
const COMMENTED: [&str; 1] = ["call.commented"];

fn noted(id: i64) -> CallScript {
    answered(id, CALLER, NOOR).commented("Wants a refund", 30).commented_by(IRIS, "Sent the form", 90)
}

const NOTED: &str = "
    +447700900123: open in Aircall Phone for Noor
      Inbound call - Support line
        1:call by Noor
        1:duration by Noor
      comments
        Noor: Wants a refund / Aircall #1, note 10
        Iris: Sent the form / Aircall #1, note 11";

#[tokio::test(flavor = "multi_thread")]
async fn m15_comments_made_during_and_after_the_call_are_written_by_their_agents_in_order() {
    check_both(given(), &[call(noted(1))], &[conversations(NOTED)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_comments_that_are_told_twice_late_and_backwards_stand_once_and_in_order() {
    let mut backwards = bodies(&[noted(1)]);
    backwards.reverse();
    check_both(
        given(),
        &[Step::Webhooks(backwards), call(noted(1)), restart(given()), call(noted(1))],
        &[conversations(NOTED)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_comment_keeps_the_words_of_the_agent() {
    let link = "mail dana@customer.example, see https://crm.example.com/d/42?tab=a_b#top, #refund";
    let list = "# Todo\n\n  - call *Dana* back\u{200b} | <urgent>\r\n  - `A_1` & B";
    check(
        given(),
        &[call(answered(1, CALLER, NOOR).commented(link, 30).commented(list, 70))],
        &[
            commented(
                "note 10",
                "
                mail dana@customer.example, see https://crm.example.com/d/42?tab=a_b#top, #refund

                Aircall #1, note 10",
            ),
            commented(
                "note 11",
                "
                # Todo

                  - call *Dana* back | <urgent>
                  - `A_1` & B

                Aircall #1, note 11",
            ),
        ],
    )
    .await;
}

/// A webhook has room for thousands of comments; each would cost requests and records.
#[tokio::test(flavor = "multi_thread")]
async fn m15_comments_beyond_the_bound_stay_in_aircall_and_are_counted() {
    let much = (0..130).fold(answered(1, CALLER, NOOR), |call, number| {
        call.commented(&format!("note {number}"), 31 + number / 10)
    });
    let last = bodies(&[much]).into_iter().filter(|body| body.contains("call.ended")).collect();
    check(
        given(),
        &[Step::Webhooks(last)],
        &[
            commented(
                "note 109",
                "
                note 99

                Aircall #1, note 109",
            ),
            commented(
                "note 110",
                "
                … and at least 30 more in Aircall

                Aircall #1, note 110",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_comment_of_an_earlier_release_is_found_by_its_marker() {
    let earlier = "Noor: Wants a refund\n\nAircall call 1, note 10";
    let script = answered(1, CALLER, NOOR).commented("Wants a refund", 30);
    check(
        given(),
        &[
            trouble("POST", "/comments", Fault::LostBefore, 1),
            Step::Meanwhile(bodies(&[script]), vec![Action::Comment(earlier.into())]),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
              comments
                Iris: Noor: Wants a refund / Aircall call 1, note 10",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_a_comment_hours_later_reaches_the_archived_conversation_and_leaves_it_archived() {
    let late = || answered(1, CALLER, NOOR).commented("Called back, all is well", 9_000);
    let steps = [
        told(late(), &UNTIL_ENDED),
        person(Action::Archive),
        told(late(), &COMMENTED),
        told(late(), &COMMENTED),
    ];
    let expect = [conversations(
        "
        +447700900123: archived in Aircall Phone for Noor
          Inbound call - Support line
            1:call by Noor
            1:duration by Noor
          comments
            Noor: Called back, all is well / Aircall #1, note 10",
    )];
    check_both(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_a_comment_after_a_merger_reaches_the_conversation_that_survived() {
    let late = || answered(1, CALLER, NOOR).commented("Also wrote an e-mail", 9_000);
    let steps = [
        call(inbound(2, OTHER)),
        told(late(), &UNTIL_ENDED),
        Step::MergeInto(OTHER),
        told(late(), &COMMENTED),
    ];
    let expect = [conversations(
        "
        +447700900124: open in Aircall Phone
          Inbound call - Support line
            1:call by Noor
            1:duration by Noor
          Missed call - Support line
            2:call by the customer
          comments
            Noor: Also wrote an e-mail / Aircall #1, note 10",
    )];
    check_both(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_comments_about_calls_that_nobody_answered_are_shown_only_by_option_and_under_no_agents_name() {
    let steps = [
        call(inbound(1, CALLER).rings(NOOR, 0).commented_by(NOOR, "Will call back", 60)),
        call(outbound(2, CALLER, IRIS).ends(20).commented("No answer", 80)),
    ];
    let calls = "
        +447700900123: open in Aircall Phone
          Missed call - Support line
            1:call by the customer
            2:call by Iris";
    let shown = format!(
        "{calls}
          comments
            no teammate: Noor Haddad: Will call back / Aircall #1, note 10
            no teammate: Iris Lindqvist: No answer / Aircall #2, note 20"
    );
    let by_option = given().calls("comments_on_unanswered = true");
    let (left_out, shown) = ([conversations(calls)], [conversations(shown)]);
    tokio::join!(check_both(given(), &steps, &left_out), check_both(by_option, &steps, &shown));
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_whatever_front_did_and_did_not_tell_a_comment_stands_once() {
    let faults = [Fault::LostBefore, Fault::LostAfter, Fault::ErrorBefore, Fault::ErrorAfter];
    let worlds = faults.map(|fault| async move {
        let steps = [trouble("POST", "/comments", fault, 1), call(noted(1))];
        check(given(), &steps, &[conversations(NOTED)]).await;
    });
    join_all(worlds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_a_call_whose_end_is_never_told_does_not_hold_up_the_next_one() {
    check(
        given(),
        &[told(answered(1, CALLER, NOOR), &["call.created", "call.answered"]), call(inbound(2, CALLER))],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone
                  Missed call - Support line
                    2:call by the customer",
            ),
            requests("POST /inboxes/inb_1/imported_messages", 1),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m23_an_agent_whom_front_does_not_know_is_named_in_the_comment_and_nobody_is_assigned() {
    let steps = [
        call(inbound(1, CALLER)),
        person(Action::Assign("tea_2".into())),
        call(answered(2, CALLER, ZOE).recorded().commented("Promised a call", 70)),
    ];
    let expect = [
        conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Missed call - Support line
                1:call by the customer
                2:call by no teammate
                2:duration by no teammate
                2:recording by no teammate
              comments
                no teammate: Zoe Marsh: Promised a call / Aircall #2, note 20",
        ),
        commented(
            "note 20",
            "
            Zoe Marsh: Promised a call

            Aircall #2, note 20",
        ),
    ];
    check_both(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m23_agents_are_matched_whatever_the_case_of_their_e_mail_and_looked_up_once() {
    let loud = Agent { email: "NOOR.Haddad@Example.COM", ..NOOR };
    let script = |id| answered(id, CALLER, loud).commented("Hello", 70);
    check(
        given(),
        &[call(script(1)), call(script(2))],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone for Noor
                  Inbound call - Support line
                    1:call by Noor
                    1:duration by Noor
                    2:call by Noor
                    2:duration by Noor
                  comments
                    Noor: Hello / Aircall #1, note 10
                    Noor: Hello / Aircall #2, note 20",
            ),
            requests("GET /teammates", 1),
        ],
    )
    .await;
}
