//! The shell: claims items, performs what their work asks for, and gives claims back.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use calltrail_aircall::rest::AudioSource;
use calltrail_domain::chain::chain;
use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::PartyId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{Claim, Class, EventLog, KeyValue, LogError, Outbox};
use calltrail_front::Client;
use futures_util::StreamExt as _;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::command::Why;
use crate::condition::{Change, Lasting};
use crate::counters::Counters;
use crate::fence;
use crate::limits::{CLAIM_WAIT, STORE_TROUBLE_DELAY, UNREADABLE_ITEM_DELAY};
use crate::machine::Machine;
use crate::operation::{Came, Operation};
use crate::perform::{Performer, lock};
use crate::settings::Settings;
use crate::turn::order_of_claim;
use crate::warnings;
use crate::work::{Polling, Shared, Work};

/// What a writer works for and with.
pub struct WriterOptions {
    pub settings: Settings,
    pub client: Client,
    /// Where the audio of recordings is fetched; without it they are shown by their links.
    pub audio: Option<AudioSource>,
    /// A name that no other process has or has had: random.
    pub instance: String,
    /// Items worked on at the same time. Of more than one, one is never given to bulk items, which may wait long.
    pub workers: usize,
    /// A claim in work is extended this often: at most a third of the time that the outbox's claims last.
    pub extend_every: Duration,
    /// Front's events are asked for this often, all replicas together; never without it.
    pub poll_every: Option<Duration>,
    /// The clock of this machine, one that runs during suspend.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub counters: Arc<Counters>,
}

impl std::fmt::Debug for WriterOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriterOptions")
            .field("settings", &self.settings)
            .field("instance", &self.instance)
            .field("workers", &self.workers)
            .field("extend_every", &self.extend_every)
            .field("poll_every", &self.poll_every)
            .finish_non_exhaustive()
    }
}

/// Works until `shutdown` says true, or its sender is gone. Then every worker stops at a point where nothing is under way.
pub async fn run(
    options: WriterOptions,
    log: Arc<dyn EventLog>,
    outbox: Arc<dyn Outbox>,
    store: Arc<dyn KeyValue>,
    shutdown: watch::Receiver<bool>,
) {
    let WriterOptions {
        settings,
        client,
        audio,
        instance,
        workers,
        extend_every,
        poll_every,
        clock,
        counters,
    } = options;
    let performer = Performer::new(Arc::new(settings), client, log, store, clock, counters, audio);
    let workers = workers.max(1);
    let (shared, turns, claims) = Default::default();
    let bulk = Semaphore::new(workers.saturating_sub(1).max(1));
    let writer = Arc::new(Writer { performer, outbox, instance, extend_every, shared, turns, claims, bulk });
    let mut running = JoinSet::new();
    for _ in 0..workers {
        running.spawn(work(Arc::clone(&writer), shutdown.clone()));
    }
    let mut polling = JoinSet::new();
    if let Some(every) = poll_every.filter(|_| rule::holds(Rule::EventsArePolled)) {
        polling.spawn(poll(Arc::clone(&writer), every));
    }
    tokio::select! {
        () = supervise(&mut running, &writer, &shutdown) => {}
        never = hear(&writer) => match never {},
    }
}

/// Returns when every worker has stopped.
async fn supervise(running: &mut JoinSet<()>, writer: &Arc<Writer>, shutdown: &watch::Receiver<bool>) {
    while let Some(ended) = running.join_next().await {
        if ended.is_err() && !*shutdown.borrow() {
            error!("a writer's worker ended by itself; another takes its place");
            running.spawn(work_again(Arc::clone(writer), shutdown.clone()));
        }
    }
}

/// Notes when other processes change fences, for the case that their work has to be taken over.
async fn hear(writer: &Writer) -> Infallible {
    let Performer { settings, store, .. } = &writer.performer;
    loop {
        let mut changes = store.changes(fence::BUCKET, settings.account.as_str());
        while let Some(change) = changes.next().await {
            if let Some(party) = fence::party_of(&settings.account, &change.key) {
                lock(&writer.shared).hear(&party, change.revision, writer.performer.now());
            }
        }
        // It could not be subscribed to, or the connection was closed.
        tokio::time::sleep(STORE_TROUBLE_DELAY).await;
    }
}

/// Asks for Front's events, one poll after the other. May be dropped at any point: what was not noted is asked for again.
async fn poll(writer: Arc<Writer>, every: Duration) {
    let Performer { settings, counters, .. } = &writer.performer;
    let mut was_behind = false;
    loop {
        let mut polling = Polling::new(Arc::clone(settings), every);
        let mut operation = polling.begin();
        let after = loop {
            if let Operation::Release { after, .. } = operation {
                break after;
            }
            let came = writer.performer.perform_poll(operation).await;
            let mut shared = lock(&writer.shared);
            operation = polling.next(writer.performer.now(), &mut shared, came);
            writer.tell(shared.take_changes());
        };
        counters.count_polled(polling.found());
        if polling.is_behind() && !was_behind {
            warn!(account = %settings.account, "front has more events than one poll takes; the next ones go on");
        }
        was_behind = polling.is_behind();
        tokio::time::sleep(after).await;
    }
}

/// Not at once, lest a worker that ends every time keeps the machine busy. What it held lapses and comes again.
async fn work_again(writer: Arc<Writer>, mut shutdown: watch::Receiver<bool>) {
    tokio::select! {
        () = stopped(&mut shutdown) => {}
        () = tokio::time::sleep(STORE_TROUBLE_DELAY) => work(writer, shutdown.clone()).await,
    }
}

struct Writer {
    performer: Performer,
    outbox: Arc<dyn Outbox>,
    instance: String,
    extend_every: Duration,
    shared: Mutex<Shared>,
    /// Looks into the outbox.
    turns: AtomicU64,
    claims: AtomicU64,
    /// A permit for each bulk item that may be worked on.
    bulk: Semaphore,
}

/// An item in work. A bulk one holds its permit until it is given back.
struct Claimed<'a> {
    claim: Box<dyn Claim>,
    class: Class,
    _bulk: Option<SemaphorePermit<'a>>,
}

/// How work on a claim ended.
enum End {
    Done,
    Release { after: Duration, why: Option<Why> },
}

async fn work(writer: Arc<Writer>, mut shutdown: watch::Receiver<bool>) {
    while !*shutdown.borrow() {
        let claimed = tokio::select! {
            biased;
            () = stopped(&mut shutdown) => return,
            claimed = writer.claim() => claimed,
        };
        match claimed {
            Ok(Some(claimed)) => writer.work_on(claimed, &mut shutdown).await,
            Ok(None) => {}
            Err(LogError::Closed) => return,
            Err(error) => {
                writer.performer.tell_no_claim(&error);
                tokio::time::sleep(STORE_TROUBLE_DELAY).await;
            }
        }
    }
}

/// Returns when the writer is to stop.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that nobody can say "stop" any more.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

impl Writer {
    async fn claim(&self) -> Result<Option<Claimed<'_>>, LogError> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
        for class in order_of_claim(turn) {
            if let Some(claimed) = self.claim_of(class, Duration::ZERO).await? {
                return Ok(Some(claimed));
            }
        }
        self.claim_of(Class::Live, CLAIM_WAIT).await
    }

    async fn claim_of(&self, class: Class, wait: Duration) -> Result<Option<Claimed<'_>>, LogError> {
        let bulk = match class {
            Class::Live => None,
            Class::Bulk => match self.bulk.try_acquire() {
                Ok(permit) => Some(permit),
                Err(_) => return Ok(None),
            },
        };
        let claimed = self.outbox.claim(self.performer.settings.account.as_str(), class, wait).await?;
        Ok(claimed.map(|claim| Claimed { claim, class, _bulk: bulk }))
    }

    async fn work_on(&self, claimed: Claimed<'_>, shutdown: &mut watch::Receiver<bool>) {
        let Claimed { claim, class, _bulk } = claimed;
        let end = match serde_json::from_slice::<WorkItem>(claim.body()) {
            Ok(item) => self.drive_extending(claim.as_ref(), class, item, shutdown).await,
            Err(error) => {
                // Without the parser's own words: they may quote a number.
                let column = error.column();
                error!(
                    item = claim.id(),
                    column, "a work item cannot be read; it waits for a release that can"
                );
                End::Release { after: UNREADABLE_ITEM_DELAY, why: None }
            }
        };
        let ended = match end {
            End::Done => claim.done().await,
            End::Release { after, why } => {
                if let Some(why) = why {
                    self.performer.counters.count_release(why);
                }
                claim.release(after).await
            }
        };
        match ended {
            // A claim that lapsed belongs to somebody else, who has the fence.
            Ok(()) | Err(LogError::Conflict | LogError::Closed) => {}
            Err(error) => {
                warn!(error = %chain(&error), "a claim was not given back; it lapses")
            }
        }
    }

    async fn drive_extending(
        &self,
        claim: &dyn Claim,
        class: Class,
        item: WorkItem,
        shutdown: &mut watch::Receiver<bool>,
    ) -> End {
        // Beside the work, so that a store that is slow to extend holds nothing up.
        tokio::select! {
            end = self.drive(class, item, shutdown) => end,
            never = self.extend(claim) => match never {},
        }
    }

    async fn extend(&self, claim: &dyn Claim) -> Infallible {
        loop {
            tokio::time::sleep(self.extend_every).await;
            match claim.extend().await {
                Ok(()) | Err(LogError::Conflict) => {}
                Err(error) => warn!(error = %chain(&error), "a claim was not extended"),
            }
        }
    }

    /// One claim's work from its first operation to its last.
    async fn drive(&self, class: Class, item: WorkItem, shutdown: &mut watch::Receiver<bool>) -> End {
        let claim = format!("{}-{}", self.instance, self.claims.fetch_add(1, Ordering::Relaxed));
        let party = item.party.clone();
        let mut work = Work::new(Arc::clone(&self.performer.settings), claim, class, item);
        let mut came = Came::Claimed;
        let end = loop {
            let now = self.performer.now();
            let (operation, changes) = {
                let mut shared = lock(&self.shared);
                (work.next(now, &mut shared, came), shared.take_changes())
            };
            self.tell(changes);
            match operation {
                Operation::Done => break End::Done,
                Operation::Release { after, why } => break End::Release { after, why },
                Operation::Sleep(span) if work.is_reserving() => {
                    self.performer.counters.count_budget_wait(span)
                }
                _ => {}
            }
            let performed = self.performer.perform(&party, operation);
            came = if work.may_be_left() {
                tokio::select! {
                    biased;
                    () = stopped(shutdown) => break End::Release { after: Duration::ZERO, why: None },
                    came = performed => came,
                }
            } else {
                performed.await
            };
        };
        self.count(&party, work.machine());
        if matches!(end, End::Done) {
            self.performer.forget(&party);
        }
        end
    }

    /// Tells what has begun and ended of what only an operator can repair.
    fn tell(&self, changes: Option<(Vec<Change>, Vec<Lasting>)>) {
        let Some((changes, lasting)) = changes else { return };
        let account = &self.performer.settings.account;
        changes.into_iter().for_each(|change| warnings::tell_change(account, change));
        self.performer.counters.set_conditions(lasting);
    }

    fn count(&self, party: &PartyId, machine: &Machine) {
        let counters = &self.performer.counters;
        counters.count_claim(machine.conflicts(), machine.takeovers());
        let newer_fences = machine.newer_fences();
        if newer_fences > 0 {
            counters.count_newer_fences(newer_fences);
            warn!(%party, "fence is newer than the log; effects are done again");
        }
        let duplicates = machine.duplicates();
        if duplicates > 0 {
            counters.count_duplicate_comments(duplicates);
            warn!(%party, duplicates, "a comment stands in front more than once; remove the later ones there");
        }
    }
}
