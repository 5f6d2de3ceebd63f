//! Why a webhook was not stored, in the words of its answer.

use bytes::Bytes;
use calltrail_aircall::Malformed;
use calltrail_front::webhook::Rejected;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::limits;

/// Why a webhook was not stored. The messages say what to do and repeat nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    #[error("nothing is received here; post to /webhooks/{{account}}/aircall or /webhooks/{{account}}/front")]
    NoSuchAddress,
    #[error("webhooks are posted; use POST")]
    NotPost,
    #[error("the body is longer than {limit_bytes} bytes; send one webhook per request")]
    TooLarge { limit_bytes: usize },
    #[error("of Content-Encodings, gzip alone is taken; send the body without one")]
    Encoded,
    #[error("the body is not gzip, as its Content-Encoding says; send it again")]
    NotGzip,
    #[error("the body ended early; send it again")]
    Interrupted,
    #[error("the body was not complete after {limit_ms} ms; send it again, faster")]
    Slow { limit_ms: u64 },
    #[error("the body arrives more slowly than {bytes_per_second_min} bytes a second; send it again, faster")]
    Dribbled { bytes_per_second_min: usize },
    #[error(
        "no account takes such webhooks here; compare the address with the account's id in the configuration"
    )]
    UnknownAccount,
    #[error("this account has no `account.front.signing_key`; set it to take Front's webhooks")]
    NoSigningKey,
    #[error("the token or signature is missing or wrong; compare it with the configuration")]
    Unauthenticated,
    #[error(transparent)]
    Malformed(Malformed),
    #[error(transparent)]
    Front(Rejected),
    #[error("too many webhooks at once; send it again later")]
    Full,
    #[error("there is no room for another body; send it again later")]
    NoRoom,
    #[error("the webhook could not be stored; send it again later")]
    NotStored,
    #[error("this machine keeps as many webhooks as it may; send it again later")]
    SpoolFull,
    #[error("the disk of this machine is short; send it again later")]
    DiskShort,
    #[error("the token of this account's webhook has not been read from Aircall yet; send it again later")]
    TokenNotKnown,
}

/// The kinds of refusals, as answers and counters name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    NotFound,
    MethodNotAllowed,
    TooLarge,
    UnsupportedEncoding,
    Malformed,
    Timeout,
    UnknownAccount,
    NoSigningKey,
    Unauthenticated,
    Overloaded,
    LogUnavailable,
    SpoolFull,
    DiskShort,
    TokenNotKnown,
}

impl Reason {
    /// Every reason, in the order of their declaration.
    pub const ALL: [Self; 14] = [
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::UnsupportedEncoding,
        Self::Malformed,
        Self::Timeout,
        Self::UnknownAccount,
        Self::NoSigningKey,
        Self::Unauthenticated,
        Self::Overloaded,
        Self::LogUnavailable,
        Self::SpoolFull,
        Self::DiskShort,
        Self::TokenNotKnown,
    ];

    /// The word in answers and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooLarge => "too_large",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::Malformed => "malformed",
            Self::Timeout => "timeout",
            Self::UnknownAccount => "unknown_account",
            Self::NoSigningKey => "no_signing_key",
            Self::Unauthenticated => "unauthenticated",
            Self::Overloaded => "overloaded",
            Self::LogUnavailable => "log_unavailable",
            Self::SpoolFull => "spool_full",
            Self::DiskShort => "disk_short",
            Self::TokenNotKnown => "token_not_known",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotFound | Self::UnknownAccount | Self::NoSigningKey => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Overloaded
            | Self::LogUnavailable
            | Self::SpoolFull
            | Self::DiskShort
            | Self::TokenNotKnown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// True when calls may be missing in Front until the operator does something.
    pub(crate) fn concerns_operator(self) -> bool {
        match self {
            Self::TooLarge
            | Self::UnsupportedEncoding
            | Self::Malformed
            | Self::Unauthenticated
            | Self::Overloaded
            | Self::LogUnavailable
            | Self::SpoolFull
            | Self::DiskShort => true,
            Self::NotFound
            | Self::MethodNotAllowed
            | Self::Timeout
            | Self::UnknownAccount
            | Self::NoSigningKey
            // Whoever reads the token from Aircall says why it is not known.
            | Self::TokenNotKnown => false,
        }
    }
}

impl Refusal {
    /// The kind of this refusal.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoSuchAddress => Reason::NotFound,
            Self::NotPost => Reason::MethodNotAllowed,
            Self::TooLarge { .. } | Self::Malformed(Malformed::TooLarge { .. }) => Reason::TooLarge,
            Self::Encoded => Reason::UnsupportedEncoding,
            Self::Interrupted | Self::NotGzip | Self::Malformed(_) | Self::Front(_) => Reason::Malformed,
            Self::Slow { .. } | Self::Dribbled { .. } => Reason::Timeout,
            Self::UnknownAccount => Reason::UnknownAccount,
            Self::NoSigningKey => Reason::NoSigningKey,
            Self::Unauthenticated => Reason::Unauthenticated,
            Self::Full | Self::NoRoom => Reason::Overloaded,
            Self::NotStored => Reason::LogUnavailable,
            Self::SpoolFull => Reason::SpoolFull,
            Self::DiskShort => Reason::DiskShort,
            Self::TokenNotKnown => Reason::TokenNotKnown,
        }
    }

    /// The answer: a small JSON object with the reason and what to do.
    pub(crate) fn answer(&self) -> Response<Full<Bytes>> {
        let reason = self.reason();
        let body = json!({ "error": reason.as_str(), "message": self.to_string() });
        let mut answer = json_answer(reason.status(), body.to_string());
        let headers = answer.headers_mut();
        if reason == Reason::MethodNotAllowed {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if reason.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(limits::RETRY_AFTER_SECONDS));
        }
        if self.leaves_body_unread() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// The rest of such a request cannot be told from the next one.
    fn leaves_body_unread(&self) -> bool {
        matches!(self, Self::NoRoom)
            || matches!(
                self.reason(),
                Reason::NotFound
                    | Reason::MethodNotAllowed
                    | Reason::TooLarge
                    | Reason::UnsupportedEncoding
                    | Reason::Timeout
            )
    }
}

/// An answer with a JSON body.
pub(crate) fn json_answer(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
