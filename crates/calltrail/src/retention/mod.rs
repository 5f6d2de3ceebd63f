//! A log that does not grow for ever: a snapshot of the state, and the older records trimmed off.
//!
//! **Invariant:** no record is trimmed off that is not folded into a whole snapshot, and no snapshot goes before its successor is
//! whole.

mod archived;

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, ensure};
use calltrail_domain::hash;
use calltrail_event_log::ports::EventLog;
use calltrail_projector::snapshot::{self, SnapshotError};
use serde::{Deserialize, Serialize};

pub(crate) use archived::check_archives;

use crate::engine::{Stores, now, projection_in, random};

/// Parts of older snapshots that are erased at once.
const ERASED_AT_ONCE: usize = 1_000;
/// Random bytes in the name of a snapshot.
const NAME_BYTES: usize = 8;

/// What `calltrail log snapshot` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) through: u64,
    pub(crate) state_hash: String,
    pub(crate) pieces: u64,
    /// Records that it takes in the log.
    pub(crate) parts: usize,
    /// Records of older ones, which it replaces.
    pub(crate) replaced: usize,
}

/// What `calltrail log trim` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Trim {
    /// The first record that stays.
    pub(crate) before: u64,
    /// The record up to which the snapshot goes.
    pub(crate) snapshot: u64,
    /// The records were trimmed off, not only looked at.
    pub(crate) done: bool,
}

/// Appends a snapshot of the state at the end of the log, and erases those before it. `progress` hears each position that
/// was folded.
///
/// # Errors
/// When the log cannot be read or written, or there is no room in `folder` for a scratch store.
pub(crate) async fn take(
    stores: &Stores,
    folder: &Path,
    progress: &mut (dyn FnMut(u64) + Send),
) -> anyhow::Result<Snapshot> {
    let (older, _) = snapshot::parts(&*stores.log).await.context("the log cannot be read")?;
    let scratch = tempfile::tempdir_in(folder).context("no room for a scratch store")?;
    let id = hash::hex(&random()[..NAME_BYTES]);
    let store = projection_in(scratch.path());
    let taken = snapshot::take(&*stores.log, &store, id, now(), progress).await?;
    ensure!(!taken.parts.is_empty(), "the log has no calls yet: there is nothing to take a snapshot of");
    // Read back: from here on the state may come from it alone.
    let base = snapshot::Base { through: taken.through, parts: taken.parts.clone() };
    snapshot::load::<SnapshotError>(&*stores.log, &base, |_| Ok(())).await?;
    let older = older.all();
    for some in older.chunks(ERASED_AT_ONCE) {
        stores
            .log
            .erase(some)
            .await
            .context("the snapshot is whole; an older one could not be erased yet")?;
    }
    let snapshot::Taken { through, state_hash, pieces, parts } = taken;
    Ok(Snapshot { through, state_hash, pieces, parts: parts.len(), replaced: older.len() })
}

/// Replaces the snapshots of the log, if it has any, by one of the state as it is now.
///
/// # Errors
/// As [`take`].
pub(crate) async fn retake(stores: &Stores, folder: &Path) -> anyhow::Result<()> {
    let (older, _) = snapshot::parts(&*stores.log).await.context("the log cannot be read")?;
    if !older.all().is_empty() {
        take(stores, folder, &mut |_| ()).await?;
    }
    Ok(())
}

/// Trims off the records before `before`, if `yes`.
///
/// # Errors
/// When no whole snapshot covers them, or the log cannot be read or written.
pub(crate) async fn trim(log: &dyn EventLog, before: u64, yes: bool) -> anyhow::Result<Trim> {
    let (_, last) = snapshot::parts(log).await.context("the log cannot be read")?;
    let snapshot = last.filter(|base| base.through + 1 >= before).with_context(|| {
        format!(
            "no snapshot has the state up to record {}; `calltrail log snapshot` takes one",
            before.saturating_sub(1)
        )
    })?;
    let folded = snapshot::load::<SnapshotError>(log, &snapshot, |_| Ok(())).await;
    let folded = folded.context("the snapshot is of no use")?;
    // A log that was restored to before it may have other records there.
    if let Some(seen) = folded.last() {
        let there = log.read_after(seen.sequence - 1, 1).await?;
        let other = there.first().filter(|record| record.sequence == seen.sequence);
        let is_other = other.is_some_and(|record| hash::of_record(&record.body) != seen.hash);
        ensure!(
            !is_other,
            "the snapshot was taken before the log was restored; `calltrail log snapshot` takes another"
        );
    }
    if yes {
        log.trim(before)
            .await
            .context("not everything is trimmed yet: run the same again, it goes on where it was")?;
    }
    Ok(Trim { before, snapshot: snapshot.through, done: yes })
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { through, state_hash, pieces, parts, replaced } = self;
        writeln!(f, "the state up to record {through} is in the log: {pieces} pieces in {parts} records")?;
        writeln!(f, "state hash {state_hash}")?;
        if *replaced > 0 {
            writeln!(f, "{replaced} records of an older snapshot are erased")?;
        }
        Ok(())
    }
}

impl fmt::Display for Trim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, snapshot, done } = self;
        let last = before.saturating_sub(1);
        match done {
            true => writeln!(
                f,
                "the log begins with record {before} now; a rebuild begins with the snapshot of record {snapshot}"
            ),
            false => writeln!(
                f,
                "the records up to {last} are in the archive and in the snapshot of record {snapshot}\n\
                 Nothing was trimmed: run it again with --yes to trim. Without the archive they are gone for good."
            ),
        }
    }
}
