//! Webhooks in a form that was not expected.

use super::play::played;
use super::shown::answered;

#[tokio::test(flavor = "multi_thread")]
async fn times_as_iso_8601_are_read() {
    let played = played("times-as-iso-8601").await;
    played.shows(&answered("+447700900807", 950_000_015));
    assert_eq!(played.activity("950000015:call").created_at_ms, 1_795_935_000_000);
    assert_eq!(played.end().account()["live"]["webhooks"]["unreadable_times"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_doubled_key_the_last_one_counts() {
    let played = played("key-twice-in-data").await;
    played.shows(&answered("+447700900809", 950_000_017));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_an_envelope_is_read() {
    let played = played("data-in-an-envelope").await;
    played.shows(&answered("+447700900810", 950_000_018));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_id_is_text_is_read_or_counted() {
    let played = played("call-id-as-text").await;
    assert_eq!(played.answered, [200]);
    if played.front.conversations.is_empty() {
        let said = played.end();
        assert_eq!(said.account()["live"]["webhooks"]["unreadable_calls"], 1);
        assert!(said.status_text.contains("unreadable"), "{}", said.status_text);
        assert!(said.metrics.contains("calltrail_webhooks_unreadable_calls_total{account=\"acme\"} 1"));
        assert!(played.logged.contains("no call can be read from webhooks about calls"));
    } else {
        played.shows(&answered("+447700900811", 950_000_019));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_surrogate_pair_is_replaced() {
    let played = played("half-a-surrogate-pair").await;
    played.shows(&format!(
        "
        Dana \u{fffd} Moreau: open in Support for Noor
          Inbound call - Support \u{fffd}
            950000028:call by Noor
            950000028:duration by Noor
          comments
            Noor: {}",
        played.comments()[0].lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(" / ")
    ));
    assert!(played.comments()[0].starts_with("Wants a refund before Friday, cut off here \u{fffd}"));
    assert!(played.lines("950000028:call").iter().any(|line| line.contains("Happy \u{fffd}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_an_id_is_known_by_the_e_mail() {
    let played = played("agent-without-an-id").await;
    played.shows(&answered("+447700900824", 950_000_047));
    assert!(played.lines("950000047:call").iter().any(|line| line.contains("Noor Haddad")));
}
