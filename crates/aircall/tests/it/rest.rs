//! The REST client over a loopback connection.

use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post, put};
use calltrail_aircall::rest::{Client, ClientError, RestError, Unreachable, WEBHOOK_EVENTS};
use calltrail_domain::ids::CallId;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;

async fn client(router: Router) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    tokio::spawn(async move { axum::serve(listener, router).await });
    new(&format!("http://{address}/")).expect("a loopback client")
}

fn new(base: &str) -> Result<Client, ClientError> {
    Client::new(base, SecretString::from("id"), SecretString::from("hidden"))
}

#[tokio::test]
async fn the_credential_is_sent_as_basic_authentication() {
    let ping = get(|headers: HeaderMap| async move {
        let good = headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Basic aWQ6aGlkZGVu");
        if good { (StatusCode::OK, r#"{"ping":"pong"}"#) } else { (StatusCode::FORBIDDEN, "") }
    });
    assert_eq!(client(Router::new().route("/v1/ping", ping)).await.ping().await, Ok(()));
}

/// Two pages whose link to the next one leads elsewhere: only that there is one counts.
async fn users(Query(asked): Query<Vec<(String, String)>>) -> String {
    let asked_for = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(asked_for("per_page"), Some("50"));
    let (users, next) = match asked_for("page") {
        Some("1") => (r#"{"id": 1, "email": "Iris@Example.com"}, {"id": "2"}, 3"#, r#""http://elsewhere/""#),
        _ => (r#"{"id": 4, "email": null}"#, "null"),
    };
    format!(r#"{{"meta": {{"next_page_link": {next}}}, "users": [{users}]}}"#)
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_what_cannot_be_read_is_left_out() {
    let users = client(Router::new().route("/v1/users", get(users))).await.users().await.expect("a list");
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    assert_eq!(ids, [Some(1), Some(2), Some(4)]);
    assert_eq!(users[0].email.as_deref(), Some("Iris@Example.com"));
    assert!(!format!("{users:?}").contains("Iris"), "no address is shown");
}

#[tokio::test]
async fn a_list_that_does_not_end_is_given_up() {
    let page =
        get(|| async { r#"{"meta": {"next_page_link": "x"}, "numbers": [{"id": 7, "name": "Desk"}]}"# });
    let listed = client(Router::new().route("/v1/numbers", page)).await.lines().await;
    assert_eq!(listed, Err(RestError::Malformed { what: "a list that does not end" }));
}

#[tokio::test]
async fn a_webhook_is_asked_for_with_exactly_our_events_and_its_token_is_not_shown() {
    let made = post(|body: String| async move {
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["events"], serde_json::json!(WEBHOOK_EVENTS));
        let webhook = r#"{"webhook_id": "u1", "url": "https://x/", "active": true, "token": "hidden"}"#;
        (StatusCode::CREATED, format!(r#"{{"webhook": {webhook}}}"#))
    });
    let client = client(Router::new().route("/v1/webhooks", made)).await;
    let webhook = client.create_webhook("https://x/", "Calltrail").await.expect("a webhook");
    assert_eq!((webhook.id.as_str(), webhook.active, webhook.events.len()), ("u1", true, 0));
    assert_eq!(webhook.token.as_ref().map(ExposeSecret::expose_secret), Some("hidden"));
    assert!(!format!("{webhook:?} {client:?}").contains("hidden"));
}

#[tokio::test]
async fn webhook_is_changed_in_its_events_and_where_it_must_be_in_its_address() {
    for url in [None, Some("https://x/webhooks/acme/aircall")] {
        let changed = put(move |body: String| async move {
            let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(body["events"], serde_json::json!(WEBHOOK_EVENTS));
            assert_eq!(
                (body["active"].as_bool(), body.get("url").and_then(|url| url.as_str())),
                (Some(true), url)
            );
            r#"{"webhook": {"webhook_id": "u1", "url": "https://x", "active": true, "active": true}}"#
        });
        let client = client(Router::new().route("/v1/webhooks/u1", changed)).await;
        assert_eq!(client.update_webhook("u1", url).await.expect("a webhook").id, "u1");
    }
}

#[tokio::test]
async fn a_recording_is_a_link_that_is_not_shown() {
    let call = get(|| async { r#"{"call": {"id": 812, "recording": "https://media/hidden", "tags": 7}}"# });
    let call = client(Router::new().route("/v1/calls/812", call)).await.call(CallId(812)).await;
    let call = call.expect("a call");
    assert_eq!(call.recording.as_ref().map(ExposeSecret::expose_secret), Some("https://media/hidden"));
    assert!(!format!("{call:?}").contains("hidden"));
}

#[tokio::test]
async fn each_failure_has_its_meaning() {
    let refused = RestError::Refused { status: 400, reason: "url of [number] [address] is bad".to_owned() };
    let body = r#"{"error":"Invalid value","troubleshoot":"url of +447700900123 iris@example.com is bad"}"#;
    let too_many = |seconds| RestError::TooMany { retry_after: Duration::from_secs(seconds) };
    let malformed = RestError::Malformed { what: "a ping without a pong" };
    for (status, headers, body, expect, is_retryable) in [
        (401, None, r#"{"message":"Unauthorized"}"#, RestError::BadCredential { status: 401 }, false),
        (403, None, r#"{"message":"Forbidden"}"#, RestError::BadCredential { status: 403 }, false),
        (404, None, r#"{"message":"Not Found"}"#, RestError::NotFound, false),
        (401, None, "<html>Log in</html>", RestError::NotAircall { status: 401 }, true),
        (403, None, "", RestError::NotAircall { status: 403 }, true),
        (404, None, "<html>404</html>", RestError::NotAircall { status: 404 }, true),
        (400, None, "{}", RestError::NotAircall { status: 400 }, true),
        (407, None, "[]", RestError::NotAircall { status: 407 }, true),
        (429, Some("7"), "", too_many(7), true),
        (429, None, "", too_many(60), true),
        (400, None, body, refused, false),
        (503, None, "", RestError::Failing { status: 503 }, true),
        (302, None, "", RestError::Malformed { what: "a status that it does not use" }, false),
        (200, None, "<html>", malformed, false),
    ] {
        let ping = get(move || async move {
            let mut given = HeaderMap::new();
            given.extend(headers.map(|wait: &str| (header::RETRY_AFTER, wait.parse().expect("a header"))));
            (StatusCode::from_u16(status).expect("a status"), given, body)
        });
        let failed = client(Router::new().route("/v1/ping", ping)).await.ping().await;
        assert_eq!(failed, Err(expect.clone()), "{status}");
        assert_eq!(expect.is_retryable(), is_retryable, "{status}");
    }
    let nobody = new("http://127.0.0.1:9").expect("a client").ping().await;
    assert_eq!(nobody, Err(RestError::Unreachable(Unreachable::NoConnection)));
}

#[test]
fn the_credential_is_never_sent_in_the_clear_to_another_machine() {
    assert!(new("https://api.aircall.io").is_ok() && new("http://localhost:1/").is_ok());
    assert!(matches!(new("http://api.aircall.io"), Err(ClientError::Insecure { .. })));
    for bad in ["", "api.aircall.io", "https://me:secret@api.aircall.io", "https://api.aircall.io?x"] {
        let Err(error) = new(bad) else { panic!("{bad} is refused") };
        assert!(!format!("{error} {error:?}").contains("secret"), "no password is shown");
    }
}
