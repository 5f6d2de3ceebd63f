//! Aircall's list of calls, its wall, and a call as its REST API shows it.

use std::collections::BTreeSet;

use calltrail_simulator::aircall::{AGENTS, Api, ApiOptions, CallScript, LINES, ResetUnit, random_calls};
use calltrail_simulator::front::Response;
use serde_json::{Value, json};

use crate::support::basic;

const NOW_MS: i64 = 1_800_000_000_000;
const NOW_S: i64 = NOW_MS / 1000;
const DAY_S: i64 = 86_400;
const BASE: &str = "https://api.aircall.io";

/// A company without a limit worth the name: these tests are not about it.
fn company() -> Api {
    Api::new(ApiOptions { requests_per_minute: 1_000_000, ..ApiOptions::default() })
}

fn get(api: &mut Api, path: &str) -> Response {
    api.step(NOW_MS, &basic("GET", path, Some("aircall-api-id:aircall-api-token"), &Value::Null))
}

fn list(api: &mut Api, query: &str) -> Value {
    let response = get(api, &format!("/v1/calls{query}"));
    assert_eq!(response.status, 200, "{query}: {}", response.json());
    response.json()
}

fn ids(page: &Value) -> Vec<i64> {
    page["calls"].as_array().expect("a list").iter().filter_map(|call| call["id"].as_i64()).collect()
}

fn give(api: &mut Api, call: &CallScript) {
    for event in call.events() {
        api.give_call(&event.body);
    }
}

fn with_calls(starts: &[(i64, i64)]) -> Api {
    let mut api = company();
    for (id, started_at_s) in starts {
        give(&mut api, &CallScript::inbound(*id, LINES[0], "+44 7700 900123", *started_at_s));
    }
    api
}

#[test]
fn calls_are_listed_by_start_in_a_range_that_holds_both_ends() {
    let mut api = with_calls(&[(3, NOW_S - 100), (1, NOW_S - 300), (4, NOW_S - 100), (2, NOW_S - 200)]);
    for (query, expect) in [
        (String::new(), vec![1, 2, 3, 4]),
        ("?order=desc".into(), vec![4, 3, 2, 1]),
        (format!("?from={}&to={}", NOW_S - 300, NOW_S - 200), vec![1, 2]),
        (format!("?from={}", NOW_S - 199), vec![3, 4]),
        (format!("?from={}&to={}", NOW_S, NOW_S - 400), vec![]),
    ] {
        assert_eq!(ids(&list(&mut api, &query)), expect, "{query}");
    }
    for bad in ["?from=monday", "?order=up"] {
        assert_eq!(get(&mut api, &format!("/v1/calls{bad}")).status, 400, "{bad}");
    }
}

#[test]
fn twenty_five_thousand_calls_end_at_the_wall_and_are_all_there_in_windows() {
    let mut api = company();
    for call in random_calls(1, 25_000, 500, NOW_S - 100 * DAY_S) {
        let last = call.events().pop().expect("a call has events");
        api.give_call(&last.body);
    }
    let mut seen = BTreeSet::new();
    let (mut path, mut pages) = (Some("/v1/calls?per_page=50".to_owned()), 0);
    let refusal = loop {
        let answer = get(&mut api, &path.take().expect("the wall comes before the end"));
        if answer.status != 200 {
            break answer;
        }
        seen.extend(ids(&answer.json()));
        pages += 1;
        path = next(&answer.json());
    };
    assert_eq!((refusal.status, seen.len(), pages), (400, 10_000, 200));
    assert_eq!(
        refusal.json()["errors"],
        "Your query is limited to 10k results and pagination is out of bound, please use timestamps or other filters."
    );
    for window in 0..100 {
        let from = NOW_S - (100 - window) * DAY_S;
        let to = if window == 99 { NOW_S } else { from + DAY_S - 1 };
        let mut path = Some(format!("/v1/calls?from={from}&to={to}&per_page=50"));
        while let Some(asked) = path.take() {
            let page = get(&mut api, &asked).json();
            seen.extend(ids(&page));
            path = next(&page);
        }
    }
    assert_eq!((seen.len(), api.calls_known()), (25_000, 25_000));
}

fn next(page: &Value) -> Option<String> {
    let link = page["meta"]["next_page_link"].as_str()?;
    Some(link.strip_prefix(BASE).expect("a link into the model").to_owned())
}

#[test]
fn the_next_page_link_keeps_every_parameter() {
    let mut api = with_calls(&(1..=5).map(|id| (id, NOW_S - 10 + id)).collect::<Vec<_>>());
    let query = format!("?from={}&order=desc&per_page=2&fetch_contact=true", NOW_S - 100);
    let first = list(&mut api, &query);
    let link = next(&first).expect("there are more");
    for part in
        [format!("from={}", NOW_S - 100), "order=desc".into(), "fetch_contact=true".into(), "page=2".into()]
    {
        assert!(link.contains(&part), "{link}");
    }
    let second = get(&mut api, &link).json();
    assert_eq!((ids(&first), ids(&second)), (vec![5, 4], vec![3, 2]));
    let third = get(&mut api, &next(&second).expect("there is one more")).json();
    assert_eq!((ids(&third), next(&third)), (vec![1], None));
}

#[test]
fn a_call_of_seven_months_ago_is_given_but_not_listed() {
    let mut api = with_calls(&[(1, NOW_S - 210 * DAY_S), (2, NOW_S - 170 * DAY_S)]);
    assert_eq!(ids(&list(&mut api, "?from=0")), [2]);
    assert_eq!(get(&mut api, "/v1/calls/1").json()["call"]["id"], 1);
    api.options_mut().listed_days = 365;
    assert_eq!(ids(&list(&mut api, "?from=0")), [1, 2]);
}

#[test]
fn a_webhook_that_is_late_does_not_take_a_call_back() {
    let mut api = company();
    let events = CallScript::inbound(1, LINES[0], "+44 7700 900123", NOW_S - 60).ends(20).events();
    for event in events.iter().rev() {
        api.give_call(&event.body);
    }
    assert_eq!(get(&mut api, "/v1/calls/1").json()["call"]["status"], "done");
}

#[test]
fn a_rest_call_has_the_keys_of_the_sample_where_a_webhook_has_others() {
    let mut api = company();
    let call = CallScript::inbound(1, LINES[2], "+44 7700 900123", NOW_S - 600).chose("Sales", "2", 3);
    let call = call.chose("Refunds", "1", 6).rings(AGENTS[0], 8).answered(AGENTS[0], 12).recorded();
    let mut webhook = call.ends(60).tagged("vip", 70).events().pop().expect("a call has events").body;
    webhook["data"]["participants"] = json!([{ "type": "external", "phone_number": "+44 7700 900123" }]);
    webhook["data"]["contact"] = json!({ "id": 7, "first_name": "Dana" });
    give(&mut api, &CallScript::inbound(1, LINES[2], "+44 7700 900123", NOW_S - 600).chose("Sales", "2", 3));
    api.give_call(&webhook);
    let plain = get(&mut api, "/v1/calls/1").json()["call"].clone();
    assert_eq!(plain["conference_participants"], webhook["data"]["participants"]);
    for absent in ["participants", "ivr_options_selected", "recording_short_url"] {
        assert!(plain.get(absent).is_none(), "{absent}");
    }
    for null in ["contact", "assigned_to", "transferred_by", "transferred_to"] {
        assert_eq!(plain.get(null), Some(&Value::Null), "{null}");
    }
    assert_eq!(plain["tags"][0]["created_at"], NOW_S - 530);
    let asked = list(&mut api, "?fetch_contact=true&fetch_call_timeline=true&fetch_short_urls=true");
    let asked = &asked["calls"][0];
    assert_eq!(asked["contact"]["first_name"], "Dana");
    assert_eq!(asked["ivr_options_selected"][0]["title"], "Sales");
    assert!(asked["recording_short_url"].is_string() && asked["voicemail_short_url"].is_null(), "{asked}");
    let later = basic("GET", "/v1/calls/1", Some("aircall-api-id:aircall-api-token"), &Value::Null);
    let later = api.step(NOW_MS + 5_000, &later).json()["call"]["recording"].clone();
    assert_ne!(plain["recording"], later, "each link is signed anew");
}

#[test]
fn the_limit_its_header_and_retry_after_are_options() {
    let mut options = ApiOptions { requests_per_minute: 1, ..ApiOptions::default() };
    let refused = |options: &ApiOptions| {
        let mut api = Api::new(options.clone());
        get(&mut api, "/v1/calls");
        let refused: Response = get(&mut api, "/v1/calls");
        assert_eq!((refused.status, refused.header("x-aircallapi-limit")), (429, Some("1")));
        let header = |name: &str| refused.header(name).map(str::to_owned);
        (header("retry-after"), header("x-aircallapi-reset"))
    };
    assert_eq!(refused(&options), (Some("60".into()), Some((NOW_S + 60).to_string())));
    (options.retry_after, options.reset_unit) = (false, ResetUnit::Milliseconds);
    assert_eq!(refused(&options), (None, Some((NOW_MS + 60_000).to_string())));
}

#[test]
fn a_list_says_how_many_calls_there_are_up_to_what_an_option_says() {
    let mut api = company();
    for id in 0..10_050 {
        api.give_call(&json!({ "data": { "id": id, "started_at": NOW_S - 20_000 + id } }));
    }
    assert_eq!(list(&mut api, "")["meta"]["total"], 10_050);
    api.options_mut().total_is_capped = true;
    assert_eq!(list(&mut api, "")["meta"]["total"], 10_000);
}
