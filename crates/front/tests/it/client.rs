//! The client over a loopback connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use calltrail_domain::ids::{ConversationId, MessageUid};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Ambiguous, Answer, Client, ClientError, NotApplied, Reply, Request};
use secrecy::SecretString;
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn client(address: SocketAddr) -> Client {
    Client::new(&format!("http://{address}/"), SecretString::from("secret")).expect("a loopback client")
}

#[tokio::test]
async fn the_token_is_sent_and_the_reported_rate_and_time_come_back() {
    let me = get(|headers: HeaderMap| async move {
        let good = headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer secret");
        let status = if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        let told = [("x-ratelimit-limit", "100"), ("date", "Tue, 14 Nov 2023 22:13:20 GMT")];
        (status, told, r#"{"id":"cmp_1"}"#)
    });
    let exchange = client(serve(Router::new().route("/me", me)).await).send(&Request::Me, PATIENCE).await;
    assert_eq!(exchange.answer, Answer::Done(Reply::Company("cmp_1".to_owned())));
    assert_eq!(exchange.rate.limit, Some(100));
    assert_eq!(exchange.rate.answered_at, Some(Timestamp::from_seconds(1_700_000_000)));
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let moved = get(|| async { (StatusCode::MOVED_PERMANENTLY, [("location", "/conversations/cnv_2")], "") });
    let router = Router::new().route("/conversations/cnv_1", moved);
    let request = Request::GetConversation(ConversationId::new("cnv_1"));
    let exchange = client(serve(router).await).send(&request, PATIENCE).await;
    assert_eq!(exchange.answer, Answer::Moved(ConversationId::new("cnv_2")));
}

#[tokio::test]
async fn a_refused_connection_is_certainly_not_applied() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    drop(listener);
    let exchange = client(address).send(&Request::Me, PATIENCE).await;
    let expect = Answer::NotApplied { reason: NotApplied::NoConnection, retry_after: None };
    assert_eq!(exchange.answer, expect);
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_ambiguous_and_sent_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    let accepted = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            socket.readable().await.expect("a request comes");
        }
    });
    let exchange = client(address).send(&Request::Me, PATIENCE).await;
    assert_eq!(exchange.answer, Answer::Ambiguous { reason: Ambiguous::ConnectionLost });
    assert_eq!(accepted.load(Ordering::SeqCst), 1, "a repeat would have come before the answer");
}

#[tokio::test]
async fn no_answer_in_time_is_ambiguous() {
    let never = get(std::future::pending::<()>);
    let address = serve(Router::new().route("/messages/{id}", never)).await;
    let request = Request::GetMessageByUid(MessageUid::new("u1"));
    let exchange = client(address).send(&request, Duration::from_millis(200)).await;
    assert_eq!(exchange.answer, Answer::Ambiguous { reason: Ambiguous::Timeout });
}

#[test]
fn the_token_is_never_sent_in_the_clear_to_another_machine() {
    let new = |base: &str| Client::new(base, SecretString::from("secret"));
    for good in ["https://api2.frontapp.com", "http://127.0.0.1:8080", "http://localhost:1/"] {
        assert!(new(good).is_ok(), "{good}");
    }
    for insecure in ["http://api2.frontapp.com", "http://127.0.0.1.example.com"] {
        assert!(matches!(new(insecure), Err(ClientError::Insecure { .. })), "{insecure}");
    }
    let bad = ["", "api2.frontapp.com", "ftp://127.0.0.1", "https://api2.frontapp.com?x"];
    let with_password = ["https://me:hidden@api2.frontapp.com", "https://:hidden@api2.frontapp.com"];
    for bad in bad.into_iter().chain(with_password) {
        let Err(error) = new(bad) else { panic!("{bad} is refused") };
        assert!(matches!(error, ClientError::BadBaseUrl), "{bad}");
        assert!(!format!("{error} {error:?}").contains("hidden"), "no password is shown");
    }
    let Err(insecure) = new("http://me:hidden@api2.frontapp.com") else { panic!("http is refused") };
    assert!(!format!("{insecure} {insecure:?}").contains("hidden"), "no password is shown");
    assert!(!format!("{:?}", new("http://localhost").expect("a client")).contains("secret"));
}
