//! M1 and M2: the outside number is the contact, and a contact has one conversation.

use calltrail_simulator::front::{Action, Fault};

use crate::world::{
    BILLING, CALLER, IRIS, NOOR, OTHER, Step, answered, call, call_of, calls, check, check_both, contacts,
    conversations, given, inbound, inbound_on, outbound, person, requests, restart, trouble,
};

#[tokio::test(flavor = "multi_thread")]
async fn m01_a_known_contact_is_used_and_gets_the_handle_that_imports_use() {
    check(
        given().contact("Dana Moreau", &[("phone", CALLER)]),
        &[call(inbound(1, "+44 7700 900123"))],
        &[
            contacts("Dana Moreau: custom +447700900123, phone +447700900123"),
            requests("POST /contacts/crd_1/handles", 1),
            conversations(
                "
                Dana Moreau: open in Aircall Phone
                  Missed call - Support line
                    1:call by the customer",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_an_unknown_contact_is_created_with_what_aircall_knows() {
    check(
        given(),
        &[
            call_of(inbound(1, CALLER), "Dana", "Moreau", "dana@example.com"),
            call(outbound(2, "+44 (0) 7700 900 124", NOOR)),
        ],
        &[contacts(
            "
            Dana Moreau: custom +447700900123, email dana@example.com, phone +447700900123
            no name: custom +447700900124, phone +447700900124",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_the_contact_that_a_conflict_names_counts_as_found() {
    check(
        given().contact("Dana Moreau", &[("email", "dana@example.com")]),
        &[call_of(inbound(1, CALLER), "Dana", "Moreau", "dana@example.com"), call(inbound(2, CALLER))],
        &[
            contacts("Dana Moreau: custom +447700900123, email dana@example.com, phone +447700900123"),
            conversations(
                "
                Dana Moreau: open in Aircall Phone
                  Missed call - Support line
                    1:call by the customer
                    2:call by the customer",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_a_contact_is_looked_up_once_and_not_once_per_call() {
    check_both(
        given(),
        &[
            call(inbound(1, CALLER)),
            call(inbound(2, CALLER)),
            restart(given()),
            call(answered(3, CALLER, IRIS)),
        ],
        &[requests("GET /contacts/alt:phone", 1), requests("POST /contacts", 1)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_imports_as_sms_go_to_the_phone_and_make_no_second_contact() {
    let given = given().contact("Dana Moreau", &[("phone", CALLER)]).calls("import_type = \"sms\"");
    check(
        given,
        &[call(answered(1, CALLER, NOOR)), call(inbound(2, CALLER)), call(inbound(3, OTHER))],
        &[contacts(
            "
            Dana Moreau: phone +447700900123
            no name: phone +447700900124",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_every_later_call_is_added_across_lines_days_and_restarts() {
    let next_day = 26;
    check_both(
        given(),
        &[
            call(answered(1, CALLER, NOOR)),
            call(inbound_on(BILLING, 2, CALLER)),
            restart(given()),
            call(inbound(next_day, CALLER).voicemail()),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
                2:call by the customer
                26:call by the customer
                26:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_two_contacts_have_two_conversations() {
    check(
        given(),
        &[call(inbound(1, CALLER)), call(inbound(2, OTHER)), call(inbound(3, CALLER))],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                3:call by the customer
            +447700900124: open in Aircall Phone
              Missed call - Support line
                2:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_two_numbers_of_one_contact_share_its_conversation() {
    let dana = given().contact("Dana Moreau", &[("phone", CALLER), ("phone", OTHER)]);
    check_both(
        dana,
        &[call(inbound(1, CALLER)), call(answered(2, OTHER, IRIS)), call(inbound(3, CALLER).voicemail())],
        &[
            conversations(
                "
                Dana Moreau: open in Aircall Phone for Iris
                  Missed call - Support line
                    1:call by the customer
                    2:call by Iris
                    2:duration by Iris
                    3:call by the customer
                    3:voicemail by the customer",
            ),
            contacts(
                "Dana Moreau: custom +447700900123, custom +447700900124, phone +447700900123, \
                 phone +447700900124",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_two_numbers_of_one_contact_that_call_at_the_same_time_share_its_conversation() {
    let dana = given().contact("Dana Moreau", &[("phone", CALLER), ("phone", OTHER)]);
    check_both(
        dana,
        &[calls(&[inbound(1, CALLER), inbound(2, OTHER), inbound(3, CALLER)]), call(inbound(4, OTHER))],
        &[conversations(
            "
            Dana Moreau: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                3:call by the customer
                4:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_a_contact_is_known_before_its_first_subject_also_when_one_of_two_look_ups_is_slow() {
    let slow = |digits: &str| {
        [
            Step::SlowAnswersMs(1_500),
            trouble("GET", digits, Fault::Slow, 1),
            trouble("POST", "/imported_messages", Fault::Slow, 1),
            calls(&[inbound(1, CALLER), inbound(2, OTHER)]),
        ]
    };
    let expect = [conversations(
        "
        Dana Moreau: open in Aircall Phone
          Missed call - Support line
            1:call by the customer
            2:call by the customer",
    )];
    let dana = given().contact("Dana Moreau", &[("phone", CALLER), ("phone", OTHER)]);
    let (older, younger) = (slow("7700900123"), slow("7700900124"));
    tokio::join!(check_both(dana.clone(), &older, &expect), check_both(dana.clone(), &younger, &expect));
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_a_new_number_of_a_contact_meets_the_segment_of_its_conversation() {
    let dana = given().contact("Dana Moreau", &[("phone", CALLER), ("phone", OTHER)]);
    check_both(
        dana,
        &[
            call(inbound(1, CALLER)),
            person(Action::Archive),
            call(inbound(2, OTHER).voicemail()),
            call(inbound(3, CALLER)),
        ],
        &[conversations(
            "
            Dana Moreau: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
              Voicemail - Support line
                2:call by the customer
                2:voicemail by the customer
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_by_segment_a_new_conversation_begins_after_each_archiving() {
    let by_segment = given().calls("threading = \"segment\"").inboxes("\"41026\" = \"inb_3\"");
    check_both(
        by_segment,
        &[
            call(inbound(1, CALLER)),
            call(inbound(2, CALLER)),
            person(Action::Archive),
            call(inbound_on(BILLING, 3, CALLER).voicemail()),
            call(inbound(4, CALLER)),
        ],
        &[conversations(
            "
            +447700900123: archived in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
            +447700900123: open in Billing
              Voicemail - Billing line
                3:call by the customer
                3:voicemail by the customer
                4:call by the customer",
        )],
    )
    .await;
}
