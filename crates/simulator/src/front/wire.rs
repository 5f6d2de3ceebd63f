//! Requests and answers of the Front model, free of any HTTP library.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::shapes::{Error, Refusal, text_of};

/// One HTTP request as the model takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Upper case, as `POST`.
    pub method: String,
    /// Percent-encoded, as sent.
    pub path_and_query: String,
    /// Names in any case.
    pub headers: Vec<(String, String)>,
    /// The raw body, empty if none.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without a body, carrying `token` as its bearer.
    #[must_use]
    pub fn bare(method: &str, path_and_query: &str, token: &str) -> Self {
        Self {
            method: method.into(),
            path_and_query: path_and_query.into(),
            headers: vec![("authorization".into(), format!("Bearer {token}"))],
            body: Vec::new(),
        }
    }

    /// A request with a JSON body, carrying `token` as its bearer.
    #[must_use]
    pub fn json(method: &str, path_and_query: &str, token: &str, body: &Value) -> Self {
        let mut request = Self::bare(method, path_and_query, token);
        request.headers.push(("content-type".into(), "application/json".into()));
        request.body = text_of(body).into_bytes();
        request
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// One HTTP answer of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// JSON, or empty.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON; null if it is empty.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How long the answer is on its way, in milliseconds; whatever was applied is applied already.
    pub delay_ms: u64,
    /// The answer itself.
    pub outcome: Outcome,
}

/// An answer, or the lack of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The client receives this.
    Response(Response),
    /// The connection closes without an answer, whether or not the request was applied.
    Reset,
}

impl Answer {
    /// The response, if the client gets one.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match &self.outcome {
            Outcome::Response(response) => Some(response),
            Outcome::Reset => None,
        }
    }
}

/// What an endpoint answers, before the headers that every answer carries.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// JSON.
    pub(super) body: Option<String>,
    /// It is not Front's: a proxy wrote it.
    pub(super) is_page: bool,
}

/// `Err` is a refusal: an endpoint uses `?` on whatever it lacks.
pub(super) type Answered = Result<Reply, Reply>;

impl Reply {
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        Self { status, headers: Vec::new(), body: Some(text_of(body)), is_page: false }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None, is_page: false }
    }

    fn refusal(status: u16, title: &'static str, message: Option<String>) -> Self {
        Self::error(Error { details: None, message, status, title })
    }

    fn error(error: Error) -> Self {
        Self::json(error.status, &Refusal { _error: error })
    }

    pub(super) fn unauthenticated() -> Self {
        Self::refusal(401, "Unauthenticated", Some("Invalid token".into()))
    }

    pub(super) fn forbidden(scope: &str) -> Self {
        Self::refusal(403, "Forbidden", Some(format!("The token lacks the scope {scope}")))
    }

    pub(super) fn no_access() -> Self {
        Self::refusal(403, "Forbidden", Some("Teammate has no access to this inbox".into()))
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        let message = Some("Body did not satisfy requirements".into());
        Self::error(Error { details: Some([detail.into()]), message, status: 400, title: "Bad request" })
    }

    pub(super) fn conflict(message: String) -> Self {
        Self::refusal(409, "Conflict", Some(message))
    }

    pub(super) fn not_found() -> Self {
        Self::refusal(404, "Not found", None)
    }

    pub(super) fn unknown(kind: &str, id: &str) -> Self {
        Self::refusal(404, "Not found", Some(format!("Unknown {kind} ID {id}")))
    }

    pub(super) fn too_many(message: String) -> Self {
        Self::refusal(429, "Too many requests", Some(message))
    }

    pub(super) fn broken() -> Self {
        Self::refusal(500, "Internal server error", None)
    }

    pub(super) fn moved(location: String) -> Self {
        Self { headers: vec![("location".into(), location)], ..Self::empty(301) }
    }

    /// What a proxy in front of Front answers.
    pub(super) fn page(status: u16) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "text/html".into())],
            body: Some(format!("<html><body><h1>{status}</h1></body></html>")),
            is_page: true,
        }
    }
}

/// Reads a JSON body.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Reply> {
    serde_json::from_slice(body).or_else(|_| parse_in_steps(body))
}

/// Bad syntax and a bad shape are refused with the two bodies that Front has for them.
fn parse_in_steps<T: DeserializeOwned>(body: &[u8]) -> Result<T, Reply> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Reply::json(400, &json!({ "_error": { "message": error.to_string() } })))?;
    serde_json::from_value(value).map_err(|error| Reply::bad_request(error.to_string()))
}

/// A request's decoded path and query.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) segments: Vec<String>,
    query: BTreeMap<String, Vec<String>>,
}

impl Target {
    pub(crate) fn of(path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let segments = path.split('/').filter(|part| !part.is_empty()).map(percent_decoded).collect();
        let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decoded(&value.replace('+', " "));
            pairs.entry(percent_decoded(key)).or_default().push(value);
        }
        Self { segments, query: pairs }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    pub(super) fn parameters(&self, name: &str) -> &[String] {
        self.query.get(name).map_or(&[], Vec::as_slice)
    }

    /// The query with these parameters changed or added, and all others as they are.
    pub(crate) fn query_with(&self, changed: &[(&str, String)]) -> String {
        let mut query = self.query.clone();
        for (name, value) in changed {
            query.insert((*name).to_owned(), vec![value.clone()]);
        }
        let pairs = query.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        let pairs =
            pairs.map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The value of `limit`, refused outside 1 to `max`.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Reply> {
        let Some(text) = self.parameter("limit") else { return Ok(default) };
        match text.parse::<usize>() {
            Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
            _ => Err(Reply::bad_request(format!("limit `{text}` is outside 1 to {max}"))),
        }
    }
}

fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let code = (bytes[index] == b'%')
            .then(|| text.get(index + 1..index + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(code.unwrap_or(bytes[index]));
        index += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
