//! What a whole answer of Aircall means, wherever it came from.

use http::{HeaderMap, StatusCode};

use super::calls::{self, CallsPage, ReadCall};
use super::error::RestError;
use super::rate::RateLimit;
use super::reply::{self, Webhook};

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// What came of one request, and what its answer said about the rate limit.
#[derive(Debug, Clone)]
pub struct Answered<T> {
    pub result: Result<T, RestError>,
    pub rate: RateLimit,
}

impl RawAnswer {
    /// The body of a 2xx.
    #[must_use]
    pub fn body(self) -> Answered<Vec<u8>> {
        let rate = RateLimit::of(&self.headers);
        let result = if self.status.is_success() {
            Ok(self.body)
        } else {
            Err(RestError::of(self.status, &self.headers, &self.body))
        };
        Answered { result, rate }
    }

    /// One page of the list of calls.
    #[must_use]
    pub fn calls(self) -> Answered<CallsPage> {
        self.body().read("no list of calls in the answer", calls::page)
    }

    /// One call.
    #[must_use]
    pub fn call(self) -> Answered<ReadCall> {
        self.body().read("no call in the answer", calls::call)
    }

    /// The first page of webhooks.
    #[must_use]
    pub fn webhooks(self) -> Answered<Vec<Webhook>> {
        let webhooks = |body: &[u8]| reply::page::<Webhook>(body).map(|page| page.entries);
        self.body().read("no list of webhooks in the answer", webhooks)
    }
}

impl Answered<Vec<u8>> {
    /// Reads the body with `read`; where that finds nothing, the answer lacks `what`.
    fn read<T>(self, what: &'static str, read: impl FnOnce(&[u8]) -> Option<T>) -> Answered<T> {
        let found = self.result.and_then(|body| read(&body).ok_or(RestError::Malformed { what }));
        Answered { result: found, rate: self.rate }
    }
}
