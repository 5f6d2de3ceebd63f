//! Aircall's REST API as a pure model: `step(now, request) -> response`.
//!
//! # Rules, and how sure they are
//!
//! | rule | how sure |
//! |---|---|
//! | basic authentication by `api_id:api_token`; 401 without a header, 403 for a wrong one, with these bodies | captured |
//! | lists: `meta` with `next_page_link`, 20 entries a page, at most 50 | documented; more than 50 is cut, assumed |
//! | 120 requests a minute and company | documented; sliding, and that refused ones do not count, assumed |
//! | `X-AircallApi-Limit`, `-Remaining`, `-Reset` | documented; on every answer and `Reset` in Unix seconds, assumed |
//! | the body and `Retry-After` of a 429 | assumed |
//! | a new webhook is active, has a token of its own, and no repetition is noticed | documented |
//! | no or empty `events`: all events, when a webhook is made and when it is changed | documented |
//! | `events_action=add` and `=remove` change the list that is there | documented |
//! | lists of webhooks show the token in clear | documented |
//! | at most 100 webhooks; the next one is refused with 400 | documented |
//! | a webhook without `url` is refused with 400 | documented; the words assumed |
//! | a list of events that holds an unknown one | assumed: refused with 400 |
//! | `GET /v1/calls/:id` shows the call as the last webhook did, with a link to the audio that is signed anew | assumed |
//! | the link is open to whoever has it, and dies after an hour | documented; 403 then, assumed |

mod calls;
mod options;
mod webhooks;

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub use calls::AUDIO;
pub use options::ApiOptions;
pub use webhooks::{CALL_EVENTS, Webhook};

use super::payload;
use crate::front::{Request, Response, Target};
use crate::limits::{
    AIRCALL_PAGE_ENTRIES_DEFAULT, AIRCALL_PAGE_ENTRIES_MAX, AIRCALL_REQUESTS_PER_MINUTE, RATE_WINDOW_MS,
};

/// One Aircall company, as its API shows it.
#[derive(Debug, Clone)]
pub struct Api {
    options: ApiOptions,
    base_url: String,
    webhooks: Vec<Webhook>,
    webhooks_made: u64,
    calls: BTreeMap<i64, Value>,
    admitted_ms: VecDeque<i64>,
    failures_planned: u32,
}

/// `Err` is a refusal: an endpoint uses `?` on whatever it lacks.
type Answered = Result<Response, Response>;

impl Api {
    /// A company as `options` describe it.
    #[must_use]
    pub fn new(options: ApiOptions) -> Self {
        Self {
            options,
            base_url: "https://api.aircall.io".into(),
            webhooks: Vec::new(),
            webhooks_made: 0,
            calls: BTreeMap::new(),
            admitted_ms: VecDeque::new(),
            failures_planned: 0,
        }
    }

    /// Answers one request at `now_ms` (Unix time). Time must not run backwards between calls.
    pub fn step(&mut self, now_ms: i64, request: &Request) -> Response {
        if self.failures_planned > 0 {
            self.failures_planned -= 1;
            return answer(503, &json!({ "message": "Service Unavailable" }));
        }
        let target = Target::of(&request.path_and_query);
        let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
        if let ["media", file] = segments.as_slice() {
            return calls::audio(now_ms, file, &target);
        }
        let admitted = self.check_credential(request).and_then(|()| self.admit(now_ms));
        let answered = admitted.and_then(|()| self.route(now_ms, request, &target, &segments));
        let mut response = answered.unwrap_or_else(|refusal| refusal);
        response.headers.extend(self.rate_headers(now_ms));
        response
    }

    /// The company, to be changed at run time.
    pub fn options_mut(&mut self) -> &mut ApiOptions {
        &mut self.options
    }

    /// Its webhooks, in the order in which they were made.
    #[must_use]
    pub fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    /// Its webhooks, to be changed as in the dashboard.
    pub fn webhooks_mut(&mut self) -> &mut Vec<Webhook> {
        &mut self.webhooks
    }

    /// Lets the next so many requests fail with 503, as while Aircall is in trouble; nothing of them is applied.
    pub fn plan_failures(&mut self, count: u32) {
        self.failures_planned = count;
    }

    /// What links begin with from now on.
    pub fn set_base_url(&mut self, base_url: &str) {
        base_url.trim_end_matches('/').clone_into(&mut self.base_url);
    }

    fn route(&mut self, now_ms: i64, request: &Request, target: &Target, segments: &[&str]) -> Answered {
        match (request.method.as_str(), segments) {
            ("GET", ["v1", "ping"]) => Ok(answer(200, &json!({ "ping": "pong" }))),
            ("GET", ["v1", "users"]) => {
                let users = self.options.users.iter().map(|agent| payload::person(*agent));
                Ok(self.page("users", users.collect(), target))
            }
            ("GET", ["v1", "numbers"]) => {
                let lines = self.options.lines.iter().map(|line| payload::number(*line));
                Ok(self.page("numbers", lines.collect(), target))
            }
            ("GET", ["v1", "webhooks"]) => {
                Ok(self.page("webhooks", self.webhooks.iter().map(Webhook::json).collect(), target))
            }
            ("GET", ["v1", "webhooks", id]) => self.webhook(id),
            ("POST", ["v1", "webhooks"]) => self.create_webhook(now_ms, &request.body),
            ("PUT", ["v1", "webhooks", id]) => self.update_webhook(id, target, &request.body),
            ("GET", ["v1", "calls", id]) => self.call(now_ms, id),
            _ => Err(not_found()),
        }
    }

    fn check_credential(&self, request: &Request) -> Result<(), Response> {
        let given = request.header("authorization");
        let given = given.ok_or_else(|| answer(401, &json!({ "message": "Unauthorized" })))?;
        let expect = STANDARD.encode(format!("{}:{}", self.options.api_id, self.options.api_token));
        if given.strip_prefix("Basic ") == Some(expect.as_str()) {
            return Ok(());
        }
        Err(answer(403, &json!({ "message": "Forbidden" })))
    }

    fn admit(&mut self, now_ms: i64) -> Result<(), Response> {
        while self.admitted_ms.front().is_some_and(|at| at + RATE_WINDOW_MS <= now_ms) {
            self.admitted_ms.pop_front();
        }
        if self.admitted_ms.len() < AIRCALL_REQUESTS_PER_MINUTE {
            self.admitted_ms.push_back(now_ms);
            return Ok(());
        }
        let free_at = self.admitted_ms.front().copied().unwrap_or(now_ms) + RATE_WINDOW_MS;
        let wait_s = (free_at - now_ms + 999).div_euclid(1000).max(1);
        let mut refusal = problem(429, "Too Many Requests", "API calls limit reached");
        refusal.headers.push(("retry-after".into(), wait_s.to_string()));
        Err(refusal)
    }

    fn rate_headers(&self, now_ms: i64) -> [(String, String); 3] {
        let limit = AIRCALL_REQUESTS_PER_MINUTE;
        let oldest = self.admitted_ms.front().copied().unwrap_or(now_ms);
        let reset_s = (oldest + RATE_WINDOW_MS + 999).div_euclid(1000);
        [
            ("x-aircallapi-limit".into(), limit.to_string()),
            ("x-aircallapi-remaining".into(), limit.saturating_sub(self.admitted_ms.len()).to_string()),
            ("x-aircallapi-reset".into(), reset_s.to_string()),
        ]
    }

    /// One page of a list and what Aircall says about it.
    fn page(&self, key: &str, entries: Vec<Value>, target: &Target) -> Response {
        let number = |name: &str, default: usize| {
            target.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default).max(1)
        };
        let size = number("per_page", AIRCALL_PAGE_ENTRIES_DEFAULT).min(AIRCALL_PAGE_ENTRIES_MAX);
        let current = number("page", 1);
        let total = entries.len();
        let shown: Vec<Value> = entries.into_iter().skip((current - 1) * size).take(size).collect();
        let link = |page: usize| format!("{}/v1/{key}?page={page}&per_page={size}", self.base_url);
        let meta = json!({
            "count": shown.len(),
            "total": total,
            "current_page": current,
            "per_page": size,
            "next_page_link": (current * size < total).then(|| link(current + 1)),
            "previous_page_link": (current > 1).then(|| link(current - 1)),
        });
        answer(200, &json!({ "meta": meta, key: shown }))
    }
}

fn answer(status: u16, body: &Value) -> Response {
    let headers = vec![("content-type".into(), "application/json; charset=utf-8".into())];
    Response { status, headers, body: body.to_string().into_bytes() }
}

fn not_found() -> Response {
    answer(404, &json!({ "message": "Not Found" }))
}

fn problem(status: u16, error: &str, troubleshoot: &str) -> Response {
    answer(status, &json!({ "error": error, "troubleshoot": troubleshoot }))
}
