//! The log of a running process, read over its control socket: whole records, so that a command can fold them by itself.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};

use crate::control::Running;

/// Records sent at once; the log cuts what is long.
pub(crate) const RECORDS_MAX: usize = 1_000;
/// The four lengths before each record's texts: sequence, account, kind, body.
const HEAD_BYTES: usize = 8 + 4 + 4 + 4;

/// Reads, and nothing else.
#[derive(Debug)]
pub(crate) struct RemoteLog(Arc<Running>);

impl RemoteLog {
    pub(crate) fn of(running: Running) -> Self {
        Self(Arc::new(running))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the running calltrail's log is only read here")]
struct OnlyRead;

#[async_trait]
impl EventLog for RemoteLog {
    async fn append(&self, _: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        Err(LogError::storage(OnlyRead))
    }

    async fn read_after(&self, sequence: u64, _: usize) -> Result<Vec<LoggedRecord>, LogError> {
        let frames =
            self.0.frames(sequence).await.map_err(|cause| LogError::storage(format!("{cause:#}")))?;
        unframed(&frames)
            .ok_or_else(|| LogError::storage("the running calltrail sends records of another release"))
    }

    async fn tail(&self) -> Result<u64, LogError> {
        self.0.tail().await.map_err(|cause| LogError::storage(format!("{cause:#}")))
    }

    async fn erase(&self, _: &[u64]) -> Result<(), LogError> {
        Err(LogError::storage(OnlyRead))
    }

    async fn trim(&self, _: u64) -> Result<(), LogError> {
        Err(LogError::storage(OnlyRead))
    }
}

/// Records as bytes: a body is not always text.
pub(crate) fn framed(records: &[LoggedRecord]) -> Vec<u8> {
    let mut frames = Vec::new();
    for record in records {
        frames.extend(record.sequence.to_be_bytes());
        for part in [record.account.as_bytes(), record.kind.as_bytes(), &record.body] {
            frames.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
        frames.extend(record.account.as_bytes());
        frames.extend(record.kind.as_bytes());
        frames.extend_from_slice(&record.body);
    }
    frames
}

fn unframed(mut frames: &[u8]) -> Option<Vec<LoggedRecord>> {
    let mut records = Vec::new();
    while !frames.is_empty() {
        let (head, rest) = frames.split_at_checked(HEAD_BYTES)?;
        let length = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?) as usize);
        let (account, rest) = rest.split_at_checked(length(8)?)?;
        let (kind, rest) = rest.split_at_checked(length(12)?)?;
        let (body, rest) = rest.split_at_checked(length(16)?)?;
        records.push(LoggedRecord {
            sequence: u64::from_be_bytes(head.get(..8)?.try_into().ok()?),
            account: std::str::from_utf8(account).ok()?.to_owned(),
            kind: std::str::from_utf8(kind).ok()?.to_owned(),
            body: Bytes::copy_from_slice(body),
        });
        frames = rest;
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_of_frames_as_they_went_in() {
        let record = |sequence, body: &[u8]| LoggedRecord {
            sequence,
            account: "acme".to_owned(),
            kind: "aircall.event".to_owned(),
            body: Bytes::copy_from_slice(body),
        };
        let records = vec![record(1, b"{}"), record(u64::MAX, &[0xff, 0]), record(7, b"")];
        let frames = framed(&records);
        assert_eq!(unframed(&frames), Some(records));
        assert_eq!(unframed(&frames[..frames.len() - 1]), None, "a cut answer is no answer");
    }
}
