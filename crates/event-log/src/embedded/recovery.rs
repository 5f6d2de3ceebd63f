//! What the committer does about commits that fail: a full disk or an I/O error stops nothing for good.
//!
//! redb refuses all work after its first I/O error until the file is opened once more. That happens at once after the
//! first failure, and after growing pauses when it or the next commit fails too; meanwhile changes are refused. It gives
//! what a restart of the process gives: redb takes the last whole transaction and syncs it before anybody reads it.

use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;

use super::store::Store;
use crate::limits::{REOPEN_PAUSE_MAX, REOPEN_PAUSE_MIN};
use crate::ports::LogError;

/// What went wrong since the last commit that succeeded.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    /// Why changes are refused.
    failure: LogError,
    /// Commits and openings that failed.
    failures: u32,
    /// Neither a commit nor an opening is tried before.
    not_before: Instant,
    /// The file is to be opened first.
    away: bool,
}

impl Trouble {
    fn note(&mut self, failure: LogError) {
        self.failure = failure;
        self.failures = self.failures.saturating_add(1);
        self.away = true;
        self.not_before = Instant::now() + pause(self.failures);
    }
}

/// How long nothing is tried after so many failures in a row.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => {
            REOPEN_PAUSE_MIN.saturating_mul(2_u32.saturating_pow(doublings)).min(REOPEN_PAUSE_MAX)
        }
    }
}

impl Recovery {
    /// When the file is to be opened though nobody asks for a change; `None` while it is open.
    pub(super) fn reopening_due(&self) -> Option<Instant> {
        self.trouble.as_ref().filter(|trouble| trouble.away).map(|trouble| trouble.not_before)
    }

    /// Opens the file if that is due. Fails with the last failure while a commit would be too early or has no file.
    pub(super) fn prepare(&mut self, store: &Store) -> Result<(), LogError> {
        if self.trouble.as_ref().is_some_and(|trouble| trouble.away && trouble.not_before <= Instant::now()) {
            self.reopen(store);
        }
        match &self.trouble {
            Some(trouble) if trouble.away || Instant::now() < trouble.not_before => {
                Err(trouble.failure.clone())
            }
            _ => Ok(()),
        }
    }

    /// Opens the file, or says when it is tried again.
    pub(super) fn reopen(&mut self, store: &Store) {
        let Some(trouble) = &mut self.trouble else { return };
        match store.reopen() {
            Ok(()) => {
                trouble.away = false;
                // Opening a large file takes a while; the pause is what comes after it.
                trouble.not_before = Instant::now() + pause(trouble.failures);
            }
            Err(error) => {
                let cause = error.source().map(ToString::to_string);
                trouble.note(LogError::storage(error));
                let retry_in_ms = pause(trouble.failures).as_millis();
                tracing::warn!(error = %reason(&trouble.failure), cause, retry_in_ms, "embedded log was not reopened");
            }
        }
    }

    /// Notes that a commit failed and opens the file at once, so that reads go on.
    pub(super) fn failed(&mut self, store: &Store, failure: &LogError) {
        let trouble = self.trouble.get_or_insert_with(|| {
            tracing::error!(error = %reason(failure), "embedded log refused a commit; reopening its file");
            store.set_refusing(true);
            Trouble { failure: failure.clone(), failures: 0, not_before: Instant::now(), away: true }
        });
        trouble.note(failure.clone());
        self.reopen(store);
    }

    /// A durable commit ends the trouble.
    pub(super) fn committed(&mut self, store: &Store) {
        if let Some(trouble) = self.trouble.take() {
            store.set_refusing(false);
            tracing::info!(failures = trouble.failures, "embedded log takes changes again");
        }
    }
}

fn reason(failure: &LogError) -> String {
    failure.source().map_or_else(|| failure.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_mended_at_once_and_later_ones_after_growing_pauses_within_the_bound() {
        let pauses: Vec<_> = (0..100).map(pause).collect();
        assert_eq!(pauses[..3], [Duration::ZERO, Duration::ZERO, REOPEN_PAUSE_MIN]);
        assert!(
            pauses.windows(2).all(|two| two[1] == REOPEN_PAUSE_MAX || two[1] > two[0] || two[1].is_zero())
        );
        assert_eq!(pauses[99], REOPEN_PAUSE_MAX);
        assert_eq!(pause(u32::MAX), REOPEN_PAUSE_MAX);
    }
}
