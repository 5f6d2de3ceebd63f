//! `calltrail jobs`.

use std::io::Write;

use anyhow::bail;

use super::{Source, account_named, print};
use crate::cli::{CancelArgs, Globals};
use crate::config::{Environment, Needs};
use crate::jobs::{self, JobOf};

/// Prints the jobs of all accounts.
///
/// # Errors
/// When they cannot be read.
pub async fn list(globals: &Globals, out: &mut dyn Write) -> anyhow::Result<()> {
    let lines = match Source::of(globals).await? {
        Source::Running(running) => running.jobs().await?,
        Source::AtRest { stores, .. } => {
            let config = globals.load_config_for(Needs::NONE, &Environment::of_process())?;
            let accounts: Vec<_> = config.accounts.iter().map(|account| account.id.to_string()).collect();
            jobs::list(&*stores.key_value, &accounts).await?
        }
    };
    print(&lines, globals.format, out)
}

/// Cancels a job. What it has read stays.
///
/// # Errors
/// When there is no such job, or it is over.
pub async fn cancel(globals: &Globals, args: &CancelArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = globals.load_config_for(Needs::NONE, &Environment::of_process())?;
    let account = account_named(&config, args.account.as_deref())?.id.to_string();
    let job = JobOf { account, id: args.job };
    let was_open = match Source::of(globals).await? {
        Source::Running(running) => running.cancel(&job).await?,
        Source::AtRest { stores, .. } => jobs::cancel(&*stores.key_value, &job).await?,
    };
    if !was_open {
        bail!("account {} has no open job {}; `calltrail jobs` lists them", job.account, job.id);
    }
    Ok(writeln!(out, "job {} is cancelled; what it has read stays in the log", job.id)?)
}
