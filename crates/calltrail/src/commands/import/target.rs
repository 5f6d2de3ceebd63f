//! The log that is imported into: closed to everybody else until it is whole.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::jetstream::declared::Settings;
use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::jetstream::{JetStream, importing};
use calltrail_event_log::ports::{EventLog, Import, LoggedRecord};

use crate::archive::sync_folder_of;
use crate::cli::Globals;
use crate::commands::log_config;
use crate::config::{Backend, Environment, Needs};
use crate::engine::{LOG_FILE, take_folder};
use crate::streams;

/// Where a file's records are until all of them are there.
const DRAFT: &str = "log.redb.importing";

pub(super) enum Target {
    /// Under another name, in a folder that is locked.
    File { log: Embedded, folder: PathBuf, _lock: File },
    /// A stream that takes nothing from the roles.
    Stream { log: JetStream, settings: Box<Settings> },
}

impl Target {
    /// The log that the configuration names, which must be new or one that an import began.
    pub(super) async fn open(globals: &Globals) -> anyhow::Result<Self> {
        let config = log_config(globals)?;
        if config.backend == Backend::Embedded {
            let lock = take_folder(&config.path)?;
            let path = config.path.join(LOG_FILE);
            if path.exists() {
                bail!(
                    "{} is there: an import makes a log, and adds to none; name another folder with --path",
                    path.display()
                );
            }
            let log = Embedded::open(&config.path.join(DRAFT), &Options::default())?;
            return Ok(Self::File { log, folder: config.path, _lock: lock });
        }
        let config = globals.load_config_for(Needs::NONE, &Environment::of_process())?;
        let settings = Box::new(streams::settings(&config));
        let log = streams::connect(&config.log.jetstream, Role::Operator).await?;
        importing::begin(&log, &settings).await.context(
            "an import cannot begin; where the servers know keys, `log.jetstream.nkey_seed` has to be the operator's, and \
             their permissions those that `calltrail streams permissions` prints now",
        )?;
        Ok(Self::Stream { log, settings })
    }

    pub(super) fn log(&self) -> &dyn EventLog {
        match self {
            Self::File { log, .. } => log,
            Self::Stream { log, .. } => log,
        }
    }

    pub(super) fn import(&self) -> &dyn Import {
        match self {
            Self::File { log, .. } => log,
            Self::Stream { log, .. } => log,
        }
    }

    /// Up to `max` records after `after`; none when there are none.
    pub(super) async fn records_after(&self, after: u64, max: usize) -> anyhow::Result<Vec<LoggedRecord>> {
        match self.log().tail().await? > after {
            true => Ok(self.log().read_after(after, max).await?),
            false => Ok(Vec::new()),
        }
    }

    /// Gives the log to the roles.
    pub(super) async fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::File { log, folder, .. } => {
                log.close().await;
                let path = folder.join(LOG_FILE);
                let named = fs::rename(folder.join(DRAFT), &path).and_then(|()| sync_folder_of(&path));
                named.with_context(|| format!("{} cannot be made", path.display()))
            }
            Self::Stream { log, settings } => {
                importing::end(&log, &settings)
                    .await
                    .context("the log cannot be opened to the roles; run the import again")?;
                log.close().await;
                Ok(())
            }
        }
    }
}
