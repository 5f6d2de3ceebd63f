//! The shell end to end: a real client, real sockets, a real receiver of webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use calltrail_simulator::aircall::{
    Api, ApiOptions, CallScript, Disturbance, LINES, Patience, day, disturb, steps_of,
};
use calltrail_simulator::front::{Act, Action, Fault, Front, FrontOptions, PlannedFault, Subject, signature};
use calltrail_simulator::http::{
    AircallPlayer, Clock, Handle, Pace, ServeError, WebhookError, serve, serve_aircall,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{CALLER, TOKEN, draft, draft_with};

async fn served(clock: Clock) -> Handle {
    let mut options = FrontOptions::default();
    options.behaviour.burst_limit = false;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    serve(listener, Front::new(options, 7), clock).await.expect("loopback is allowed")
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client without TLS roots can be built")
}

async fn import(front: &Handle, draft: &Value) -> Result<reqwest::Response, reqwest::Error> {
    let url = format!("{}/inboxes/inb_1/imported_messages", front.base_url());
    client().post(url).bearer_auth(TOKEN).json(draft).send().await
}

/// What a receiver got, and what it answers next.
#[derive(Debug, Clone, Default)]
struct Receiver {
    seen: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    refusals: Arc<Mutex<u32>>,
}

impl Receiver {
    async fn listening(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
        let router = Router::new().route("/hook", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn seen(&self) -> Vec<(HeaderMap, Bytes)> {
        self.seen.lock().expect("no test panics while it holds this").clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<(HeaderMap, Bytes)> {
        while self.seen().len() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.seen()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let challenge =
        headers.get("x-front-challenge").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let answer = challenge.to_owned();
    let mut refusals = receiver.refusals.lock().expect("no test panics while it holds this");
    if *refusals > 0 {
        *refusals -= 1;
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    receiver.seen.lock().expect("no test panics while it holds this").push((headers, body));
    (StatusCode::OK, answer)
}

#[tokio::test]
async fn an_import_over_http_becomes_visible_as_the_clock_moves() {
    let front = served(Clock::manual(1_700_000_000_000)).await;
    let accepted = import(&front, &draft("a")).await.unwrap();
    assert_eq!(accepted.status(), 202);
    assert_eq!(accepted.headers()["x-ratelimit-remaining"], "99");
    let uid = accepted.json::<Value>().await.unwrap()["message_uid"].as_str().unwrap().to_owned();
    let message =
        || client().get(format!("{}/messages/alt:uid:{uid}", front.base_url())).bearer_auth(TOKEN).send();
    assert_eq!(message().await.unwrap().status(), 404);
    let clock = format!("{}/_sim/clock", front.base_url());
    client().post(clock).json(&json!({ "advance_ms": 1_000 })).send().await.unwrap();
    let shown: Value = message().await.unwrap().json().await.unwrap();
    let link = shown["_links"]["related"]["conversation"].as_str().unwrap().to_owned();
    let conversation = client().get(link).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(conversation.status(), 200, "links lead back to the server");
}

#[tokio::test]
async fn a_reset_closes_the_connection_without_an_answer() {
    let front = served(Clock::manual(1_700_000_000_000)).await;
    for (fault, imports) in [(Fault::LostBefore, 0), (Fault::LostAfter, 1)] {
        let path_contains = "imported_messages".into();
        front.front(|model| {
            model.plan_fault(PlannedFault { method: "POST".into(), path_contains, fault, times: 1 });
        });
        let error = import(&front, &draft("a")).await.expect_err("there is no answer");
        assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
        assert_eq!(front.front(|model| model.ledger().imports.len()), imports);
    }
    assert_eq!(import(&front, &draft("a")).await.unwrap().status(), 202, "the next connection works");
}

#[tokio::test]
async fn webhooks_are_validated_signed_pushed_and_repeated() {
    let front = served(Clock::system()).await;
    let receiver = Receiver::default();
    let url = receiver.listening().await;
    front.connect_webhook(&url).await.unwrap();
    import(&front, &draft("a")).await.unwrap();
    *receiver.refusals.lock().unwrap() = 1;
    let act = json!({ "by": "tea_1", "on": { "contact": CALLER }, "do": "archive" });
    loop {
        let acted = client().post(format!("{}/_sim/act", front.base_url())).json(&act).send().await.unwrap();
        if acted.status() == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let seen = receiver.wait_for(2).await;
    let (headers, body) = &seen[1];
    let webhook: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(webhook["type"], "conversation_archived");
    let timestamp = headers["x-front-request-timestamp"].to_str().unwrap().parse().unwrap();
    assert_eq!(
        headers["x-front-signature"].to_str().unwrap(),
        signature("front-signing-key", timestamp, body)
    );
    let attempts = front.front(|model| model.ledger().webhooks[0].attempts);
    assert_eq!(attempts, 2, "the refused delivery was repeated");
}

#[tokio::test]
async fn a_receiver_that_does_not_echo_the_challenge_gets_no_webhooks() {
    let front = served(Clock::system()).await;
    let router = Router::new().route("/hook", post(|| async { "hello" }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    assert!(matches!(front.connect_webhook(&url).await, Err(WebhookError::NoEcho)));
    assert!(!front.front(|model| model.behaviour().webhooks));
}

#[tokio::test]
async fn the_control_surface_shows_and_changes_the_model() {
    let front = served(Clock::manual(1_700_000_000_000)).await;
    let at = |path: &str| format!("{}/_sim/{path}", front.base_url());
    let change = |path: &str, body: Value| client().patch(at(path)).json(&body).send();
    assert_eq!(
        change("behaviour", json!({ "repeat": "conflict", "requests_per_minute": 1 }))
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(change("behaviour", json!({ "colour": "red" })).await.unwrap().status(), 400);
    import(&front, &draft("a")).await.unwrap();
    assert_eq!(import(&front, &draft("b")).await.unwrap().status(), 429);
    assert_eq!(change("faults", json!({ "down": true })).await.unwrap().status(), 204);
    import(&front, &draft("c")).await.expect_err("front is down");
    let faults: Value = client().get(at("faults")).send().await.unwrap().json().await.unwrap();
    assert_eq!(faults["down"], true);
    let planned = json!({ "method": "GET", "path_contains": "/me", "fault": "slow", "times": 1 });
    assert_eq!(client().post(at("faults/planned")).json(&planned).send().await.unwrap().status(), 204);
    let ledger: Value = client().get(at("ledger")).send().await.unwrap().json().await.unwrap();
    assert_eq!(ledger["requests"].as_array().map(Vec::len), Some(3));
    assert_eq!(ledger["requests"][2]["status"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_clients_at_once_never_import_one_external_id_twice() {
    let front = Arc::new(served(Clock::system()).await);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let front = Arc::clone(&front);
            tokio::spawn(async move {
                for number in 0..8 {
                    let thread = ("metadata.thread_ref", json!(format!("party-{}", number % 2)));
                    import(&front, &draft_with(&format!("m{number}"), &[thread])).await.unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    front.clock().advance(1_000);
    let ledger = front.front(|model| model.ledger());
    assert_eq!((ledger.requests.len(), ledger.messages().len(), ledger.conversations.len()), (64, 8, 2));
}

#[tokio::test]
async fn the_player_delivers_every_webhook_of_a_disturbed_day_and_lets_people_act() {
    let day = day(1, 1_767_600_000);
    let steps = disturb(
        2,
        &day.steps,
        &Disturbance { duplicate_permille: 100, delay_permille: 100, delay_ms_max: 9_000 },
    );
    let front = served(Clock::system()).await;
    let thread = draft_with("a", &[("sender.handle", json!("+447700900123"))]);
    import(&front, &thread).await.unwrap();
    let receiver = Receiver::default();
    *receiver.refusals.lock().unwrap() = 5;
    let pace = Pace { speed: 1e9, gap_ms_max: 1 };
    let player = AircallPlayer::new(&receiver.listening().await, pace).unwrap();
    let mut told = 0;
    let report = player.play(&steps, Some(&front), |_| told += 1).await;
    assert_eq!(told, steps.len());
    assert_eq!((report.delivered as usize, report.repeated, report.given_up), (steps.len() - 1, 5, 0));
    assert_eq!((report.acts, report.acts_refused), (1, 0));
    assert_eq!(receiver.seen().len(), steps.len() - 1);
    assert_eq!(front.front(|model| model.ledger().conversations[0].status), "archived");
}

/// Two calls before an outage of the receiver, two in it and two after it, in a patience of less than a second.
#[tokio::test]
async fn an_outage_longer_than_aircalls_patience_loses_webhooks_and_no_calls() {
    let call = |id: i64| CallScript::inbound(id, LINES[0], "+44 7700 900123", 1_767_600_000 + id);
    let steps = |ids: [i64; 2]| steps_of(&ids.map(call));
    let patience = Patience { failures_in_row_max: Some(3), ..Patience::default().scaled(100_000) };
    let mut api = Api::new(ApiOptions { patience, ..ApiOptions::default() });
    let receiver = Receiver::default();
    api.connect_webhook(&receiver.listening().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let aircall = serve_aircall(listener, api, Clock::system()).await.expect("loopback is allowed");
    let player = AircallPlayer::of(&aircall, Pace { speed: 1e9, gap_ms_max: 20 });
    let before = player.play(&steps([1, 2]), None, |_| ()).await;
    assert_eq!((before.delivered, before.given_up, before.unsent), (6, 0, 0));
    *receiver.refusals.lock().unwrap() = u32::MAX;
    let outage = player.play(&steps([3, 4]), None, |_| ()).await;
    assert_eq!((outage.delivered, outage.given_up + outage.unsent), (0, 6));
    *receiver.refusals.lock().unwrap() = 0;
    assert!(!aircall.api(|api| api.webhooks()[0].active), "nobody has switched it on");
    assert_eq!(player.play(&steps([5, 6]), None, |_| ()).await.unsent, 6);
    aircall.api(|api| api.webhooks_mut()[0].active = true);
    assert_eq!(player.play(&steps([7, 8]), None, |_| ()).await.delivered, 6);
    assert_eq!((receiver.seen().len(), aircall.api(|api| api.calls_known())), (12, 8));
}

#[tokio::test]
async fn only_loopback_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, Front::new(FrontOptions::default(), 1), Clock::system()).await;
    assert!(matches!(refused, Err(ServeError::NotLoopback { .. })));
}

#[tokio::test]
async fn a_dropped_handle_stops_the_server() {
    let front = served(Clock::system()).await;
    let act = Act { by: "tea_1".into(), on: Subject::Contact(CALLER.into()), action: Action::Archive };
    assert!(front.front(|model| model.act(0, &act)).is_err());
    let url = format!("{}/me", front.base_url());
    assert_eq!(client().get(&url).bearer_auth(TOKEN).send().await.unwrap().status(), 200);
    drop(front);
    while client().get(&url).bearer_auth(TOKEN).send().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
