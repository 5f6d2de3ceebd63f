//! Aircall's webhook, its token, and the trail of a call.

use super::play::played;
use super::shown::answered;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_slash_at_its_end_is_taken_and_corrected() {
    let played = played("webhook-address-with-a-slash").await;
    played.shows(&[answered("+447700900321", 950_100_001), answered("+447700900322", 950_100_002)].concat());
    let [doctor, register] = played.commands.as_slice() else { panic!("two commands") };
    assert!(doctor.stdout.contains("posts to \"https://calls.example.test/webhooks/acme/aircall/\""));
    assert!(register.stdout.contains("address, which was"), "{register:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_aircall_is_down_loses_no_webhook() {
    let played = played("restart-while-aircall-is-down").await;
    played.shows(
        "
        +447700900851: open in Support for Noor
          Inbound call - Support line
            950200011:call by Noor
            950200011:duration by Noor
            950200012:call by the customer",
    );
    assert_eq!(played.end().live.0, 200);
    let (status, ready) = &played.end().ready;
    assert!(*status == 200 && ready.contains("webhook token kept from before, since"), "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_is_found_by_call_and_by_conversation() {
    let played = played("trail-by-call-or-conversation").await;
    played.shows(
        "
        +447700900853: open in Support for Noor
          Inbound call - Support line
            950200031:call by Noor
            950200031:duration by Noor
            950200032:call by the customer",
    );
    let [by_number, by_call, by_conversation] = played.commands.as_slice() else { panic!("three commands") };
    assert_eq!(by_number.code, Some(0), "{by_number:?}");
    assert!(by_number.stdout.contains("950200031") && by_number.stdout.contains("950200032"));
    // Each was asked a moment after the one before.
    for (earlier, later) in [(by_number, by_call), (by_call, by_conversation)] {
        assert!(later.code == Some(0) && later.stdout.starts_with(earlier.stdout.trim_end()), "{later:?}");
    }
}
