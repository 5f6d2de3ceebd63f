//! The outbox on JetStream: a work-queue stream with one subject an item, and one durable consumer a lane.

use std::sync::Arc;
use std::time::Duration;

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::{HeaderMap, StatusCode};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::sync::oneshot;

use super::claim::Delivered;
use super::connect::JetStream;
use super::subjects::{self, OUTBOX};
use super::wire::{Query, RequestError, Stored, Wire, not_sent};
use crate::limits::{HELD_LOOKS_MAX, HOLD_MAX, PULL_MARGIN};
use crate::names;
use crate::ports::{Claim, Class, LogError, NewItem, Outbox};

/// The server's words for "nothing now" (404), and "nothing came in time" (408) (ADR-13).
const NOTHING_NOW: u16 = 404;
const NOTHING_IN_TIME: u16 = 408;

#[async_trait]
impl Outbox for JetStream {
    /// The server stores an item only when its subject is empty, so that an id is held at most once, for however long.
    async fn publish(&self, item: NewItem) -> Result<u64, LogError> {
        names::check_item(&item)?;
        let subject = subjects::item(&item.account, item.class, &item.id);
        for _ in 0..HELD_LOOKS_MAX {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
            let stored = self.wire.ask::<Stored>(OUTBOX, subject.clone(), Some(headers), item.body.clone());
            match stored.await {
                Ok(stored) => return Ok(stored.seq),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(held) = self.wire.kept(OUTBOX, &Query::LastOf(&subject)).await? {
                return Ok(held.sequence);
            }
        }
        Err(LogError::storage(format!("the item was neither held nor taken in {HELD_LOOKS_MAX} tries")))
    }

    async fn holds(&self, account: &str, class: Class, ticket: u64) -> Result<bool, LogError> {
        names::check_account(account)?;
        let held = self.wire.kept(OUTBOX, &Query::Sequence(ticket)).await?;
        Ok(held.is_some_and(|held| held.subject.starts_with(&subjects::lane(account, class))))
    }

    async fn claim(
        &self,
        account: &str,
        class: Class,
        wait: Duration,
    ) -> Result<Option<Box<dyn Claim>>, LogError> {
        names::check_account(account)?;
        let (answer, answered) = oneshot::channel();
        // In a task of its own: what is delivered after the caller has gone is given back at once.
        let (wire, consumer) = (self.wire.clone(), subjects::consumer(account, class));
        let looking = Arc::clone(&self.looks).read_owned().await;
        tokio::spawn(async move {
            let _looking = looking;
            let pulled = pull(wire, &consumer, wait.min(HOLD_MAX)).await;
            if let Err(Ok(Some(unwanted))) = answer.send(pulled) {
                // Where that fails too, the claim lapses.
                let _ = Box::new(unwanted).release(Duration::ZERO).await;
            }
        });
        let pulled = answered.await.map_err(|_| LogError::storage("the pull ended without an answer"))?;
        Ok(pulled?.map(|delivered| Box::new(delivered) as Box<dyn Claim>))
    }
}

/// Asks for one item.
async fn pull(wire: Wire, consumer: &str, wait: Duration) -> Result<Option<Delivered>, RequestError> {
    let of = format!("the consumer {consumer}");
    let (inbox, mut answers) = wire.inbox(&of).await?;
    let query = if wait.is_zero() {
        serde_json::json!({ "batch": 1, "no_wait": true })
    } else {
        let expires_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        serde_json::json!({ "batch": 1, "expires": expires_ns })
    };
    let subject = wire.api.consumer_next(consumer);
    let asked = async {
        let sent = wire.client.publish_with_reply(subject, inbox, query.to_string().into()).await;
        sent.map_err(|error| not_sent(&of, error))?;
        answers.next().await.ok_or_else(|| not_sent(&of, "the connection was closed"))
    };
    let answer = wire.within(wait + PULL_MARGIN, &of, asked).await?;
    match answer.status.map(|status| status.as_u16()) {
        None => Delivered::of(wire, answer).map(Some),
        Some(NOTHING_NOW | NOTHING_IN_TIME) => Ok(None),
        Some(status) if status == StatusCode::NO_RESPONDERS.as_u16() => {
            Err(RequestError::NoResponders { of })
        }
        Some(status) => {
            let description = answer.description.unwrap_or_default();
            Err(RequestError::Refused { of, code: u64::from(status), description })
        }
    }
}
