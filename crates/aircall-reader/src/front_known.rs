//! Up to when what people did in Front is in the log.

use async_trait::async_trait;
use calltrail_event_log::ports::LogError;

/// Whoever asks Front for its events.
#[async_trait]
pub trait FrontKnown: Send + Sync {
    /// By the store's clock, in milliseconds; `None` where Front's events are not polled, so that there is nothing to wait
    /// for.
    async fn whole_at_ms(&self) -> Result<Option<i64>, LogError>;
}

/// Front's events are not polled.
#[derive(Debug, Clone, Copy, Default)]
pub struct NobodyAsks;

#[async_trait]
impl FrontKnown for NobodyAsks {
    async fn whole_at_ms(&self) -> Result<Option<i64>, LogError> {
        Ok(None)
    }
}
