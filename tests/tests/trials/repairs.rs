//! What a person has to repair: calls wait for it, the program says what is wrong, and goes on by itself.

use super::play::played;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_for_an_inbox_that_is_away() {
    let played = played("inbox-away-for-a-minute").await;
    played.shows(
        "
        +447700900823: open in Support for Noor
          Inbound call - Support line
            950000046:call by Noor
            950000046:duration by Noor",
    );
    played.before().names("inb_support").doctor_names("inb_support");
    played.end().names_no("inb_support");
    played.nothing_rejected();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_wait_for_a_misspelt_default_inbox() {
    let played = played("default-inbox-misspelt").await;
    played.shows(
        "
        +447700900850: open in Aircall Phone for Noor
          Inbound call - Menu line
            950200001:call by Noor
            950200001:duration by Noor
            950200002:call by the customer
            950200003:call by Noor
            950200003:duration by Noor",
    );
    played.before().names("inb_aircal").doctor_names("inb_aircal");
    played.end().names_no("inb_aircal");
    played.nothing_rejected();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_shown_as_long_as_it_is_refused() {
    let played = played("token-refused-for-a-while").await;
    played.shows(
        "
        +447700900854: open in Support for Noor
          Inbound call - Support line
            950200041:call by Noor
            950200041:duration by Noor",
    );
    let refuses = |status: &str| {
        let lines = status.lines().map(str::to_lowercase);
        lines.filter(|line| line.contains("front") && line.contains("api token")).count()
    };
    assert_eq!(refuses(&played.before().status_text), 1, "{}", played.before().status_text);
    assert_eq!(refuses(&played.end().status_text), 0, "{}", played.end().status_text);
}
