//! Folds the call event log, decides, and hands work items to the outbox.
//!
//! **Invariant:** nothing is decided that is not a record, and nothing is published that is not folded.

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
mod store;
mod translate;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;

use calltrail_domain::policy::Policy;
use calltrail_domain::state::{Account, StateError};
use calltrail_event_log::ports::{EventLog, Outbox};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub use lineage::{Lineage, Seen};
pub use machine::{AccountRules, Machine};
pub use operation::{Came, Operation, WhyAgain};
pub use pieces::{AccountInMemory, InMemory, Pieces, PiecesError, Scan, Scanned, StoreErrorOf};
pub use projector::{Options, ProjectorError};
pub use published::class_of;
pub use query::{Digest, Pending, Progress, Troubles, stored_digest};
pub use store::StoreError;
pub use translate::{Folding, fact_of, translate};
pub use verify::{Difference, Verification, verify};

/// A running projector. It stops when this is dropped; [`Handle::stop`] also waits for it.
#[derive(Debug)]
pub struct Handle {
    queries: mpsc::Sender<query::Query>,
    progress: watch::Receiver<Progress>,
    stop: watch::Sender<bool>,
    /// Until somebody has waited for its end.
    task: Mutex<Option<JoinHandle<Result<(), ProjectorError>>>>,
}

/// Starts a projector on the current runtime.
#[must_use]
pub fn start(options: Options, log: Arc<dyn EventLog>, outbox: Arc<dyn Outbox>) -> Handle {
    let (queries, receiver) = mpsc::channel(limits::QUERIES_MAX);
    let (progress_sender, progress) = watch::channel(Progress::default());
    let (stop, stopped) = watch::channel(false);
    let projector = projector::Projector {
        options,
        log,
        outbox,
        queries: receiver,
        progress: progress_sender,
        stop: stopped,
        lines: projector::Lines::default(),
    };
    Handle { queries, progress, stop, task: Mutex::new(Some(tokio::spawn(projector.run()))) }
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
