//! Requests that are no webhooks: each is refused with a clear answer, nothing is stored, and the program goes on.

use std::net::SocketAddr;

use calltrail_simulator::aircall::random_history;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::aircall::{Aircall, bodies_of};
use super::site::Site;

/// What must not come back in an answer either.
const CANARY: &str = "canary-7f3a";
const TEN_MEGABYTES: usize = 10 * 1024 * 1024;
const LEVELS: usize = 200;

/// One request and the answer that it deserves.
struct Case {
    what: &'static str,
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    error: &'static str,
}

impl Case {
    fn post(what: &'static str, body: impl Into<Vec<u8>>, status: u16, error: &'static str) -> Self {
        let (method, path) = (Method::POST, "/webhooks/acme/aircall");
        Self { what, method, path, headers: Vec::new(), body: body.into(), status, error }
    }

    fn to(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    fn by(self, method: Method) -> Self {
        Self { method, ..self }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests() {
    let (site, mut up, _) = Site::with_calls(2).await;
    let address = up.ready().await;
    let before = site.records().await;
    for case in cases() {
        check(address, case).await;
    }
    assert_eq!(site.records().await, before, "something was stored");

    speak_nonsense(address).await;
    let aircall = Aircall::posting_to(address);
    aircall.deliver(&webhook("fixture-token")).await;
    site.quiet().await;
    assert!(site.records().await.len() > before.len(), "a good webhook is not taken any more");
    let status = site.status().await;
    let refused = &status["accounts"]["acme"]["live"]["webhooks"]["refused"];
    assert_eq!(refused["unauthenticated"], 5, "refusals are not counted: {refused:#}");
    let said = up.terminated().await.with_code(0).stderr;
    assert!(!said.contains(CANARY), "what was sent is in a log line");
}

fn cases() -> Vec<Case> {
    let good = || webhook("fixture-token");
    let deep = format!("{}{}", "[".repeat(LEVELS), "]".repeat(LEVELS));
    let nested = good().replacen("\"data\":{", &format!("\"data\":{{\"deep\":{deep},"), 1);
    assert!(nested.contains(&deep), "the webhook has the shape that is changed here");
    let whole = good();
    let open = whole.strip_suffix('}').expect("a webhook is an object");
    let twice = format!("{open},\"token\":\"{CANARY}\"}}");
    let long = format!("{{\"token\":\"fixture-token\",\"event\":\"{}\"}}", "x".repeat(TEN_MEGABYTES));
    let untold = json!({ "token": "fixture-token", "data": { "raw_digits": CANARY } }).to_string();
    vec![
        Case::post("a wrong token", webhook(CANARY), 401, "unauthenticated"),
        Case::post("a token that only begins right", webhook("fixture-toke"), 401, "unauthenticated"),
        Case::post("no token", without_token(), 401, "unauthenticated"),
        Case::post("ten megabytes", long, 413, "too_large"),
        Case::post("no JSON", format!("token={CANARY}"), 400, "malformed"),
        Case::post("half a webhook", &good().as_bytes()[..200], 400, "malformed"),
        Case::post("nothing", "", 400, "malformed"),
        Case::post("a list", format!("[{}]", good()), 400, "malformed"),
        Case::post(
            "no text",
            [b"{\"token\":\"".as_slice(), &[0xff, 0xfe], b"\"}"].concat(),
            400,
            "malformed",
        ),
        Case::post("200 levels of nesting", nested, 400, "malformed"),
        Case::post("a good token, and a wrong one last", twice, 401, "unauthenticated"),
        Case::post("no event", untold, 400, "malformed"),
        Case::post("another coding", good(), 415, "unsupported_encoding").with("content-encoding", "br"),
        Case::post("no gzip", good(), 400, "malformed").with("content-encoding", "gzip"),
        Case::post("an unknown account", good(), 404, "unknown_account").to("/webhooks/nobody/aircall"),
        Case::post("an unknown service", good(), 404, "not_found").to("/webhooks/acme/telegraph"),
        Case::post("an unknown address", good(), 404, "not_found").to("/status"),
        Case::post("a GET", "", 405, "method_not_allowed").by(Method::GET),
        Case::post("a DELETE", "", 405, "method_not_allowed").by(Method::DELETE),
        Case::post("Front without a signature", good(), 401, "unauthenticated").to("/webhooks/acme/front"),
    ]
}

/// A webhook of Aircall's with this token.
pub(super) fn webhook(token: &str) -> String {
    let history = random_history(7, 1, 1);
    let mut webhook: Value =
        bodies_of(&history).last().and_then(|body| serde_json::from_str(body).ok()).expect("a webhook");
    webhook["token"] = Value::from(token);
    webhook.to_string()
}

fn without_token() -> String {
    let mut webhook: Value = serde_json::from_str(&webhook("")).expect("a webhook is JSON");
    webhook.as_object_mut().expect("a webhook is an object").remove("token");
    webhook.to_string()
}

async fn check(address: SocketAddr, case: Case) {
    let client = reqwest::Client::builder().no_proxy().build().expect("an http client");
    let mut request = client.request(case.method, format!("http://{address}{}", case.path)).body(case.body);
    for (name, value) in case.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap_or_else(|e| panic!("{}: no answer: {e:?}", case.what));
    assert_eq!(answer.status().as_u16(), case.status, "{}", case.what);
    if case.status == 405 {
        assert_eq!(answer.headers()["allow"], "POST", "{}", case.what);
    }
    check_body(case.what, case.error, answer).await;
}

async fn check_body(what: &str, error: &str, answer: Response) {
    assert_eq!(answer.headers()["content-type"], "application/json", "{what}");
    let text = answer.text().await.expect("an answer has a body");
    let body: Value = serde_json::from_str(&text).expect("an answer is JSON");
    assert_eq!(body["error"], error, "{what}: {body}");
    let message = body["message"].as_str().expect("an answer says what is wrong");
    assert!(
        message.contains(' ') && !text.contains(CANARY) && !text.contains("fixture-token"),
        "{what}: {text}"
    );
}

/// What is no HTTP at all ends that connection and nothing else.
async fn speak_nonsense(address: SocketAddr) {
    for nonsense in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"hello\r\n\r\n", b"POST / HTTP/9\r\n\r\n"]
    {
        let mut connection = tokio::net::TcpStream::connect(address).await.expect("a connection");
        connection.write_all(nonsense).await.expect("nonsense is sent");
        connection.shutdown().await.expect("nonsense ends");
        let mut answer = Vec::new();
        // Whether it is answered or cut off does not matter.
        let _ = connection.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "nonsense is taken for a webhook");
    }
}
