//! The loop: read, translate, fold, publish, commit; at the head also decide, look at timers, and append what follows.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::WorkItem;
use calltrail_domain::policy::Policy;
use calltrail_domain::record::{AccountCreated, PartyKey, Record, RecordBody};
use calltrail_domain::state::StateError;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog, LogError, NewRecord, Outbox};
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::limits::{
    BATCH_RECORDS_MAX, REBUILDS_MAX, RECORDS_BEFORE_MARKER, RETRY_WAIT, TIMER_TICK, TIMERS_PER_TICK_MAX,
};
use crate::projection::{Projection, ProjectionError};
use crate::publisher::Publisher;
use crate::query::{Progress, Query};
use crate::store::{Opened, Store, StoreError};

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

/// The rules of one configured account.
#[derive(Debug, Clone)]
pub struct AccountRules {
    pub id: String,
    pub policy: Policy,
    /// An outstanding work item is looked for in the outbox after this long.
    pub republish_after: Duration,
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
}

/// What one life of a projection needs.
struct Run {
    projection: Projection,
    publisher: Publisher,
    /// The tail that was seen at the start: nothing is published or appended before it is folded.
    gate: u64,
    caught_up: bool,
    /// The tail that was seen before the last records were read: who has folded that far is at the head, also
    /// while records keep coming.
    head: u64,
    /// A tick and the tail seen after it: timers that are due then are appended once that tail is folded.
    tick: Option<(Timestamp, u64)>,
}

impl Projector {
    /// Runs until it is stopped. A store that turns out to be damaged is set aside and filled again from the log.
    pub(crate) async fn run(mut self) -> Result<(), ProjectorError> {
        let tail = self.log.tail().await?;
        let mut opened = Store::open(&self.options.store, tail)?;
        for _ in 0..REBUILDS_MAX {
            // sled 0.34 panics on some damage instead of answering.
            let damage = match AssertUnwindSafe(self.live(opened)).catch_unwind().await {
                Ok(Err(ProjectorError::State(error))) if is_damage(&error) => error.to_string(),
                Ok(ended) => return ended,
                Err(_) => "a read of it panicked".to_owned(),
            };
            opened = Store::open_anew(&self.options.store, damage)?;
        }
        Err(StoreError::Damaged(format!("it was rebuilt {REBUILDS_MAX} times; check the disk")).into())
    }

    async fn live(&mut self, opened: Opened) -> Result<(), ProjectorError> {
        if let Some(aside) = opened.set_aside {
            let path = aside.path.display();
            warn!(reason = aside.reason, %path, "projection store set aside, rebuilding it from the log");
        }
        let mut run = Run {
            projection: Projection::new(opened.store)?,
            publisher: Publisher::new(self.outbox.clone()),
            gate: self.log.tail().await?,
            caught_up: false,
            head: 0,
            tick: None,
        };
        let mut ticks = tokio::time::interval(TIMER_TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.open_gate_when_reached(&mut run).await?;
        while !self.is_stopping() {
            let from = run.projection.checkpoint();
            run.head = self.log.tail().await.unwrap_or(u64::MAX);
            tokio::select! {
                biased;
                _ = self.stop.changed() => {}
                Some(query) = self.queries.recv() => query.answer(&mut run.projection),
                _ = ticks.tick(), if run.caught_up => self.look_at_time(&mut run).await?,
                records = self.log.read_after(from, BATCH_RECORDS_MAX) => match records {
                    Ok(records) => self.take(&mut run, &records).await?,
                    Err(cause) => self.wait_after(&cause).await,
                },
            }
        }
        Ok(())
    }

    /// Told to stop, or nobody is left to tell.
    fn is_stopping(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// One commit group: fold, tell the outbox, then make states and checkpoint durable; decide at the head.
    async fn take(
        &mut self,
        run: &mut Run,
        records: &[calltrail_event_log::ports::LoggedRecord],
    ) -> Result<(), ProjectorError> {
        for record in records {
            let items = run.projection.fold(record)?;
            if run.caught_up {
                self.publish(run, &record.account, &items).await;
            }
        }
        run.projection.commit()?;
        self.open_gate_when_reached(run).await?;
        self.report(run);
        if run.caught_up && run.projection.checkpoint() >= run.head {
            self.decide(run).await?;
        }
        self.append_timers(run).await
    }

    /// At the gate everything that is outstanding is published: whether it was before is not known, and does no harm.
    async fn open_gate_when_reached(&mut self, run: &mut Run) -> Result<(), ProjectorError> {
        if run.caught_up || run.projection.checkpoint() < run.gate {
            return Ok(());
        }
        for name in run.projection.names() {
            let items = run.projection.account(&name).take_stock()?;
            self.publish(run, &name, &items).await;
        }
        run.caught_up = true;
        self.introduce_accounts(run).await?;
        info!(checkpoint = run.projection.checkpoint(), "caught up with the log");
        self.report(run);
        self.decide(run).await
    }

    /// An account that the log does not know gets its first record; rules that differ from the recorded ones follow.
    async fn introduce_accounts(&mut self, run: &mut Run) -> Result<(), ProjectorError> {
        for rules in self.options.accounts.clone() {
            let state = &run.projection.account(&rules.id).state;
            let is_new = state.account()?.party_key.is_none();
            let differs = state.policy()?.as_ref() != Some(&rules.policy);
            let mut bodies = Vec::new();
            if is_new {
                let party_key = PartyKey::from_random((self.options.random)());
                bodies.push(RecordBody::AccountCreated(AccountCreated { party_key }));
            }
            if differs {
                bodies.push(RecordBody::PolicyChanged(rules.policy));
            }
            // Calls may only follow an account's first record, and the receivers wait for it.
            while !self.append(&rules.id, bodies.clone()).await && !self.is_stopping() {}
        }
        Ok(())
    }

    async fn decide(&mut self, run: &mut Run) -> Result<(), ProjectorError> {
        let through = run.projection.checkpoint();
        for name in self.configured() {
            let account = run.projection.account(&name);
            let decided = match account.decide(through)? {
                Some(decided) => decided,
                None if account.uncovered >= RECORDS_BEFORE_MARKER => {
                    EffectsDecided { through, decisions: Vec::new(), complete: true }
                }
                None => continue,
            };
            if !self.append(&name, vec![RecordBody::EffectsDecided(decided.clone())]).await {
                run.projection.account(&name).undecided(&decided);
            }
        }
        Ok(())
    }

    /// The tail is read after the time, so that nothing that was awaited can be in the log unseen.
    async fn look_at_time(&mut self, run: &mut Run) -> Result<(), ProjectorError> {
        if run.tick.is_none() {
            let now = (self.options.clock)();
            run.tick = self.log.tail().await.ok().map(|tail| (now, tail));
        }
        self.append_timers(run).await?;
        // Decisions that the log refused are still to be made, and no record would come to remind of them.
        if run.projection.checkpoint() >= run.head {
            self.decide(run).await?;
        }
        Ok(())
    }

    async fn append_timers(&mut self, run: &mut Run) -> Result<(), ProjectorError> {
        let Some((now, _)) = run.tick.filter(|(_, tail)| *tail <= run.projection.checkpoint()) else {
            return Ok(());
        };
        run.tick = None;
        for rules in self.options.accounts.clone() {
            let state = &run.projection.account(&rules.id).state;
            let outstanding = |party: &_| {
                let (_, party) = state.party(party).ok().flatten()?;
                party.outstanding.map(|outstanding| (outstanding.item.item, outstanding.item.publication))
            };
            let lost = match run.publisher.lost(&rules.id, rules.republish_after, now, outstanding).await {
                Ok(lost) => lost,
                Err(cause) => {
                    self.wait_after(&cause).await;
                    Vec::new()
                }
            };
            let due = run.projection.account(&rules.id).timers_due(now, TIMERS_PER_TICK_MAX)?;
            let timers: Vec<_> = lost.into_iter().chain(due).map(RecordBody::TimerElapsed).collect();
            for group in timers.chunks(TIMERS_PER_TICK_MAX) {
                self.append(&rules.id, group.to_vec()).await;
            }
        }
        Ok(())
    }

    /// Items are published before the states that name them are committed: an item that was not told is told again.
    async fn publish(&mut self, run: &mut Run, account: &str, items: &[WorkItem]) {
        let now = (self.options.clock)();
        for item in items {
            while let Err(cause) = run.publisher.publish(account, item, now).await {
                self.wait_after(&cause).await;
                if self.is_stopping() {
                    return;
                }
            }
        }
    }

    /// True when the records are in the log. What could not be appended is decided again from the same state.
    async fn append(&mut self, account: &str, bodies: Vec<RecordBody>) -> bool {
        if bodies.is_empty() {
            return true;
        }
        let received_at = (self.options.clock)();
        let group =
            bodies.into_iter().map(|body| new_record(account, Record { received_at, body })).collect();
        match self.log.append(group).await {
            Ok(_) => true,
            Err(cause) => {
                self.wait_after(&cause).await;
                false
            }
        }
    }

    async fn wait_after(&mut self, cause: &LogError) {
        warn!(%cause, "the log or the outbox refused, trying again");
        tokio::select! {
            _ = self.stop.changed() => {}
            () = tokio::time::sleep(RETRY_WAIT) => {}
        }
    }

    fn configured(&self) -> Vec<String> {
        self.options.accounts.iter().map(|rules| rules.id.clone()).collect()
    }

    fn report(&self, run: &Run) {
        let progress = Progress { checkpoint: run.projection.checkpoint(), caught_up: run.caught_up };
        self.progress.send_replace(progress);
    }
}

/// A record as the log takes it.
pub(crate) fn new_record(account: &str, record: Record) -> NewRecord {
    NewRecord {
        account: account.to_owned(),
        kind: record.body.kind().to_owned(),
        body: record.encode().into(),
    }
}

fn is_damage(error: &ProjectionError) -> bool {
    match error {
        StateError::Damaged { .. } | StateError::Backing(StoreError::Damaged(_)) => true,
        StateError::Backing(StoreError::Io { .. }) => false,
    }
}

/// What each account shows for the operator.
pub(crate) type Totals = BTreeMap<String, calltrail_domain::state::Account>;
