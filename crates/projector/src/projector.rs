//! The projector's shell: it performs the machine's operations, tells it when to look at timers, answers questions, and
//! begins anew when the store turns out to be damaged.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::record::Record;
use calltrail_domain::state::StateError;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{Class, EventLog, LogError, NewItem, NewRecord, Outbox};
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval};
use tracing::{info, warn};

use crate::limits::{REBUILDS_MAX, REFUSAL_LINE_EVERY, RETRY_WAIT, TIMER_TICK};
use crate::machine::{AccountRules, Machine};
use crate::operation::{Came, Operation};
use crate::query::{Progress, Query};
use crate::store::{Opened, Store, StoreError};
use crate::translate::Folding;

/// What the projector is told from outside.
pub struct Options {
    /// The projection store's folder.
    pub store: PathBuf,
    pub accounts: Vec<AccountRules>,
    /// What time it is, for timers and for the records made here.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Draws the key of an account's party names.
    pub random: fn() -> [u8; 32],
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Why the projector stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    #[error(transparent)]
    State(#[from] StateError<StoreError>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the call event log did not answer: {0}")]
    Log(#[from] LogError),
    #[error("the projector panicked; the lines before say where")]
    Panicked,
}

/// The running projector's parts.
pub(crate) struct Projector {
    pub(crate) options: Options,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) queries: mpsc::Receiver<Query>,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) refusal_told_at: Option<Instant>,
}

impl Projector {
    /// Runs until it is stopped. A store that turns out to be damaged is set aside and filled again from the log.
    pub(crate) async fn run(mut self) -> Result<(), ProjectorError> {
        let Some(tail) = self.first_tail().await else { return Ok(()) };
        let mut opened = Store::open(&self.options.store, tail)?;
        for _ in 0..REBUILDS_MAX {
            // Held beside the loop, so that sled is not closed, and does not panic again, while a panic unwinds.
            let store = opened.store.clone();
            // sled 0.34 panics on some damage instead of answering.
            let ended = AssertUnwindSafe(self.live(opened)).catch_unwind().await;
            // Before another is made in its place: what sled still writes goes to names in this folder.
            store.close();
            let damage = match ended {
                Ok(Err(ProjectorError::State(error))) if is_damage(&error) => error.to_string(),
                Ok(ended) => return ended,
                Err(_) => "a read of it panicked".to_owned(),
            };
            opened = Store::open_anew(&self.options.store, damage)?;
        }
        Err(StoreError::Damaged(format!("it was rebuilt {REBUILDS_MAX} times; check the disk")).into())
    }

    /// The tail at the start; asked for until the log answers, or nothing when this is to stop before.
    async fn first_tail(&mut self) -> Option<u64> {
        while !self.is_stopping() {
            match self.log.tail().await {
                Ok(tail) => return Some(tail),
                Err(cause) => self.tell_refused(&cause),
            }
            tokio::select! {
                _ = self.stop.changed() => {}
                () = tokio::time::sleep(RETRY_WAIT) => {}
            }
        }
        None
    }

    async fn live(&mut self, opened: Opened) -> Result<(), ProjectorError> {
        if let Some(aside) = opened.set_aside {
            let path = aside.path.display();
            warn!(reason = aside.reason, %path, "projection store set aside, rebuilding it from the log");
        }
        let mut machine = Machine::new(opened.store, self.options.accounts.clone(), self.options.random)?;
        let mut ticks = tokio::time::interval(TIMER_TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut came = Came::Started;
        while !self.is_stopping() {
            let operation = machine.next((self.options.clock)(), came)?;
            self.report(machine.progress());
            came = self.perform(operation, &machine, &mut ticks).await;
        }
        Ok(())
    }

    /// Told to stop, or nobody is left to tell.
    fn is_stopping(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    async fn perform(
        &mut self,
        operation: Operation,
        machine: &Machine<Store>,
        ticks: &mut Interval,
    ) -> Came {
        let came = match operation {
            Operation::ReadTail => self.log.tail().await.map(Came::Tail),
            Operation::Read { after, max } => self.rest(after, max, machine, ticks).await,
            Operation::Publish { account, item } => self.publish(account, &item).await,
            Operation::Holds { account, ticket } => {
                self.outbox.holds(&account, Class::Live, ticket).await.map(Came::Holds)
            }
            Operation::Append { account, records } => {
                let group = records.into_iter().map(|record| new_record(&account, &record)).collect();
                self.log.append(group).await.map(|_| Came::Appended)
            }
            Operation::Sleep(wait) => {
                tokio::select! {
                    _ = self.stop.changed() => {}
                    () = tokio::time::sleep(wait) => {}
                }
                Ok(Came::Slept)
            }
        };
        came.unwrap_or_else(|cause| {
            self.tell_refused(&cause);
            Came::Refused
        })
    }

    /// Answers questions until there is something to do.
    async fn rest(
        &mut self,
        after: u64,
        max: usize,
        machine: &Machine<Store>,
        ticks: &mut Interval,
    ) -> Result<Came, LogError> {
        loop {
            tokio::select! {
                biased;
                _ = self.stop.changed() => return Ok(Came::Refused),
                Some(query) = self.queries.recv() => query.answer(machine.projection()),
                _ = ticks.tick(), if machine.progress().caught_up => return Ok(Came::Tick),
                records = self.log.read_after(after, max) => {
                    return Ok(Came::Records(records?.iter().map(Folding::of).collect()));
                }
            }
        }
    }

    /// An item that the outbox already holds stays there once.
    async fn publish(&self, account: String, item: &WorkItem) -> Result<Came, LogError> {
        let body = serde_json::to_vec(item).map_err(|cause| LogError::Storage(Arc::new(cause)))?;
        let item = NewItem { account, class: Class::Live, id: item.message_id(), body: body.into() };
        self.outbox.publish(item).await.map(|ticket| Came::Published { ticket })
    }

    /// A log that is away refuses every few seconds; it is told of once a minute.
    fn tell_refused(&mut self, cause: &LogError) {
        let told = self.refusal_told_at;
        if told.is_none_or(|told_at| told_at.elapsed() >= REFUSAL_LINE_EVERY) {
            self.refusal_told_at = Some(Instant::now());
            warn!(error = cause as &dyn Error, "the log or the outbox refused, trying again");
        }
    }

    fn report(&self, progress: Progress) {
        if progress.caught_up && !self.progress.borrow().caught_up {
            info!(checkpoint = progress.checkpoint, "caught up with the log");
        }
        self.progress.send_if_modified(|known| std::mem::replace(known, progress) != progress);
    }
}

/// A record as the log takes it.
fn new_record(account: &str, record: &Record) -> NewRecord {
    NewRecord {
        account: account.to_owned(),
        kind: record.body.kind().to_owned(),
        body: record.encode().into(),
    }
}

fn is_damage(error: &StateError<StoreError>) -> bool {
    match error {
        StateError::Damaged { .. } | StateError::Backing(StoreError::Damaged(_)) => true,
        StateError::Backing(StoreError::Io { .. }) => false,
    }
}
