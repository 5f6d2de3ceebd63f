//! M8: the subject belongs to the segment, the life of a conversation from being open until it is archived.

use calltrail_simulator::front::{Action, Fault, SpanMs, SubjectRule};

use crate::world::{
    CALLER, IRIS, NOOR, OTHER, Step, answered, bodies, call, check, check_both, conversations, given,
    inbound, outbound, person, restart, shown, told, trouble,
};

/// Far enough not to end by itself while a test runs.
const SNOOZED_UNTIL_MS: i64 = 4_000_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn m08_the_subject_stays_while_the_conversation_is_open() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            call(outbound(2, CALLER, NOOR).answered(NOOR, 5)),
            call(inbound(3, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Noor
              Missed call - Support line
                1:call by the customer
                2:call by Noor
                2:duration by Noor
                3:call by the customer
                3:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_each_archiving_ends_the_segment_and_the_next_call_brings_its_own_subject() {
    check_both(
        given().front(|front| front.subject = SubjectRule::FirstAfterArchive),
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            call(inbound(2, CALLER).voicemail()),
            call(inbound(3, CALLER)),
            person(Action::Archive),
            call(answered(4, CALLER, IRIS)),
        ],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone for Iris
                  Missed call - Support line
                    1:call by the customer
                  Voicemail - Support line
                    2:call by the customer
                    2:voicemail by the customer
                    3:call by the customer
                  Inbound call - Support line
                    4:call by Iris
                    4:duration by Iris",
            ),
            shown("Inbound call - Support line"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_a_segment_outlives_a_restart() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            restart(given()),
            call(inbound(2, CALLER).voicemail()),
            person(Action::Archive),
            restart(given()),
            call(inbound(3, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer
              Voicemail - Support line
                3:call by the customer
                3:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_archived_and_reopened_by_hand_is_the_same_segment() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            person(Action::Reopen),
            call(inbound(2, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_our_own_reopening_is_no_persons_whether_front_tells_of_it_or_not() {
    let steps = [
        call(inbound(1, CALLER)),
        person(Action::Archive),
        call(inbound(2, CALLER).voicemail()),
        person(Action::Archive),
        person(Action::Reopen),
        call(inbound(3, CALLER)),
        person(Action::Archive),
        call(answered(4, CALLER, IRIS)),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone for Iris
          Missed call - Support line
            1:call by the customer
          Voicemail - Support line
            2:call by the customer
            2:voicemail by the customer
            3:call by the customer
          Inbound call - Support line
            4:call by Iris
            4:duration by Iris",
    )];
    let tells = given().front(|front| front.import_reopening_emits_event = true);
    let requested = given().front(|front| front.import_reopens = false);
    tokio::join!(check_both(tells, &steps, &expect), check_both(requested, &steps, &expect));
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_what_people_did_counts_in_the_order_of_fronts_time_however_it_is_told() {
    let late = given().front(|front| front.webhook_delay_ms = SpanMs { min: 0, max: 400 });
    let steps = [
        call(inbound(1, CALLER)),
        Step::People(vec![Action::Archive, Action::Reopen]),
        call(inbound(2, CALLER).voicemail()),
        Step::People(vec![Action::Archive, Action::Reopen, Action::Archive]),
        call(answered(3, CALLER, IRIS)),
        Step::People(vec![Action::Archive, Action::Reopen, Action::Archive, Action::Reopen]),
        call(inbound(4, CALLER)),
    ];
    check(
        late,
        &steps,
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer
              Inbound call - Support line
                3:call by Iris
                3:duration by Iris
                4:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_the_status_when_a_call_settles_decides_and_an_archiving_after_it_counts_for_the_next() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            Step::SlowAnswersMs(1_000),
            trouble("POST", "/imported_messages", Fault::Slow, 1),
            Step::Meanwhile(bodies(&[inbound(2, CALLER)]), vec![Action::Archive]),
            call(answered(3, CALLER, IRIS)),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Missed call - Support line
                1:call by the customer
                2:call by the customer
              Inbound call - Support line
                3:call by Iris
                3:duration by Iris",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_snoozed_is_not_archived() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            person(Action::Snooze(SNOOZED_UNTIL_MS)),
            call(inbound(2, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_archived_and_then_snoozed_is_not_archived_either() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            person(Action::Snooze(SNOOZED_UNTIL_MS)),
            call(inbound(2, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer",
        )],
    )
    .await;
}

/// Front may end a snooze by an import and tell of it by nothing, and may take an archived import for an archiving.
#[tokio::test(flavor = "multi_thread")]
async fn m08_what_comes_late_leaves_a_conversation_open_whose_snooze_a_call_has_ended() {
    let late = || inbound(2, CALLER).ends(40).voicemail_told(600);
    let steps = [
        call(inbound(1, CALLER)),
        person(Action::Snooze(SNOOZED_UNTIL_MS)),
        told(late(), &["call.created", "call.hungup", "call.ended"]),
        told(late(), &["call.voicemail_left"]),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone
          Missed call - Support line
            1:call by the customer
            2:call by the customer
            2:voicemail by the customer",
    )];
    check_both(given().front(|front| front.archived_import_archives = true), &steps, &expect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_a_trashed_conversation_is_left_and_a_new_one_begins() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            person(Action::Trash),
            call(inbound(2, CALLER).voicemail()),
            call(inbound(3, CALLER)),
        ],
        &[conversations(
            "
            +447700900123: trashed in Aircall Phone
              Missed call - Support line
                1:call by the customer
            +447700900123: open in Aircall Phone
              Voicemail - Support line
                2:call by the customer
                2:voicemail by the customer
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_trashed_and_restored_by_then_is_the_same_segment() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            person(Action::Trash),
            person(Action::Restore),
            call(inbound(2, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_archived_trashed_and_restored_by_then_is_the_same_segment() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            person(Action::Trash),
            person(Action::Restore),
            call(inbound(2, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_merged_into_an_open_conversation_the_segment_goes_on() {
    check_both(
        given(),
        &[
            call(answered(1, OTHER, NOOR)),
            call(inbound(2, CALLER)),
            Step::MergeInto(OTHER),
            call(inbound(3, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900124: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
              Missed call - Support line
                2:call by the customer
                3:call by the customer
                3:voicemail by the customer",
        )],
    )
    .await;
}

/// The conversation of a call, merged into an archived one before the next call.
fn merged_into_an_archived_conversation() -> [Step; 5] {
    [
        call(answered(1, OTHER, NOOR)),
        call(inbound(2, CALLER)),
        Step::PersonOn(OTHER, Action::Archive),
        Step::MergeInto(OTHER),
        call(inbound(3, CALLER).voicemail()),
    ]
}

const AFTER_THE_MERGER: &str = "
    +447700900124: open in Aircall Phone for Noor
      Inbound call - Support line
        1:call by Noor
        1:duration by Noor
      Missed call - Support line
        2:call by the customer
      Voicemail - Support line
        3:call by the customer
        3:voicemail by the customer";

#[tokio::test(flavor = "multi_thread")]
async fn m08_merged_into_an_archived_conversation_the_next_call_opens_a_segment() {
    let given = given().without_front_webhooks();
    check(given, &merged_into_an_archived_conversation(), &[conversations(AFTER_THE_MERGER)]).await;
}

/// Front has no application webhook for a merger: with its webhooks, the call that finds it out is the first to know.
#[tokio::test(flavor = "multi_thread")]
async fn m08_once_the_merger_is_known_the_survivors_archiving_ends_the_segment() {
    check_both(
        given(),
        &[
            call(answered(1, OTHER, NOOR)),
            call(inbound(2, CALLER)),
            Step::MergeInto(OTHER),
            call(inbound(3, CALLER)),
            Step::PersonOn(OTHER, Action::Archive),
            call(inbound(4, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900124: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
              Missed call - Support line
                2:call by the customer
                3:call by the customer
              Voicemail - Support line
                4:call by the customer
                4:voicemail by the customer",
        )],
    )
    .await;
}

/// The first import is in doubt when a second call settles; then a person archives; then the second call is decided.
fn archived_before_a_late_decision() -> [Step; 2] {
    [
        trouble("POST", "/imported_messages", Fault::ErrorAfter, 1),
        Step::Meanwhile(bodies(&[inbound(1, CALLER), answered(2, CALLER, IRIS)]), vec![Action::Archive]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_call_settled_before_the_archiving_belongs_to_the_ended_segment() {
    check_both(
        given(),
        &archived_before_a_late_decision(),
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
async fn m08_call_settled_after_the_archiving_opens_the_next_segment() {
    let [first, second] = archived_before_a_late_decision();
    check_both(
        given(),
        &[first, second, call(inbound(3, CALLER).voicemail())],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Iris
              Missed call - Support line
                1:call by the customer
                2:call by Iris
                2:duration by Iris
              Voicemail - Support line
                3:call by the customer
                3:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_late_parts_go_to_the_conversation_of_their_own_call() {
    let script = answered(1, CALLER, NOOR).recorded().link_comes(600).commented("Called back", 700);
    let late = ["call.commented", "call.comm_assets_generated"];
    let events: Vec<_> = script.events().into_iter().map(|event| event.name).collect();
    let own: Vec<_> = events.iter().copied().filter(|name| !late.contains(name)).collect();
    check_both(
        given().calls("threading = \"segment\""),
        &[
            told(script.clone(), &own),
            person(Action::Archive),
            call(inbound(2, CALLER)),
            told(script.clone(), &late),
        ],
        &[conversations(
            "
            +447700900123: archived in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
                1:recording by Noor
              comments
                Noor: Called back / Aircall #1, note 10
            +447700900123: open in Aircall Phone
              Missed call - Support line
                2:call by the customer",
        )],
    )
    .await;
}
