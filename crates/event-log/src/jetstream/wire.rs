//! Requests to the server: one deadline, one reading of its refusals.

use std::future::Future;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Client, HeaderMap, Message, Request};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::limits::REQUEST_TIMEOUT;
use crate::ports::LogError;

/// The message or key has another last sequence than the one that was named (nats-server, errors.json).
const WRONG_LAST_SEQUENCE: u64 = 10071;
/// The same, found before the change was proposed to the replicas: the other change may still be under way.
const WRONG_LAST_SEQUENCE_IN_FLIGHT: u64 = 10164;
/// A batch holds a message id that the stream knows.
const BATCH_HOLDS_KNOWN_ID: u64 = 10201;
const NO_MESSAGE_FOUND: u64 = 10037;

/// Why the server did not do what it was asked. `of` is a stream, a bucket or a consumer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("NATS did not answer for {of} within {limit_ms} ms")]
    Late { of: String, limit_ms: u128 },
    #[error(
        "nobody answers for {of}: it is not there (`calltrail streams apply` makes it), or has no leader now"
    )]
    NoResponders { of: String },
    #[error("NATS refused for {of}: {description} (code {code})")]
    Refused { of: String, code: u64, description: String },
    #[error("the answer of NATS for {of} cannot be read: {what}")]
    Unreadable { of: String, what: String },
    #[error("the request for {of} was not sent: {what}")]
    NotSent { of: String, what: String },
}

impl From<RequestError> for LogError {
    fn from(error: RequestError) -> Self {
        Self::storage(error)
    }
}

impl RequestError {
    /// Another change came first; nothing was stored by this one.
    pub(super) fn is_conflict(&self) -> bool {
        self.has_code(WRONG_LAST_SEQUENCE) || self.has_code(WRONG_LAST_SEQUENCE_IN_FLIGHT)
    }

    /// The group with this id is stored already.
    pub(super) fn is_known_group(&self) -> bool {
        self.has_code(BATCH_HOLDS_KNOWN_ID)
    }

    fn has_code(&self, wanted: u64) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == wanted)
    }
}

/// What the server says of something that was stored.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) seq: u64,
}

/// A message as it stands in a stream.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) sequence: u64,
    pub(super) subject: String,
    pub(super) body: Bytes,
    /// It marks a deletion.
    pub(super) is_deletion: bool,
}

#[derive(Deserialize)]
struct Answer<T> {
    error: Option<Refusal>,
    #[serde(flatten)]
    rest: Option<T>,
}

#[derive(Deserialize)]
struct Refusal {
    err_code: u64,
    description: String,
}

#[derive(Deserialize)]
struct KeptAnswer {
    message: KeptMessage,
}

#[derive(Deserialize)]
struct KeptMessage {
    seq: u64,
    subject: String,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

/// Cuts off what takes longer than a request may.
pub(super) async fn within<T>(
    limit: Duration,
    of: &str,
    asked: impl Future<Output = Result<T, RequestError>>,
) -> Result<T, RequestError> {
    let late = || RequestError::Late { of: of.to_owned(), limit_ms: limit.as_millis() };
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| Err(late()))
}

/// Sends one message and returns its answer.
pub(super) async fn request(
    client: &Client,
    of: &str,
    subject: String,
    headers: Option<HeaderMap>,
    payload: Bytes,
) -> Result<Message, RequestError> {
    let mut request = Request::new().payload(payload).timeout(Some(REQUEST_TIMEOUT));
    if let Some(headers) = headers {
        request = request.headers(headers);
    }
    let sent = async {
        client.send_request(subject, request).await.map_err(|error| match error.kind() {
            RequestErrorKind::TimedOut => {
                RequestError::Late { of: of.to_owned(), limit_ms: REQUEST_TIMEOUT.as_millis() }
            }
            RequestErrorKind::NoResponders => RequestError::NoResponders { of: of.to_owned() },
            RequestErrorKind::InvalidSubject
            | RequestErrorKind::MaxPayloadExceeded
            | RequestErrorKind::Other => RequestError::NotSent { of: of.to_owned(), what: error.to_string() },
        })
    };
    // The client's own timeout begins when the request is queued, which waits while the queue is full.
    within(REQUEST_TIMEOUT, of, sent).await
}

/// Sends one message and reads the JSON of its answer.
pub(super) async fn ask<T: DeserializeOwned>(
    client: &Client,
    of: &str,
    subject: String,
    headers: Option<HeaderMap>,
    payload: Bytes,
) -> Result<T, RequestError> {
    let answer = request(client, of, subject, headers, payload).await?;
    let unreadable = |what: String| RequestError::Unreadable { of: of.to_owned(), what };
    let answer: Answer<T> =
        serde_json::from_slice(&answer.payload).map_err(|error| unreadable(error.to_string()))?;
    match answer {
        Answer { error: Some(Refusal { err_code, description }), .. } => {
            Err(RequestError::Refused { of: of.to_owned(), code: err_code, description })
        }
        Answer { rest: Some(rest), error: None } => Ok(rest),
        Answer { rest: None, error: None } => Err(unreadable("it lacks fields".to_owned())),
    }
}

/// The message that `query` describes, from the stream's leader; `None` where there is none.
pub(super) async fn kept(
    client: &Client,
    stream: &str,
    query: &Query<'_>,
) -> Result<Option<Kept>, RequestError> {
    let unreadable = |what: String| RequestError::Unreadable { of: stream.to_owned(), what };
    let subject = format!("$JS.API.STREAM.MSG.GET.{stream}");
    let found = match ask::<KeptAnswer>(client, stream, subject, None, query.json()).await {
        Ok(found) => found.message,
        Err(error) if error.has_code(NO_MESSAGE_FOUND) => return Ok(None),
        Err(error) => return Err(error),
    };
    let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|error| unreadable(error.to_string()));
    let headers = decode(&found.hdrs)?;
    Ok(Some(Kept {
        sequence: found.seq,
        subject: found.subject,
        body: decode(&found.data)?.into(),
        is_deletion: String::from_utf8_lossy(&headers).contains("\r\nKV-Operation:"),
    }))
}

/// Which message of a stream is looked for.
pub(super) enum Query<'a> {
    Sequence(u64),
    LastOf(&'a str),
}

impl Query<'_> {
    fn json(&self) -> Bytes {
        let query = match self {
            Self::Sequence(sequence) => serde_json::json!({ "seq": sequence }),
            Self::LastOf(subject) => serde_json::json!({ "last_by_subj": subject }),
        };
        query.to_string().into()
    }
}
