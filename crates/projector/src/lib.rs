//! Folds the call event log, decides, and hands work items to the outbox.
//!
//! **Invariant:** nothing is decided that is not a record, and nothing is published that is not folded.

mod compare;
pub mod limits;
mod lineage;
mod machine;
mod operation;
mod pieces;
mod projection;
mod projector;
mod published;
mod query;
mod reading;
mod rebuild;
mod scratch;
pub mod snapshot;
mod store;
mod translate;
mod verify;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use calltrail_domain::policy::Policy;
use calltrail_domain::state::{Account, StateError};
use calltrail_event_log::ports::{EventLog, Outbox};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub use compare::{Changed, Comparison, EffectChange, How, compare};
pub use lineage::{Lineage, Seen};
pub use machine::{AccountRules, Machine};
pub use operation::{Came, Operation, WhyAgain};
pub use pieces::{AccountInMemory, InMemory, Pieces, PiecesError, Scan, Scanned, StoreErrorOf};
pub use projector::{Options, ProjectorError};
pub use published::class_of;
pub use query::{Digest, Pending, Progress, Troubles, stored_digest};
pub use rebuild::{RebuildError, Rebuilt, rebuild_at_rest};
pub use scratch::Scratch;
pub use store::{AccountPieces, StoreError};
pub use translate::{Folding, fact_of, translate};
pub use verify::{Difference, Verification, verify};

/// A running projector. It stops when this is dropped; [`Handle::stop`] also waits for it.
#[derive(Debug)]
pub struct Handle {
    queries: mpsc::Sender<query::Query>,
    progress: watch::Receiver<Progress>,
    stop: watch::Sender<bool>,
    log: Arc<dyn EventLog>,
    store: PathBuf,
    /// One rebuild at a time: they share a folder.
    rebuilding: Mutex<()>,
    /// Until somebody has waited for its end.
    task: Mutex<Option<JoinHandle<Result<(), ProjectorError>>>>,
}

/// Starts a projector on the current runtime.
#[must_use]
pub fn start(options: Options, log: Arc<dyn EventLog>, outbox: Arc<dyn Outbox>) -> Handle {
    let (queries, receiver) = mpsc::channel(limits::QUERIES_MAX);
    let (progress_sender, progress) = watch::channel(Progress::default());
    let (stop, stopped) = watch::channel(false);
    let store = options.store.clone();
    let projector = projector::Projector {
        options,
        log: Arc::clone(&log),
        outbox,
        queries: receiver,
        progress: progress_sender,
        stop: stopped,
        lines: projector::Lines::default(),
        swap: None,
    };
    let task = Mutex::new(Some(tokio::spawn(projector.run())));
    Handle { queries, progress, stop, log, store, rebuilding: Mutex::new(()), task }
}

impl Handle {
    /// How far the projector is, now and at every change.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// What each account has counted; `None` when the projector has ended.
    pub async fn totals(&self) -> Option<BTreeMap<String, Account>> {
        self.ask(query::Query::Totals).await
    }

    /// What waits in each account; `None` when the projector has ended.
    pub async fn pending(&self) -> Option<BTreeMap<String, Pending>> {
        self.ask(query::Query::Pending).await
    }

    /// The policy that decides in each account that has one; `None` when the projector has ended.
    pub async fn policies(&self) -> Option<BTreeMap<String, Policy>> {
        self.ask(query::Query::Policies).await
    }

    /// The digest of every piece; `None` when the projector has ended.
    pub async fn digest(&self) -> Option<Digest> {
        self.ask(query::Query::Digest).await
    }

    /// Fills a second store from the log while this one goes on, and puts it in this one's place between two operations of the
    /// machine. `progress` hears each position that was reached. When this is dropped, the store stays as it is.
    ///
    /// # Errors
    /// [`RebuildError`]; the store is as it was then.
    pub async fn rebuild(&self, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Rebuilt, RebuildError> {
        let _alone = self.rebuilding.lock().await;
        let log = Arc::clone(&self.log);
        rebuild::rebuild_beside(log, &self.store, self.progress(), &self.queries, progress).await
    }

    /// True once the projector has ended, by itself or stopped.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.progress.has_changed().is_err()
    }

    /// Stops after the record at hand, and returns why it ended; nothing when somebody else has waited for that.
    pub async fn stop(&self) -> Result<(), ProjectorError> {
        self.stop.send_replace(true);
        match self.task.lock().await.take() {
            Some(task) => task.await.unwrap_or(Err(ProjectorError::Panicked)),
            None => Ok(()),
        }
    }

    async fn ask<T>(
        &self,
        query: impl FnOnce(oneshot::Sender<Result<T, StateError<StoreError>>>) -> query::Query,
    ) -> Option<T> {
        let (sender, answer) = oneshot::channel();
        self.queries.send(query(sender)).await.ok()?;
        answer.await.ok()?.ok()
    }
}
