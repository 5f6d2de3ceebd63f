//! Which bodies become records: the decision, without HTTP, clock or log.

use calltrail_aircall::bounded_text;
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
    /// To be appended. `has_meaning` is false for an Aircall event in which this release finds no call.
    Record { record: Box<Record>, has_meaning: bool },
    /// To be answered; there is nothing to append.
    Challenge(Challenge),
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
    if !received.is_from(&account.aircall) {
        return Err(Refusal::Unauthenticated);
    }
    let has_meaning = received.is_about_a_call();
    let body = RecordBody::AircallEvent(received.into_event());
    Ok(Admitted::Record { record: Box::new(Record { received_at: now, body }), has_meaning })
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
            Admitted::Record { record: Box::new(Record { received_at: now, body }), has_meaning: true }
        }
        Received::Challenge(challenge) => Admitted::Challenge(challenge),
    })
}
