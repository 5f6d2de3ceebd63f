//! M6: calls whose number was withheld, and calls of what is no phone number.

use calltrail_simulator::front::Action;

use crate::world::{
    CALLER, IRIS, NOOR, activity, call, check, check_both, contacts, conversations, given, inbound, outbound,
    person, restart, told,
};

#[tokio::test(flavor = "multi_thread")]
async fn m06_each_call_without_a_number_has_a_conversation_of_its_own_under_one_contact() {
    check_both(
        given(),
        &[
            call(inbound(1, "anonymous")),
            call(inbound(2, "Anonymous").rings(NOOR, 0).answered(NOOR, 5).ends(65)),
            call(inbound(3, "")),
            call(inbound(4, "0000000000").voicemail()),
            call(inbound(5, CALLER)),
            call(inbound(6, "+266696687")),
        ],
        &[
            conversations(
                "
                Anonymous caller: open in Aircall Phone
                  Missed call - Support line
                    1:call by the customer
                Anonymous caller: open in Aircall Phone for Noor
                  Inbound call - Support line
                    2:call by Noor
                    2:duration by Noor
                Anonymous caller: open in Aircall Phone
                  Missed call - Support line
                    3:call by the customer
                Anonymous caller: open in Aircall Phone
                  Voicemail - Support line
                    4:call by the customer
                    4:voicemail by the customer
                +447700900123: open in Aircall Phone
                  Missed call - Support line
                    5:call by the customer
                Anonymous caller: open in Aircall Phone
                  Missed call - Support line
                    6:call by the customer",
            ),
            contacts(
                "
                Anonymous caller: custom anonymous-caller
                no name: custom +447700900123, phone +447700900123",
            ),
            activity(
                "4:call",
                "
                after 0 s, from anonymous-caller to +441632960001
                Voicemail - Support line
                Customer: Anonymous caller
                Line: Support line (+441632960001)
                Started: 2026-01-05 12:00:00 (Europe/Vienna)
                Reason: no agent answered
                Aircall #4",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m06_what_comes_late_for_a_call_without_a_number_goes_to_its_own_conversation() {
    let first =
        || inbound(1, "anonymous").rings(NOOR, 0).answered(NOOR, 5).ends(65).commented("Wants a quote", 200);
    let second = inbound(2, "anonymous").rings(IRIS, 0).answered(IRIS, 5).ends(65);
    let ended = ["call.created", "call.answered", "call.hungup", "call.ended"];
    check(
        given(),
        &[told(first(), &ended), call(second), told(first(), &["call.commented"])],
        &[conversations(
            "
            Anonymous caller: open in Aircall Phone for Noor
              Inbound call - Support line
                1:call by Noor
                1:duration by Noor
              comments
                Noor: Wants a quote / Aircall #1, note 10
            Anonymous caller: open in Aircall Phone for Iris
              Inbound call - Support line
                2:call by Iris
                2:duration by Iris",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m06_short_codes_have_a_contact_of_their_own_and_are_no_sms() {
    check(
        given().calls("import_type = \"sms\"").account("locale = \"de\""),
        &[
            call(inbound(1, "anonymous")),
            call(outbound(2, "116117", NOOR).ends(20)),
            call(inbound(3, "116 117")),
            call(inbound(4, "3631")),
        ],
        &[
            conversations(
                "
                Anonymer Anrufer: open in Aircall Phone
                  Verpasster Anruf - Support line
                    1:call by the customer
                116117: open in Aircall Phone
                  Unbeantworteter ausgehender Anruf - Support line
                    2:call by Noor
                    3:call by the customer
                3631: open in Aircall Phone
                  Verpasster Anruf - Support line
                    4:call by the customer",
            ),
            contacts(
                "
                Anonymer Anrufer: custom anonymous-caller
                no name: custom 116117
                no name: custom 3631",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m06_calls_without_a_number_may_be_left_out() {
    let skipping = given().calls("anonymous = \"skip\"");
    check(
        skipping.clone(),
        &[
            call(inbound(1, "anonymous")),
            call(inbound(2, CALLER)),
            person(Action::Archive),
            restart(skipping),
            call(inbound(3, "anonymous")),
            call(inbound(4, "0000000000")),
            call(inbound(5, "+52 1 55 1234 5678")),
            call(inbound(6, "+225 07 12 34 56")),
            call(inbound(7, "3631")),
        ],
        &[conversations(
            "
            +447700900123: archived in Aircall Phone
              Missed call - Support line
                2:call by the customer
            +5215512345678: open in Aircall Phone
              Missed call - Support line
                5:call by the customer
            +22507123456: open in Aircall Phone
              Missed call - Support line
                6:call by the customer
            3631: open in Aircall Phone
              Missed call - Support line
                7:call by the customer",
        )],
    )
    .await;
}
