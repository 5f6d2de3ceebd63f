//! A log with the records before it that were trimmed off, read from archives.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use calltrail_event_log::limits::READ_BYTES_MAX;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};

use super::Files;

/// Reads, and nothing else: first the archives, in the order of their records, then the log.
#[derive(Debug)]
struct Chained {
    archives: Arc<[PathBuf]>,
    log: Arc<dyn EventLog>,
    /// Where a reader is who reads on.
    reading: Mutex<Option<Reading>>,
    /// The last record of the archives.
    archived: u64,
}

#[derive(Debug)]
struct Reading {
    at: u64,
    files: Files,
}

#[derive(Debug, thiserror::Error)]
#[error("a log with its archives is only read")]
struct OnlyRead;

/// The log with what was trimmed off before it.
///
/// # Errors
/// When an archive is not whole, or they are not in the order of their records.
pub(crate) fn with_archives(
    log: Arc<dyn EventLog>,
    archives: &[PathBuf],
) -> anyhow::Result<Arc<dyn EventLog>> {
    if archives.is_empty() {
        return Ok(log);
    }
    Ok(Arc::new(Chained::new(log, archives.into())?))
}

impl Chained {
    fn new(log: Arc<dyn EventLog>, archives: Arc<[PathBuf]>) -> anyhow::Result<Self> {
        let mut archived = 0;
        let mut files = Files::new(Arc::clone(&archives));
        while let Some(record) = files.next()? {
            anyhow::ensure!(record.sequence > archived, "name the archives in the order of their records");
            archived = record.sequence;
        }
        Ok(Self { archives, log, reading: Mutex::new(None), archived })
    }

    fn archived_after(&self, after: u64, max: usize) -> anyhow::Result<Vec<LoggedRecord>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let here = reading.take().filter(|reading| reading.at == after);
        let mut files = here.map_or_else(|| Files::new(Arc::clone(&self.archives)), |reading| reading.files);
        let mut records = Vec::new();
        let mut room = READ_BYTES_MAX;
        while records.len() < max && room > 0 {
            let Some(record) = files.next()? else { break };
            if record.sequence > after {
                room = room.saturating_sub(record.body.len());
                records.push(record);
            }
        }
        *reading = records.last().map(|last| Reading { at: last.sequence, files });
        Ok(records)
    }
}

#[async_trait]
impl EventLog for Chained {
    async fn append(&self, _: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        Err(LogError::storage(OnlyRead))
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        if sequence >= self.archived {
            return self.log.read_after(sequence, max).await;
        }
        self.archived_after(sequence, max).map_err(|cause| LogError::storage(format!("{cause:#}")))
    }

    async fn tail(&self) -> Result<u64, LogError> {
        Ok(self.log.tail().await?.max(self.archived))
    }

    async fn erase(&self, _: &[u64]) -> Result<(), LogError> {
        Err(LogError::storage(OnlyRead))
    }

    async fn trim(&self, _: u64) -> Result<(), LogError> {
        Err(LogError::storage(OnlyRead))
    }
}
