//! The client: one request, one answer, never repeated, never redirected.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use reqwest::Url;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};

use crate::answer::{Ambiguous, Answer, NotApplied, exchange};
use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, IDLE_CONNECTION_MAX};
use crate::multipart;
use crate::reply::RateLimit;
use crate::request::{Method, Request};

/// A client for one company's Front.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Without a slash at its end.
    base: String,
    token: SecretString,
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
        "the base URL is of no use for Front; write https://api2.frontapp.com, without user, query and fragment"
    )]
    BadBaseUrl,
    #[error("http to {host:?} would send the token in the clear; use https, or http to 127.0.0.1 alone")]
    Insecure { host: String },
    #[error("no HTTP client could be made")]
    Http(#[source] reqwest::Error),
}

/// An answer, and the rate that Front reports with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub answer: Answer,
    pub rate: RateLimit,
}

impl Client {
    /// A client for the API at `base_url`, which is https unless it is this machine.
    pub fn new(base_url: &str, token: SecretString) -> Result<Self, ClientError> {
        let base = checked_base(base_url)?;
        // Another part of the process may have installed it already; that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_CONNECTION_MAX)
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { http, base, token })
    }

    /// Sends the request once and waits at most `timeout` for the whole answer.
    pub async fn send(&self, request: &Request, timeout: Duration) -> Exchange {
        match self.exchange(request, timeout).await {
            Ok((status, headers, body)) => exchange(request, status, &headers, &body),
            Err(answer) => Exchange { answer, rate: RateLimit::default() },
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Answer> {
        let wire = request.wire();
        let method = match wire.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self
            .http
            .request(method, format!("{}{}", self.base, wire.path))
            .bearer_auth(self.token.expose_secret())
            .timeout(timeout);
        builder = match (&wire.body, request.attachment()) {
            (Some(body), Some(file)) => builder.multipart(multipart::form(body, file)),
            (Some(body), None) => builder.json(body),
            (None, _) => builder,
        };
        let mut response = builder.send().await.map_err(|error| failed(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Answer::Ambiguous { reason: Ambiguous::Malformed });
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, headers, body))
    }
}

/// A request that found no connection was not written; any other failure leaves open what Front has done.
fn failed(error: &reqwest::Error) -> Answer {
    if error.is_connect() || error.is_builder() {
        return Answer::NotApplied { reason: NotApplied::NoConnection, retry_after: None };
    }
    let reason = if error.is_timeout() { Ambiguous::Timeout } else { Ambiguous::ConnectionLost };
    Answer::Ambiguous { reason }
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
