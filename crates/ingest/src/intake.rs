//! Where received records become durable before they are answered.

use std::sync::Arc;

use calltrail_domain::time::Timestamp;
use calltrail_event_log::disk::{Disk, DiskFull};
use calltrail_event_log::ports::{EventLog, LogError, NewRecord};
use tokio::sync::watch;

use crate::spool::{Spool, SpoolFull};

/// Where received records become durable.
#[derive(Debug, Clone)]
pub enum Intake {
    /// The log is a file of this machine, and so its own spool. While its disk is short, it takes no webhooks, so that there
    /// is room for what is made of those that it has; nor before `opens` is true, where there is one.
    Log { log: Arc<dyn EventLog>, disk: Option<Disk>, opens: Option<watch::Receiver<bool>> },
    /// The log is elsewhere: a [`crate::Forwarder`] brings the records there.
    Spool(Spool),
}

/// Why a record was not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    #[error(transparent)]
    Refused(#[from] LogError),
    #[error(transparent)]
    SpoolFull(#[from] SpoolFull),
    #[error(transparent)]
    DiskFull(#[from] DiskFull),
    #[error("the log has not been folded since the start; see what the projector waits for")]
    NotYet,
    #[error("the log gave no sequence")]
    NoSequence,
    #[error("the log did not answer within {limit_ms} ms")]
    Late { limit_ms: u128 },
}

impl Intake {
    /// Returns once the record is durable: its sequence, if it is in the log already.
    pub(crate) async fn append(
        &self,
        record: NewRecord,
        received_at: Timestamp,
    ) -> Result<Option<u64>, AppendError> {
        match self {
            Self::Log { log, disk, opens } => {
                disk.as_ref().map_or(Ok(()), Disk::check)?;
                if opens.as_ref().is_some_and(|opens| !*opens.borrow()) {
                    return Err(AppendError::NotYet);
                }
                let sequences = log.append(vec![record]).await?;
                sequences.first().copied().map(Some).ok_or(AppendError::NoSequence)
            }
            Self::Spool(spool) => spool.append(record, received_at).await.map(|()| None),
        }
    }
}
