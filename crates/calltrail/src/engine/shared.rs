//! What the parts that answer questions look at: each part of the process once it is there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use calltrail_aircall_reader::Seen;
use calltrail_domain::policy::Policy;
use calltrail_event_log::embedded::Embedded;
use calltrail_front_writer::{Counters, Lasting};
use calltrail_ingest::{Ingest, Spool};
use calltrail_projector::{Handle, Progress, Rebuilt, Verification};
use tokio::sync::{OnceCell, Semaphore};

use super::folder::{free_bytes, projection_in};
use super::now;
use super::role::Role;
use super::stores::Stores;
use super::tokens::Learners;
use crate::archive::with_archives;
use crate::config::{AccountConfig, Backend, Config};
use crate::reader_status::ReaderStatus;
use crate::status::{
    AccountStatus, ConnectionStatus, FoldedStatus, Live, ProcessStatus, SpoolStatus, Status, WriterStatus,
    version,
};

/// A projector answers between two operations; one that has not by then is passed over.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// A log that has not named its tail by then is left out of the answer whether this process is ready.
const READY_ANSWER_MAX: Duration = Duration::from_secs(1);
const NO_PROJECTOR: &str =
    "no projector runs in this process, or not yet; ask one that runs `calltrail projector`, by its --path";

/// What the projector knows of each account, and whether another policy is recorded than the configuration has.
type Folded = BTreeMap<String, (FoldedStatus, Option<bool>)>;

/// The parts of this process. One that is not set was not started yet, or is no part of the role.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) role: Role,
    pub(crate) folder: PathBuf,
    /// Questions that read the whole log are answered one at a time: they take memory by its length.
    pub(crate) long_questions: Semaphore,
    pub(super) stores: OnceCell<Stores>,
    pub(super) projector: OnceLock<Handle>,
    pub(super) ingest: OnceLock<Arc<Ingest>>,
    pub(super) spool: OnceLock<Spool>,
    pub(super) writers: OnceLock<BTreeMap<String, Arc<Counters>>>,
    pub(super) readers: OnceLock<BTreeMap<String, Arc<Seen>>>,
    pub(super) learners: Learners,
    backend: Backend,
    started: Instant,
    /// What the configuration says, by account.
    policies: BTreeMap<String, Policy>,
}

impl Shared {
    pub(super) fn new(config: &Config, role: Role, learners: Learners) -> Self {
        let policy = |account: &AccountConfig| (account.id.to_string(), account.policy());
        Self {
            role,
            folder: config.log.path.clone(),
            backend: config.log.backend,
            started: Instant::now(),
            long_questions: Semaphore::new(1),
            stores: OnceCell::new(),
            projector: OnceLock::new(),
            ingest: OnceLock::new(),
            spool: OnceLock::new(),
            writers: OnceLock::new(),
            readers: OnceLock::new(),
            learners,
            policies: config.accounts.iter().map(policy).collect(),
        }
    }

    /// The accounts of the configuration.
    pub(crate) fn accounts(&self) -> Vec<String> {
        self.policies.keys().cloned().collect()
    }

    /// The log and what belongs to it.
    pub(crate) fn stores(&self) -> anyhow::Result<&Stores> {
        self.stores.get().context("the log is not open yet; see the log lines of the process")
    }

    /// The same, opened if they are not; waits for servers that are away.
    pub(super) async fn open_stores(&self, config: &Config) -> anyhow::Result<&Stores> {
        self.stores.get_or_try_init(|| Stores::open(config, self.role)).await
    }

    pub(crate) async fn status(&self) -> anyhow::Result<Status> {
        // Read before all else: when it equals the number of records in the end, nothing moved in between.
        let progress = self.progress();
        let (folded, records) = tokio::join!(self.folded(), self.records());
        Ok(self.status_of(progress, folded?, records))
    }

    /// Likewise; what a projector does not tell is left out.
    pub(crate) async fn what_is_known(&self) -> Status {
        let progress = self.progress();
        let (folded, records) = tokio::join!(self.folded(), self.records());
        self.status_of(progress, folded.unwrap_or_default(), records)
    }

    fn progress(&self) -> Option<Progress> {
        self.projector.get().map(|projector| *projector.progress().borrow())
    }

    fn status_of(&self, progress: Option<Progress>, mut folded: Folded, records: Option<u64>) -> Status {
        let names = self.policies.keys().cloned().chain(folded.keys().cloned()).collect::<Vec<_>>();
        let mut accounts = BTreeMap::new();
        for name in names {
            let (folded, policy_differs) = folded.remove(&name).unzip();
            let live = Live { policy_differs: policy_differs.flatten(), ..self.live(&name) };
            let configured = self.policies.contains_key(&name);
            accounts.entry(name).or_insert(AccountStatus { configured, folded, live: Some(live) });
        }
        let connection = self.connection();
        let process = ProcessStatus {
            role: self.role,
            not_ready: self.not_ready(progress, records),
            caught_up: progress.map(|progress| progress.caught_up && !is_ahead(progress, records)),
            connection,
            spool: self.spool.get().map(|spool| SpoolStatus::of(spool.now(), now())),
            disk_free_bytes: free_bytes(&self.folder).ok(),
            disk_short: self.is_disk_short(),
            elsewhere: self.ingest.get().map(|ingest| ingest.counters().elsewhere().now()),
            connections: self.ingest.get().map(|ingest| ingest.connections()),
        };
        Status {
            version: version(),
            running: true,
            process: Some(process),
            records,
            folded: progress
                .filter(|progress| !is_ahead(*progress, records))
                .map(|progress| progress.checkpoint),
            accounts,
        }
    }

    /// The sequence of the last record, where this process may know it.
    async fn records(&self) -> Option<u64> {
        let is_lost = self.connection().is_some_and(|connection| !connection.connected);
        match self.stores.get() {
            // Writers and receivers may not read the log, where the servers know their keys.
            Some(stores) if (self.role.folds() || self.role.reads()) && !is_lost => stores.tail().await.ok(),
            Some(_) | None => None,
        }
    }

    /// True while the disk of the log lets no webhook in; `None` where the log is no file of this process.
    fn is_disk_short(&self) -> Option<bool> {
        Some(self.stores.get()?.disk.as_ref()?.check().is_err())
    }

    fn connection(&self) -> Option<ConnectionStatus> {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        match self.stores.get() {
            Some(stores) => stores.connection().map(|connection| ConnectionStatus {
                connected: connection.connected,
                reconnects: connection.reconnects,
                disconnected_ms: connection.disconnected_for.map(ms),
            }),
            None => (self.backend == Backend::JetStream).then(|| ConnectionStatus {
                connected: false,
                reconnects: 0,
                disconnected_ms: Some(ms(self.started.elapsed())),
            }),
        }
    }

    /// Nothing from a projector that is busy with a log that does not answer.
    async fn folded(&self) -> anyhow::Result<Folded> {
        let Some(projector) = self.projector.get() else { return Ok(BTreeMap::new()) };
        let asked = async {
            let totals = projector.totals().await?;
            Some((totals, projector.pending().await?, projector.policies().await?))
        };
        let Ok(answered) = tokio::time::timeout(ANSWER_MAX, asked).await else { return Ok(BTreeMap::new()) };
        let (totals, pending, policies) =
            answered.context("the projector has ended; see the log of the process")?;
        let accounts = totals.iter().map(|(name, account)| {
            let pending = pending.get(name).copied().unwrap_or_default();
            let recorded = policies.get(name).zip(self.policies.get(name));
            let differs = recorded.map(|(recorded, configured)| recorded != configured);
            (name.clone(), (FoldedStatus::new(account, pending), differs))
        });
        Ok(accounts.collect())
    }

    fn live(&self, account: &str) -> Live {
        let receiver = |ingest: &Arc<Ingest>| Some(ingest.counters().account(&account.parse().ok()?)?.now());
        let writer = self.writers.get().and_then(|writers| writers.get(account));
        Live {
            policy_differs: None,
            webhooks: self.ingest.get().and_then(receiver),
            webhook_token: self.learners.status(account),
            reader: self.reader(account),
            writer: writer.map(|counters| WriterStatus::of(counters, now())),
        }
    }

    fn reader(&self, account: &str) -> Option<ReaderStatus> {
        let seen = self.readers.get()?.get(account)?.now();
        Some(ReaderStatus::of(&seen, now()))
    }

    pub(crate) async fn verify(&self, archives: &[PathBuf]) -> anyhow::Result<Verification> {
        let log = with_archives(self.stores()?.log.clone(), archives)?;
        let projector = self.projector.get().context(NO_PROJECTOR)?;
        let live = projector.digest().await.context("the projector has ended; see the log of the process")?;
        let scratch = tempfile::tempdir_in(&self.folder).context("no room for a scratch store")?;
        let store = projection_in(scratch.path());
        Ok(calltrail_projector::verify(&*log, &live, &store, |_| {}).await?)
    }

    /// Fills a second projection store beside the live one and puts it in its place.
    pub(crate) async fn rebuild(&self, progress: &mut (dyn FnMut(u64) + Send)) -> anyhow::Result<Rebuilt> {
        let projector = self.projector.get().context(NO_PROJECTOR)?;
        Ok(projector.rebuild(progress).await?)
    }

    /// Why this process cannot do its part now: nothing when it can.
    pub(crate) async fn not_ready_now(&self) -> Vec<String> {
        // Who waits for readiness may send nothing before, so that only this look can find that a disk works again.
        if self.is_disk_refusing() {
            // Its failure is what is reported below.
            let _ = tokio::time::timeout(READY_ANSWER_MAX, self.try_commit()).await;
        }
        let progress = self.progress();
        // A log that is slow to answer is seen by its connection.
        let records = tokio::time::timeout(READY_ANSWER_MAX, self.records()).await.ok().flatten();
        self.not_ready(progress, records)
    }

    /// True when a commit of the spool, or of a log that is a file, failed and none has succeeded since.
    fn is_disk_refusing(&self) -> bool {
        let log = self.stores.get().and_then(Stores::file);
        self.spool.get().is_some_and(Spool::is_refusing) || log.is_some_and(Embedded::is_refusing)
    }

    async fn try_commit(&self) {
        if let Some(spool) = self.spool.get() {
            let _ = spool.try_commit().await;
        }
        if let Some(log) = self.stores.get().and_then(Stores::file) {
            let _ = log.try_commit().await;
        }
    }

    /// What only an operator can repair: no reason not to be ready, since everything else goes on.
    pub(crate) fn conditions(&self) -> Vec<String> {
        self.policies.keys().flat_map(|account| self.conditions_of(account)).collect()
    }

    fn conditions_of(&self, account: &str) -> Vec<String> {
        let token = self.learners.status(account).and_then(|status| status.condition());
        let token = token.map(|condition| format!("account {account}: {condition}"));
        let writers = self.writers.get().into_iter().flatten();
        let own = writers.filter(|(writes_for, _)| writes_for.as_str() == account);
        let waits = own.flat_map(|(_, counters)| counters.conditions());
        let line = |one: Lasting| {
            let since_s = now().since(one.since).as_secs();
            format!("account {account} waits for {since_s} s: {}", one.condition)
        };
        let reads = self.reader(account).into_iter().flat_map(|reader| reader.conditions);
        let read = reads.map(|condition| format!("account {account}: {condition}"));
        token.into_iter().chain(waits.map(line)).chain(read).collect()
    }

    /// Front and Aircall are no part of it, and for the receivers neither is a log that is elsewhere. `progress` was
    /// looked at before the tail was.
    fn not_ready(&self, progress: Option<Progress>, tail: Option<u64>) -> Vec<String> {
        let receiving = self.role.receives() && self.ingest.get().is_none();
        let mut reasons = Vec::from_iter(receiving.then_some("the receivers are not open yet"));
        if self.spool.get().is_some_and(|spool| !spool.now().accepting) {
            reasons.push("the spool takes nothing: it holds too much, or its disk is short");
        }
        if self.is_disk_short() == Some(true) {
            reasons.push("webhooks are refused: the disk of `log.path` is short; make room on it");
        }
        if self.is_disk_refusing() {
            reasons
                .push("nothing can be stored: the disk of `log.path` refuses; the process log has the cause");
        }
        if self.role.folds() || self.role.writes() || self.role.reads() {
            match (self.stores.get(), self.connection()) {
                (None, _) => reasons.push("the log is not open yet"),
                (Some(_), Some(connection)) if !connection.connected => {
                    reasons.push("the connection to the log is lost");
                }
                (Some(_), _) => {}
            }
        }
        if self.role.folds() {
            match self.projector.get() {
                Some(projector) if projector.has_ended() => reasons.push("the projector has ended"),
                Some(projector) if projector.progress().borrow().caught_up => {
                    if progress.is_some_and(|progress| is_ahead(progress, tail)) {
                        reasons.push("the log ends before what the projector has folded; it folds it again");
                    } else if tail.is_none() && reasons.is_empty() && !self.role.receives() {
                        // It may have been put back. Receivers of this process take webhooks without the log: a balancer keeps
                        // sending to them.
                        reasons.push("the log does not say where it ends");
                    }
                }
                Some(_) | None => reasons.push("the projector has not folded the log yet"),
            }
        }
        reasons.into_iter().map(str::to_owned).collect()
    }
}

/// The log lost its last records, or was restored, and the projector has not seen it yet.
fn is_ahead(progress: Progress, tail: Option<u64>) -> bool {
    tail.is_some_and(|tail| progress.checkpoint > tail)
}
