//! M19 to M22: who logged a call, and whose the conversation is.

use calltrail_simulator::aircall::Agent;
use calltrail_simulator::front::Action;
use serde_json::Value;

use crate::world::{
    CALLER, IRIS, MENU, NOOR, PAVEL, activity, answered, call, calls, changed, check, check_both,
    conversations, given, inbound, inbound_on, outbound, person,
};

/// Somebody who is in Aircall and not in Front.
const ZOE: Agent = Agent { id: 41_999, name: "Zoe Marsh", email: "zoe.marsh@example.com" };
/// Somebody whose e-mail Front writes in small letters.
const LOUD_NOOR: Agent = Agent { id: 41_000, name: "Noor Haddad", email: "Noor.Haddad@EXAMPLE.com" };

#[tokio::test(flavor = "multi_thread")]
async fn m19_an_answered_call_is_logged_by_its_agent_who_gets_the_conversation() {
    let steps = [call(answered(1, CALLER, NOOR)), call(outbound(2, CALLER, IRIS).answered(IRIS, 5))];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone for Iris
          Inbound call - Support line
            1:call by Noor
            1:duration by Noor
            2:call by Iris
            2:duration by Iris",
    )];
    let by_import = given().front(|front| front.import_assigns_existing = true);
    let by_request = by_import.clone().calls("assign_by = \"request\"");
    let needed = by_request.clone().front(|front| front.import_assigns_existing = false);
    tokio::join!(
        check_both(by_import, &steps, &expect),
        check_both(by_request, &steps, &expect),
        check_both(needed, &steps, &expect),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_after_a_transfer_the_agent_who_ended_with_the_call_has_it_and_a_failed_one_changes_nothing() {
    check(
        given(),
        &[calls(&[
            answered(1, "+447700900111", NOOR).transferred(PAVEL, 30),
            answered(2, "+447700900112", NOOR).transfer_failed(PAVEL, 30),
            answered(3, "+447700900113", NOOR).transferred(PAVEL, 20).transferred(IRIS, 40),
            outbound(4, "+447700900114", NOOR).answered(NOOR, 4).transferred(IRIS, 10),
        ])],
        &[conversations(
            "
            +447700900111: open in Aircall Phone for Pavel
              Inbound call - Support line
                1:call by Pavel
                1:duration by Pavel
            +447700900112: open in Aircall Phone for Noor
              Inbound call - Support line
                2:call by Noor
                2:duration by Noor
            +447700900113: open in Aircall Phone for Iris
              Inbound call - Support line
                3:call by Iris
                3:duration by Iris
            +447700900114: open in Aircall Phone for Iris
              Outbound call - Support line
                4:call by Iris
                4:duration by Iris",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_agent_who_transferred_a_call_outside_ended_with_it() {
    for names_the_first in [false, true] {
        check(
            given(),
            &[calls(&[
                answered(1, "+447700900111", NOOR).transferred_outside(30, names_the_first),
                answered(2, "+447700900112", NOOR)
                    .transferred(PAVEL, 20)
                    .transferred_outside(40, names_the_first),
            ])],
            &[conversations(
                "
                +447700900111: open in Aircall Phone for Noor
                  Inbound call - Support line
                    1:call by Noor
                    1:duration by Noor
                +447700900112: open in Aircall Phone for Pavel
                  Inbound call - Support line
                    2:call by Pavel
                    2:duration by Pavel",
            )],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_an_unanswered_outbound_call_is_logged_by_who_dialled_and_assigns_nobody() {
    let steps = [
        call(outbound(1, CALLER, NOOR).ends(20)),
        person(Action::Assign("tea_3".into())),
        call(outbound(2, CALLER, IRIS).ends(20)),
    ];
    let expect = [conversations(
        "
        +447700900123: open in Aircall Phone for Pavel
          Unanswered outbound call - Support line
            1:call by Noor
            2:call by Iris",
    )];
    let by_request = given().calls("assign_by = \"request\"");
    tokio::join!(check(given(), &steps, &expect), check(by_request, &steps, &expect));
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_an_unanswered_outbound_call_to_somebody_new_assigns_nobody() {
    check(
        given(),
        &[call(outbound(1, CALLER, NOOR).ends(20))],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Unanswered outbound call - Support line
                1:call by Noor",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_a_call_of_an_agent_whom_front_does_not_know_is_logged_with_the_name_in_its_text() {
    let steps =
        [call(inbound(1, CALLER)), person(Action::Assign("tea_1".into())), call(answered(2, CALLER, ZOE))];
    let expect = [
        conversations(
            "
            +447700900123: open in Aircall Phone for Noor
              Missed call - Support line
                1:call by the customer
                2:call by no teammate
                2:duration by no teammate",
        ),
        activity(
            "2:call",
            "
            after 0 s, from +441632960001 to +447700900123
            Inbound call - Support line
            Customer: +447700900123
            Line: Support line (+441632960001)
            Agent: Zoe Marsh
            Started: 2026-01-05 10:00:00 (Europe/Vienna)
            Aircall #2",
        ),
    ];
    let by_request = given().calls("assign_by = \"request\"");
    tokio::join!(check(given(), &steps, &expect), check(by_request, &steps, &expect));
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_e_mail_identifies_an_agent_without_an_id() {
    let without = |keys: &'static [&'static str]| {
        changed(answered(1, CALLER, NOOR), move |data| {
            if let Some(user) = data.get_mut("user").and_then(Value::as_object_mut) {
                keys.iter().for_each(|key| drop(user.remove(*key)));
            }
        })
    };
    for (keys, shown) in [(&["id"][..], "Noor Haddad"), (&["id", "name"], "noor․haddad＠example․com")] {
        let text = format!(
            "
            after 0 s, from +441632960001 to +447700900123
            Inbound call - Support line
            Customer: +447700900123
            Line: Support line (+441632960001)
            Agent: {shown}
            Started: 2026-01-05 09:00:00 (Europe/Vienna)
            Aircall #1"
        );
        let expect = [
            conversations(
                "
                +447700900123: open in Aircall Phone for Noor
                  Inbound call - Support line
                    1:call by Noor
                    1:duration by Noor",
            ),
            activity("1:call", text.leak()),
        ];
        check(given(), &[without(keys)], &expect).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_an_agent_is_matched_by_e_mail_whatever_its_case() {
    check(
        given(),
        &[call(answered(1, CALLER, LOUD_NOOR))],
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

#[tokio::test(flavor = "multi_thread")]
async fn m20_a_call_that_its_agent_missed_is_logged_by_the_customer() {
    check(
        given(),
        &[call(inbound(1, CALLER).rings(NOOR, 0).missed("agents_did_not_answer"))],
        &[
            conversations(
                "
                +447700900123: open in Aircall Phone
                  Missed call - Support line
                    1:call by the customer",
            ),
            activity(
                "1:call",
                "
                after 0 s, from +447700900123 to +441632960001
                Missed call - Support line
                Customer: +447700900123
                Line: Support line (+441632960001)
                Started: 2026-01-05 09:00:00 (Europe/Vienna)
                Reason: no agent answered
                Rang: Noor Haddad
                Waited: 20 s
                Aircall #1",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m21_a_call_that_a_team_missed_or_that_ended_in_the_menu_is_logged_by_the_customer() {
    check(
        given(),
        &[calls(&[
            inbound(1, CALLER).rings(NOOR, 0).rings(IRIS, 10).missed("no_available_agent"),
            inbound_on(MENU, 2, CALLER).missed("abandoned_in_ivr"),
            inbound(3, CALLER).missed("abandoned_in_classic"),
            inbound(4, CALLER).missed("short_abandoned"),
            inbound(5, CALLER).rings(NOOR, 0).voicemail(),
        ])],
        &[conversations(
            "
            +447700900123: open in Aircall Phone
              Missed call - Support line
                1:call by the customer
                2:call by the customer
                3:call by the customer
                4:call by the customer
                5:call by the customer
                5:voicemail by the customer",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_an_unanswered_call_leaves_the_conversation_to_whoever_has_it() {
    check_both(
        given().inboxes("\"41065\" = \"inb_2\""),
        &[
            call(answered(1, CALLER, PAVEL)),
            call(inbound(2, CALLER).rings(IRIS, 0)),
            call(inbound(3, CALLER).rings(IRIS, 0).voicemail()),
            call(outbound(4, CALLER, NOOR).ends(20)),
            person(Action::Archive),
            call(inbound_on(MENU, 5, CALLER).missed("abandoned_in_ivr")),
        ],
        &[conversations(
            "
            +447700900123: open in Support for Pavel
              Inbound call - Support line
                1:call by Pavel
                1:duration by Pavel
                2:call by the customer
                3:call by the customer
                3:voicemail by the customer
                4:call by Noor
              Missed call - Menu line
                5:call by the customer",
        )],
    )
    .await;
}
