//! What the shell reads of the log: the next records, and which log it is.

use calltrail_domain::hash;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord};
use tokio::time::timeout;

use crate::limits::IDENTIFY_WAIT;
use crate::lineage::Seen;
use crate::operation::Came;
use crate::pieces::Pieces as _;
use crate::projector::ProjectorError;
use crate::snapshot::{self, SnapshotError};
use crate::store::Store;
use crate::translate::Folding;

/// Up to `max` records after `after`; waits for the first.
///
/// The record at `after` is read last: who finds it there then had the others follow on it.
pub(crate) async fn records(log: &dyn EventLog, after: u64, max: usize) -> Result<Came, LogError> {
    let records = log.read_after(after, max).await?;
    let before = if after == 0 { None } else { hash_at(log, after).await? };
    let first = if before.is_none() { next_record(log, 0).await?.map(|first| first.sequence) } else { None };
    Ok(Came::Records { before, first, records: records.iter().map(Folding::of).collect() })
}

/// The hash of the record at `sequence`, and the first record. The log ends at `sequence` or after it.
pub(crate) async fn identity(log: &dyn EventLog, sequence: u64) -> Result<Came, LogError> {
    let at = if sequence == 0 { None } else { hash_at(log, sequence).await? };
    let seen = |record: LoggedRecord| Seen { sequence: record.sequence, hash: hash::of_record(&record.body) };
    let first = next_record(log, 0).await?.map(seen);
    let begins_later = first.is_some_and(|first| first.sequence > sequence);
    let base = if begins_later { snapshot::base(log).await.map_err(of_log)? } else { None };
    Ok(Came::Identity { at, first, base: base.map(|base| base.through) })
}

/// Fills an empty store with the snapshot with which the log begins. Returns where the folding goes on: after the last record that
/// the store has. Who is killed meanwhile leaves a store that is not opened again.
pub(crate) async fn begin(log: &dyn EventLog, store: &Store) -> Result<u64, ProjectorError> {
    let checkpoint = store.checkpoint()?;
    if checkpoint > 0 {
        return Ok(checkpoint);
    }
    let Some(base) = snapshot::base(log).await? else { return Ok(0) };
    let folded = snapshot::load::<ProjectorError>(log, &base, |pieces| {
        let pieces: Vec<_> = pieces.iter().map(|(account, pieces)| (account.as_str(), pieces)).collect();
        Ok(store.commit(&pieces, &[], 0)?)
    })
    .await?;
    store.commit(&[], &folded, base.through)?;
    Ok(base.through)
}

/// Where there should be a snapshot and is none, the log is of no use for now.
fn of_log(cause: SnapshotError) -> LogError {
    match cause {
        SnapshotError::Log(cause) => cause,
        cause => LogError::storage(cause),
    }
}

/// True when records after `sequence` were trimmed off, which are in a snapshot.
pub(crate) async fn is_trimmed_past(log: &dyn EventLog, sequence: u64) -> Result<bool, SnapshotError> {
    let first = next_record(log, 0).await?;
    if first.is_none_or(|first| first.sequence <= sequence + 1) {
        return Ok(false);
    }
    Ok(snapshot::base(log).await?.is_some_and(|base| base.through > sequence))
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
