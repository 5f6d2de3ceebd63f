//! The log as operators' commands use it: read here, and appended to by the process that has it open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use calltrail_domain::ids::EffectKey;
use calltrail_event_log::ports::EventLog;
use calltrail_front_writer::DeadLetter;
use calltrail_projector::Scratch;

use super::{Source, bar};
use crate::cli::Globals;
use crate::config::{Backend, LogConfig};
use crate::control::Running;
use crate::dead_letters::kept::{self, Asked};
use crate::engine::{Stores, projection_in};
use crate::orders::{self, Order};
use crate::remote_log::RemoteLog;

/// The log, and how records get into it.
pub(super) struct OrderLog {
    log: Arc<dyn EventLog>,
    /// What is made of it goes in here.
    folder: PathBuf,
    /// `None` where a process has it open, and appends.
    at_rest: Option<Stores>,
}

impl OrderLog {
    pub(super) async fn of(globals: &Globals, config: &LogConfig) -> anyhow::Result<Self> {
        let folder = config.path.clone();
        // On NATS no role may append these records: the operator's key is asked for, whether a process runs here or not.
        let source = match config.backend {
            Backend::Embedded => Source::of(globals).await?,
            Backend::JetStream => Source::AtRest { stores: Stores::at_rest(config).await?, folder },
        };
        Ok(match source {
            Source::Running(running) => {
                Self { log: Arc::new(RemoteLog::of(running)), folder: config.path.clone(), at_rest: None }
            }
            Source::AtRest { stores, folder } => {
                Self { log: stores.log.clone(), folder, at_rest: Some(stores) }
            }
        })
    }

    /// Folds all of the log into a scratch store, and gives that to `read`.
    pub(super) async fn folded<T>(
        &self,
        read: impl FnOnce(&Scratch) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let end = self.log.tail().await.context("the log cannot be read")?;
        let scratch = tempfile::tempdir_in(&self.folder).context("no room for a scratch store")?;
        let mut scratch = Scratch::new(&projection_in(scratch.path()), &*self.log).await?;
        let bar = bar(end, "folding {bar:40} {pos}/{len} records, {eta} left")?;
        scratch.fold_to(&*self.log, end, &mut |at| bar.set_position(at)).await?;
        bar.finish_and_clear();
        read(&scratch)
    }

    pub(super) async fn append(&self, order: Order) -> anyhow::Result<()> {
        match &self.at_rest {
            None => running_on(&self.folder).await?.order(&order).await,
            Some(_) => orders::append(&*self.log, order).await,
        }
    }

    /// The dead letters of these effects that are kept.
    pub(super) async fn letters(&self, asked: &Asked) -> anyhow::Result<BTreeMap<EffectKey, DeadLetter>> {
        match &self.at_rest {
            None => running_on(&self.folder).await?.dead_letters(asked).await,
            Some(stores) => kept::read(&*stores.key_value, asked).await,
        }
    }

    /// Deletes the dead letters of these effects.
    pub(super) async fn forget(&self, asked: &Asked) -> anyhow::Result<()> {
        match &self.at_rest {
            None => running_on(&self.folder).await?.forget_dead_letters(asked).await,
            Some(stores) => kept::forget(&*stores.key_value, asked).await,
        }
    }
}

async fn running_on(folder: &Path) -> anyhow::Result<Running> {
    Running::on(folder).await?.context("the running calltrail ended meanwhile; run the same again")
}
