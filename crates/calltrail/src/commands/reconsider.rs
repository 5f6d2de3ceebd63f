//! `calltrail reconsider`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use calltrail_event_log::ports::EventLog;
use calltrail_projector::Scratch;

use super::{Source, account_named, bar, print};
use crate::cli::{Globals, ReconsiderArgs};
use crate::config::{Backend, Config, Environment, Needs};
use crate::control::Running;
use crate::engine::{Stores, now, projection_in};
use crate::reconsider::{self, Again, Plan, Selection};
use crate::remote_log::RemoteLog;

/// Shows what would become of calls that are left out, and has them decided again if that was asked for.
///
/// # Errors
/// When nothing is known of what was asked about, other rules are running, or the log cannot be read or written.
pub async fn run(globals: &Globals, args: &ReconsiderArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = globals.load_config_for(Needs::NONE, &Environment::of_process())?;
    let accounts = match &args.account {
        Some(id) => vec![account_named(&config, Some(id))?],
        None => config.accounts.iter().collect(),
    };
    let selection = selection(args)?;
    let log = Log::of(globals, &config).await?;
    let mut plan = {
        let end = log.log.tail().await.context("the log cannot be read")?;
        let scratch = tempfile::tempdir_in(&log.folder).context("no room for a scratch store")?;
        let mut scratch = Scratch::new(&projection_in(scratch.path()), &*log.log).await?;
        let bar = bar(end, "folding {bar:40} {pos}/{len} records, {eta} left")?;
        scratch.fold_to(&*log.log, end, &mut |at| bar.set_position(at)).await?;
        bar.finish_and_clear();
        reconsider::plan(&scratch, &accounts, &selection)?
    };
    if args.apply {
        apply(&log, &mut plan).await?;
    }
    print(&plan, globals.format, out)
}

fn selection(args: &ReconsiderArgs) -> anyhow::Result<Selection<'_>> {
    let now = now();
    let (from, to) = (args.from.map(|from| from.from(now)), args.to.map_or(now, |to| to.from(now)));
    if from.is_some_and(|from| from >= to) {
        bail!("--from is not before --to; give an earlier --from");
    }
    Ok(Selection { from, to, calls: args.call.iter().copied().collect(), of: args.of.as_ref() })
}

/// The log, and how records get into it.
struct Log {
    log: Arc<dyn EventLog>,
    /// What is made of it goes in here.
    folder: PathBuf,
    /// A process has it open, and appends.
    is_running: bool,
}

impl Log {
    async fn of(globals: &Globals, config: &Config) -> anyhow::Result<Self> {
        let folder = config.log.path.clone();
        // On NATS no role may append these records: the operator's key is asked for, whether a process runs here or not.
        let source = match config.log.backend {
            Backend::Embedded => Source::of(globals).await?,
            Backend::JetStream => Source::AtRest { stores: Stores::at_rest(&config.log).await?, folder },
        };
        Ok(match source {
            Source::Running(running) => Self {
                log: Arc::new(RemoteLog::of(running)),
                folder: config.log.path.clone(),
                is_running: true,
            },
            Source::AtRest { stores, folder } => Self { log: stores.log.clone(), folder, is_running: false },
        })
    }

    async fn append(&self, again: Again) -> anyhow::Result<()> {
        if self.is_running {
            return running_on(&self.folder).await?.reconsider(&again).await;
        }
        reconsider::append(&*self.log, again).await
    }
}

async fn running_on(folder: &Path) -> anyhow::Result<Running> {
    Running::on(folder).await?.context("the running calltrail ended meanwhile; run the same again")
}

async fn apply(log: &Log, plan: &mut Plan) -> anyhow::Result<()> {
    let other = plan.accounts.iter().find(|account| account.other_rules && account.has_work());
    if let Some(account) = other {
        bail!(
            "account {} is decided under other rules than this configuration's; start calltrail with this configuration, \
             then run the same again. Nothing was done",
            account.account
        );
    }
    for again in plan.records() {
        let appended = log.append(again).await;
        appended.context("not all calls are asked for yet: run the same again, it goes on where it was")?;
    }
    plan.applied = true;
    Ok(())
}
