//! `calltrail dead-letters`.

use std::io::Write;

use anyhow::bail;

use super::order_log::OrderLog;
use super::{account_named, print};
use crate::cli::Globals;
use crate::cli::dead_letters::{DeadLettersCommand, DropArgs, SelectionArgs, ShowArgs};
use crate::config::{Environment, Needs};
use crate::dead_letters::kept::Asked;
use crate::dead_letters::{
    DeadLetters, Done, Refused, Selection, Shown, by_account, drops, refused, retries,
};
use crate::orders::Order;

/// Lists, shows, retries or drops what Front has refused.
///
/// # Errors
/// When nothing is known of what was asked about, or the log cannot be read or written.
pub async fn run(globals: &Globals, command: &DeadLettersCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::List(args) => {
            let found = Found::of(globals, args).await?.with_letters().await?;
            print(&DeadLetters(&found.refused), globals.format, out)
        }
        DeadLettersCommand::Show(ShowArgs { effect, account }) => {
            let args = SelectionArgs {
                effects: vec![*effect],
                account: account.clone(),
                ..SelectionArgs::default()
            };
            let found = Found::of(globals, &args).await?.with_letters().await?;
            found.refused.iter().try_for_each(|refused| print(&Shown::of(refused), globals.format, out))
        }
        DeadLettersCommand::Retry(args) => {
            args.check()?;
            let found = Found::of(globals, &args.selection).await?;
            let (retried, left_alone): (Vec<_>, Vec<_>) =
                found.refused.iter().partition(|refused| refused.not_retried.is_none());
            found.order(retries(&retried)?).await?;
            let what = "is sent again; `calltrail trail` of the call shows what comes of it";
            print(&Done { what, effects: retried, left_alone }, globals.format, out)
        }
        DeadLettersCommand::Drop(args) => drop_them(globals, args, out).await,
    }
}

async fn drop_them(globals: &Globals, args: &DropArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    args.which.check()?;
    let found = Found::of(globals, &args.which.selection).await?;
    let all: Vec<_> = found.refused.iter().collect();
    if !args.yes {
        let what = "would be given up; run it again with --yes";
        return print(&Done { what, effects: all, left_alone: Vec::new() }, globals.format, out);
    }
    found.order(drops(&all)?).await?;
    print(&Done { what: "is given up", effects: all, left_alone: Vec::new() }, globals.format, out)
}

/// What is refused of what was asked about, and the log that says so.
struct Found {
    log: OrderLog,
    refused: Vec<Refused>,
}

impl Found {
    async fn of(globals: &Globals, args: &SelectionArgs) -> anyhow::Result<Self> {
        let config = globals.load_config_for(Needs::NONE, &Environment::of_process())?;
        let accounts = match &args.account {
            Some(id) => vec![account_named(&config, Some(id))?],
            None => config.accounts.iter().collect(),
        };
        let selection =
            Selection { effects: &args.effects, of: args.of.as_ref(), reason: args.reason.as_deref() };
        let log = OrderLog::of(globals, &config.log).await?;
        let refused = log.folded(|scratch| refused(scratch, &accounts, &selection)).await?;
        Ok(Self { log, refused })
    }

    async fn with_letters(mut self) -> anyhow::Result<Self> {
        for asked in by_account(self.refused.iter())? {
            let mut letters = self.log.letters(&asked).await?;
            let of_account =
                self.refused.iter_mut().filter(|refused| refused.account == asked.account.as_str());
            of_account.for_each(|refused| refused.letter = letters.remove(&refused.effect));
        }
        Ok(self)
    }

    /// Each record is in the log before its letters are deleted: a letter that stays after a crash says nothing by itself.
    async fn order(&self, orders: Vec<(Asked, Order)>) -> anyhow::Result<()> {
        for (asked, order) in orders {
            if let Err(cause) = self.log.append(order).await {
                bail!("not all of it is done yet, run the same again: {cause:#}");
            }
            self.log.forget(&asked).await?;
        }
        Ok(())
    }
}
