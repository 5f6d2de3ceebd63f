//! Replay: the same state from the first record on, or the party that differs.

use calltrail_projector::verify;

use crate::company::{Company, webhook};

#[tokio::test]
async fn a_replay_gives_the_same_state_hash_and_names_the_party_that_differs() {
    let company = Company::new();
    let handle = company.start();
    company.folded(&handle).await;
    for (call, number) in [(1, "+447700900123"), (2, "+447700900124"), (3, "+447700900123")] {
        company.append(webhook(call, number, "call.ended")).await;
        company.settle_next().await;
    }
    company.folded(&handle).await;
    let live = handle.digest().await.expect("it runs");
    handle.stop().await.expect("it ends well");
    let tail = company.log.clone();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let same = verify(&tail, &live, &scratch.path().join("a"), |_| {}).await.expect("readable");
    assert_eq!((same.live_hash.as_str(), same.differences.len()), (same.replayed_hash.as_str(), 0));
    assert_eq!(same.records, live.checkpoint);

    let mut wrong = live.clone();
    let key = wrong.pieces.keys().find(|(_, key)| key == "call/2").expect("folded").clone();
    wrong.pieces.insert(key, "another hash".to_owned());
    let differs = verify(&tail, &wrong, &scratch.path().join("b"), |_| {}).await.expect("readable");
    assert_ne!(differs.live_hash, differs.replayed_hash);
    assert_eq!(differs.differences.len(), 1);
    assert!(differs.differences[0].party.is_some());
}
