//! The token of Aircall's webhook, where it is not configured: read from Aircall beside everything else, and kept.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use calltrail_simulator::aircall::random_history;
use serde_json::Value;

use super::aircall::bodies_of;
use super::company::Company;
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::up::Up;

const REQUESTS_PER_MINUTE: u32 = 3_600;

/// A company whose configuration has no token.
async fn without_tokens() -> Company {
    let company = Company::new(REQUESTS_PER_MINUTE).await;
    company.configure(|text| {
        text.lines().filter(|line| !line.starts_with("webhook_tokens")).collect::<Vec<_>>().join("\n")
    });
    company
}

/// A webhook with this token.
fn body(token: &str) -> String {
    let steps = random_history(1, 1, 1);
    let body = bodies_of(&steps).next().expect("a call has webhooks");
    let mut body: Value = serde_json::from_str(body).expect("a webhook is JSON");
    body["token"] = token.into();
    body.to_string()
}

/// The status and the body of the answer, and whether it says when to come again.
async fn posted(webhooks_at: SocketAddr, token: &str) -> (u16, String, bool) {
    let client = reqwest::Client::builder().no_proxy().build().expect("an http client");
    let url = format!("http://{webhooks_at}/webhooks/acme/aircall");
    let answer = client.post(url).body(body(token)).send().await.expect("it answers");
    let (status, again) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
    (status, answer.text().await.expect("a text"), again)
}

async fn health(operator_at: SocketAddr, what: &str) -> (u16, String) {
    let answer = reqwest::get(format!("http://{operator_at}/health/{what}")).await.expect("it answers");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// Returns when the program says that it knows the token, or is in trouble, as wanted.
async fn until(company: &Company, known: bool, in_trouble: bool) -> Value {
    let started = Instant::now();
    loop {
        let status = company.run(&["status", "--format", "json"]).await.with_code(0).json();
        let token = &status["accounts"]["acme"]["live"]["webhook_token"];
        if token["known"] == known && token["trouble"].is_string() == in_trouble {
            return token.clone();
        }
        assert!(started.elapsed() < QUIET_MAX, "known {known}, trouble {in_trouble}, but {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[track_caller]
fn check_said_once(said: &str, message: &str) {
    let told = said.lines().filter(|line| line.contains(&format!("\"message\":\"{message}\""))).count();
    assert_eq!(told, 1, "{message:?} in:\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_a_webhook_shows_what_is_missing_and_goes_on_alone() {
    let company = without_tokens().await;
    let mut up = Up::start(company.folder());
    let webhooks_at = up.ready().await;
    let token = until(&company, false, true).await;
    let trouble = token["trouble"].as_str().expect("it is in trouble");
    assert!(trouble.contains("run `calltrail webhook register --account acme`"), "{trouble}");
    let (status, said, again) = posted(webhooks_at, "fixture-token").await;
    assert!(status == 503 && said.contains("token_not_known") && again, "{status} {said}");
    assert_eq!(posted(webhooks_at, "canary").await.0, 503, "strangers are not told apart");
    assert_eq!(health(up.operator_at(), "live").await.0, 200);
    let (status, ready) = health(up.operator_at(), "ready").await;
    assert!(
        status == 200 && ready.starts_with("ready\naccount acme: webhook token not known, since"),
        "{ready}"
    );
    let text = company.run(&["status"]).await.with_code(0).stdout;
    assert!(text.contains("webhook token not known, since") && text.contains("2 token_not_known"), "{text}");

    company.run(&["webhook", "register"]).await.with_code(0);
    until(&company, true, false).await;
    assert_eq!(posted(webhooks_at, "fixture-token").await.0, 200);
    assert_eq!(posted(webhooks_at, "canary").await.0, 401);
    assert_eq!(health(up.operator_at(), "ready").await, (200, "ready\n".to_owned()));
    let kept = company.folder().join("data/webhook-token.acme.json");
    let mode = std::fs::metadata(kept).expect("the token is kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let ended = up.terminated().await.with_code(0);
    check_said_once(&ended.stderr, "webhook token not read from Aircall; asked again until it is");
    check_said_once(&ended.stderr, "webhook token read from Aircall again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_token_is_taken_while_aircall_answers_nothing_of_use() {
    let company = without_tokens().await;
    company.run(&["webhook", "register"]).await.with_code(0);
    let mut up = Up::start(company.folder());
    up.ready().await;
    until(&company, true, false).await;
    up.terminated().await.with_code(0);

    for (variables, failures, why) in [
        (&[("AIRCALL_API_TOKEN", "canary")][..], 0, "does not take the credential"),
        (&[], u32::MAX, "cannot answer now (503)"),
    ] {
        company.aircall(|api| api.plan_failures(failures));
        let mut up = Up::start_with(company.folder(), &["up"], variables);
        let webhooks_at = up.ready().await;
        assert_eq!(posted(webhooks_at, "fixture-token").await.0, 200, "{why}");
        let token = until(&company, true, true).await;
        assert!(token["trouble"].as_str().is_some_and(|trouble| trouble.contains(why)), "{token:#}");
        let (status, ready) = health(up.operator_at(), "ready").await;
        assert!(status == 200 && ready.contains("webhook token kept from before, since"), "{ready}");
        up.terminated().await.with_code(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_made_again_brings_its_token_beside_the_former_one() {
    let company = without_tokens().await;
    company.run(&["webhook", "register"]).await.with_code(0);
    let mut up = Up::start(company.folder());
    up.ready().await;
    until(&company, true, false).await;
    up.terminated().await.with_code(0);
    company.aircall(|api| api.webhooks_mut()[0].token = "rotated-token".to_owned());
    let mut up = Up::start(company.folder());
    let webhooks_at = up.ready().await;
    let started = Instant::now();
    while posted(webhooks_at, "rotated-token").await.0 != 200 {
        assert!(started.elapsed() < QUIET_MAX, "the new token is not taken");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    assert_eq!(
        posted(webhooks_at, "fixture-token").await.0,
        200,
        "Aircall may still repeat what it sent before"
    );
    assert_eq!(posted(webhooks_at, "canary").await.0, 401);
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_that_receives_keeps_the_token_too() {
    let company = without_tokens().await;
    company.configure(|text| {
        let jetstream = "[log]\nbackend = \"jetstream\"\njetstream = { url = \"nats://127.0.0.1:9\" }";
        let text = text.replacen("[log]", jetstream, 1);
        text.lines().filter(|line| !line.starts_with("webhook_tokens")).collect::<Vec<_>>().join("\n")
    });
    let mut ingest = Up::start_with(company.folder(), &["ingest"], &[]);
    assert_eq!(posted(ingest.ready().await, "fixture-token").await.0, 503);
    company.run(&["webhook", "register"]).await.with_code(0);
    until(&company, true, false).await;
    assert_eq!(posted(ingest.ready().await, "fixture-token").await.0, 200);
    ingest.terminated().await.with_code(0);
    company.aircall(|api| api.plan_failures(u32::MAX));
    let mut ingest = Up::start_with(company.folder(), &["ingest"], &[]);
    assert_eq!(posted(ingest.ready().await, "fixture-token").await.0, 200);
    ingest.terminated().await.with_code(0);
}

/// What the doctor says is to be done, in its order.
async fn advice(company: &Company) -> Vec<(String, String)> {
    let (_, findings) = company.findings(&[]).await;
    let problems = findings.iter().filter(|finding| finding["state"] == "problem");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    problems.map(|finding| (text(&finding["check"]), text(&finding["mend"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_advises_the_same_before_the_start_and_after() {
    let company = without_tokens().await;
    let before = advice(&company).await;
    let checks: Vec<_> = before.iter().map(|(check, _)| check.as_str()).collect();
    // As `init` has it: first the webhook is registered, then the program is started.
    assert_eq!(checks, ["aircall webhook", "public address"]);
    assert!(
        before[0].1.contains("calltrail webhook register") && before[1].1.contains("calltrail up"),
        "{before:?}"
    );
    let mut up = Up::start(company.folder());
    up.ready().await;
    assert_eq!(advice(&company).await, before, "nothing is registered, and the public address leads nowhere");
    company.run(&["webhook", "register"]).await.with_code(0);
    assert_eq!(advice(&company).await, before[1..]);
    up.terminated().await.with_code(0);
}
