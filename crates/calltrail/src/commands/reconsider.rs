//! `calltrail reconsider`.

use std::io::Write;

use anyhow::{Context as _, bail};

use super::order_log::OrderLog;
use super::{account_named, print};
use crate::cli::{Globals, ReconsiderArgs};
use crate::config::{Environment, Needs};
use crate::engine::now;
use crate::reconsider::{self, Plan, Selection};

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
    let log = OrderLog::of(globals, &config.log).await?;
    let mut plan = log.folded(|scratch| reconsider::plan(scratch, &accounts, &selection)).await?;
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

async fn apply(log: &OrderLog, plan: &mut Plan) -> anyhow::Result<()> {
    let other = plan.accounts.iter().find(|account| account.other_rules && account.has_work());
    if let Some(account) = other {
        bail!(
            "account {} is decided under other rules than this configuration's; start calltrail with this configuration, \
             then run the same again. Nothing was done",
            account.account
        );
    }
    for order in plan.orders() {
        let appended = log.append(order).await;
        appended.context("not all calls are asked for yet: run the same again, it goes on where it was")?;
    }
    plan.applied = true;
    Ok(())
}
