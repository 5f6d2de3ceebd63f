//! The projector's shell: it performs the machine's operations, tells it when to look at timers, answers questions, and
//! begins anew when the store turns out to be damaged.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::chain::chain;
use calltrail_domain::effect::WorkItem;
use calltrail_domain::record::Record;
use calltrail_domain::state::{LaterRecords, StateError};
use calltrail_domain::time::Timestamp;
use calltrail_domain::vocabulary::VERSION;
use calltrail_event_log::ports::{EventLog, LogError, NewItem, NewRecord, Outbox};
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval};
use tracing::{error, info, warn};

use crate::limits::{REBUILDS_MAX, REFUSAL_LINE_EVERY, RETRY_WAIT, ROOM_WAIT, TIMER_TICK};
use crate::machine::{AccountRules, Machine};
use crate::operation::{Came, Operation, WhyAgain};
use crate::pieces::Pieces as _;
use crate::projection::Carried;
use crate::published::class_of;
use crate::query::{Progress, Query, Troubles, state_hash};
use crate::reading;
use crate::rebuild::{self, RebuildError, Rebuilt, Swap};
use crate::snapshot::SnapshotError;
use crate::store::{Opened, Store, StoreError, folder};

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
    #[error(transparent)]
    Snapshot(SnapshotError),
    #[error("the log was trimmed while it was read; run this again")]
    Trimmed,
    #[error("the projector panicked; the lines before say where")]
    Panicked,
}

impl ProjectorError {
    /// True when the disk under the projection store had no room.
    fn is_for_room(&self) -> bool {
        match self {
            Self::State(StateError::Backing(cause)) | Self::Store(cause) => cause.is_for_room(),
            Self::State(StateError::Damaged { .. })
            | Self::Log(_)
            | Self::Snapshot(_)
            | Self::Trimmed
            | Self::Panicked => false,
        }
    }
}

impl From<SnapshotError> for ProjectorError {
    fn from(cause: SnapshotError) -> Self {
        match cause {
            SnapshotError::Log(cause) => Self::Log(cause),
            cause => Self::Snapshot(cause),
        }
    }
}

/// How one life of the projector ended.
enum Ended {
    Stopped,
    FoldAgain(WhyAgain),
    MadeRoom { swap: Box<Swap>, before: Option<String>, carried: BTreeMap<String, Carried> },
}

/// How the store is opened for the next life.
enum Again {
    AsItIs,
    WithRoom,
    Anew(String),
}

/// The running projector's parts.
pub(crate) struct Projector {
    pub(crate) options: Options,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) queries: mpsc::Receiver<Query>,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) lines: Lines,
    /// A rebuilt store that is to take the live one's place.
    pub(crate) swap: Option<Box<Swap>>,
}

/// When the operator was told of what goes on for long.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    refusal_at: Option<Instant>,
    refusal_for_good_at: Option<Instant>,
    troubles_at: Option<Instant>,
    /// The store waits for room on its disk, or has not committed since.
    no_room: bool,
    /// The stale decisions that were told.
    stale_decisions: u64,
}

impl Projector {
    /// Runs until it is stopped. A store that turns out to be damaged is set aside and filled again from the log.
    pub(crate) async fn run(mut self) -> Result<(), ProjectorError> {
        let Some(tail) = self.first_tail().await else { return Ok(()) };
        if let Err(cause) = rebuild::remove_leftovers(&self.options.store) {
            warn!(error = %chain(&cause), "what a killed rebuild left cannot be removed");
        }
        let Some(mut opened) = self.open(tail).await? else { return Ok(()) };
        let (mut damages, mut carries) = (0, None);
        while damages < REBUILDS_MAX {
            // Held beside the loop, so that sled is not closed, and does not panic again, while a panic unwinds.
            let store = opened.store.clone();
            // sled 0.34 panics on some damage instead of answering.
            let ended = AssertUnwindSafe(self.live(opened, carries.take())).catch_unwind().await;
            // Before another is made in its place: what sled still writes goes to names in this folder.
            store.close();
            let again = match ended {
                Ok(Ok(Ended::MadeRoom { swap, before, carried })) => {
                    let rebuilt = swap.built.take_place(before).map_err(RebuildError::from);
                    tell_rebuilt(&rebuilt);
                    // Whoever asked may be gone.
                    let _ = swap.reply.send(rebuilt);
                    // Where nothing took its place, it is still there, as it was.
                    carries = Some(carried);
                    Again::AsItIs
                }
                Ok(Ok(Ended::FoldAgain(why))) => {
                    self.pause(RETRY_WAIT).await;
                    Again::Anew(why.to_string())
                }
                // Whatever sled makes of a full disk, an error, a panic or what looks like damage.
                Ok(Err(_)) | Err(_) if folder::is_full(&self.options.store) => Again::WithRoom,
                Ok(Err(ProjectorError::State(error))) if is_damage(&error) => {
                    damages += 1;
                    Again::Anew(error.to_string())
                }
                Ok(Ok(Ended::Stopped)) => return Ok(()),
                Ok(Err(error)) if error.is_for_room() => Again::WithRoom,
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    damages += 1;
                    Again::Anew("a read of it panicked".to_owned())
                }
            };
            let Some(next) = self.open_again(again).await? else { return Ok(()) };
            // What the machine before knew goes with a store that is where that one was.
            carries = carries.filter(|_| next.set_aside.is_none() && next.committed.is_none());
            opened = next;
        }
        Err(StoreError::Damaged(format!("it was rebuilt {REBUILDS_MAX} times; check the disk")).into())
    }

    /// The store for the next life; nothing when this is to stop before.
    async fn open_again(&mut self, again: Again) -> Result<Option<Opened>, ProjectorError> {
        match again {
            Again::AsItIs => {}
            Again::WithRoom => self.wait_for_room().await,
            Again::Anew(reason) => match Store::open_anew(&self.options.store, reason) {
                Err(error) if error.is_for_room() => self.wait_for_room().await,
                opened => return Ok(Some(opened?)),
            },
        }
        self.open(u64::MAX).await
    }

    /// The store, as soon as its disk has room; nothing when this is to stop before.
    async fn open(&mut self, tail: u64) -> Result<Option<Opened>, ProjectorError> {
        while !self.is_stopping() {
            // Not opened either: a store that sled cannot write to would be taken for damaged.
            if folder::is_full(&self.options.store) {
                self.wait_for_room().await;
                continue;
            }
            match Store::open(&self.options.store, tail) {
                Err(error) if error.is_for_room() => self.wait_for_room().await,
                opened => return Ok(Some(opened?)),
            }
        }
        Ok(None)
    }

    /// Returns when there may be room on the disk, or when this is to stop. What was not committed is folded again.
    async fn wait_for_room(&mut self) {
        self.progress.send_modify(|progress| progress.caught_up = false);
        if !std::mem::replace(&mut self.lines.no_room, true) {
            let store = self.options.store.display();
            error!(%store, "projection store has no room on its disk; waiting for it");
        }
        loop {
            self.pause(ROOM_WAIT).await;
            if self.is_stopping() || !folder::is_full(&self.options.store) {
                return;
            }
        }
    }

    /// The tail at the start; asked for until the log answers, or nothing when this is to stop before.
    async fn first_tail(&mut self) -> Option<u64> {
        while !self.is_stopping() {
            match self.log.tail().await {
                Ok(tail) => return Some(tail),
                Err(cause) => self.lines.tell_refused(&cause),
            }
            self.pause(RETRY_WAIT).await;
        }
        None
    }

    /// Returns after this time, or when this is to stop.
    async fn pause(&mut self, wait: Duration) {
        tokio::select! {
            _ = self.stop.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }

    /// `carried` is what the machine before this one knew, when this one goes on where that one was.
    async fn live(
        &mut self,
        opened: Opened,
        carried: Option<BTreeMap<String, Carried>>,
    ) -> Result<Ended, ProjectorError> {
        if let Some(aside) = opened.set_aside {
            let path = aside.path.display();
            warn!(reason = aside.reason, %path, "projection store set aside, rebuilding it from the log");
        }
        if let Some(committed) = opened.committed {
            let checkpoint = opened.store.checkpoint()?;
            warn!(
                checkpoint,
                committed, "projection store opened at an earlier commit; the records since are folded again"
            );
        }
        if let Err(cause) = reading::begin(&*self.log, &opened.store).await {
            let ProjectorError::Log(cause) = cause else { return Err(cause) };
            self.lines.tell_refused(&cause);
            return Ok(Ended::FoldAgain(WhyAgain::NotFilled));
        }
        let mut machine = Machine::new(opened.store, self.options.accounts.clone(), self.options.random)?;
        if let Some(carried) = carried {
            machine.carry_on(carried)?;
        }
        let mut ticks = tokio::time::interval(TIMER_TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut came = Came::Started;
        while !self.is_stopping() {
            let operation = machine.next((self.options.clock)(), came)?;
            if let Operation::FoldAgain(why) = operation {
                self.report(Progress::default());
                return Ok(Ended::FoldAgain(why));
            }
            self.report(machine.progress());
            came = self.perform(operation, &machine, &mut ticks).await;
            if matches!(came, Came::Tick) {
                self.lines.tell_troubles(&machine);
            }
            if let Some(swap) = self.swap.take()
                && let Some(ready) = self.catch_up(swap, &machine).await
            {
                let before = Some(state_hash(machine.projection())?);
                return Ok(Ended::MadeRoom { swap: ready, before, carried: machine.into_carried() });
            }
        }
        Ok(Ended::Stopped)
    }

    /// The rebuilt store with what the live one has folded since; nothing when that is not to be had, and whoever asked knows.
    async fn catch_up(&self, mut swap: Box<Swap>, machine: &Machine<Store>) -> Option<Box<Swap>> {
        let checkpoint = machine.progress().checkpoint;
        if swap.built.read_to() > checkpoint {
            let _ = swap.reply.send(Err(RebuildError::Backwards));
            return None;
        }
        match swap.built.fold_to(&*self.log, checkpoint, &mut |_| ()).await {
            Ok(()) => Some(swap),
            Err(error) => {
                let _ = swap.reply.send(Err(error.into()));
                None
            }
        }
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
            Operation::Identify { sequence } => reading::identity(&*self.log, sequence).await,
            Operation::Publish { account, item } => self.publish(account, &item).await,
            Operation::Holds { account, class, ticket } => {
                self.outbox.holds(&account, class, ticket).await.map(Came::Holds)
            }
            Operation::Append { account, records } => {
                let group = records.into_iter().map(|record| new_record(&account, &record)).collect();
                self.log.append(group).await.map(|_| Came::Appended)
            }
            Operation::Sleep(wait) => {
                self.pause(wait).await;
                Ok(Came::Slept)
            }
            // The end of a life is no operation of a port.
            Operation::FoldAgain(_) => Ok(Came::Slept),
        };
        came.unwrap_or_else(|cause| {
            self.lines.tell_refused(&cause);
            if cause.is_retryable() { Came::Refused } else { Came::TooLarge }
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
        let log = Arc::clone(&self.log);
        loop {
            tokio::select! {
                biased;
                _ = self.stop.changed() => return Ok(Came::Refused),
                Some(query) = self.queries.recv() => {
                    self.swap = query.answer(machine.projection());
                    if self.swap.is_some() {
                        // Nothing is asked of the log: the machine ends here, or asks again.
                        return Ok(Came::Refused);
                    }
                }
                _ = ticks.tick(), if machine.progress().caught_up => return Ok(Came::Tick),
                came = reading::records(&*log, after, max) => return came,
            }
        }
    }

    /// An item that the outbox already holds stays there once.
    async fn publish(&self, account: String, item: &WorkItem) -> Result<Came, LogError> {
        let body = serde_json::to_vec(item).map_err(|cause| LogError::Storage(Arc::new(cause)))?;
        let item = NewItem { account, class: class_of(item), id: item.message_id(), body: body.into() };
        self.outbox.publish(item).await.map(|ticket| Came::Published { ticket })
    }

    fn report(&mut self, progress: Progress) {
        if progress.caught_up && !self.progress.borrow().caught_up {
            info!(checkpoint = progress.checkpoint, "caught up with the log");
        }
        if progress.checkpoint > self.progress.borrow().checkpoint && std::mem::take(&mut self.lines.no_room)
        {
            info!("projection store has room again");
        }
        self.progress.send_if_modified(|known| std::mem::replace(known, progress) != progress);
    }
}

impl Lines {
    /// A port that is away refuses every few seconds; it is logged once a minute.
    fn tell_refused(&mut self, cause: &LogError) {
        let cause_of = chain(cause);
        if cause.is_retryable() && is_due(&mut self.refusal_at) {
            warn!(error = %cause_of, "the log or the outbox refused, trying again");
        }
        if !cause.is_retryable() && is_due(&mut self.refusal_for_good_at) {
            error!(error = %cause_of, "the log or the outbox refuses something for good; all else goes on");
        }
    }

    /// What only a person can end is logged once a minute.
    fn tell_troubles(&mut self, machine: &Machine<Store>) {
        if !is_due(&mut self.troubles_at) {
            return;
        }
        let Troubles { too_large, stale_decisions, refused_publications: _ } = machine.troubles();
        if stale_decisions != self.stale_decisions {
            warn!(
                stale_decisions,
                "decisions made on another log are not folded; their calls are decided again"
            );
            self.stale_decisions = stale_decisions;
        }
        if too_large > 0 {
            error!(too_large, "work items or decisions are too large to pass");
        }
        // A store that cannot be read is noticed elsewhere.
        for (account, LaterRecords { count, needs, last }) in machine.later_records().unwrap_or_default() {
            error!(
                account,
                records = count,
                last,
                vocabulary = VERSION,
                needs,
                "a later release has written to the log; nothing is decided until one is installed that reads it"
            );
        }
        let lost_items = machine.lost_items();
        if lost_items > 0 {
            warn!(lost_items, "work items are published again and again, and nothing comes of them");
        }
    }
}

fn tell_rebuilt(rebuilt: &Result<Rebuilt, RebuildError>) {
    match rebuilt {
        Ok(rebuilt) => {
            let same = rebuilt.before.as_ref() == Some(&rebuilt.after);
            info!(
                records = rebuilt.records,
                same,
                hash = rebuilt.after,
                "projection store rebuilt from the log"
            );
        }
        Err(cause) => {
            error!(error = %chain(cause), "the rebuilt projection store cannot take its place")
        }
    }
}

/// True once in [`REFUSAL_LINE_EVERY`].
fn is_due(told_at: &mut Option<Instant>) -> bool {
    let is_due = told_at.is_none_or(|told_at| told_at.elapsed() >= REFUSAL_LINE_EVERY);
    if is_due {
        *told_at = Some(Instant::now());
    }
    is_due
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
