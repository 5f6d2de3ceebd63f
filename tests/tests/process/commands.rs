//! The commands that ask: of the running program, and of the folder at rest.

use calltrail_simulator::aircall::Step;
use serde_json::Value;

use super::aircall::bodies_of;
use super::program::run_in;
use super::site::{Site, lines_of};

const CALLS: u32 = 4;

/// What is asked in both states, and answered alike.
async fn answers(site: &Site, number: &str) -> Vec<Value> {
    let trail = site.run(&["trail", number, "--format", "json"]).await.with_code(0).json();
    let party = trail[0]["party"].as_str().expect("a trail names its party").to_owned();
    let by_party = site.run(&["trail", &party, "--format", "json"]).await.with_code(0).json();
    assert_eq!(by_party, trail, "a trail by name is another than by number");
    let mut status = site.status().await;
    status["running"].take();
    status["process"].take();
    let folded = status["folded"].take();
    assert!(folded.is_null() || folded == status["records"], "{folded} folded");
    status["accounts"]["acme"]["live"].take();
    vec![trail, status, Value::from(site.records().await), site.verified().await]
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_answer_alike_whether_the_program_runs_or_not() {
    let (site, up, steps) = Site::with_calls(CALLS).await;
    let number = &numbers(&steps)[0];
    assert_eq!(site.status().await["running"], true);
    let running = answers(&site, number).await;
    up.terminated().await.with_code(0);
    assert_eq!(site.status().await["running"], false);
    let at_rest = answers(&site, number).await;
    assert_eq!(at_rest, running);

    let status = &running[1];
    let logged = status["accounts"]["acme"]["logged"].as_object().unwrap().values();
    assert_eq!(logged.filter_map(Value::as_u64).sum::<u64>(), u64::from(CALLS));
    let text = site.run(&["status"]).await.with_code(0).stdout;
    assert!(text.contains("not running") && text.contains("0 effects for Front"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_leads_from_the_webhooks_to_front() {
    let (site, _up, steps) = Site::with_calls(CALLS).await;
    for number in numbers(&steps) {
        let trails = site.run(&["trail", &number, "--format", "json"]).await.with_code(0).json();
        let trail = &trails[0];
        let told: Vec<&str> =
            trail["entries"].as_array().unwrap().iter().filter_map(|e| e["what"].as_str()).collect();
        let ledger = site.ledger();
        let conversation = ledger.conversations.iter().find(|row| trail["conversation"] == row.id.as_str());
        let conversation = conversation.expect("the trail names the conversation");
        assert_eq!(trail["subject"], conversation.subject.as_str());
        assert_eq!(trail["contact"], conversation.contact.as_str());
        for (what, at_least) in
            [("webhook call.ended", 1), ("decided step", 2), ("applied in", 1), ("created contact", 1)]
        {
            let found = told.iter().filter(|told| told.contains(what)).count();
            assert!(found >= at_least, "{found} times {what:?} in {told:#?}");
        }
        let applied =
            told.iter().filter(|told| told.contains(&format!("applied in {}", conversation.id))).count();
        assert_eq!(applied, conversation.messages.len(), "{told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_of_nobody_is_an_error_that_does_not_repeat_the_number() {
    let (site, up, _) = Site::with_calls(1).await;
    for asked in ["+447700999999", "no-such-party"] {
        let ran = site.run(&["trail", asked]).await.with_code(1);
        assert!(
            ran.stderr.contains("with its country code") && !ran.stderr.contains(asked),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "");
    }
    up.terminated().await.with_code(0);
    let ran = site.run(&["trail", "+447700999999"]).await.with_code(1);
    assert!(ran.stderr.contains("with its country code"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_shown_from_a_sequence_on_and_by_kind() {
    let (site, up, steps) = Site::with_calls(CALLS).await;
    for state in ["running", "at rest"] {
        let all = site.records().await;
        let sequences: Vec<u64> = all.iter().filter_map(|record| record["sequence"].as_u64()).collect();
        assert!(sequences.is_sorted() && sequences.len() == all.len(), "{state}");
        assert_eq!(all[0]["kind"], "account.created", "{state}");
        let middle = sequences[all.len() / 2];
        let after = site.run(&["log", "tail", "--after", &middle.to_string(), "--format", "json"]).await;
        assert_eq!(lines_of(&after.with_code(0)), all[all.len() / 2 + 1..], "{state}");
        let webhooks = site.run(&["log", "tail", "--kind", "aircall.event", "--format", "json"]).await;
        let webhooks = lines_of(&webhooks.with_code(0));
        assert_eq!(webhooks.len(), bodies_of(&steps).count(), "{state}");
        assert!(webhooks.iter().all(|record| record["kind"] == "aircall.event"), "{state}");
        let beyond = site.run(&["log", "tail", "--after", "999999"]).await.with_code(0);
        assert_eq!(beyond.stdout, "", "{state}");
        let text = site.run(&["log", "tail", "--kind", "aircall.event"]).await.with_code(0).stdout;
        assert_eq!(text.lines().count(), webhooks.len(), "{state}: one line a record");
        assert!(!text.contains("7700"), "{state}: a number stands in the short form");
        if state == "running" {
            site.quiet().await;
        }
    }
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_the_log_does_not_give_is_told_with_code_1() {
    let (site, up, _) = Site::with_calls(2).await;
    up.terminated().await.with_code(0);
    let store = sled::open(site.file("data/projection")).unwrap();
    let is_of_a_call = |key: &[u8]| key.starts_with(b"acme\0call/");
    let call =
        store.iter().keys().filter_map(Result::ok).find(|key| is_of_a_call(key)).expect("a stored call");
    store.remove(call).unwrap();
    store.flush().unwrap();
    drop(store);

    let ran = site.run(&["replay", "--verify"]).await.with_code(1);
    assert!(
        ran.stdout.contains("state hashes differ") && ran.stdout.contains("account acme: call/"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("`calltrail replay --rebuild`"), "no way out in {}", ran.stdout);
    let json = site.run(&["replay", "--verify", "--format", "json"]).await.with_code(1).json();
    assert_eq!(json["same"], false);
    assert_ne!(json["live_hash"], json["replayed_hash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_on_the_same_folder_is_refused() {
    let (site, up, _) = Site::with_calls(1).await;
    let second = site.run(&["up"]).await.with_code(1);
    assert!(second.stderr.contains("another calltrail runs on"), "{}", second.stderr);
    assert_eq!(site.status().await["running"], true, "the first one was disturbed");
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let (site, mut up, _) = Site::with_calls(1).await;
    let taken = up.ready().await.to_string();
    let ran = site.run(&["up", "--path", "other", "--listen", &taken]).await.with_code(1);
    assert!(ran.stderr.contains(&taken) && ran.stderr.contains("http.listen"), "{}", ran.stderr);
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_cleanly_and_everything_is_free_afterwards() {
    let (site, up, _) = Site::with_calls(2).await;
    let imports = site.ledger().imports.len();
    let ended = up.terminated().await.with_code(0);
    assert!(ended.stderr.contains("\"stopping\""), "{}", ended.stderr);
    assert!(!ended.stderr.contains("\"level\":\"ERROR\""), "{}", ended.stderr);
    assert_eq!(site.status().await["running"], false);
    site.verified().await;

    let mut again = site.up();
    again.ready().await;
    site.quiet().await;
    assert_eq!(site.status().await["running"], true);
    again.terminated().await.with_code(0);
    assert_eq!(site.ledger().imports.len(), imports, "a restart imported something again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_by_itself_and_proves_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run_in(folder.path(), &["demo"], &[]).await.with_code(0);
    for expect in
        ["calls                    14  14 logged", "0 twice", "duplicates absorbed", "same state hash"]
    {
        assert!(ran.stdout.contains(expect), "{expect:?} is not in:\n{}", ran.stdout);
    }
    assert!(ran.stdout.contains("Voicemail - Sales line"), "no timeline in:\n{}", ran.stdout);
    let json = run_in(folder.path(), &["demo", "--format", "json"], &[]).await.with_code(0).json();
    assert_eq!(json["conversations"].as_array().map(Vec::len), Some(6));
    assert_eq!(json["proofs"]["activities_twice"], 0);
    assert_eq!(json["proofs"]["state_hash"], json["proofs"]["replayed_hash"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the demo left something behind");
}

/// The outside numbers of a history, as Front has them.
fn numbers(steps: &[Step]) -> Vec<String> {
    let mut numbers = std::collections::BTreeSet::new();
    for body in bodies_of(steps) {
        let webhook: Value = serde_json::from_str(body).expect("a webhook is JSON");
        numbers.insert(webhook["data"]["raw_digits"].as_str().expect("a number").replace(' ', ""));
    }
    numbers.into_iter().collect()
}
