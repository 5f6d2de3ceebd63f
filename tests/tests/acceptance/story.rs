//! M11: the whole story of a call in its text, in the line's time zone and by the rules of its language.

use calltrail_simulator::aircall::CallScript;
use serde_json::{Value, json};

use crate::world::{
    BILLING, CALLER, Given, IRIS, MENU, NOOR, PAVEL, Step, activity, answered, breaks, call, changed, check,
    conversations, given, inbound, inbound_on, outbound,
};

const ZERO_WIDTH: &str = "\u{200b}";

async fn check_text(given: Given, script: CallScript, key: &'static str, text: &'static str) {
    check(given, &[call(script)], &[activity(key, text), breaks(key)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_missed_call_tells_whom_it_rang_and_how_long_the_caller_waited() {
    let script = inbound_on(MENU, 1, CALLER).chose("Billing", "2", 4).chose("Refunds", "fallback", 9);
    let script = script.rings(NOOR, 10).rings(IRIS, 10).declined(IRIS, 14).rings(NOOR, 30).ends(75);
    check_text(
        given(),
        script,
        "1:call",
        "
        after 0 s, from +447700900123 to +441632960003
        Missed call - Menu line
        Customer: +447700900123
        Line: Menu line (+441632960003)
        Started: 2026-01-05 09:00:00 (Europe/Berlin)
        Reason: no agent answered
        Rang: Noor Haddad, Iris Lindqvist (declined)
        Waited: 1 min 15 s
        Menu: Billing (2), Refunds (no valid key)
        Aircall #1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_voicemail_tells_whom_it_rang() {
    check_text(
        given(),
        inbound(1, CALLER).rings(PAVEL, 0).voicemail().ends(40),
        "1:call",
        "
        after 0 s, from +447700900123 to +441632960001
        Voicemail - Support line
        Customer: +447700900123
        Line: Support line (+441632960001)
        Started: 2026-01-05 09:00:00 (Europe/Vienna)
        Reason: no agent answered
        Rang: Pavel Novak
        Aircall #1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_failed_transfer_is_one_line() {
    check_text(
        given(),
        answered(1, CALLER, NOOR).transferred(IRIS, 20).transfer_failed(IRIS, 25),
        "1:call",
        "
        after 0 s, from +441632960001 to +447700900123
        Inbound call - Support line
        Customer: +447700900123
        Line: Support line (+441632960001)
        Agent: Noor Haddad
        Started: 2026-01-05 09:00:00 (Europe/Vienna)
        Transfer failed to: Iris Lindqvist
        Aircall #1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_transfers_back_and_forth_are_told_in_order() {
    let script = outbound(1, CALLER, NOOR).answered(NOOR, 5).ends(200);
    let script = script.transferred(IRIS, 20).transferred(PAVEL, 40).transferred(IRIS, 60);
    check_text(
        given(),
        script.transfer_failed(IRIS, 65).transferred_outside(70, false),
        "1:call",
        "
        after 0 s, from +441632960001 to +447700900123
        Outbound call - Support line
        Customer: +447700900123
        Line: Support line (+441632960001)
        Agent: Pavel Novak
        Started: 2026-01-05 09:00:00 (Europe/Vienna)
        Made by: Noor Haddad
        Transferred to: Iris Lindqvist
        Transferred to: Pavel Novak
        Transfer failed to: Iris Lindqvist
        Transferred to: an outside number
        Aircall #1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_transfer_without_a_target_leads_to_no_outside_number() {
    check_text(
        given(),
        answered(1, CALLER, NOOR).transferred_away(20),
        "1:call",
        "
        after 0 s, from +441632960001 to +447700900123
        Inbound call - Support line
        Customer: +447700900123
        Line: Support line (+441632960001)
        Agent: Noor Haddad
        Started: 2026-01-05 09:00:00 (Europe/Vienna)
        Answered by: Noor Haddad
        Transferred
        Aircall #1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_each_line_has_its_time_zone_unless_one_is_set() {
    let script = || CallScript::outbound(1, BILLING, CALLER, IRIS, 1_785_240_000).ends(25);
    let started = |started: &'static str| {
        format!(
            "
            after 17640000 s, from +441632960002 to +447700900123
            Unanswered outbound call - Billing line
            Customer: +447700900123
            Line: Billing line (+441632960002)
            Agent: Iris Lindqvist
            Started: {started}
            Aircall #1"
        )
    };
    let (own, set) = (given(), given().calls("time_zone = \"America/New_York\""));
    let own_text: &str = started("2026-07-28 13:00:00 (Europe/London)").leak();
    let set_text: &str = started("2026-07-28 08:00:00 (America/New_York)").leak();
    check_text(own, script(), "1:call", own_text).await;
    check_text(set, script(), "1:call", set_text).await;
    let unknown = changed(script(), |data| data["number"]["time_zone"] = json!("Nowhere/Town"));
    let utc: &str = started("2026-07-28 12:00:00 (UTC)").leak();
    check(given(), &[unknown], &[activity("1:call", utc)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_french_text_has_french_punctuation() {
    let script = || inbound(1, CALLER).rings(NOOR, 0).declined(NOOR, 3).missed("out_of_opening_hours");
    check_text(
        given().account("locale = \"fr\""),
        script(),
        "1:call",
        "
        after 0 s, from +447700900123 to +441632960001
        Appel manqué - Support line
        Client\u{a0}: +447700900123
        Ligne\u{a0}: Support line (+441632960001)
        Début\u{a0}: 05/01/2026 09:00:00 (Europe/Vienna)
        Motif\u{a0}: hors des heures d’ouverture
        A sonné chez\u{a0}: Noor Haddad (refusé)
        Attente\u{a0}: 20 s
        Aircall #1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_german_and_spanish_dates_are_written_day_first() {
    let script = || answered(1, CALLER, NOOR).transferred(IRIS, 20);
    check_text(
        given().account("locale = \"de\""),
        script(),
        "1:call",
        "
        after 0 s, from +441632960001 to +447700900123
        Eingehender Anruf - Support line
        Kunde: +447700900123
        Leitung: Support line (+441632960001)
        Agent: Iris Lindqvist
        Beginn: 05.01.2026 09:00:00 (Europe/Vienna)
        Angenommen von: Noor Haddad
        Weitergeleitet an: Iris Lindqvist
        Aircall #1",
    )
    .await;
    check_text(
        given().account("locale = \"es\""),
        script(),
        "1:call",
        "
        after 0 s, from +441632960001 to +447700900123
        Llamada entrante - Support line
        Cliente: +447700900123
        Línea: Support line (+441632960001)
        Agente: Iris Lindqvist
        Inicio: 05/01/2026 09:00:00 (Europe/Vienna)
        Contestada por: Noor Haddad
        Transferida a: Iris Lindqvist
        Aircall #1",
    )
    .await;
}

/// A call whose line, agent, contact, tag and comment have this name and these words.
fn named(name: &str) -> Step {
    let script = answered(1, CALLER, NOOR).tagged(name, 20).commented(name, 30);
    changed(script, |data| {
        data["number"]["name"] = json!(name);
        data["contact"] = json!({ "first_name": name, "last_name": name, "emails": [] });
        if let Some(Value::Object(user)) = data.get_mut("user") {
            user.insert("name".into(), json!(name));
            user.insert("email".into(), json!(name));
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_text_of_which_nothing_is_seen_is_left_out() {
    let front_tags = given().calls("tags = \"front_tags\"");
    for name in [ZERO_WIDTH, "\u{2800}\u{ad}", "\u{200d} \u{202e}"] {
        check(
            front_tags.clone(),
            &[named(name)],
            &[
                conversations(
                    "
                    +447700900123: open in Aircall Phone
                      Inbound call - unknown line
                        1:call by no teammate
                        1:duration by no teammate",
                ),
                activity(
                    "1:call",
                    "
                    after 0 s, from +441632960001 to +447700900123
                    Inbound call - unknown line
                    Customer: +447700900123
                    Line: unknown line (+441632960001)
                    Started: 2026-01-05 09:00:00 (Europe/Vienna)
                    Aircall #1",
                ),
            ],
        )
        .await;
    }
}
