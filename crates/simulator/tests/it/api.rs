//! Aircall's REST API: credentials, lists, webhooks, calls and their audio.

use calltrail_simulator::aircall::{
    AGENTS, AUDIO, Agent, Api, ApiOptions, CALL_EVENTS, CallScript, LINES, WEBHOOK_TOKEN,
};
use calltrail_simulator::front::Response;
use serde_json::{Value, json};

use crate::support::basic;

const NOW_MS: i64 = 1_700_000_000_000;
const URL: &str = "https://calls.example.com/webhooks/acme/aircall";

fn send(api: &mut Api, method: &str, path: &str, body: &Value) -> Response {
    api.step(NOW_MS, &basic(method, path, Some("aircall-api-id:aircall-api-token"), body))
}

fn get(api: &mut Api, path: &str) -> Response {
    send(api, "GET", path, &Value::Null)
}

#[test]
fn a_missing_credential_is_answered_otherwise_than_a_wrong_one() {
    let mut api = Api::new(ApiOptions::default());
    for (credential, status, body) in [
        (None, 401, json!({ "message": "Unauthorized" })),
        (Some("aircall-api-id:wrong"), 403, json!({ "message": "Forbidden" })),
        (Some("aircall-api-id:aircall-api-token"), 200, json!({ "ping": "pong" })),
    ] {
        let response = api.step(NOW_MS, &basic("GET", "/v1/ping", credential, &Value::Null));
        assert_eq!((response.status, response.json()), (status, body), "{credential:?}");
    }
    assert_eq!(get(&mut api, "/v1/nothing").json(), json!({ "message": "Not Found" }));
}

#[test]
fn a_list_comes_in_pages_of_at_most_fifty() {
    let user = |id| Agent { id, ..AGENTS[0] };
    let mut api = Api::new(ApiOptions { users: (1..=70).map(user).collect(), ..ApiOptions::default() });
    for (path, count, next) in [
        ("/v1/users", 20, Some("https://api.aircall.io/v1/users?page=2&per_page=20")),
        ("/v1/users?per_page=90", 50, Some("https://api.aircall.io/v1/users?page=2&per_page=50")),
        ("/v1/users?page=2&per_page=50", 20, None),
        ("/v1/users?page=9", 0, None),
    ] {
        let page = get(&mut api, path).json();
        assert_eq!(page["users"].as_array().map(Vec::len), Some(count), "{path}");
        assert_eq!(page["meta"]["next_page_link"].as_str(), next, "{path}");
        assert_eq!(page["meta"]["total"], 70, "{path}");
    }
    assert_eq!(get(&mut api, "/v1/numbers").json()["numbers"][0]["id"], LINES[0].id);
}

#[test]
fn a_webhook_that_names_no_events_gets_all_of_them_when_it_is_made_and_when_it_is_changed() {
    let mut api = Api::new(ApiOptions::default());
    let made = send(&mut api, "POST", "/v1/webhooks", &json!({ "url": URL }));
    let webhook = made.json()["webhook"].clone();
    assert_eq!((made.status, webhook["events"].clone()), (201, json!(CALL_EVENTS)));
    assert_eq!(webhook["token"], WEBHOOK_TOKEN);
    let path = format!("/v1/webhooks/{}", webhook["webhook_id"].as_str().expect("an id"));
    for (change, query, expect) in [
        (json!({ "events": ["call.ended"] }), "", json!(["call.ended"])),
        (json!({ "events": ["call.created"] }), "?events_action=add", json!(["call.ended", "call.created"])),
        (json!({ "events": ["call.ended"] }), "?events_action=remove", json!(["call.created"])),
        (json!({ "active": false }), "", json!(CALL_EVENTS)),
    ] {
        let changed = send(&mut api, "PUT", &format!("{path}{query}"), &change).json();
        assert_eq!(changed["webhook"]["events"], expect, "{change}");
    }
    assert_eq!(get(&mut api, &path).json()["webhook"]["active"], false);
    assert_eq!(get(&mut api, "/v1/webhooks").json()["webhooks"][0]["token"], WEBHOOK_TOKEN);
}

#[test]
fn a_webhook_that_is_made_twice_is_there_twice_up_to_a_hundred() {
    let mut api = Api::new(ApiOptions::default());
    let new = json!({ "url": URL });
    for _ in 0..100 {
        assert_eq!(send(&mut api, "POST", "/v1/webhooks", &new).status, 201);
    }
    assert_eq!(send(&mut api, "POST", "/v1/webhooks", &new).status, 400);
    assert_eq!(api.webhooks().len(), 100);
    assert_ne!(api.webhooks()[0].token, api.webhooks()[1].token);
    let mut api = Api::new(ApiOptions::default());
    for bad in [json!({}), json!({ "url": URL, "events": ["call.gossip"] })] {
        assert_eq!(send(&mut api, "POST", "/v1/webhooks", &bad).status, 400, "{bad}");
    }
}

#[test]
fn a_company_asks_a_hundred_and_twenty_times_in_a_sliding_minute() {
    let mut api = Api::new(ApiOptions::default());
    for _ in 0..120 {
        assert_eq!(get(&mut api, "/v1/ping").status, 200);
    }
    let refused = get(&mut api, "/v1/ping");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    assert_eq!(refused.header("x-aircallapi-remaining"), Some("0"));
    let later = basic("GET", "/v1/ping", Some("aircall-api-id:aircall-api-token"), &Value::Null);
    assert_eq!(api.step(NOW_MS + 60_000, &later).status, 200);
}

#[test]
fn a_call_that_was_given_is_shown_and_its_audio_is_there_for_an_hour() {
    let mut api = Api::new(ApiOptions::default());
    assert_eq!(get(&mut api, "/v1/calls/812").status, 404);
    let call = CallScript::inbound(812, LINES[0], "+44 7700 900123", 1_700_000_000);
    for event in call.answered(AGENTS[0], 5).recorded().ends(60).events() {
        api.give_call(&event.body);
    }
    let shown = get(&mut api, "/v1/calls/812").json();
    assert_eq!(shown["call"]["status"], "done");
    let link = shown["call"]["recording"].as_str().expect("it was recorded");
    let path = link.strip_prefix("https://api.aircall.io").expect("a link into the model");
    let open = basic("GET", path, None, &Value::Null);
    for (at_ms, status) in [(NOW_MS, 200), (NOW_MS + 3_599_999, 200), (NOW_MS + 3_600_000, 403)] {
        let audio = api.step(at_ms, &open);
        assert_eq!(audio.status, status, "{} s later", (at_ms - NOW_MS) / 1000);
        assert_eq!(audio.body == AUDIO, status == 200);
    }
}
