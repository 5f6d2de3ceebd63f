//! The way to Front and back: a request as bytes, an answer as what it is worth.

use calltrail_front::exchange as answer_of;
use calltrail_front::{Ambiguous, Answer, Method, RateLimit, Request};
use calltrail_simulator::front::{Front, Outcome, Request as Arriving};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What comes back.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) answer: Answer,
    /// What Front says about the rate.
    pub(crate) rate: RateLimit,
    /// How long Front holds the answer back.
    pub(crate) delay_ms: u64,
}

/// Lets a request arrive at Front.
pub(crate) fn exchange(front: &mut Front, now_ms: i64, request: &Request) -> Exchange {
    let wire = request.wire();
    let method = match wire.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    let token = front.token().to_owned();
    let arriving = match &wire.body {
        Some(body) => Arriving::json(method, &wire.path, &token, body),
        None => Arriving::bare(method, &wire.path, &token),
    };
    let answered = front.step(now_ms, &arriving);
    let delay_ms = answered.delay_ms;
    let Outcome::Response(response) = answered.outcome else {
        let answer = Answer::Ambiguous { reason: Ambiguous::ConnectionLost };
        return Exchange { answer, rate: RateLimit::default(), delay_ms };
    };
    let headers = headers_of(&response.headers);
    let status = StatusCode::from_u16(response.status).expect("the simulated Front sends known statuses");
    let calltrail_front::Exchange { answer, rate } = answer_of(request, status, &headers, &response.body);
    Exchange { answer, rate, delay_ms }
}

fn headers_of(pairs: &[(String, String)]) -> HeaderMap {
    let header = |(name, value): &(String, String)| {
        let name: HeaderName = name.parse().expect("a header's name");
        (name, HeaderValue::from_str(value).expect("a header's value"))
    };
    pairs.iter().map(header).collect()
}
