//! A second projection store is filled from the log beside the live one, and takes its place.
//!
//! **Invariant:** the live store is whole at every moment. Until the folders change places, in one step, nothing of it is
//! touched; whoever is killed before leaves a folder that the next start removes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use calltrail_event_log::ports::EventLog;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use crate::limits::SWAP_RECORDS_MAX;
use crate::projector::ProjectorError;
use crate::query::{Progress, Query, stored_hash};
use crate::scratch::Scratch;
use crate::store::{StoreError, folder};

/// What a rebuild brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// Records that were folded.
    pub records: u64,
    /// The hash of the state before; `None` where the store could not be read, or was not there.
    pub before: Option<String>,
    /// The hash of what took its place.
    pub after: String,
    /// Where the former store is now, if it differed and could be kept.
    pub kept: Option<PathBuf>,
}

/// Why nothing took the live store's place. It goes on as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Projector(#[from] ProjectorError),
    #[error("the projector has ended, or ends; see the log of the process")]
    Ended,
    #[error("the log went back behind what was folded meanwhile; rebuild again")]
    Backwards,
}

/// A rebuild that waits for the projector to make room for it.
#[derive(Debug)]
pub(crate) struct Swap {
    pub(crate) built: Built,
    pub(crate) reply: oneshot::Sender<Result<Rebuilt, RebuildError>>,
}

/// A second store. It is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Built {
    live: PathBuf,
    folder: PathBuf,
    /// Until it is closed.
    scratch: Option<Scratch>,
}

impl Built {
    /// An empty store beside the one at `live`. What an earlier rebuild left is removed.
    pub(crate) async fn beside(live: &Path, log: &dyn EventLog) -> Result<Self, ProjectorError> {
        let folder = folder::beside(live);
        remove_leftovers(live)?;
        // Who does not wait for the store leaves nothing of it.
        let mut built = Self { live: live.to_owned(), folder, scratch: None };
        built.scratch = Some(Scratch::new(&built.folder, log).await?);
        Ok(built)
    }

    pub(crate) async fn fold_to(
        &mut self,
        log: &dyn EventLog,
        end: u64,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ProjectorError> {
        match &mut self.scratch {
            Some(scratch) => scratch.fold_to(log, end, progress).await,
            None => Ok(()),
        }
    }

    pub(crate) fn read_to(&self) -> u64 {
        self.scratch.as_ref().map_or(0, Scratch::read_to)
    }

    /// Takes the live store's place. Nobody has that one open. `before` is its hash.
    pub(crate) fn take_place(mut self, before: Option<String>) -> Result<Rebuilt, ProjectorError> {
        let Some(scratch) = self.scratch.take() else { return Err(StoreError::closed().into()) };
        let (records, after) = (scratch.records(), scratch.state_hash()?);
        scratch.close();
        folder::exchange(&self.folder, &self.live).map_err(|source| self.io(source))?;
        let differs = before.as_ref() != Some(&after);
        // The former store is in the folder now. One that differs is kept, for whoever wants to know why.
        let kept = if differs && self.folder.exists() {
            folder::set_aside_from(&self.folder, &self.live).ok()
        } else {
            None
        };
        Ok(Rebuilt { records, before, after, kept })
    }

    fn io(&self, source: std::io::Error) -> ProjectorError {
        StoreError::Io { path: self.folder.clone(), source }.into()
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        if let Some(scratch) = self.scratch.take() {
            scratch.close();
        }
        // What is left is removed by the next rebuild, or at the next start.
        let _ = folder::remove(&self.folder);
    }
}

/// Removes what a rebuild of the store at `live` left that was killed.
pub(crate) fn remove_leftovers(live: &Path) -> Result<(), ProjectorError> {
    let path = folder::beside(live);
    folder::remove(&path).map_err(|source| StoreError::Io { path, source }.into())
}

/// Rebuilds the store at `live`, which no running projector has open.
///
/// # Errors
/// When the log cannot be read, or there is no room: the store is as it was then.
pub async fn rebuild_at_rest(
    log: &dyn EventLog,
    live: &Path,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Rebuilt, RebuildError> {
    let mut built = Built::beside(live, log).await?;
    let end = log.tail().await.map_err(ProjectorError::from)?;
    built.fold_to(log, end, progress).await?;
    Ok(built.take_place(stored_hash(live, end).ok())?)
}

/// Rebuilds beside a running projector, which makes room between two of its operations.
pub(crate) async fn rebuild_beside(
    log: Arc<dyn EventLog>,
    live: &Path,
    mut folded: watch::Receiver<Progress>,
    queries: &mpsc::Sender<Query>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Rebuilt, RebuildError> {
    let mut built = Built::beside(live, &*log).await?;
    loop {
        // Only what the live one has folded, so that it never has to catch up.
        let known = folded.wait_for(|progress| progress.caught_up).await;
        let checkpoint = known.map_err(|_| RebuildError::Ended)?.checkpoint;
        if checkpoint < built.read_to() {
            return Err(RebuildError::Backwards);
        }
        if checkpoint - built.read_to() <= SWAP_RECORDS_MAX {
            break;
        }
        built.fold_to(&*log, checkpoint, progress).await?;
    }
    let (reply, answer) = oneshot::channel();
    queries.send(Query::Swap(Box::new(Swap { built, reply }))).await.map_err(|_| RebuildError::Ended)?;
    answer.await.unwrap_or(Err(RebuildError::Ended))
}
