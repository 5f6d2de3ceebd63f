//! What the shell reads of the log: the next records, and which log it is.

use calltrail_domain::hash;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord};
use tokio::time::timeout;

use crate::limits::IDENTIFY_WAIT;
use crate::lineage::Seen;
use crate::operation::Came;
use crate::translate::Folding;

/// Up to `max` records after `after`; waits for the first.
///
/// The record at `after` is read last: who finds it there then had the others follow on it.
pub(crate) async fn records(log: &dyn EventLog, after: u64, max: usize) -> Result<Came, LogError> {
    let records = log.read_after(after, max).await?;
    let before = if after == 0 { None } else { hash_at(log, after).await? };
    Ok(Came::Records { before, records: records.iter().map(Folding::of).collect() })
}

/// The hash of the record at `sequence`, and the first record. The log ends at `sequence` or after it.
pub(crate) async fn identity(log: &dyn EventLog, sequence: u64) -> Result<Came, LogError> {
    let at = hash_at(log, sequence).await?;
    let seen = |record: LoggedRecord| Seen { sequence: record.sequence, hash: hash::of_record(&record.body) };
    let first = next_record(log, 0).await?.map(seen);
    Ok(Came::Identity { at, first })
}

/// `None` where the log has no record there, and has later ones.
async fn hash_at(log: &dyn EventLog, sequence: u64) -> Result<Option<u64>, LogError> {
    let record = next_record(log, sequence - 1).await?;
    let record = record.filter(|record| record.sequence == sequence);
    Ok(record.map(|record| hash::of_record(&record.body)))
}

/// The first record after this sequence. A log that meanwhile ends there would make its reader wait; this does not.
async fn next_record(log: &dyn EventLog, after: u64) -> Result<Option<LoggedRecord>, LogError> {
    let read = timeout(IDENTIFY_WAIT, log.read_after(after, 1)).await;
    let records = read.map_err(|_| LogError::storage("the log has no record there any more"))??;
    Ok(records.into_iter().next())
}
