//! The one task that brings the records of a spool into the log, in their order.
//!
//! It never waits without a bound for the log, and never tries again without a pause.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info, warn};

use super::Spool;
use super::forward::{Forward, Operation};
use crate::limits;
use crate::pace::Pace;

/// How long the forwarder waits, and for what. The default is what `limits` says.
#[derive(Debug, Clone)]
pub struct ForwardLimits {
    pub timeout: Duration,
    pub pause_min: Duration,
    pub pause_max: Duration,
    pub flush_timeout: Duration,
}

impl Default for ForwardLimits {
    fn default() -> Self {
        Self {
            timeout: limits::FORWARD_TIMEOUT,
            pause_min: limits::FORWARD_PAUSE_MIN,
            pause_max: limits::FORWARD_PAUSE_MAX,
            flush_timeout: limits::FLUSH_TIMEOUT,
        }
    }
}

/// Brings the records of one spool into the log. A spool has one forwarder at a time: two would mix up the order.
#[derive(Debug)]
pub struct Forwarder {
    spool: Spool,
    log: Arc<dyn EventLog>,
    limits: ForwardLimits,
    forward: Forward,
    /// Failures since the last operation that was done.
    failures: u32,
    /// How long the file of the spool was after it was last compacted.
    compacted_bytes: u64,
    lines: Lines,
}

/// When the operator is told of what repeats; the clock begins with the forwarder.
#[derive(Debug)]
struct Lines {
    started: Instant,
    failed: Pace,
    set_aside: Pace,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the log did not take the records")]
    Log(#[source] LogError),
    #[error("the spool could not be read or changed")]
    Spool(#[source] LogError),
    #[error("the log did not answer within {limit_ms} ms")]
    Late { limit_ms: u128 },
}

impl Forwarder {
    /// A forwarder that begins with the oldest record of `spool`, also with those that an earlier one has set aside.
    #[must_use]
    pub fn new(spool: Spool, log: Arc<dyn EventLog>) -> Self {
        let forward = Forward::new(spool.shared.id.clone());
        spool.shared.set_aside.store(0, Ordering::Relaxed);
        let lines = Lines { started: Instant::now(), failed: Pace::default(), set_aside: Pace::default() };
        Self { spool, log, limits: ForwardLimits::default(), forward, failures: 0, compacted_bytes: 0, lines }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: ForwardLimits) -> Self {
        Self { limits, ..self }
    }

    /// Forwards until `shutdown` is true or its sender is gone, then what is left, for as long as the limits allow. So
    /// the receivers should have ended before. What still waits then stays in the spool, which the caller closes.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let stopping = async move { drop(shutdown.wait_for(|stop| *stop).await) };
        tokio::pin!(stopping);
        loop {
            tokio::select! {
                biased;
                () = &mut stopping => break,
                step = self.step() => if step.is_break() { return },
            }
        }
        if timeout(self.limits.flush_timeout, self.flush()).await.is_err() {
            let records = self.spool.now().records;
            warn!(records, "records left in the spool for the next start");
        }
    }

    /// Returns when the log has all that the spool holds.
    async fn flush(&mut self) {
        loop {
            let Ok(tail) = self.spool.tail().await else { return };
            if self.forward.has_passed(tail) || self.step().await.is_break() {
                return;
            }
        }
    }

    /// Does the next operation, and pauses when it failed. Dropped in between, it is done again. Breaks when the spool is
    /// closed.
    async fn step(&mut self) -> ControlFlow<()> {
        let done = match self.forward.next() {
            Operation::Read { after } => self.read(after).await,
            Operation::Append { id, group } => self.append(&id, group).await,
            Operation::Erase { sequences } => self.erase(&sequences).await,
        };
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(Failure::Spool(LogError::Closed)) => ControlFlow::Break(()),
            Err(failure) => {
                self.pause_after(&failure).await;
                ControlFlow::Continue(())
            }
        }
    }

    /// Waits for the first record as long as it takes: there is nothing to be late with.
    async fn read(&mut self, after: u64) -> Result<(), Failure> {
        let compacted = self.spool.compact_when_drained(self.compacted_bytes).await;
        if let Some(file_bytes) = compacted.map_err(|refusal| self.short(refusal))? {
            self.compacted_bytes = file_bytes;
            info!(file_bytes, "spool drained and its file compacted");
        }
        let records = self.spool.read_after(after).await.map_err(|refusal| self.short(refusal))?;
        self.forward.read(records);
        Ok(())
    }

    async fn append(&mut self, id: &str, group: Vec<NewRecord>) -> Result<(), Failure> {
        match timeout(self.limits.timeout, self.log.append_once(id, group)).await {
            Ok(Ok(())) => {
                let count = self.forward.appended();
                self.spool.shared.forwarded.fetch_add(count as u64, Ordering::Relaxed);
                self.goes_on();
                Ok(())
            }
            Ok(Err(refusal)) if !refusal.is_retryable() => {
                if let Some(record) = self.forward.refused() {
                    self.set_aside(&record, &refusal);
                }
                Ok(())
            }
            // Whether the log has it is unknown: the same range goes again under the same id.
            Ok(Err(doubt)) => Err(Failure::Log(doubt)),
            Err(_) => Err(Failure::Late { limit_ms: self.limits.timeout.as_millis() }),
        }
    }

    /// Waits for the disk of this machine as long as it takes: a second erasure would only stand behind the first one.
    async fn erase(&mut self, sequences: &[u64]) -> Result<(), Failure> {
        self.spool.erase(sequences).await.map_err(|refusal| self.short(refusal))?;
        self.spool.free(&self.forward.erased());
        self.goes_on();
        Ok(())
    }

    /// What the spool refuses is most likely refused by a full disk.
    fn short(&self, refusal: LogError) -> Failure {
        if matches!(refusal, LogError::Storage(_)) && self.spool.shared.disk.release() {
            warn!("reserve of the spool given up, so that records can be taken out of it");
        }
        Failure::Spool(refusal)
    }

    fn set_aside(&mut self, record: &LoggedRecord, refusal: &LogError) {
        let set_aside = self.spool.shared.set_aside.fetch_add(1, Ordering::Relaxed) + 1;
        let now = self.lines.now();
        if let Some(untold) = self.lines.set_aside.count(now) {
            let (account, kind, sequence) = (&record.account, &record.kind, record.sequence);
            error!(account, kind, sequence, error = %refusal, untold, set_aside, "log refuses records for good; set aside in the spool");
        }
    }

    fn goes_on(&mut self) {
        if self.failures > 0 {
            info!(failures = self.failures, "spool is forwarded again");
            self.failures = 0;
        }
    }

    async fn pause_after(&mut self, failure: &Failure) {
        self.failures = self.failures.saturating_add(1);
        self.spool.shared.failures.fetch_add(1, Ordering::Relaxed);
        let pause = self.limits.pause(self.failures);
        let now = self.lines.now();
        if let Some(failures) = self.lines.failed.count(now) {
            let cause = innermost(failure).map(tracing::field::display);
            let records = self.spool.now().records;
            let retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            warn!(error = %failure, cause, failures, records, retry_in_ms, "spool is not forwarded");
        }
        sleep(pause).await;
    }
}

impl ForwardLimits {
    /// How long nothing is tried after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1);
        self.pause_min.saturating_mul(2_u32.saturating_pow(doublings)).min(self.pause_max)
    }
}

/// The reason that tells what to mend.
fn innermost(failure: &Failure) -> Option<&(dyn Error + 'static)> {
    let mut cause = failure.source();
    while let Some(deeper) = cause.and_then(Error::source) {
        cause = Some(deeper);
    }
    cause
}

impl Lines {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_the_shortest_to_the_longest_and_there_is_always_one() {
        let limits = ForwardLimits::default();
        let pauses: Vec<_> = (1..100).map(|failures| limits.pause(failures)).collect();
        assert_eq!(pauses[0], limits::FORWARD_PAUSE_MIN);
        assert!(pauses.windows(2).all(|two| two[1] == 2 * two[0] || two[1] == limits::FORWARD_PAUSE_MAX));
        assert_eq!(
            (pauses[98], limits.pause(u32::MAX)),
            (limits::FORWARD_PAUSE_MAX, limits::FORWARD_PAUSE_MAX)
        );
    }
}
