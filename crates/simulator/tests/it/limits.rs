//! The two rate limits.

use serde_json::json;

use crate::support::{Sim, draft, fixture};

#[test]
fn the_company_has_so_many_requests_in_every_sliding_minute() {
    let mut sim = Sim::with(|behaviour| behaviour.requests_per_minute = 3);
    for remaining in ["2", "1", "0"] {
        let response = sim.get("/me");
        assert_eq!(response.header("x-ratelimit-limit"), Some("3"));
        assert_eq!(response.header("x-ratelimit-remaining"), Some(remaining));
        sim.pass(10_000);
    }
    let refused = sim.get("/me");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("30")));
    assert_eq!(refused.header("x-ratelimit-reset"), Some("1700000060"));
    assert_eq!(refused.header("x-front-tier"), None);
    sim.pass(29_999);
    assert_eq!(sim.get("/me").status, 429, "what was refused does not count");
    sim.pass(1);
    assert_eq!(sim.get("/me").status, 200);
    assert_eq!(sim.get("/me").status, 429);
}

#[test]
fn a_sixth_write_to_one_resource_in_a_second_is_refused_with_its_tier() {
    let mut sim = Sim::with(|behaviour| behaviour.burst_limit = true);
    let id = sim.import_into(&draft("a"));
    let path = format!("/conversations/{id}/comments");
    for _ in 0..5 {
        assert_eq!(sim.post(&path, &json!({ "body": "x" })).status, 201);
    }
    sim.pass(659);
    let refused = sim.post(&path, &json!({ "body": "x" }));
    assert_eq!((refused.status, refused.json()), (429, fixture("front/error_429_tier2.json")));
    assert_eq!((refused.header("retry-after"), refused.header("x-front-tier")), (Some("1"), Some("2")));
    assert_eq!(sim.get(&path).status, 200, "reads are not counted");
    assert_eq!(sim.post("/inboxes/inb_1/imported_messages", &draft("b")).status, 202, "nor other resources");
    sim.pass(341);
    assert_eq!(sim.post(&path, &json!({ "body": "x" })).status, 201);
}

#[test]
fn a_scope_that_the_token_lacks_is_refused_before_the_request_is_looked_at() {
    let mut sim = Sim::with(|behaviour| behaviour.lacking_scopes = vec!["messages:write".into()]);
    for path in ["/inboxes/inb_1/imported_messages", "/inboxes/inb_0/imported_messages"] {
        assert_eq!(sim.post(path, &json!({})).status, 403, "{path}");
    }
    assert_eq!(sim.get("/inboxes").status, 200, "other rights are there");
    sim.front.behaviour_mut().lacking_scopes = vec!["inboxes:read".into()];
    assert_eq!(sim.get("/inboxes").status, 403);
    assert_eq!(sim.post("/inboxes/inb_1/imported_messages", &draft("a")).status, 202);
    assert_eq!(sim.get("/me").status, 200, "needs no scope");
    assert_eq!(sim.get("/me").header("date"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
}
