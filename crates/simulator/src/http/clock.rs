//! The time that the shell tells the model.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that follows the system's or stands still, and that can be moved forward. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    follows_system: bool,
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Follows the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { follows_system: true, offset_ms: Arc::default() }
    }

    /// Stands at `at_ms` (Unix time) until it is moved.
    #[must_use]
    pub fn manual(at_ms: i64) -> Self {
        Self { follows_system: false, offset_ms: Arc::new(AtomicI64::new(at_ms)) }
    }

    /// Unix time in milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let offset_ms = self.offset_ms.load(Ordering::SeqCst);
        if !self.follows_system {
            return offset_ms;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(offset_ms)
    }

    /// Moves the time forward.
    pub fn advance(&self, by_ms: u32) {
        self.offset_ms.fetch_add(i64::from(by_ms), Ordering::SeqCst);
    }
}
