//! The call event log on JetStream: groups are atomic publishes, reading is by position.

use async_nats::HeaderMap;
use async_nats::client::PublishErrorKind;
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM,
    NATS_MESSAGE_ID,
};
use async_trait::async_trait;
use bytes::Bytes;

use super::connect::JetStream;
use super::subjects::{self, LOG, LOG_SUBJECTS};
use super::wire::{Query, RequestError, Stored, not_sent};
use crate::limits::{READ_RECORDS_MAX, REQUEST_TIMEOUT};
use crate::names;
use crate::ports::{EventLog, Import as _, LogError, LoggedRecord, NewRecord};

#[async_trait]
impl EventLog for JetStream {
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        names::check_group(&group)?;
        let count = group.len() as u64;
        if count == 0 {
            return Ok(Vec::new());
        }
        let last = self.publish_group(Terms::None, group).await?;
        Ok((last + 1 - count..=last).collect())
    }

    async fn append_once(&self, id: &str, group: Vec<NewRecord>) -> Result<(), LogError> {
        names::check_group(&group)?;
        if group.is_empty() {
            return Ok(());
        }
        match self.publish_group(Terms::Once(id), group).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_known_group() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let max = max.min(READ_RECORDS_MAX);
        let mut looks = self.follower.looks();
        loop {
            let records = self.read_batch(sequence, max).await?;
            if !records.is_empty() {
                return Ok(records);
            }
            looks.next().await;
        }
    }

    async fn tail(&self) -> Result<u64, LogError> {
        let last = self.wire.kept(LOG, &Query::LastOf(LOG_SUBJECTS)).await?;
        Ok(last.map_or(0, |record| record.sequence))
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        for sequence in sequences {
            if self.wire.kept(LOG, &Query::Sequence(*sequence)).await?.is_none() {
                continue;
            }
            let subject = self.wire.api.message_delete(LOG);
            let query = serde_json::json!({ "seq": sequence }).to_string();
            self.wire.ask::<serde_json::Value>(LOG, subject, None, query.into()).await?;
        }
        Ok(())
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        // A purge to a sequence that was not given yet would leave out those in between, and one to 0 is one of everything.
        let before = before.min(self.last_given().await? + 1);
        if before <= 1 {
            return Ok(());
        }
        let query = serde_json::json!({ "seq": before }).to_string();
        let subject = self.wire.api.stream_purge(LOG);
        Ok(self.wire.ask::<serde_json::Value>(LOG, subject, None, query.into()).await.map(drop)?)
    }
}

/// What is asked of the server for a group.
#[derive(Debug, Clone, Copy)]
pub(super) enum Terms<'t> {
    None,
    /// Under this id, which it may know.
    Once(&'t str),
    /// Imported: right after this sequence, or not at all.
    After(u64),
}

impl JetStream {
    /// Publishes the records of a group that is not empty, and returns the sequence of the last.
    ///
    /// Under `sync_interval: always` a batch costs one fsync, and single publishes one each. A batch has no id but on its
    /// last record: the server refuses a batch whole when it knows one id in it, so the id stands for exactly this group.
    pub(super) async fn publish_group(
        &self,
        terms: Terms<'_>,
        group: Vec<NewRecord>,
    ) -> Result<u64, RequestError> {
        let is_batch = group.len() > 1;
        let batch = self.wire.client.new_inbox();
        // A batch's id takes 64 bytes; what follows the prefix is unique.
        let batch = batch.rsplit('.').next().unwrap_or_default();
        let last = group.len();
        let published = async {
            for (record, number) in group.into_iter().zip(1..) {
                let mut headers = HeaderMap::new();
                if number == 1 {
                    headers.insert(NATS_EXPECTED_STREAM, LOG);
                    if let Terms::After(sequence) = terms {
                        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, sequence.to_string());
                    }
                }
                if is_batch {
                    headers.insert(NATS_BATCH_ID, batch);
                    headers.insert(NATS_BATCH_SEQUENCE, number.to_string());
                }
                let subject = match terms {
                    Terms::None | Terms::Once(_) => subjects::record(&record.account, &record.kind),
                    Terms::After(_) => subjects::imported_record(&record.account, &record.kind),
                };
                if number < last {
                    self.publish(subject, headers, record.body).await?;
                    continue;
                }
                if is_batch {
                    headers.insert(NATS_BATCH_COMMIT, "1");
                }
                if let Terms::Once(id) = terms {
                    headers.insert(NATS_MESSAGE_ID, id);
                }
                let stored: Stored = self.wire.ask(LOG, subject, Some(headers), record.body).await?;
                return Ok(stored.seq);
            }
            Ok(0)
        };
        self.wire.within(REQUEST_TIMEOUT, LOG, published).await
    }

    async fn publish(&self, subject: String, headers: HeaderMap, body: Bytes) -> Result<(), RequestError> {
        let size_bytes = body.len();
        let published = self.wire.client.publish_with_headers(subject, headers, body).await;
        published.map_err(|error| match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => self.wire.too_long(LOG, size_bytes),
            _ => not_sent(LOG, error),
        })
    }
}
