//! The key-value store on JetStream: a stream a bucket, in the layout that NATS's own tools read (ADR-8).

use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_SEQUENCE};
use async_nats::{HeaderMap, Message};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use jiff::Timestamp;
use serde::Deserialize;

use super::connect::JetStream;
use super::subjects::{self, LOG};
use super::wire::{Kept, Query, RequestError, Stored};
use crate::names;
use crate::ports::{Changed, KeyValue, LogError, Versioned};

const OPERATION_HEADER: &str = "KV-Operation";
const DELETION: &str = "DEL";

/// The server's clock is on every description of a stream.
#[derive(Deserialize)]
struct Described {
    ts: Timestamp,
}

#[async_trait]
impl KeyValue for JetStream {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError> {
        names::check_key(bucket, key)?;
        let last = self.last(bucket, key).await?.filter(|last| !last.is_deletion);
        Ok(last.map(|last| Versioned { value: last.body, revision: last.sequence }))
    }

    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError> {
        names::check_key(bucket, key)?;
        names::check_value(bucket, value.len())?;
        match self.put(bucket, key, value.clone(), 0, HeaderMap::new()).await {
            Err(LogError::Conflict) => {}
            put => return put,
        }
        // A key that was deleted is there for the server.
        match self.last(bucket, key).await? {
            Some(last) if last.is_deletion => {
                self.put(bucket, key, value, last.sequence, HeaderMap::new()).await
            }
            Some(_) | None => Err(LogError::Conflict),
        }
    }

    async fn update(&self, bucket: &str, key: &str, value: Bytes, revision: u64) -> Result<u64, LogError> {
        names::check_key(bucket, key)?;
        names::check_value(bucket, value.len())?;
        self.put(bucket, key, value, revision, HeaderMap::new()).await
    }

    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError> {
        names::check_key(bucket, key)?;
        let mut headers = HeaderMap::new();
        headers.insert(OPERATION_HEADER, DELETION);
        self.put(bucket, key, Bytes::new(), revision, headers).await.map(drop)
    }

    fn changes(&self, bucket: &str, first: &str) -> BoxStream<'static, Changed> {
        let (client, told) = (self.wire.client.clone(), subjects::changed(bucket, first));
        let before_key = subjects::changed_key_at(bucket);
        // A subscription outlasts reconnects; where none can be made the connection was closed.
        stream::once(async move { client.subscribe(told).await })
            .filter_map(|subscribed| std::future::ready(subscribed.ok()))
            .flatten()
            .filter_map(move |message| std::future::ready(changed_of(&message, before_key)))
            .boxed()
    }

    async fn now_ms(&self) -> Result<i64, LogError> {
        let subject = self.wire.api.stream_info(LOG);
        let described: Described = self.wire.ask(LOG, subject, None, Bytes::new()).await?;
        Ok(described.ts.as_millisecond())
    }
}

fn changed_of(message: &Message, key_at: usize) -> Option<Changed> {
    let revision = message.headers.as_ref()?.get(NATS_SEQUENCE)?.as_str().parse().ok()?;
    Some(Changed { key: message.subject.get(key_at..)?.to_owned(), revision })
}

impl JetStream {
    async fn last(&self, bucket: &str, key: &str) -> Result<Option<Kept>, RequestError> {
        let stream = subjects::bucket_stream(bucket);
        self.wire.kept(&stream, &Query::LastOf(&subjects::key(bucket, key))).await
    }

    /// Stores a message whose predecessor has the sequence `expected`, 0 for none.
    async fn put(
        &self,
        bucket: &str,
        key: &str,
        value: Bytes,
        expected: u64,
        mut headers: HeaderMap,
    ) -> Result<u64, LogError> {
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        let stream = subjects::bucket_stream(bucket);
        let stored = self.wire.ask::<Stored>(&stream, subjects::key(bucket, key), Some(headers), value);
        match stored.await {
            Ok(stored) => Ok(stored.seq),
            Err(error) if error.is_conflict() => Err(LogError::Conflict),
            Err(error) => Err(error.into()),
        }
    }
}
