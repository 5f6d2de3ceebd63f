//! The calls that the users' page shows.

use calltrail_domain::policy::CallType;
use calltrail_simulator::aircall::CallScript;
use calltrail_simulator::front::Action;

use crate::world::{IRIS, NOOR, PAVEL, Step, answered, call, call_of, inbound, outbound, person, told};

const UNTIL_ENDED: [&str; 4] = ["call.created", "call.answered", "call.hungup", "call.ended"];
const LATER: [&str; 2] = ["call.comm_assets_generated", "call.commented"];

/// The calls of the page, as they are without settings.
pub(super) fn a_day() -> Vec<Step> {
    let dana = answered(1, "+447700900101", NOOR).recorded().tagged("Refund", 20);
    let dana = dana.commented("Wants a *refund*: https://crm.example.com/d/42?tab=a_b", 30).commented_by(
        IRIS,
        "Sent the form",
        90,
    );
    let late = || inbound(6, "+447700900106").voicemail().ends(40).link_comes(900);
    let later =
        || answered(7, "+447700900107", NOOR).recorded().link_comes(7_200).commented("All is well", 9_000);
    let missed = inbound(4, "+447700900104").chose("Orders", "2", 3).rings(NOOR, 8).rings(IRIS, 9);
    let missed = missed.declined(IRIS, 12).missed("abandoned_in_classic").ends(75);
    let returning = "+447700900109";
    vec![
        call_of(dana, "Dana", "Moreau", "dana@example.com"),
        call(
            outbound(2, "+447700900102", NOOR)
                .answered(NOOR, 4)
                .transfer_failed(PAVEL, 8)
                .transferred(IRIS, 10)
                .ends(200),
        ),
        call(outbound(3, "+447700900103", NOOR).ends(20)),
        call(missed),
        call(inbound(5, "+447700900105").voicemail().ends(40)),
        told(late(), &["call.created", "call.hungup", "call.ended", "call.voicemail_left"]),
        Step::Until("6:voicemail_pending"),
        told(late(), &LATER),
        told(later(), &UNTIL_ENDED),
        Step::Until("7:recording_pending"),
        person(Action::Archive),
        told(later(), &LATER),
        call(inbound(8, "anonymous")),
        call(inbound(9, returning)),
        call(outbound(10, returning, IRIS).answered(IRIS, 5)),
        person(Action::Archive),
        call(inbound(11, returning).voicemail()),
    ]
}

pub(super) fn with_options() -> Vec<Step> {
    let noted = inbound(12, "+447700900112").rings(NOOR, 0).tagged("Callback", 50).commented_by(
        NOOR,
        "Will call back",
        60,
    );
    vec![call(noted), call(answered(13, "+447700900113", NOOR).recorded())]
}

/// A call of each type, of callers of their own.
pub(super) fn one_of_each() -> Vec<Step> {
    let made = |id: i64, call_type| -> CallScript {
        let number = format!("+4477009001{id:02}");
        match call_type {
            CallType::InboundAnswered => answered(id, &number, NOOR),
            CallType::OutboundAnswered => outbound(id, &number, NOOR).answered(NOOR, 5),
            CallType::OutboundUnanswered => outbound(id, &number, NOOR),
            CallType::Missed => inbound(id, &number),
            CallType::Voicemail => inbound(id, &number).voicemail(),
        }
    };
    (1..).zip(CallType::ALL).map(|(id, call_type)| call(made(id, call_type))).collect()
}
