//! A question on the wire, for whoever answers it without sockets.

use calltrail_aircall::rest::{RateLimit, RawAnswer, RestError, call_path};
use calltrail_domain::ids::CallId;
use calltrail_domain::record::RecordBody;

use crate::operation::{Question, Reply};

/// The body of the request that switches a webhook on.
const SWITCHED_ON: &[u8] = br#"{"active": true}"#;

impl Question {
    /// Method, path with query, and body of its request.
    #[must_use]
    pub fn request(&self) -> (&'static str, String, &'static [u8]) {
        match self {
            Self::Calls(ask) => ("GET", ask.path(), b""),
            Self::Call(id) => ("GET", call_path(*id), b""),
            Self::Webhooks => ("GET", "/v1/webhooks?per_page=50".to_owned(), b""),
            Self::SwitchOn { id } => ("PUT", format!("/v1/webhooks/{id}"), SWITCHED_ON),
        }
    }

    /// What an answer means to it.
    ///
    /// # Errors
    /// In the first place: when it is none of use.
    pub fn read(&self, raw: RawAnswer) -> (Result<Reply, RestError>, RateLimit) {
        match self {
            Self::Calls(_) => {
                let answered = raw.calls();
                (answered.result.map(Reply::Calls), answered.rate)
            }
            Self::Call(_) => {
                let answered = raw.call();
                (answered.result.map(|call| Reply::Call(Box::new(call))), answered.rate)
            }
            Self::Webhooks => {
                let answered = raw.webhooks();
                (answered.result.map(Reply::Webhooks), answered.rate)
            }
            Self::SwitchOn { .. } => {
                let answered = raw.body();
                (answered.result.map(|_| Reply::SwitchedOn), answered.rate)
            }
        }
    }
}

/// The call of whose end a record tells.
#[must_use]
pub fn ended_in(body: &RecordBody) -> Option<CallId> {
    match body {
        RecordBody::AircallEvent(event) => calltrail_aircall::ended_call(event),
        RecordBody::AircallRead(read) => calltrail_aircall::ended_call_read(read),
        _ => None,
    }
}
