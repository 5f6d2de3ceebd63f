//! A running process: the log it works on, and the roles that it runs.
//!
//! Every role is started on the same stores, whichever backend is behind them. `calltrail up` runs all roles in one
//! process, the commands `ingest`, `projector` and `front-writer` one each.

mod files;
mod folder;
mod inboxes;
mod projector;
mod readers;
mod receivers;
mod role;
mod shared;
mod stores;
mod tokens;
mod writers;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use calltrail_aircall_reader::Asked;
use calltrail_domain::ids::{CallId, EffectKey};
use calltrail_domain::record::{CallsReconsidered, EffectsDropped, EffectsRetried};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::EventLog;
use calltrail_ingest::{Account, Intake};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::field::display;
use tracing::info;

use crate::config::{Backend, Config};
use crate::jobs::{self, Wanted};
use crate::orders::{self, Order, What};
use crate::status::Status;
use crate::{control, operator};
use tokens::Learners;

pub(crate) use files::open_files;
pub use folder::projection_in;
pub(crate) use folder::{FolderFault, LOG_FILE, faults as folder_faults, free_bytes, take as take_folder};
pub use role::Role;
pub(crate) use shared::Shared;
pub(crate) use stores::Stores;
pub use tokens::TokenStatus;

/// A process that was told to stop is gone by then; whoever supervises it has to wait longer.
pub const STOP_MAX: Duration = Duration::from_secs(25);
/// So long may webhooks wait for a log to be folded at the start; then they are answered 503. Aircall waits 5 s for an answer.
const RECEIVERS_WAIT_MAX: Duration = Duration::from_secs(3);
/// How long requests to the operator listener and the control socket may take to end at a stop.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// A running process.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    /// The receivers, until they open.
    receiving: Option<Receiving>,
    /// Where the log is a file: it is folded, and so webhooks are taken.
    folded: watch::Sender<bool>,
    /// Where webhooks are received, if they are.
    pub webhooks_at: Option<SocketAddr>,
    /// Where health and metrics are answered.
    pub operator_at: SocketAddr,
    /// Goes last: the folder is free once everything has ended.
    _folder: File,
}

/// What the receivers are opened with.
#[derive(Debug)]
struct Receiving {
    accounts: Vec<Account>,
    listener: TcpListener,
}

/// This machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

impl Engine {
    /// Starts a role, or all of them, and returns when it does its part.
    ///
    /// # Errors
    /// Those of [`Engine::open`] and [`Engine::begin`].
    pub async fn start(config: &Config, role: Role) -> anyhow::Result<Self> {
        let mut engine = Self::open(config, role).await?;
        engine.begin(config).await?;
        Ok(engine)
    }

    /// Takes the folder and the listeners, and answers health from here on. Where the log is elsewhere, the receivers open.
    /// Aircall is not waited for.
    ///
    /// # Errors
    /// When the folder or a listener is of no use: the error says which and what to do.
    pub async fn open(config: &Config, role: Role) -> anyhow::Result<Self> {
        role.check_backend(config.log.backend)?;
        let folder = folder::take(&config.log.path)?;
        let learners = if role.receives() { Learners::of(config)? } else { Learners::default() };
        let receiving = match role.receives() {
            true => Some(Receiving {
                accounts: receivers::accounts(config, &learners),
                listener: listen(config.http.listen, "http.listen").await?,
            }),
            false => None,
        };
        let operator = listen(config.http.operator_listen, "http.operator_listen").await?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared::new(config, role, learners));
        let mut engine = Self {
            webhooks_at: receiving.as_ref().map(|receiving| receiving.listener.local_addr()).transpose()?,
            operator_at: operator.local_addr()?,
            shared: shared.clone(),
            stop,
            tasks: JoinSet::new(),
            receiving: None,
            folded: watch::Sender::new(false),
            _folder: folder,
        };
        for learning in engine.shared.learners.run(&stopped) {
            engine.tasks.spawn(learning);
        }
        engine.tasks.spawn(control::serve(&config.log.path, shared.clone(), stopped.clone())?);
        let hosts = config.http.operator_hosts.clone();
        engine.tasks.spawn(operator::serve(operator, shared, hosts, stopped));
        match receiving {
            // The receivers need nothing but the spool: they are open while the log is away.
            Some(receiving) if config.log.backend == Backend::JetStream => {
                engine.receive(config, receiving).await?;
            }
            waiting => engine.receiving = waiting,
        }
        Ok(engine)
    }

    /// Opens the log, waiting for servers that are away, starts what works on it, and returns when the role does its part.
    /// May be dropped: [`Engine::stop`] ends what runs by then.
    ///
    /// Where the log is a file, the receivers open here, when it has been folded and every account has its first record. Where that
    /// takes long, as on a full disk, they answer 503 until then.
    ///
    /// # Errors
    /// When the log or Front's address is of no use: the error says which and what to do.
    pub async fn begin(&mut self, config: &Config) -> anyhow::Result<()> {
        self.start_parts(config).await?;
        let (role, webhooks_at) = (self.shared.role, self.webhooks_at.map(display));
        let (operator_at, folder) = (self.operator_at, self.folder().display());
        info!(%role, webhooks_at, %operator_at, %folder, "calltrail is up");
        Ok(())
    }

    async fn start_parts(&mut self, config: &Config) -> anyhow::Result<()> {
        let (shared, stopped, role) = (self.shared.clone(), self.stop.subscribe(), self.shared.role);
        if role.folds() || role.writes() || role.reads() {
            let stores = shared.open_stores(config).await?;
            if let Some(disk) = stores.disk.clone() {
                self.tasks.spawn(receivers::watch(disk, stopped.clone()));
            }
            if role.folds() {
                let projector = shared.projector.get_or_init(|| projector::start(config, stores));
                let mut folded = pin!(projector::caught_up(projector, &*stores.log));
                tokio::select! {
                    folded = &mut folded => folded?,
                    () = tokio::time::sleep(RECEIVERS_WAIT_MAX) => {
                        self.receive_what_came(config).await?;
                        folded.await?;
                    }
                }
                self.folded.send_replace(true);
            }
            if role.writes() {
                let counters = writers::start(config, stores, &stopped, &mut self.tasks)?;
                shared.writers.get_or_init(|| counters);
            }
            if role.reads() {
                let seen = readers::start(config, stores, &stopped, &mut self.tasks)?;
                shared.readers.get_or_init(|| seen);
            }
        }
        self.receive_what_came(config).await
    }

    /// Opens the receivers, if there are any and they are not open.
    async fn receive_what_came(&mut self, config: &Config) -> anyhow::Result<()> {
        match self.receiving.take() {
            Some(receiving) => self.receive(config, receiving).await,
            None => Ok(()),
        }
    }

    /// Opens the receivers. Where the log is elsewhere, they need nothing but the spool.
    async fn receive(&mut self, config: &Config, receiving: Receiving) -> anyhow::Result<()> {
        let shared = self.shared.clone();
        let spool = receivers::spool(config).await?;
        let intake = match &spool {
            Some(spool) => Intake::Spool(spool.clone()),
            None => {
                let Stores { log, disk, .. } = shared.stores()?.clone();
                Intake::Log { log, disk, opens: Some(self.folded.subscribe()) }
            }
        };
        let ingest = receivers::receivers(config, receiving.accounts, intake);
        let ingest = shared.ingest.get_or_init(|| ingest).clone();
        let served = ingest.serve(receiving.listener, stopping(self.stop.subscribe()));
        match spool {
            None => self.tasks.spawn(served),
            Some(spool) => {
                let spool = shared.spool.get_or_init(|| spool).clone();
                self.tasks.spawn(receivers::forward_beside(served, spool, shared, config.clone()))
            }
        };
        Ok(())
    }

    /// Stops the receivers and writers, then the projector, then closes the log, in [`STOP_MAX`]. Claims are finished or
    /// handed back. Nothing under way is lost: what was not finished is taken up at the next start.
    ///
    /// # Errors
    /// What the projector ended with, when it ended by itself; or that not everything ended in time.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        let ended = timeout(STOP_MAX, self.end()).await;
        ended.with_context(|| {
            format!("cut after {} s; what was under way is taken up at the next start", STOP_MAX.as_secs())
        })?
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        while self.tasks.join_next().await.is_some() {}
        let ended = match self.shared.projector.get() {
            Some(projector) => projector.stop().await,
            None => Ok(()),
        };
        if let Some(stores) = self.shared.stores.get() {
            stores.close().await;
        }
        Ok(ended?)
    }

    /// Returns when the projector has ended by itself, which it does only when it cannot go on.
    pub async fn failed(&self) {
        let Some(projector) = self.shared.projector.get() else { return std::future::pending().await };
        let mut progress = projector.progress();
        while progress.changed().await.is_ok() {}
    }

    /// What `calltrail status` shows.
    ///
    /// # Errors
    /// When the projector has ended, or is too busy to answer.
    pub async fn status(&self) -> anyhow::Result<Status> {
        self.shared.status().await
    }

    /// Asks the reader for calls of an account; returns the job's number.
    ///
    /// # Errors
    /// When there is no such account, or the job is not taken.
    pub async fn read_calls(&self, account: &str, asked: Asked) -> anyhow::Result<u64> {
        let wanted = Wanted { account: account.to_owned(), asked };
        Ok(jobs::ask(&*self.shared.stores()?.key_value, &wanted).await?.id)
    }

    /// Has calls that the rules left out decided again: as history, or as calls that were missed.
    ///
    /// # Errors
    /// When they are more than one record takes, or the log does not take it.
    pub async fn reconsider(&self, account: &str, calls: &[CallId], history: bool) -> anyhow::Result<()> {
        let calls = CallsReconsidered { calls: calls.iter().copied().collect(), history };
        let order = Order { account: account.to_owned(), what: What::Reconsider(calls) };
        orders::append(&*self.shared.stores()?.log, order).await
    }

    /// Has effects retried that Front refused, each named with the ordinal under which it did.
    ///
    /// # Errors
    /// When they are more than one record takes, or the log does not take it.
    pub async fn retry(&self, account: &str, effects: BTreeMap<EffectKey, u64>) -> anyhow::Result<()> {
        let what = What::Retry(EffectsRetried { effects, history: false });
        orders::append(&*self.shared.stores()?.log, Order { account: account.to_owned(), what }).await
    }

    /// Has effects given up that Front refused, named likewise.
    ///
    /// # Errors
    /// As [`Engine::retry`].
    pub async fn give_up(&self, account: &str, effects: BTreeMap<EffectKey, u64>) -> anyhow::Result<()> {
        let what = What::Drop(EffectsDropped { effects });
        orders::append(&*self.shared.stores()?.log, Order { account: account.to_owned(), what }).await
    }

    /// True when a job has nothing left to read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn has_read(&self, account: &str, job: u64) -> anyhow::Result<bool> {
        let lines = jobs::list(&*self.shared.stores()?.key_value, &[account.to_owned()]).await?;
        Ok(lines.0.iter().any(|line| line.id == job && line.is_over()))
    }

    /// The log, for those who read it.
    ///
    /// # Errors
    /// When it is not open yet.
    pub fn log(&self) -> anyhow::Result<&dyn EventLog> {
        Ok(&*self.shared.stores()?.log)
    }

    /// The folder that it keeps everything in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// Folds the log anew into a scratch store and compares.
    ///
    /// # Errors
    /// When there is no projector, or no room for the scratch store.
    pub async fn verify(&self) -> anyhow::Result<calltrail_projector::Verification> {
        self.shared.verify(&[]).await
    }
}

/// The answer of a server that is let end by itself for a while after the stop; `None` when it had to be cut.
pub(crate) async fn cut_after_stop<T>(
    serving: impl Future<Output = T>,
    stopped: watch::Receiver<bool>,
) -> Option<T> {
    tokio::select! {
        served = serving => Some(served),
        () = async { stopping(stopped).await; tokio::time::sleep(STOP_GRACE).await } => None,
    }
}

/// Returns when the process is to stop.
pub(crate) async fn stopping(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody can say "stop" any more.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn listen(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{address} of `{key}` cannot be listened on; choose another or stop what uses it")
    })
}

/// Bytes from the operating system.
///
/// # Panics
/// When it has none to give: nothing safe can be done then.
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    #[expect(clippy::expect_used, reason = "a machine without random numbers must not name parties")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
