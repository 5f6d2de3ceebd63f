//! What activities and comments say.

use super::play::played;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_blank_once_cleaned_is_not_shown() {
    let played = played("blank-once-cleaned").await;
    let shown = &played.front.conversations[0];
    assert_eq!((shown.comments.len(), shown.tags.len()), (0, 0), "{shown:#?}");
    let line = shown.subject.strip_prefix("Inbound call - ").unwrap_or_default();
    assert!(line.chars().any(char::is_alphanumeric), "{:?}", shown.subject);
    let lines = played.lines("950000041:call");
    assert!(lines.iter().all(|line| !line.ends_with(':') && !line.contains('\u{200b}')), "{lines:#?}");
    played.nothing_rejected();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_without_a_target_leads_to_no_outside_number() {
    let played = played("transfer-without-a-target").await;
    played.shows(
        "
        +447700900816: open in Support for Noor
          Inbound call - Support line
            950000033:call by Noor
            950000033:duration by Noor",
    );
    let lines = played.lines("950000033:call");
    assert!(lines.iter().all(|line| !line.contains("outside")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transfer_is_one_line() {
    let played = played("failed-transfer").await;
    played.shows(
        "
        +447700900825: open in Support for Noor
          Inbound call - Support line
            950000049:call by Noor
            950000049:duration by Noor",
    );
    let lines = played.lines("950000049:call");
    let of_iris: Vec<_> = lines.iter().filter(|line| line.contains("Iris")).collect();
    assert!(of_iris.len() == 1 && of_iris[0].contains("fail"), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_arrives_as_it_was_written() {
    let played = played("comment-with-a-link").await;
    let comments = played.comments();
    let written = "mail dana@customer.example, see https://crm.example.com/d/42?tab=a_b#top, #refund";
    let [comment] = comments.as_slice() else { panic!("one comment, not {comments:#?}") };
    let rest = comment.strip_prefix(written).unwrap_or_else(|| panic!("{comment:?}"));
    let rest: Vec<_> = rest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(rest.len() == 1 && rest[0].contains("950200021"), "{comment:?}");
}
