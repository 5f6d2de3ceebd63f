//! Up to when what people did in Front is in the log.

use async_trait::async_trait;
use calltrail_event_log::ports::LogError;

/// Whoever asks Front for its events.
#[async_trait]
pub trait FrontKnown: Send + Sync {
    /// By the store's clock, in milliseconds; `None` where nobody asks Front for events, so that nothing is to be waited
    /// for.
    async fn whole_at_ms(&self) -> Result<Option<i64>, LogError>;
}

/// Nobody asks Front.
#[derive(Debug, Clone, Copy, Default)]
pub struct NobodyAsks;

#[async_trait]
impl FrontKnown for NobodyAsks {
    async fn whole_at_ms(&self) -> Result<Option<i64>, LogError> {
        Ok(None)
    }
}
