//! Answers that are not Front's, or that repeating in another form repairs.

use super::play::played;
use super::shown::answered;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_403_at_the_import_refuses_nothing() {
    let played = played("html-403-at-the-import").await;
    played.shows(&answered("+447700900801", 950_000_001)).nothing_rejected();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_404_at_the_import_refuses_nothing() {
    let played = played("html-404-at-the-import").await;
    played.shows(&answered("+447700900801", 950_000_002)).nothing_rejected();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_400_at_the_import_refuses_nothing() {
    let played = played("html-400-at-the-import").await;
    played.shows(&answered("+447700900801", 950_000_003)).nothing_rejected();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_404_at_the_conversation_moves_no_call() {
    let played = played("html-404-at-the-conversation").await;
    played.shows(
        "
        +447700900802: open in Support for Noor
          Inbound call - Support line
            950000004:call by Noor
            950000004:duration by Noor
            950000005:call by the customer",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_without_access_loses_no_call() {
    let played = played("author-without-access").await;
    let shown = &played.front.conversations[0];
    let authors: Vec<_> = shown.messages.iter().map(|message| message.author.as_deref()).collect();
    assert_eq!((played.front.conversations.len(), authors), (1, vec![None, None]));
    assert!(played.lines("950000045:call").iter().any(|line| line.contains("Noor Haddad")), "{shown:#?}");
    assert!(!played.activity("950000045:duration").is_inbound);
    played.nothing_rejected();
}
