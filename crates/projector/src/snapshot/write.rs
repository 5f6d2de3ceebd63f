//! Writing a snapshot into the log.

use std::path::Path;

use calltrail_domain::record::{Record, RecordBody, StateSnapshot};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog, NewRecord};

use super::Cutter;
use crate::projector::ProjectorError;
use crate::scratch::Scratch;

/// A snapshot that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The last record that is folded into it.
    pub through: u64,
    /// The hash over all pieces of all accounts.
    pub state_hash: String,
    pub pieces: u64,
    /// The records of its parts, in their order; none for a log without accounts.
    pub parts: Vec<u64>,
}

/// Folds the log up to its tail into a store in `scratch` and appends the state as the snapshot `id`. `now` is the time of
/// its records; `progress` hears each position that was reached.
///
/// # Errors
/// When the log cannot be read or written, or there is no room for the scratch store. What was appended by then means nothing.
pub async fn take(
    log: &dyn EventLog,
    scratch: &Path,
    id: String,
    now: Timestamp,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Taken, ProjectorError> {
    let through = log.tail().await?;
    if through == 0 {
        return Ok(Taken { through, state_hash: String::new(), pieces: 0, parts: Vec::new() });
    }
    let began = log.read_after(0, 1).await?.first().map_or(0, |record| record.sequence);
    let mut scratch = Scratch::new(scratch, log).await?;
    scratch.fold_to(log, through, progress).await?;
    let (mut cutter, mut parts) = (Cutter::new(id, through, began), Vec::new());
    let names: Vec<_> = scratch.accounts().map(|(name, _)| name.to_owned()).collect();
    for account in &names {
        for entry in scratch.pieces_of(account) {
            let (key, stored) = entry?;
            for part in cutter.add(&key, &String::from_utf8_lossy(&stored)) {
                parts.extend(append(log, account, now, part).await?);
            }
        }
        if let Some(part) = cutter.close() {
            parts.extend(append(log, account, now, part).await?);
        }
    }
    let state_hash = scratch.state_hash()?;
    if let Some(account) = names.last() {
        let end = cutter.end(state_hash.clone(), scratch.lineage());
        parts.extend(append(log, account, now, end).await?);
    }
    scratch.close();
    Ok(Taken { through, state_hash, pieces: cutter.pieces(), parts })
}

async fn append(
    log: &dyn EventLog,
    account: &str,
    now: Timestamp,
    part: StateSnapshot,
) -> Result<Vec<u64>, ProjectorError> {
    let body = RecordBody::StateSnapshot(part);
    let kind = body.kind().to_owned();
    let body = Record { received_at: now, body }.encode().into();
    Ok(log.append(vec![NewRecord { account: account.to_owned(), kind, body }]).await?)
}
