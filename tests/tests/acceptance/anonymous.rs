//! M6: calls whose number was withheld or is none.

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
            call(inbound(4, "*86").voicemail()),
            call(inbound(5, CALLER)),
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
                    5:call by the customer",
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
                Customer: Anonymous caller (∗86)
                Line: Support line (+441632960001)
                Started: 2026-01-05 11:00:00 (UTC)
                Reason: no agent answered
                Aircall call 4",
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
                Noor: Wants a quote / Aircall call 1, note 10
            Anonymous caller: open in Aircall Phone for Iris
              Inbound call - Support line
                2:call by Iris
                2:duration by Iris",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m06_an_outbound_call_to_what_is_no_number_is_logged_too_and_imports_as_sms_are_none_then() {
    check(
        given().calls("import_type = \"sms\"").account("locale = \"de\""),
        &[call(inbound(1, "anonymous")), call(outbound(2, "*86", NOOR).ends(20))],
        &[
            conversations(
                "
                Anonymer Anrufer: open in Aircall Phone
                  Verpasster Anruf - Support line
                    1:call by the customer
                Anonymer Anrufer: open in Aircall Phone
                  Unbeantworteter ausgehender Anruf - Support line
                    2:call by Noor",
            ),
            contacts("Anonymer Anrufer: custom anonymous-caller"),
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
        ],
        &[conversations(
            "
            +447700900123: archived in Aircall Phone
              Missed call - Support line
                2:call by the customer",
        )],
    )
    .await;
}
