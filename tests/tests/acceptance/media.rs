//! M13 and M14: recordings and voicemails, with links that last, whenever these come.

use calltrail_simulator::aircall::CallScript;
use calltrail_simulator::front::{Action, Fault};

use crate::world::{
    CALLER, IRIS, NOOR, Step, activity, answered, call, changed, check, check_both, conversations, given,
    inbound, person, told, trouble,
};

const UNTIL_ENDED: [&str; 4] = ["call.created", "call.answered", "call.hungup", "call.ended"];
const ASSETS: [&str; 1] = ["call.comm_assets_generated"];
const VOICEMAIL: [&str; 1] = ["call.voicemail_left"];

fn recorded(id: i64) -> CallScript {
    answered(id, CALLER, NOOR).recorded()
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_a_recording_is_an_activity_of_its_own_by_the_agent_with_a_link_that_lasts() {
    check_both(
        given(),
        &[call(recorded(1))],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone for Noor
                  Inbound call - Support line
                    1:call by Noor
                    1:duration by Noor
                    1:recording by Noor",
            ),
            activity(
                "1:recording",
                "
                after 67 s, from +441632960001 to +447700900123
                Recording: https://assets.aircall.io/calls/1/recording
                Aircall #1, recording",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_a_recording_whose_link_comes_late_reopens_nothing_and_gives_the_conversation_to_nobody() {
    let late = || recorded(1).link_comes(7_200);
    let steps = [
        told(late(), &UNTIL_ENDED),
        person(Action::Assign("tea_3".into())),
        person(Action::Archive),
        told(late(), &ASSETS),
        told(late(), &ASSETS),
    ];
    let expect = [conversations(
        "
        +447700900123: archived in Aircall Phone for Pavel
          Inbound call - Support line
            1:call by Noor
            1:duration by Noor
            1:recording by Noor",
    )];
    check_both(given(), &steps, &expect).await;
}

/// A recording with its audio; what cannot be had or is not taken leaves the link.
const ATTACHED: &str = "
    after 67 s, from +441632960001 to +447700900123
    Recording: https://assets.aircall.io/calls/1/recording
    Aircall #1, recording
    with recording-1.mp3, audio/mpeg, 33 bytes";
const BY_LINK: &str = "
    after 67 s, from +441632960001 to +447700900123
    Recording: https://assets.aircall.io/calls/1/recording

    (the audio could not be attached)

    Aircall #1, recording";

#[tokio::test(flavor = "multi_thread")]
async fn m13_the_audio_is_attached_where_that_is_wanted() {
    let attaching = given().with_aircall().calls("recording = \"attach\"");
    check_both(attaching, &[call(recorded(1))], &[activity("1:recording", ATTACHED)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_audio_that_front_does_not_take_or_that_is_kept_elsewhere_leaves_the_link() {
    let attaching = given().with_aircall().calls("recording = \"attach\"");
    let refused = attaching.clone().front(|front| front.takes_files = false);
    let elsewhere = changed(recorded(1), |data| data["recording"] = serde_json::Value::Null);
    let (posted, by_link) = ([call(recorded(1))], [activity("1:recording", BY_LINK)]);
    let unknown = [elsewhere];
    tokio::join!(check(refused, &posted, &by_link), check(attaching, &unknown, &by_link));
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_a_front_that_fails_for_a_while_does_not_cost_a_recording_its_audio() {
    let attaching = given().with_aircall().calls("recording = \"attach\"");
    let late = || recorded(1).link_comes(7_200);
    let steps = [
        told(late(), &UNTIL_ENDED),
        trouble("POST", "/imported_messages", Fault::ErrorBefore, 4),
        told(late(), &ASSETS),
    ];
    check(attaching, &steps, &[activity("1:recording", ATTACHED)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_an_import_with_audio_whose_answer_is_lost_appears_once() {
    let attaching = given().with_aircall().calls("recording = \"attach\"");
    let steps = [trouble("POST", "/imported_messages", Fault::LostAfter, 3), call(recorded(1))];
    check(attaching, &steps, &[activity("1:recording", ATTACHED)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_voicemail_is_an_activity_of_its_own_from_the_customer_with_a_link_that_lasts() {
    check_both(
        given(),
        &[call(inbound(1, CALLER).rings(NOOR, 0).voicemail().ends(40))],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone
                  Voicemail - Support line
                    1:call by the customer
                    1:voicemail by the customer",
            ),
            activity(
                "1:voicemail",
                "
                after 42 s, from +447700900123 to +441632960001
                Voicemail: https://assets.aircall.io/calls/1/voicemail
                Aircall #1, voicemail",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_voicemail_is_shown_as_being_processed_when_its_link_does_not_come_and_the_link_follows() {
    let late = || inbound(1, CALLER).voicemail().ends(40).link_comes(900);
    check_both(
        given().timing("voicemail_wait_seconds = 1"),
        &[
            told(late(), &["call.created", "call.hungup", "call.ended", "call.voicemail_left"]),
            Step::Until("1:voicemail_pending"),
            told(late(), &ASSETS),
        ],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone
                  Voicemail - Support line
                    1:call by the customer
                    1:voicemail_pending by the customer
                    1:voicemail by the customer",
            ),
            activity(
                "1:voicemail_pending",
                "
                after 41 s, from +447700900123 to +441632960001
                Voicemail: being processed
                Aircall #1, voicemail pending",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_link_that_comes_in_time_leaves_nothing_to_be_said_about_processing() {
    let late = || inbound(1, CALLER).voicemail().ends(40).link_comes(90);
    check(
        given(),
        &[told(late(), &["call.created", "call.hungup", "call.ended"]), told(late(), &ASSETS)],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Voicemail - Support line
                1:call by the customer
                1:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_voicemail_that_becomes_known_after_its_call_was_logged_as_missed_carries_the_segments_subject()
{
    let late = || inbound(1, CALLER).ends(40).voicemail_told(600);
    let steps = [
        told(late(), &["call.created", "call.hungup", "call.ended"]),
        person(Action::Archive),
        told(late(), &VOICEMAIL),
        call(answered(2, CALLER, IRIS)),
        told(late(), &VOICEMAIL),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone for Iris
          Missed call - Support line
            1:call by the customer
            1:voicemail by the customer
          Inbound call - Support line
            2:call by Iris
            2:duration by Iris",
    )];
    check_both(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_voicemail_that_comes_after_the_next_segment_began_carries_that_ones_subject() {
    let late = || inbound(1, CALLER).ends(40).voicemail_told(9_000);
    let steps = [
        told(late(), &["call.created", "call.hungup", "call.ended"]),
        person(Action::Archive),
        call(answered(2, CALLER, IRIS)),
        told(late(), &VOICEMAIL),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone for Iris
          Missed call - Support line
            1:call by the customer
          Inbound call - Support line
            1:voicemail by the customer
            2:call by Iris
            2:duration by Iris",
    )];
    check_both(given(), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_voicemail_that_becomes_known_late_logs_a_call_that_was_left_out_as_missed() {
    let late = || inbound(1, CALLER).ends(40).voicemail_told(600);
    check(
        given().calls("types = [\"voicemail\"]"),
        &[
            told(late(), &["call.created", "call.hungup", "call.ended"]),
            told(late(), &VOICEMAIL),
            call(inbound(2, CALLER)),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Voicemail - Support line
                1:call by the customer
                1:voicemail by the customer",
        )],
    )
    .await;
}
