//! Aircall's REST API as a pure model: `step(now, request) -> response`.
//!
//! # Rules, and how sure they are
//!
//! | rule | how sure |
//! |---|---|
//! | basic authentication by `api_id:api_token`; 401 without a header, 403 for a wrong one, with these bodies | captured |
//! | lists: `meta` with `next_page_link`, null at the end; 20 entries a page, at most 50 | documented; more than 50 is cut, assumed |
//! | `next_page_link` keeps the parameters of the request | assumed |
//! | `meta.total` counts every entry, also beyond the 10,000th | assumed; an option caps it |
//! | 120 requests a minute and company | documented; an option; sliding, and that refused ones do not count, assumed |
//! | `X-AircallApi-Limit`, `-Remaining`, `-Reset` | documented; on every answer, assumed; the unit of `Reset` is an option |
//! | the body of a 429 | assumed |
//! | `Retry-After` of a 429 | not found; an option |
//! | a new webhook is active, has a token of its own, and no repetition is noticed | documented |
//! | no or empty `events`: all events, when a webhook is made and when it is changed | documented |
//! | `events_action=add` and `=remove` change the list that is there | documented |
//! | lists of webhooks show the token in clear | documented |
//! | at most 100 webhooks; the next one is refused with 400 | documented |
//! | a webhook without `url` is refused with 400 | documented; the words assumed |
//! | a list of events that holds an unknown one | assumed: refused with 400 |
//!
//! Calls:
//!
//! | rule | how sure |
//! |---|---|
//! | a call is known as its newest webhook shows it, by the time in it, delivered or not | assumed |
//! | `from` and `to` are about the start, both included | assumed |
//! | `order` is `asc` by default, by start and then by id | documented; the second key assumed |
//! | a page that ends beyond the 10,000th entry is refused with 400 and this body | captured |
//! | `next_page_link` leads to the refused page | captured |
//! | lists hold the last six months; `GET /v1/calls/:id` has older calls too | documented; the second, one engineer's word |
//! | `conference_participants` for `participants`, `sid` for `call_uuid` | documented |
//! | `user`, `contact`, `assigned_to`, `transferred_by`, `transferred_to` are null where a webhook lacks them | from a sample |
//! | `contact` only with `fetch_contact`, `ivr_options_selected` only with `fetch_call_timeline` | documented |
//! | tags have `created_at` too | one client's word |
//! | links to recordings and voicemails are signed at each request | assumed |
//! | such a link is open to whoever has it, and dies after an hour | documented; 403 then, assumed |
//!
//! Deliveries of webhooks (`Patience`):
//!
//! | rule | how sure |
//! |---|---|
//! | an event that is not answered with 2xx in 5 s is retried, up to 50 tries and 12 hours | documented |
//! | pauses of 10 s, doubled up to 16 min, which makes 50 tries of 12 hours | not found; an option |
//! | a webhook is switched off after 10 failed tries in a row | documented as 10 and as 50; an option |
//! | they are counted over all events of the webhook | assumed |
//! | a retry that succeeds switches the webhook on again | documented; an option |
//! | events while the webhook is off are never sent | not found; an option queues them |
//! | `PUT active: true` switches it on; open retries go on | documented; the second assumed |
//! | when a person switches it off, open retries are dropped | assumed |

mod calls;
mod deliveries;
mod media;
mod options;
mod pages;
mod patience;
mod rate;
mod rest;
mod webhooks;

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub use deliveries::{DeliveryCounts, OutgoingDelivery};
pub use media::AUDIO;
pub use options::{ApiOptions, ResetUnit};
pub use patience::Patience;
pub use webhooks::{CALL_EVENTS, Webhook};

use super::payload;
use crate::front::{Request, Response, Target};
use calls::Calls;
use deliveries::Deliveries;

/// One Aircall company, as its API shows it.
#[derive(Debug, Clone)]
pub struct Api {
    options: ApiOptions,
    base_url: String,
    webhooks: Vec<Webhook>,
    webhooks_made: u64,
    calls: Calls,
    deliveries: Deliveries,
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
            calls: Calls::default(),
            deliveries: Deliveries::default(),
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
            return media::audio(now_ms, file, &target);
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
            ("GET", ["v1", "calls"]) => self.call_list(now_ms, target),
            ("GET", ["v1", "calls", id]) => self.call(now_ms, id, target),
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
