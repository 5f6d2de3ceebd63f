//! `calltrail backfill` and `calltrail recover`: ask the reader for calls, and show how far it is.

use std::io::Write;

use anyhow::{Context as _, bail};
use calltrail_aircall_reader::limits::OVERLAP_DEFAULT;
use calltrail_aircall_reader::{Asked, By, Kind};
use calltrail_domain::time::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Source, account_named, print};
use crate::aircall::client_of;
use crate::cli::{BackfillArgs, Globals, RecoverArgs};
use crate::config::{AccountConfig, Environment};
use crate::control::Running;
use crate::engine::now;
use crate::jobs::{self, JobLine, JobOf, LOOK_EVERY, Wanted};
use crate::plan::{Limits, plan};

/// What Aircall and Front let a company ask in a minute, before they have said so.
const AIRCALL_LIMIT: f64 = 120.0;
const FRONT_LIMIT: f64 = 50.0;

/// Brings in old calls, as history; or only says what that would take.
///
/// # Errors
/// When the account cannot be read from, or the job is not taken.
pub async fn backfill(globals: &Globals, args: &BackfillArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = globals.load_config(&Environment::of_process())?;
    let account = account_named(&config, args.account.as_deref())?;
    let (from, to) = range(args)?;
    if args.dry_run {
        let client = client_of(account)?.with_context(|| no_credential(account))?;
        let planned =
            plan(&client, account.id.as_str(), account.policy(), (from, to), limits(account)).await?;
        return print(&planned, globals.format, out);
    }
    let asked = Asked {
        kind: Kind::Backfill,
        from_s: from.as_seconds(),
        to_s: to.as_seconds(),
        overlap_s: 0,
        calls: args.call.clone(),
        ended_from_s: None,
        history_after_s: None,
        by: By::Command,
    };
    run(globals, account, asked, args.detach, out).await
}

/// Brings in what was missed since a moment, as if it had come in time.
///
/// # Errors
/// When the account cannot be read from, or the job is not taken.
pub async fn recover(globals: &Globals, args: &RecoverArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = globals.load_config(&Environment::of_process())?;
    let account = account_named(&config, args.account.as_deref())?;
    let now = now();
    let seconds = |span: std::time::Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    let asked = Asked {
        kind: Kind::Recover,
        from_s: args.since.from(now).as_seconds(),
        to_s: now.as_seconds() + 1,
        overlap_s: seconds(OVERLAP_DEFAULT),
        calls: Vec::new(),
        ended_from_s: None,
        history_after_s: Some(seconds(account.timing.history_after)),
        by: By::Command,
    };
    run(globals, account, asked, args.detach, out).await
}

fn range(args: &BackfillArgs) -> anyhow::Result<(Timestamp, Timestamp)> {
    let now = now();
    let to = args.to.map_or(now, |to| to.from(now));
    match args.from {
        Some(from) if from.from(now) < to => Ok((from.from(now), to)),
        Some(_) => bail!("--from is not before --to; give an earlier --from"),
        // Single calls, whenever they were.
        None => Ok((to, to)),
    }
}

pub(super) fn no_credential(account: &AccountConfig) -> String {
    format!(
        "account {} may not ask Aircall; set `api_id` and `api_token` under [account.aircall]",
        account.id
    )
}

pub(super) fn limits(account: &AccountConfig) -> Limits {
    let limit = |fixed: Option<u32>, share: f64, of: f64| {
        // A cast to an integer saturates.
        fixed.map_or((share * of).floor() as u64, u64::from).max(1)
    };
    Limits {
        aircall: limit(account.aircall.requests_per_minute, account.aircall.rate_share, AIRCALL_LIMIT),
        front: limit(account.front.requests_per_minute, account.front.rate_share, FRONT_LIMIT),
    }
}

async fn run(
    globals: &Globals,
    account: &AccountConfig,
    asked: Asked,
    detach: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if account.aircall.credential.is_none() {
        bail!("{}", no_credential(account));
    }
    let wanted = Wanted { account: account.id.to_string(), asked };
    match Source::of(globals).await? {
        Source::Running(running) => {
            let job = running.ask_for(&wanted).await?;
            let line = if detach { look(&running, &job).await? } else { follow(&running, &job).await? };
            print(&line, globals.format, out)?;
            if !line.is_over() {
                writeln!(out, "\n  it goes on by itself; `calltrail jobs` shows how far it is")?;
            }
            Ok(())
        }
        Source::AtRest { stores, .. } => {
            let job = jobs::ask(&*stores.key_value, &wanted).await?;
            let lines = jobs::list(&*stores.key_value, std::slice::from_ref(&job.account)).await?;
            let line = lines.0.into_iter().find(|line| line.id == job.id).context("the job is gone")?;
            print(&line, globals.format, out)?;
            Ok(writeln!(out, "\n  no calltrail runs on this folder; the job begins when one does")?)
        }
    }
}

async fn look(running: &Running, job: &JobOf) -> anyhow::Result<JobLine> {
    let lines = running.jobs().await?;
    let found = lines.0.into_iter().find(|line| line.account == job.account && line.id == job.id);
    found.context("the job is over and forgotten")
}

/// Shows a bar until the job is over. Ctrl-C leaves the job running.
async fn follow(running: &Running, job: &JobOf) -> anyhow::Result<JobLine> {
    let bar = ProgressBar::new(0).with_style(style()?);
    loop {
        let line = look(running, job).await?;
        bar.set_length(line.expected);
        bar.set_position(line.read);
        bar.set_message(line.trouble.clone().unwrap_or_default());
        if line.is_over() {
            bar.finish_and_clear();
            return Ok(line);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                return Ok(line);
            }
        }
    }
}

fn style() -> anyhow::Result<ProgressStyle> {
    Ok(ProgressStyle::with_template("reading {bar:40} {pos}/{len} calls, {per_sec}, {eta} left {msg}")?)
}
