//! The three ports as this process has them open, whichever backend is behind them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use calltrail_event_log::embedded::{Embedded, OpenError, Options as LogOptions};
use calltrail_event_log::ports::{EventLog, KeyValue, Outbox};

use super::folder::{LOG_FILE, check_has_log};
use crate::config::{Backend, LogConfig};

/// A log that does not answer a question of an operator by then counts as out of reach.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The log, the outbox and the key-value store of this process; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) key_value: Arc<dyn KeyValue>,
    opened: Opened,
}

#[derive(Debug, Clone)]
enum Opened {
    Embedded(Embedded),
}

impl Stores {
    /// Opens them for a role. Servers that are away are waited for; whoever does not want to wait drops the future.
    pub(super) async fn open(config: &LogConfig) -> anyhow::Result<Self> {
        match config.backend {
            Backend::Embedded => {
                let options = LogOptions { ack_wait: config.ack_wait, ..LogOptions::default() };
                Ok(Self::embedded(open_file(&config.path, &options)?))
            }
            Backend::JetStream => bail!("`log.backend = \"jetstream\"` is not there yet"),
        }
    }

    /// Opens them for a command, beside whatever else uses the log.
    pub(crate) async fn at_rest(config: &LogConfig) -> anyhow::Result<Self> {
        let opened = match config.backend {
            Backend::Embedded => {
                check_has_log(&config.path)?;
                open_file(&config.path, &LogOptions::default()).map(Self::embedded)
            }
            Backend::JetStream => bail!("`log.backend = \"jetstream\"` is not there yet"),
        };
        match opened {
            Err(error) if matches!(error.downcast_ref(), Some(OpenError::InUse { .. })) => {
                let folder = config.path.display();
                bail!("a calltrail has {folder} open and does not answer yet; try again in a moment")
            }
            opened => opened,
        }
    }

    fn embedded(log: Embedded) -> Self {
        let all = Arc::new(log.clone());
        Self { log: all.clone(), outbox: all.clone(), key_value: all, opened: Opened::Embedded(log) }
    }

    /// The sequence of the last record.
    pub(crate) async fn tail(&self) -> anyhow::Result<u64> {
        let tail = tokio::time::timeout(ANSWER_MAX, self.log.tail()).await;
        tail.context("the log did not answer in time")?.context("the log cannot be read")
    }

    /// Writes what is under way and lets go of what was opened.
    pub(super) async fn close(&self) {
        match &self.opened {
            Opened::Embedded(log) => log.close().await,
        }
    }
}

fn open_file(folder: &Path, options: &LogOptions) -> anyhow::Result<Embedded> {
    Ok(Embedded::open(&folder.join(LOG_FILE), options)?)
}
