//! M1 and M2: the outside number is the contact, and a contact has one conversation.

use calltrail_simulator::front::{Action, Fault};

use crate::world::{
    BILLING, CALLER, IRIS, NOOR, OTHER, Step, answered, call, call_of, calls, check, check_both, contacts,
    conversations, given, inbound, inbound_on, outbound, person, requests, restart, told, trouble,
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
        given().contact("Dana Moreau", &[("custom", CALLER), ("email", "dana@example.com")]),
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
async fn m01_a_shared_email_joins_nobody() {
    let office = "office@example.com";
    check_both(
        given().contact("Reception", &[("email", office), ("phone", "+447700900555")]),
        &[
            call_of(answered(1, CALLER, NOOR), "Dana", "Moreau", office),
            call_of(inbound(2, OTHER), "Kim", "Sato", office),
            call_of(inbound(3, CALLER), "Dana", "Moreau", office),
        ],
        &[
            contacts(
                "
                Reception: email office@example.com, phone +447700900555
                Dana Moreau: custom +447700900123, phone +447700900123
                Kim Sato: custom +447700900124, phone +447700900124",
            ),
            conversations(
                "
                Dana Moreau: open in Aircall Phone for Noor
                  Inbound call - Support line
                    1:call by Noor
                    1:duration by Noor
                    3:call by the customer
                Kim Sato: open in Aircall Phone
                  Missed call - Support line
                    2:call by the customer",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_one_email_in_aircall_for_two_people_and_a_number_that_is_moved() {
    let shared = "info@acme.test";
    let bob = "+447700900815";
    check(
        given().without_front_webhooks(),
        &[
            call_of(answered(1, "+447700900814", NOOR), "Ann", "Lee", shared),
            call_of(answered(2, bob, NOOR), "Bob", "Ray", shared),
            Step::MoveNumber(bob, "Bob Ray (private)"),
            call_of(answered(3, bob, IRIS), "Bob", "Ray", shared),
        ],
        &[
            conversations(
                "
                Ann Lee: open in Aircall Phone for Noor
                  Inbound call - Support line
                    1:call by Noor
                    1:duration by Noor
                Bob Ray: open in Aircall Phone for Noor
                  Inbound call - Support line
                    2:call by Noor
                    2:duration by Noor
                Bob Ray (private): open in Aircall Phone for Iris
                  Inbound call - Support line
                    3:call by Iris
                    3:duration by Iris",
            ),
            requests("DELETE /contacts/", 2),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_a_contact_is_looked_up_again_after_a_while() {
    let given = given()
        .front(|front| front.recipients_follow_handles = false)
        .contact("Dana Moreau", &[("phone", CALLER), ("email", "dana@example.com")])
        .timing("contact_lookup_seconds = 1");
    check_both(
        given,
        &[
            calls(&[inbound(1, CALLER), inbound(2, CALLER)]),
            Step::Silence,
            Step::MoveNumber(CALLER, "Kim Sato"),
            calls(&[inbound(3, CALLER), inbound(4, CALLER)]),
        ],
        &[
            requests("GET /contacts/alt:phone", 2),
            conversations(
                "
                Dana Moreau: open in Aircall Phone
                  Missed call - Support line
                    1:call by the customer
                    2:call by the customer
                Kim Sato: open in Aircall Phone
                  Missed call - Support line
                    3:call by the customer
                    4:call by the customer",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_another_contact_that_front_shows_is_looked_up_before_the_next_call() {
    let dana = given().contact("Dana Moreau", &[("phone", CALLER), ("phone", OTHER)]);
    let steps = [
        call(inbound(1, CALLER)),
        Step::MoveNumber(CALLER, "Kim Sato"),
        Step::PersonOn(OTHER, Action::Assign("tea_3".into())),
        call(inbound(2, CALLER)),
        call(inbound(3, CALLER)),
    ];
    let expect = [
        requests("GET /contacts/alt:phone", 2),
        conversations(
            "
            Dana Moreau: open in Aircall Phone for Pavel
              Missed call - Support line
                1:call by the customer
            Kim Sato: open in Aircall Phone
              Missed call - Support line
                2:call by the customer
                3:call by the customer",
        ),
    ];
    check_both(dana, &steps, &expect).await;
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
async fn m02_what_comes_late_for_a_call_before_a_number_is_moved_stays_with_it() {
    let given =
        given().without_front_webhooks().contact("Dana Moreau", &[("phone", CALLER), ("phone", OTHER)]);
    let recorded = || answered(1, CALLER, NOOR).commented("late", 400);
    check(
        given,
        &[
            told(recorded(), &["call.created", "call.answered", "call.hungup", "call.ended"]),
            call(inbound(2, OTHER)),
            Step::MoveNumber(CALLER, "Kim Sato"),
            call(inbound(3, CALLER)),
            told(recorded(), &["call.commented"]),
            call(inbound(4, OTHER)),
            call(inbound(5, CALLER)),
        ],
        &[conversations(
            "
            Dana Moreau: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
                2:call by the customer
                4:call by the customer
              comments
                Noor: late / Aircall #1, note 10
            Kim Sato: open in Aircall Phone
              Missed call - Support line
                3:call by the customer
                5:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_a_number_that_is_moved_to_a_known_contact_joins_its_conversation() {
    let given = given()
        .without_front_webhooks()
        .contact("Dana Moreau", &[("phone", CALLER), ("email", "dana@example.com")])
        .contact("Kim Sato", &[("phone", OTHER)]);
    check(
        given,
        &[
            call(inbound(1, CALLER)),
            call(inbound(2, OTHER)),
            Step::MoveNumber(CALLER, "Nobody yet"),
            Step::MergeContacts(CALLER, OTHER),
            call(inbound(3, CALLER)),
        ],
        &[conversations(
            "
            Dana Moreau: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
            Kim Sato: open in Aircall Phone
              Missed call - Support line
                2:call by the customer
                3:call by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_contacts_that_are_merged_keep_the_conversation() {
    let given = given()
        .contact("Dana Moreau", &[("phone", CALLER)])
        .contact("Kim Sato", &[("phone", OTHER)])
        .timing("contact_lookup_seconds = 1");
    check_both(
        given,
        &[
            call(inbound(1, CALLER)),
            Step::MergeContacts(CALLER, OTHER),
            Step::Silence,
            call(inbound(2, CALLER)),
            call(inbound(3, OTHER)),
        ],
        &[conversations(
            "
            Kim Sato: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
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
