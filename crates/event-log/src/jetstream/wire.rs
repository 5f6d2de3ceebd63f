//! Requests to the server: one deadline, one reading of its refusals.

use std::fmt;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::connection::State;
use async_nats::{Client, HeaderMap, Message, Request, Subscriber};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::subjects::Api;
use crate::limits::{LINK_LOOK_EVERY, REQUEST_TIMEOUT};
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
    #[error("the connection to NATS was lost before it answered for {of}")]
    ConnectionLost { of: String },
    #[error(
        "nobody answers for {of}: it is not there (`calltrail streams apply` makes it), or has no leader now"
    )]
    NoResponders { of: String },
    #[error("NATS refused for {of}: {description} (code {code})")]
    Refused { of: String, code: u64, description: String },
    #[error("the answer of NATS for {of} cannot be read: {what}")]
    Unreadable { of: String, what: String },
    #[error(
        "{size_bytes} bytes for {of} are more than the {limit_bytes} that the NATS server takes: raise its `max_payload`"
    )]
    TooLong { of: String, size_bytes: usize, limit_bytes: usize },
    #[error("the request for {of} was not sent: {what}")]
    NotSent { of: String, what: String },
}

impl From<RequestError> for LogError {
    fn from(error: RequestError) -> Self {
        match error {
            // Never taken as it is, however often it is sent.
            RequestError::TooLong { of, size_bytes, limit_bytes } => {
                Self::TooLarge { kind: of, size_bytes, limit_bytes }
            }
            error => Self::storage(error),
        }
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

/// The way to the servers, with what is needed to give a request up.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) client: Client,
    pub(super) api: Api,
    /// Counts how often the connection was lost.
    pub(super) losses: watch::Receiver<u64>,
}

impl Wire {
    /// Cuts off what takes longer than `limit`, and what was under way when the connection was lost: its answer does not
    /// come any more, and the client alone would wait for it until the deadline. While there is no connection nothing is
    /// begun: the client would keep it and send it much later, when its caller has long given it up.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        of: &str,
        asked: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        let mut losses = self.losses.clone();
        let answered = async {
            while self.client.connection_state() != State::Connected {
                sleep(LINK_LOOK_EVERY).await;
            }
            losses.mark_unchanged();
            tokio::select! {
                biased;
                answer = asked => answer,
                Ok(()) = losses.changed() => Err(RequestError::ConnectionLost { of: of.to_owned() }),
            }
        };
        let late = || RequestError::Late { of: of.to_owned(), limit_ms: limit.as_millis() };
        timeout(limit, answered).await.unwrap_or_else(|_| Err(late()))
    }

    /// Sends one message and returns its answer.
    pub(super) async fn request(
        &self,
        of: &str,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        let size_bytes = payload.len();
        let mut request = Request::new().payload(payload).timeout(None);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let sent = async {
            self.client.send_request(subject, request).await.map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => RequestError::NoResponders { of: of.to_owned() },
                RequestErrorKind::MaxPayloadExceeded => self.too_long(of, size_bytes),
                RequestErrorKind::TimedOut | RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
                    not_sent(of, error)
                }
            })
        };
        self.within(REQUEST_TIMEOUT, of, sent).await
    }

    /// Sends one message and reads the JSON of its answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        of: &str,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<T, RequestError> {
        let answer = self.request(of, subject, headers, payload).await?;
        let answer: Answer<T> =
            serde_json::from_slice(&answer.payload).map_err(|error| unreadable(of, error))?;
        match answer {
            Answer { error: Some(Refusal { err_code, description }), .. } => {
                Err(RequestError::Refused { of: of.to_owned(), code: err_code, description })
            }
            Answer { rest: Some(rest), error: None } => Ok(rest),
            Answer { rest: None, error: None } => Err(unreadable(of, "it lacks fields")),
        }
    }

    /// The message that `query` describes, from the stream's leader; `None` where there is none.
    pub(super) async fn kept(&self, stream: &str, query: &Query<'_>) -> Result<Option<Kept>, RequestError> {
        let subject = self.api.message_get(stream);
        let found = match self.ask::<KeptAnswer>(stream, subject, None, query.json()).await {
            Ok(found) => found.message,
            Err(error) if error.has_code(NO_MESSAGE_FOUND) => return Ok(None),
            Err(error) => return Err(error),
        };
        let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|error| unreadable(stream, error));
        let headers = decode(&found.hdrs)?;
        Ok(Some(Kept {
            sequence: found.seq,
            subject: found.subject,
            body: decode(&found.data)?.into(),
            is_deletion: String::from_utf8_lossy(&headers).contains("\r\nKV-Operation:"),
        }))
    }

    /// What the server does not take for its length, headers included.
    pub(super) fn too_long(&self, of: &str, size_bytes: usize) -> RequestError {
        RequestError::TooLong { of: of.to_owned(), size_bytes, limit_bytes: self.client.max_payload() }
    }

    /// Subscribes to a subject that nobody else is answered on.
    pub(super) async fn inbox(&self, of: &str) -> Result<(String, Subscriber), RequestError> {
        let inbox = self.client.new_inbox();
        let answers = self.client.subscribe(inbox.clone()).await.map_err(|error| not_sent(of, error))?;
        Ok((inbox, answers))
    }
}

pub(super) fn not_sent(of: &str, what: impl fmt::Display) -> RequestError {
    RequestError::NotSent { of: of.to_owned(), what: what.to_string() }
}

pub(super) fn unreadable(of: &str, what: impl fmt::Display) -> RequestError {
    RequestError::Unreadable { of: of.to_owned(), what: what.to_string() }
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
