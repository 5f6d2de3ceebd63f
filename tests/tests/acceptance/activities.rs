//! M11 and M12: what an activity says, to the letter.

use calltrail_simulator::aircall::CallScript;

use crate::world::{
    BILLING, CALLER, IRIS, MENU, NOOR, PAVEL, activity, answered, call, call_of, check, conversations, given,
    inbound, inbound_on, outbound,
};

#[tokio::test(flavor = "multi_thread")]
async fn m11_an_answered_call_tells_type_line_customer_agent_start_transfers_tags_and_its_id() {
    let script = inbound(1, CALLER).rings(NOOR, 0).answered(NOOR, 5).tagged("vip", 20).tagged("refund", 30);
    let script = script.transfer_failed(IRIS, 40).transferred(PAVEL, 50).ends(200);
    check(
        given().calls("time_zone = \"Europe/Vienna\""),
        &[call_of(script, "Dana", "Moreau", "dana@example.com")],
        &[activity(
            "1:call",
            "
            after 0 s, from +441632960001 to +447700900123
            Inbound call - Support line
            Customer: Dana Moreau (+447700900123)
            Line: Support line (+441632960001)
            Agent: Pavel Novak
            Started: 2026-01-05 09:00:00 (Europe/Vienna)
            Answered by: Noor Haddad
            Transfer failed to: Iris Lindqvist
            Transferred to: Pavel Novak
            Tags: refund, vip
            Aircall #1",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_a_missed_call_tells_why_in_words() {
    check(
        given(),
        &[call(inbound_on(MENU, 2, CALLER).missed("abandoned_in_ivr"))],
        &[activity(
            "2:call",
            "
            after 0 s, from +447700900123 to +441632960003
            Missed call - Menu line
            Customer: +447700900123
            Line: Menu line (+441632960003)
            Started: 2026-01-05 10:00:00 (Europe/Berlin)
            Reason: the caller hung up in the menu
            Waited: 20 s
            Aircall #2",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_a_missed_call_speaks_the_language_of_the_account() {
    check(
        given().account("locale = \"fr\"").calls("time_zone = \"Europe/Paris\""),
        &[call(inbound(1, CALLER).missed("out_of_opening_hours"))],
        &[activity(
            "1:call",
            "
            after 0 s, from +447700900123 to +441632960001
            Appel manqué - Support line
            Client\u{a0}: +447700900123
            Ligne\u{a0}: Support line (+441632960001)
            Début\u{a0}: 05/01/2026 09:00:00 (Europe/Paris)
            Motif\u{a0}: hors des heures d’ouverture
            Attente\u{a0}: 20 s
            Aircall #1",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_an_outbound_call_tells_who_dialled() {
    let script = CallScript::outbound(3, BILLING, CALLER, IRIS, 1_767_607_200).ends(25);
    check(
        given(),
        &[call(script)],
        &[activity(
            "3:call",
            "
            after 0 s, from +441632960002 to +447700900123
            Unanswered outbound call - Billing line
            Customer: +447700900123
            Line: Billing line (+441632960002)
            Agent: Iris Lindqvist
            Started: 2026-01-05 10:00:00 (Europe/London)
            Aircall #3",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m12_the_duration_is_an_activity_of_its_own_at_the_end_of_the_call() {
    check(
        given(),
        &[
            call(answered(1, CALLER, NOOR)),
            call(outbound(2, CALLER, IRIS).answered(IRIS, 10).ends(3_700)),
            call(inbound(3, CALLER).answered(NOOR, 3).ends(45)),
        ],
        &[
            activity(
                "1:duration",
                "
                after 65 s, from +441632960001 to +447700900123
                Talk time: 1 min 0 s
                Total time: 1 min 5 s
                Aircall #1, duration",
            ),
            activity(
                "2:duration",
                "
                after 3700 s, from +441632960001 to +447700900123
                Talk time: 1 h 1 min 30 s
                Total time: 1 h 1 min 40 s
                Aircall #2, duration",
            ),
            activity(
                "3:duration",
                "
                after 45 s, from +441632960001 to +447700900123
                Talk time: 42 s
                Total time: 45 s
                Aircall #3, duration",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m12_a_call_that_nobody_answered_has_no_duration() {
    check(
        given(),
        &[
            call(inbound(1, CALLER)),
            call(inbound(2, CALLER).voicemail()),
            call(outbound(3, CALLER, NOOR).ends(40)),
        ],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                2:voicemail by the customer
                3:call by Noor",
        )],
    )
    .await;
}
