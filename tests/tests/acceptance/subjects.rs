//! M7: the text of a subject.

use crate::world::{
    CALLER, IRIS, Step, answered, bodies, call, calls, check, given, inbound, outbound, shown,
};

/// One call of each type, each of somebody else.
fn one_of_each_type() -> [Step; 1] {
    [calls(&[
        answered(1, "+447700900111", IRIS),
        outbound(2, "+447700900112", IRIS).answered(IRIS, 8).ends(30),
        outbound(3, "+447700900113", IRIS).ends(30),
        inbound(4, "+447700900114").missed("no_available_agent"),
        inbound(5, "+447700900115").voicemail(),
    ])]
}

#[tokio::test(flavor = "multi_thread")]
async fn m07_the_subject_names_the_call_type_and_the_line() {
    check(
        given(),
        &one_of_each_type(),
        &[shown(
            "
            Inbound call - Support line
            Outbound call - Support line
            Unanswered outbound call - Support line
            Missed call - Support line
            Voicemail - Support line",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m07_the_subject_speaks_the_language_of_the_account() {
    check(
        given().account("locale = \"es\""),
        &one_of_each_type(),
        &[shown(
            "
            Llamada entrante - Support line
            Llamada saliente - Support line
            Llamada saliente sin respuesta - Support line
            Llamada perdida - Support line
            Mensajes de voz - Support line",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m07_a_template_may_add_tags_and_other_words() {
    check(
        given().calls("subject = \"[{line}] {type}: {tags}\""),
        &[call(answered(1, CALLER, IRIS).tagged("vip", 20).tagged("refund", 30))],
        &[shown("[Support line] Inbound call: refund, vip")],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m07_answered_is_told_by_the_answer_and_a_voicemail_by_the_voicemail_never_by_the_reason() {
    let no_reason = "\"missed_call_reason\":null";
    let answered = bodies(&[answered(1, "+447700900111", IRIS)]);
    assert!(answered.iter().all(|body| body.contains(no_reason)), "an answered call has no missed reason");
    let reason = "\"missed_call_reason\":\"agents_did_not_answer\"";
    let with_reason = answered.iter().map(|body| body.replace(no_reason, reason)).collect();
    check(
        given(),
        &[
            Step::Webhooks(with_reason),
            call(inbound(2, "+447700900112").missed("voicemail")),
            call(inbound(3, "+447700900113").voicemail()),
        ],
        &[shown(
            "
            Inbound call - Support line
            Missed call - Support line
            Voicemail - Support line",
        )],
    )
    .await;
}
