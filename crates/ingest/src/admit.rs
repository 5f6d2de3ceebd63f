//! Which bodies become records: the decision, without HTTP, clock or log.

use calltrail_aircall::{Meaning, bounded_text};
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_front::webhook::{Challenge, Received, SigningKeys};
use http::HeaderMap;

use crate::options::Account;
use crate::refusal::Refusal;
use crate::route::Source;

/// What is done with a webhook that is not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// To be appended.
    Record { record: Box<Record>, understood: Understood },
    /// To be answered; there is nothing to append.
    Challenge(Challenge),
}

/// How much of a webhook this release understands. What it does not is kept all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Understood {
    /// `None` for a webhook of Front: what it means is not asked here.
    pub meaning: Option<Meaning>,
    pub has_unreadable_time: bool,
}

/// Bounds, parses and authenticates a body, in this order, and makes the record of it. `now` is the time of receipt.
pub fn admit(
    account: &Account,
    source: Source,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Admitted, Refusal> {
    match source {
        Source::Aircall => admit_aircall(account, body, now),
        Source::Front => {
            let keys = account.front.as_ref().ok_or(Refusal::NoSigningKey)?;
            admit_front(keys, headers, body, now)
        }
    }
}

fn admit_aircall(account: &Account, body: &[u8], now: Timestamp) -> Result<Admitted, Refusal> {
    let received = calltrail_aircall::receive(body).map_err(Refusal::Malformed)?;
    let tokens = account.aircall.now();
    if tokens.is_empty() {
        return Err(Refusal::TokenNotKnown);
    }
    if !received.is_from(&tokens) {
        return Err(Refusal::Unauthenticated);
    }
    let understood =
        Understood { meaning: Some(received.meaning()), has_unreadable_time: received.has_unreadable_time() };
    let body = RecordBody::AircallEvent(received.into_event());
    Ok(Admitted::Record { record: Box::new(Record { received_at: now, body }), understood })
}

fn admit_front(
    keys: &SigningKeys,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Admitted, Refusal> {
    bounded_text(body).map_err(Refusal::Malformed)?;
    let received = calltrail_front::webhook::receive(keys, headers, body, now).map_err(|rejected| {
        if rejected.is_unauthentic() { Refusal::Unauthenticated } else { Refusal::Front(rejected) }
    })?;
    Ok(match received {
        Received::Event(event) => {
            let body = RecordBody::FrontEvent(event);
            let understood = Understood { meaning: None, has_unreadable_time: false };
            Admitted::Record { record: Box::new(Record { received_at: now, body }), understood }
        }
        Received::Challenge(challenge) => Admitted::Challenge(challenge),
    })
}
