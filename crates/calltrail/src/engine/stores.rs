//! The three ports as this process has them open, whichever backend is behind them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use calltrail_event_log::disk::Disk;
use calltrail_event_log::embedded::{Embedded, OpenError, Options as LogOptions};
use calltrail_event_log::jetstream::permissions;
use calltrail_event_log::jetstream::{ConnectError, Connection, JetStream};
use calltrail_event_log::ports::{EventLog, Import, KeyValue, LoggedRecord, Outbox};
use tracing::{info, warn};

use super::folder::{LOG_FILE, check_has_log, check_log_not_lost};
use super::role::Role;
use crate::config::{Backend, Config, LogConfig};
use crate::streams;

/// A log that does not answer a question of an operator by then counts as out of reach.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// The pause after the first failure to reach the log; it doubles up to the maximum.
const REACH_PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest such pause, inclusive.
const REACH_PAUSE_MAX: Duration = Duration::from_secs(10);

/// The log, the outbox and the key-value store of this process; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) key_value: Arc<dyn KeyValue>,
    /// Who asks how far sequences were given.
    pub(crate) import: Arc<dyn Import>,
    /// The disk of the log, where that is a file of this process. Its reserve is beside the file.
    pub(super) disk: Option<Disk>,
    opened: Opened,
}

#[derive(Debug, Clone)]
enum Opened {
    Embedded(Embedded),
    JetStream(Arc<JetStream>),
}

impl Stores {
    /// Opens them for a role. Servers that are away are waited for; whoever does not want to wait drops the future.
    pub(super) async fn open(config: &Config, role: Role) -> anyhow::Result<Self> {
        match config.log.backend {
            Backend::Embedded => {
                let LogConfig { path, ack_wait, disk_free_min_bytes, .. } = &config.log;
                check_log_not_lost(path)?;
                let disk = Disk::under(&path.join(LOG_FILE), *disk_free_min_bytes);
                let options =
                    LogOptions { ack_wait: *ack_wait, disk: Some(disk.clone()), ..LogOptions::default() };
                Ok(Self { disk: Some(disk), ..Self::embedded(open_file(path, &options)?) })
            }
            Backend::JetStream => Ok(Self::jetstream(reach(config, role).await?)),
        }
    }

    /// Opens them for a command, beside whatever else uses the log.
    pub(crate) async fn at_rest(config: &LogConfig) -> anyhow::Result<Self> {
        if config.backend == Backend::JetStream {
            let jetstream = streams::connect(&config.jetstream, permissions::Role::Operator).await?;
            return Ok(Self::jetstream(jetstream));
        }
        check_has_log(&config.path)?;
        match open_file(&config.path, &LogOptions::default()) {
            Err(error) if matches!(error.downcast_ref(), Some(OpenError::InUse { .. })) => {
                let folder = config.path.display();
                bail!("a calltrail has {folder} open and does not answer yet; try again in a moment")
            }
            opened => opened.map(Self::embedded),
        }
    }

    fn embedded(log: Embedded) -> Self {
        let all = Arc::new(log.clone());
        let opened = Opened::Embedded(log);
        Self {
            log: all.clone(),
            outbox: all.clone(),
            key_value: all.clone(),
            import: all,
            disk: None,
            opened,
        }
    }

    fn jetstream(jetstream: JetStream) -> Self {
        let all = Arc::new(jetstream);
        let opened = Opened::JetStream(all.clone());
        Self {
            log: all.clone(),
            outbox: all.clone(),
            key_value: all.clone(),
            import: all,
            disk: None,
            opened,
        }
    }

    /// The sequence of the last record.
    pub(crate) async fn tail(&self) -> anyhow::Result<u64> {
        let tail = tokio::time::timeout(ANSWER_MAX, self.log.tail()).await;
        tail.context("the log did not answer in time")?.context("the log cannot be read")
    }

    /// Up to `max` records after `after`; none when there are none.
    pub(crate) async fn records_after(&self, after: u64, max: usize) -> anyhow::Result<Vec<LoggedRecord>> {
        match self.tail().await? > after {
            true => Ok(self.log.read_after(after, max).await?),
            false => Ok(Vec::new()),
        }
    }

    /// How the connection to the servers is; nothing when the log is a file.
    pub(super) fn connection(&self) -> Option<Connection> {
        match &self.opened {
            Opened::Embedded(_) => None,
            Opened::JetStream(jetstream) => Some(jetstream.connection()),
        }
    }

    /// The log, when it is a file of this process.
    pub(super) fn file(&self) -> Option<&Embedded> {
        match &self.opened {
            Opened::Embedded(log) => Some(log),
            Opened::JetStream(_) => None,
        }
    }

    /// True when other processes may use the same log meanwhile.
    pub(crate) fn are_shared(&self) -> bool {
        matches!(self.opened, Opened::JetStream(_))
    }

    /// Writes what is under way and lets go of what was opened.
    pub(super) async fn close(&self) {
        match &self.opened {
            Opened::Embedded(log) => log.close().await,
            Opened::JetStream(jetstream) if jetstream.connection().connected => jetstream.close().await,
            // Nobody is there to send the rest to.
            Opened::JetStream(_) => {}
        }
    }
}

fn open_file(folder: &Path, options: &LogOptions) -> anyhow::Result<Embedded> {
    Ok(Embedded::open(&folder.join(LOG_FILE), options)?)
}

/// Tries until the log can be used. Fails only on what no other try mends.
async fn reach(config: &Config, role: Role) -> anyhow::Result<JetStream> {
    let mut pause = REACH_PAUSE_MIN;
    loop {
        match usable(config, role).await {
            Ok(jetstream) => return Ok(jetstream),
            Err(error) if error.downcast_ref::<ConnectError>().is_some_and(|error| !error.is_retryable()) => {
                return Err(error);
            }
            Err(error) => {
                let retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                warn!(error = format!("{error:#}"), retry_in_ms, "the log is out of reach, trying again");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(REACH_PAUSE_MAX);
    }
}

/// A connection on which everything is there that the role starts with.
async fn usable(config: &Config, role: Role) -> anyhow::Result<JetStream> {
    let jetstream = streams::connect(&config.log.jetstream, role.on_nats()).await?;
    if config.log.jetstream.manage {
        let found = streams::create_missing(&jetstream, config).await.context(
            "streams cannot be looked at or made; a process that knows the key of one role may not: set \
             `log.jetstream.manage = false` there and run `calltrail streams apply`",
        )?;
        found.missing().for_each(|name| info!(name, "made what was missing"));
        found.differing().for_each(|what| warn!(what, "left as it is; `calltrail streams apply` explains"));
    }
    if role.folds() {
        jetstream.tail().await.context("the log cannot be read")?;
    }
    Ok(jetstream)
}
