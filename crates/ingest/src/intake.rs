//! Where received records become durable before they are answered.

use std::sync::Arc;

use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog, LogError, NewRecord};

use crate::spool::{Spool, SpoolFull};

/// Where received records become durable.
#[derive(Debug, Clone)]
pub enum Intake {
    /// The log is a file of this machine, and so its own spool.
    Log(Arc<dyn EventLog>),
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
            Self::Log(log) => {
                let sequences = log.append(vec![record]).await?;
                sequences.first().copied().map(Some).ok_or(AppendError::NoSequence)
            }
            Self::Spool(spool) => spool.append(record, received_at).await.map(|()| None),
        }
    }
}
