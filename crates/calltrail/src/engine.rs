//! The whole engine in one process, on the embedded log: what `calltrail up` and `calltrail demo` run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use calltrail_domain::hash;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::embedded::{Embedded, Options as LogOptions};
use calltrail_event_log::ports::EventLog;
use calltrail_front::webhook::SigningKeys;
use calltrail_front_writer::{Counters, Rate, Settings, Timing, WriterOptions};
use calltrail_ingest::{Account, Ingest, Intake};
use calltrail_projector::{AccountRules, Handle};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::info;

use crate::config::{AccountConfig, Config, Confirm};
use crate::status::{AccountStatus, Live, Status, version};
use crate::{aircall, control, operator};

/// Work items that one process brings into Front at the same time, per account.
const WORKERS: usize = 4;
/// A claim in work is extended so often in the time that it lasts: two extensions may fail.
const EXTENSIONS_PER_CLAIM: u32 = 3;
/// How long requests to the operator listener and the control socket may take to end at a stop.
const STOP_GRACE: Duration = Duration::from_secs(3);
const LOG_FILE: &str = "log.redb";
const PROJECTION_FOLDER: &str = "projection";

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    /// Where webhooks are received.
    pub webhooks_at: SocketAddr,
    /// Where health is answered.
    pub operator_at: SocketAddr,
}

/// What the parts that answer questions look at.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) log: Embedded,
    pub(crate) projector: Handle,
    /// Questions that read the whole log are answered one at a time: they take memory by its length.
    pub(crate) long_questions: Semaphore,
    ingest: Arc<Ingest>,
    writers: BTreeMap<String, Arc<Counters>>,
    folder: PathBuf,
}

/// This machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Opens the embedded log in `folder`.
///
/// # Errors
/// When another calltrail has it open, or the file cannot be read: the error says which.
pub fn open_log(folder: &Path, options: &LogOptions) -> anyhow::Result<Embedded> {
    Ok(Embedded::open(&folder.join(LOG_FILE), options)?)
}

/// Where the projection store of `folder` is.
#[must_use]
pub fn projection_in(folder: &Path) -> PathBuf {
    folder.join(PROJECTION_FOLDER)
}

impl Engine {
    /// Starts every role. The receivers open when the log has been folded and every account has its first record.
    ///
    /// # Errors
    /// When the folder, the log, a listener, Front's address or Aircall is of no use: the error says which and what to do.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let folder = &config.log.path;
        let accounts = accounts(config).await?;
        create_private(folder)?;
        let webhooks = listen(config.http.listen, "http.listen").await?;
        let operator = listen(config.http.operator_listen, "http.operator_listen").await?;
        let options = LogOptions { ack_wait: config.log.ack_wait, ..LogOptions::default() };
        let log = open_log(folder, &options)?;
        let projector = start_projector(config, &log);
        let projector = caught_up(projector, &log).await?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut writers = BTreeMap::new();
        for account in &config.accounts {
            let extend_every = config.log.ack_wait / EXTENSIONS_PER_CLAIM;
            let counters = start_writer(account, extend_every, &log, stopped.clone(), &mut tasks)?;
            writers.insert(account.id.to_string(), counters);
        }
        let ingest =
            Arc::new(Ingest::new(receivers(accounts), Intake::Log(Arc::new(log.clone())), Arc::new(now)));
        let shared = Arc::new(Shared {
            log,
            projector,
            long_questions: Semaphore::new(1),
            ingest: ingest.clone(),
            writers,
            folder: folder.clone(),
        });
        let (webhooks_at, operator_at) = (webhooks.local_addr()?, operator.local_addr()?);
        tasks.spawn(ingest.serve(webhooks, stopping(stopped.clone())));
        tasks.spawn(operator::serve(operator, shared.clone(), stopped.clone()));
        tasks.spawn(control::serve(folder, shared.clone(), stopped)?);
        info!(%webhooks_at, %operator_at, folder = %folder.display(), "calltrail is up");
        Ok(Self { shared, stop, tasks, webhooks_at, operator_at })
    }

    /// Stops the receivers and writers, then the projector, then closes the log. Nothing under way is lost: what was not
    /// finished is taken up at the next start.
    ///
    /// # Errors
    /// What the projector ended with, when it ended by itself.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        let ended = self.shared.projector.stop().await;
        self.shared.log.close().await;
        Ok(ended?)
    }

    /// Returns when the projector has ended by itself, which it does only when it cannot go on.
    pub async fn failed(&self) {
        let mut progress = self.shared.projector.progress();
        while progress.changed().await.is_ok() {}
    }

    /// What `calltrail status` shows.
    pub async fn status(&self) -> anyhow::Result<Status> {
        self.shared.status().await
    }

    /// The log, for those who read it.
    #[must_use]
    pub fn log(&self) -> &dyn EventLog {
        &self.shared.log
    }

    /// The folder that it keeps everything in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// Folds the log anew into a scratch store and compares.
    pub async fn verify(&self) -> anyhow::Result<calltrail_projector::Verification> {
        self.shared.verify().await
    }
}

impl Shared {
    pub(crate) async fn status(&self) -> anyhow::Result<Status> {
        // Read before all else: when it equals the number of records in the end, nothing moved in between.
        let folded = self.projector.progress().borrow().checkpoint;
        let totals =
            self.projector.totals().await.context("the projector has ended; see the log of the process")?;
        let pending = self.projector.pending().await.unwrap_or_default();
        let mut accounts = BTreeMap::new();
        for (name, account) in &totals {
            let pending = pending.get(name).copied().unwrap_or_default();
            accounts.insert(name.clone(), AccountStatus::new(account, pending, self.live(name)));
        }
        Ok(Status {
            version: version(),
            running: true,
            records: self.log.stats().await?.records,
            folded: Some(folded),
            accounts,
        })
    }

    fn live(&self, account: &str) -> Option<Live> {
        let writer = self.writers.get(account)?;
        let id = account.parse().ok()?;
        let named = |counts: Vec<(&'static str, u64)>| {
            counts.into_iter().map(|(word, n)| (word.to_owned(), n)).collect()
        };
        let requests = writer.requests().into_iter().map(|(kind, class, n)| (format!("{kind} {class}"), n));
        Some(Live {
            webhooks: self.ingest.counters().account(&id)?.now(),
            requests: requests.collect(),
            requests_total: writer.requests_total(),
            outcomes: named(writer.outcomes()),
            releases: named(writer.releases()),
            duplicate_comments: writer.duplicate_comments(),
        })
    }

    pub(crate) async fn verify(&self) -> anyhow::Result<calltrail_projector::Verification> {
        let live =
            self.projector.digest().await.context("the projector has ended; see the log of the process")?;
        let scratch = tempfile::tempdir_in(&self.folder).context("no room for a scratch store")?;
        let verification =
            calltrail_projector::verify(&self.log, &live, &scratch.path().join(PROJECTION_FOLDER), |_| {})
                .await;
        Ok(verification?)
    }

    /// True when this process can do its part: receive, and fold what it received.
    pub(crate) fn is_ready(&self) -> bool {
        self.projector.progress().borrow().caught_up && !self.projector.has_ended()
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

/// Returns when the engine is to stop.
pub(crate) async fn stopping(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody can say "stop" any more.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn listen(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{address} of `{key}` cannot be listened on; choose another or stop what uses it")
    })
}

/// Phone numbers are in it: nobody else may look.
fn create_private(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.is_file() {
        bail!("{} of `log.path` is a file; name a folder", folder.display());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("the folder {} of `log.path` cannot be made", folder.display()))
}

fn start_projector(config: &Config, log: &Embedded) -> Handle {
    let rules = |account: &AccountConfig| AccountRules {
        id: account.id.to_string(),
        policy: account.policy(),
        republish_after: account.timing.republish,
    };
    let options = calltrail_projector::Options {
        store: projection_in(&config.log.path),
        accounts: config.accounts.iter().map(rules).collect(),
        clock: Arc::new(now),
        random,
    };
    calltrail_projector::start(options, Arc::new(log.clone()), Arc::new(log.clone()))
}

/// Waits until the projector has folded the log, and what it appended to introduce the accounts.
async fn caught_up(projector: Handle, log: &Embedded) -> anyhow::Result<Handle> {
    let mut progress = projector.progress();
    let folded = async {
        progress.wait_for(|progress| progress.caught_up).await.ok()?;
        let tail = log.tail().await.ok()?;
        progress.wait_for(|progress| progress.checkpoint >= tail).await.ok().map(|_| ())
    };
    if folded.await.is_none() {
        projector.stop().await.context("the projector cannot fold the log")?;
        bail!("the projector ended before it had folded the log");
    }
    Ok(projector)
}

fn start_writer(
    account: &AccountConfig,
    extend_every: Duration,
    log: &Embedded,
    stopped: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Arc<Counters>> {
    let front = &account.front;
    let client = calltrail_front::Client::new(&front.base_url, front.api_token.clone())
        .with_context(|| format!("Front's address of account {} is of no use", account.id))?;
    let counters = Arc::new(Counters::default());
    let options = WriterOptions {
        settings: Settings {
            account: account.id.clone(),
            confirm: match account.calls.confirm {
                Confirm::Item => calltrail_front_writer::Confirm::Item,
                Confirm::Never => calltrail_front_writer::Confirm::Never,
            },
            rate: front.requests_per_minute.map_or(Rate::Share(front.rate_share), Rate::RequestsPerMinute),
            timing: Timing { grace: account.timing.grace, ..Timing::default() },
        },
        client,
        audio: aircall::audio_of(account)?,
        instance: hash::hex(&random()[..8]),
        workers: WORKERS,
        extend_every,
        clock: Arc::new(now),
        counters: counters.clone(),
    };
    let (log, outbox, store) = (Arc::new(log.clone()), Arc::new(log.clone()), Arc::new(log.clone()));
    tasks.spawn(calltrail_front_writer::run(options, log, outbox, store, stopped));
    Ok(counters)
}

/// The accounts as the receivers know them; tokens that are not configured are read from Aircall.
async fn accounts(config: &Config) -> anyhow::Result<Vec<Account>> {
    let mut accounts = Vec::new();
    for account in &config.accounts {
        let tokens = aircall::webhook_tokens(account, &config.http).await?;
        accounts.push(Account {
            id: account.id.clone(),
            aircall: calltrail_aircall::Tokens::new(tokens.iter().map(|token| token.expose_secret())),
            front: account.front.signing_key.clone().map(|key| SigningKeys::new([key])),
        });
    }
    Ok(accounts)
}

fn receivers(accounts: Vec<Account>) -> calltrail_ingest::Options {
    calltrail_ingest::Options { accounts, ..calltrail_ingest::Options::default() }
}

/// Bytes from the operating system.
///
/// # Panics
/// When it has none to give: nothing safe can be done then.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    #[expect(clippy::expect_used, reason = "a machine without random numbers must not name parties")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Refuses a folder that has no log, instead of making one.
pub(crate) fn check_has_log(folder: &Path) -> anyhow::Result<()> {
    let there = folder.join(LOG_FILE).try_exists();
    let there = there.with_context(|| {
        format!("{} may not be looked into; run this as the user that runs calltrail", folder.display())
    });
    if there? {
        return Ok(());
    }
    bail!(
        "{} holds no call event log; name the folder of `log.path` with --path, or start `calltrail up`",
        folder.display()
    )
}
