//! Finding and loading the snapshot with which a log begins.

use std::collections::BTreeMap;

use calltrail_domain::record::{Record, RecordBody, StateSnapshot};
use calltrail_domain::state::Changes;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord};

use super::{Base, Loading, Parts, SnapshotError};
use crate::limits::BATCH_RECORDS_MAX;
use crate::lineage::Seen;

const KIND: &str = "state.snapshot";

/// The snapshot with which the folding of this log begins, `None` where it begins with the first record: a log that was never
/// trimmed has all of them, or lacks some that were erased.
///
/// # Errors
/// When there should be one, or the log cannot be read.
pub async fn base(log: &dyn EventLog) -> Result<Option<Base>, SnapshotError> {
    let tail = log.tail().await?;
    let (mut parts, mut first, mut after) = (Parts::default(), None, 0);
    while after < tail {
        let batch = log.read_after(after, BATCH_RECORDS_MAX).await?;
        let first = *first.get_or_insert(batch.first().map_or(tail, |record| record.sequence));
        if first == 1 {
            return Ok(None);
        }
        for record in &batch {
            let whole = part_in(record).and_then(|part| parts.take(record.sequence, &part));
            if let Some(base) = whole.filter(|base| base.through + 1 >= first) {
                return Ok(Some(base));
            }
        }
        after = batch.last().map_or(tail, |record| record.sequence);
    }
    first.map_or(Ok(()), |first| parts.allow_none(first))?;
    Ok(None)
}

/// The parts of all snapshots of the log, whole or not, and the last one that is whole.
///
/// # Errors
/// When the log cannot be read.
pub async fn parts(log: &dyn EventLog) -> Result<(Parts, Option<Base>), LogError> {
    let tail = log.tail().await?;
    let (mut parts, mut last, mut after) = (Parts::default(), None, 0);
    while after < tail {
        let batch = log.read_after(after, BATCH_RECORDS_MAX).await?;
        for record in &batch {
            last = part_in(record).and_then(|part| parts.take(record.sequence, &part)).or(last);
        }
        after = batch.last().map_or(tail, |record| record.sequence);
    }
    Ok((parts, last))
}

/// Reads the snapshot part by part; `each` gets the pieces of a part, by account. Returns what [`Loading::finish`] does.
///
/// # Errors
/// When it is damaged or of another format, or the log cannot be read; and those of `each`.
pub async fn load<E: From<SnapshotError>>(
    log: &dyn EventLog,
    base: &Base,
    mut each: impl FnMut(BTreeMap<String, Changes>) -> Result<(), E>,
) -> Result<Vec<Seen>, E> {
    let mut loading = Loading::default();
    for sequence in base.parts.iter().copied() {
        let read = log.read_after(sequence - 1, 1).await.map_err(SnapshotError::from)?;
        let record = read.first().filter(|record| record.sequence == sequence);
        let part = record.and_then(|record| Some((record, part_in(record)?)));
        let (record, part) = part.ok_or(SnapshotError::Damaged { sequence })?;
        each(loading.take(sequence, &record.account, part)?)?;
    }
    Ok(loading.finish(base)?)
}

fn part_in(record: &LoggedRecord) -> Option<StateSnapshot> {
    if record.kind != KIND {
        return None;
    }
    match Record::decode(&record.body).ok()?.body {
        RecordBody::StateSnapshot(snapshot) => Some(snapshot),
        _ => None,
    }
}
