//! How long Aircall retries a delivery, and when it gives up on a webhook.

use crate::limits::{
    DELIVERY_ATTEMPTS_MAX, DELIVERY_FAILURES_IN_ROW_MAX, DELIVERY_LIFE_MS, DELIVERY_RETRY_MS_MAX,
    DELIVERY_RETRY_MS_MIN, PLAYER_TIMES_FASTER,
};

/// Aircall's patience with a receiver. The default is what is documented, the lower figure where the documents disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries of one event, the first included.
    pub attempts_max: u32,
    /// An event is retried until so long after its first try.
    pub life_ms: i64,
    /// The pause before the first retry. It doubles with each.
    pub retry_ms_min: i64,
    /// The longest pause between two tries.
    pub retry_ms_max: i64,
    /// A webhook is switched off after so many failed tries in a row, of whichever events; `None`: never.
    pub failures_in_row_max: Option<u32>,
    /// A retry that succeeds switches a webhook on again that was switched off for its failures.
    pub success_switches_on: bool,
    /// What happens while a webhook is off for its failures is queued for it; else it is never sent.
    pub queues_while_off: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts_max: DELIVERY_ATTEMPTS_MAX,
            life_ms: DELIVERY_LIFE_MS,
            retry_ms_min: DELIVERY_RETRY_MS_MIN,
            retry_ms_max: DELIVERY_RETRY_MS_MAX,
            failures_in_row_max: Some(DELIVERY_FAILURES_IN_ROW_MAX),
            success_switches_on: true,
            queues_while_off: false,
        }
    }
}

impl Patience {
    /// The same in a world whose time runs so many times faster: with 21,600 the 12 hours are 2 seconds. Counts stay.
    #[must_use]
    pub fn scaled(self, times_faster: i64) -> Self {
        let scale = |ms: i64| (ms / times_faster.max(1)).max(1);
        Self {
            life_ms: scale(self.life_ms),
            retry_ms_min: scale(self.retry_ms_min),
            retry_ms_max: scale(self.retry_ms_max),
            ..self
        }
    }

    /// That of a played history: its pauses are those of a player's time, and its webhook stays on.
    #[must_use]
    pub fn played() -> Self {
        Self::default().scaled(PLAYER_TIMES_FASTER).unbroken()
    }

    /// Never switches a webhook off: for a receiver that is known to come back.
    #[must_use]
    pub fn unbroken(self) -> Self {
        Self { failures_in_row_max: None, ..self }
    }

    /// The pause after the failed try `attempt`, 1 for the first.
    pub(super) fn pause_ms(&self, attempt: u32) -> i64 {
        let doublings = attempt.saturating_sub(1).min(DELIVERY_DOUBLINGS_MAX);
        self.retry_ms_min.saturating_mul(1 << doublings).min(self.retry_ms_max)
    }
}

/// Beyond this the pause is its maximum in any case.
const DELIVERY_DOUBLINGS_MAX: u32 = 30;
