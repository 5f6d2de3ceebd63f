//! `calltrail replay`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use calltrail_event_log::ports::EventLog;
use indicatif::ProgressBar;

use super::{Source, log_config, print};
use crate::archive::with_archives;
use crate::cli::{Globals, ReplayArgs, Until};
use crate::config::{Environment, Needs};
use crate::engine::{projection_in, take_folder};
use crate::past::Past;
use crate::remote_log::RemoteLog;
use crate::replay::{Diff, Rebuild, Replay};

/// Replays the log in the way that was asked for; returns whether the answer is that nothing differs.
///
/// # Errors
/// When there is no log, it cannot be read, or there is no room for the scratch store.
pub async fn run(globals: &Globals, args: &ReplayArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    match args.until {
        Some(until) => past(globals, until, args, out).await,
        None if args.rebuild => rebuild(globals, out).await,
        None if args.diff => diff(globals, args, out).await,
        None => verify(globals, &args.archive, out).await,
    }
}

/// Replays the log into a scratch store and compares; returns whether the states are the same.
async fn verify(globals: &Globals, archives: &[PathBuf], out: &mut dyn Write) -> anyhow::Result<bool> {
    let replay = match Source::of(globals).await? {
        Source::Running(running) => running.verify(&absolute(archives)?).await?,
        Source::AtRest { stores, folder } => {
            let tail = stores.tail().await?;
            let store = projection_in(&folder);
            let live = calltrail_projector::stored_digest(&store, tail)
                .context("the projection store proves nothing as it is; `calltrail up` folds what it lacks, or rebuilds it")?;
            let scratch = tempfile::tempdir_in(&folder).context("no room for a scratch store")?;
            let bar = bar(live.checkpoint)?;
            let scratch = scratch.path().join("projection");
            let log = with_archives(stores.log.clone(), archives)?;
            let verified =
                calltrail_projector::verify(&*log, &live, &scratch, |at| bar.set_position(at)).await?;
            bar.finish_and_clear();
            Replay::from(verified)
        }
    };
    print(&replay, globals.format, out)?;
    Ok(replay.same)
}

/// A rebuild that changed the state did what it is for: it is no failure.
async fn rebuild(globals: &Globals, out: &mut dyn Write) -> anyhow::Result<bool> {
    let bar = bar(0)?;
    let rebuild = match Source::of(globals).await? {
        Source::Running(running) => {
            let mut progress = |at, of| {
                bar.set_length(of);
                bar.set_position(at);
            };
            running.rebuild(&mut progress).await?
        }
        Source::AtRest { stores, folder } => {
            // No process starts on this folder meanwhile.
            let _taken = take_folder(&folder)?;
            bar.set_length(stores.tail().await?);
            let mut progress = |at| bar.set_position(at);
            let live = projection_in(&folder);
            Rebuild::from(calltrail_projector::rebuild_at_rest(&*stores.log, &live, &mut progress).await?)
        }
    };
    bar.finish_and_clear();
    print(&rebuild, globals.format, out)?;
    Ok(true)
}

async fn past(
    globals: &Globals,
    until: Until,
    args: &ReplayArgs,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let (log, folder) = readable(globals).await?;
    let log = with_archives(log, &args.archive)?;
    let scratch = tempfile::tempdir_in(&folder).context("no room for a scratch store")?;
    let bar = bar(0)?;
    let progress = |at, of| {
        bar.set_length(of);
        bar.set_position(at);
    };
    let store = projection_in(scratch.path());
    let past = Past::of(&*log, until, args.of.as_ref(), &store, progress).await?;
    bar.finish_and_clear();
    print(&past, globals.format, out)?;
    Ok(true)
}

/// Decides with this program and its configuration, also where another release runs.
async fn diff(globals: &Globals, args: &ReplayArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let mut policies = BTreeMap::new();
    if !args.recorded_policy {
        let config = globals.load_config_for(Needs::NONE, &Environment::of_process())?;
        policies.extend(config.accounts.iter().map(|account| (account.id.to_string(), account.policy())));
    }
    let (log, folder) = readable(globals).await?;
    let log = with_archives(log, &args.archive)?;
    let end = log.tail().await.context("the log cannot be read")?;
    let scratch = tempfile::tempdir_in(&folder).context("no room for a scratch store")?;
    // It is read twice.
    let bar = bar(end * 2)?;
    let mut progress = |at| bar.set_position(at);
    let store = projection_in(scratch.path());
    let compared = calltrail_projector::compare(&*log, end, &store, &policies, &mut progress).await?;
    bar.finish_and_clear();
    let diff = Diff::from(compared);
    print(&diff, globals.format, out)?;
    Ok(diff.same)
}

/// The paths as another process finds them too.
pub(super) fn absolute(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let absolute =
        |path: &PathBuf| path.canonicalize().with_context(|| format!("{} cannot be read", path.display()));
    paths.iter().map(absolute).collect()
}

/// The log of whoever has it open.
pub(super) fn log_of(source: Source) -> Arc<dyn EventLog> {
    match source {
        Source::Running(running) => Arc::new(RemoteLog::of(running)),
        Source::AtRest { stores, .. } => stores.log.clone(),
    }
}

/// The log, read through the process that has it open or by itself, and a folder for what is made of it.
pub(super) async fn readable(globals: &Globals) -> anyhow::Result<(Arc<dyn EventLog>, PathBuf)> {
    Ok((log_of(Source::of(globals).await?), log_config(globals)?.path))
}

fn bar(length: u64) -> anyhow::Result<ProgressBar> {
    super::bar(length, "replaying {bar:40} {pos}/{len} records, {eta} left")
}
