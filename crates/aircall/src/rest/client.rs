//! The client: one request, one answer, never repeated, never redirected.

use calltrail_domain::ids::CallId;
use reqwest::redirect::Policy;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::WEBHOOK_EVENTS;
use super::answer::{Answered, RawAnswer};
use super::calls::{CallsAsk, CallsPage, ReadCall, call_path};
use super::error::RestError;
use super::rate::RateLimit;
use super::reply::{self, Call, Line, Listed, User, Webhook};
use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, PAGE_ENTRIES, PAGES_MAX, REQUEST_TIMEOUT};

/// A client for one company's Aircall.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Without a slash at its end.
    base: String,
    api_id: SecretString,
    api_token: SecretString,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Why there is no client. What was given is not shown: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(
        "the base URL is of no use for Aircall; write https://api.aircall.io, without user, query and fragment"
    )]
    BadBaseUrl,
    #[error("http to {host:?} would send the credential in the clear; use https, or http to 127.0.0.1 alone")]
    Insecure { host: String },
    #[error("no HTTP client could be made")]
    Http(#[source] reqwest::Error),
}

impl Client {
    /// A client for the API at `base_url`, which is https unless it is this machine.
    pub fn new(base_url: &str, api_id: SecretString, api_token: SecretString) -> Result<Self, ClientError> {
        let base = checked_base(base_url)?;
        // Another part of the process may have installed it already; that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { http, base, api_id, api_token })
    }

    /// Whether the credential is taken.
    pub async fn ping(&self) -> Result<(), RestError> {
        let body = self.ask(Method::GET, "/v1/ping", None).await?;
        reply::is_pong(&body).then_some(()).ok_or(RestError::Malformed { what: "a ping without a pong" })
    }

    /// Every user of the company.
    pub async fn users(&self) -> Result<Vec<User>, RestError> {
        self.list().await
    }

    /// Every number of the company.
    pub async fn lines(&self) -> Result<Vec<Line>, RestError> {
        self.list().await
    }

    /// Every webhook of the company, with its token.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, RestError> {
        self.list().await
    }

    /// Makes a webhook with exactly [`WEBHOOK_EVENTS`]. Asked twice, Aircall makes two: list them before, also after a
    /// failure that leaves open what was done.
    pub async fn create_webhook(&self, url: &str, custom_name: &str) -> Result<Webhook, RestError> {
        let body = json!({ "url": url, "custom_name": custom_name, "events": WEBHOOK_EVENTS });
        let answer = self.ask(Method::POST, "/v1/webhooks", Some(body)).await?;
        reply::webhook(&answer).ok_or(RestError::Malformed { what: "no webhook in the answer" })
    }

    /// Switches a webhook on and gives it exactly [`WEBHOOK_EVENTS`], and another address if there is one. Its name and token
    /// stay.
    pub async fn update_webhook(&self, id: &str, url: Option<&str>) -> Result<Webhook, RestError> {
        let mut body = json!({ "events": WEBHOOK_EVENTS, "active": true });
        if let Some(url) = url {
            body["url"] = Value::from(url);
        }
        let answer = self.ask(Method::PUT, &format!("/v1/webhooks/{}", part(id)), Some(body)).await?;
        reply::webhook(&answer).ok_or(RestError::Malformed { what: "no webhook in the answer" })
    }

    /// One call.
    pub async fn call(&self, id: CallId) -> Result<Call, RestError> {
        let answer = self.ask(Method::GET, &format!("/v1/calls/{id}"), None).await?;
        reply::call(&answer).ok_or(RestError::Malformed { what: "no call in the answer" })
    }

    /// One page of the list of calls.
    pub async fn calls(&self, ask: &CallsAsk) -> Answered<CallsPage> {
        match self.exchange(Method::GET, &ask.path(), None).await {
            Ok(answer) => answer.calls(),
            Err(error) => none(error),
        }
    }

    /// One call as [`Client::calls`] shows it: also those that no list holds any more.
    pub async fn read_call(&self, id: CallId) -> Answered<ReadCall> {
        match self.exchange(Method::GET, &call_path(id), None).await {
            Ok(answer) => answer.call(),
            Err(error) => none(error),
        }
    }

    /// Page by page; the link to the next one only says that there is one.
    async fn list<T: Listed>(&self) -> Result<Vec<T>, RestError> {
        let mut entries = Vec::new();
        for number in 1..=PAGES_MAX {
            let path = format!("/v1/{}?page={number}&per_page={PAGE_ENTRIES}", T::KEY);
            let body = self.ask(Method::GET, &path, None).await?;
            let page = reply::page(&body).ok_or(RestError::Malformed { what: "no list in the answer" })?;
            entries.extend(page.entries);
            if !page.has_next {
                return Ok(entries);
            }
        }
        Err(RestError::Malformed { what: "a list that does not end" })
    }

    /// Sends the request once; returns the body of a 2xx.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Vec<u8>, RestError> {
        self.exchange(method, path, body).await?.body().result
    }

    /// Fails when there is no whole answer.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<RawAnswer, RestError> {
        let (id, token) = (self.api_id.expose_secret(), self.api_token.expose_secret());
        let request = self.http.request(method, format!("{}{path}", self.base)).basic_auth(id, Some(token));
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let mut response = request.send().await.map_err(|error| RestError::of_transport(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| RestError::of_transport(&error))? {
            if answer.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(RestError::Malformed { what: "an answer of too many bytes" });
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(RawAnswer { status, headers, body: answer })
    }
}

/// There was no whole answer.
fn none<T>(error: RestError) -> Answered<T> {
    Answered { result: Err(error), rate: RateLimit::default() }
}

fn checked_base(given: &str) -> Result<String, ClientError> {
    let url = Url::parse(given).map_err(|_| ClientError::BadBaseUrl)?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    let plain = url.query().is_none() && url.fragment().is_none() && anonymous;
    let host = url.host_str().ok_or(ClientError::BadBaseUrl)?;
    match url.scheme() {
        "https" if plain => {}
        "http" if plain && matches!(host, "127.0.0.1" | "localhost") => {}
        "http" => return Err(ClientError::Insecure { host: host.to_owned() }),
        _ => return Err(ClientError::BadBaseUrl),
    }
    Ok(given.trim_end_matches('/').to_owned())
}

/// A part of a path: whatever could end it or start a query is left out; ids have nothing of the kind.
fn part(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}
