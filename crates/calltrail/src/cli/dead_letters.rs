//! The commands about what Front has refused.

use anyhow::bail;
use calltrail_domain::ids::EffectKey;
use clap::{Args, Subcommand};

use super::NumberOrParty;

const LIST: &str = "\
Examples:
  calltrail dead-letters list                          all of them
  calltrail dead-letters list --of +442079460123       of one caller
  calltrail dead-letters list --reason 422             by Front's status or words";

const SHOW: &str = "\
Examples:
  calltrail dead-letters show 812:call                 the request, with all that is in it";

const RETRY: &str = "\
Examples:
  calltrail dead-letters retry 812:call                once what Front disliked is repaired
  calltrail dead-letters retry --reason 'not allowed'  all with these words
  calltrail dead-letters retry --all";

const DROP: &str = "\
Examples:
  calltrail dead-letters drop 812:comment:99           show what would be given up
  calltrail dead-letters drop 812:comment:99 --yes     give it up";

/// The commands below `dead-letters`.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List what Front has refused for good, and nobody has retried or dropped
    ///
    /// Reads all of the log; nothing that is printed names a caller.
    #[command(after_help = LIST)]
    List(SelectionArgs),
    /// Print the request that Front refused, and its answer
    ///
    /// The request holds names and phone numbers.
    #[command(after_help = SHOW)]
    Show(ShowArgs),
    /// Send again what was refused
    ///
    /// Works while calltrail runs. A refused call is decided again, with all that belongs to it; one that ended longer ago than
    /// `history_after_hours` is logged as history. Whether Front has it after all is looked up first, so nothing appears twice.
    #[command(after_help = RETRY)]
    Retry(WhichArgs),
    /// Give up what was refused: it stays out of Front, and is listed no more
    #[command(after_help = DROP)]
    Drop(DropArgs),
}

/// Which dead letters are meant; all of this has to apply.
#[derive(Debug, Default, Args)]
pub struct SelectionArgs {
    /// This effect, as `list` names it: 812:call or 812:comment:99
    #[arg(value_name = "EFFECT")]
    pub effects: Vec<EffectKey>,
    /// Those of this party alone
    #[arg(long, visible_alias = "party", value_name = "NUMBER|CALL|CONVERSATION|PARTY")]
    pub of: Option<NumberOrParty>,
    /// Those whose status or words from Front contain this
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The account [default: all of the configuration]
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
}

/// The options of `dead-letters show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The effect, as `list` names it: 812:call or 812:comment:99
    #[arg(value_name = "EFFECT")]
    pub effect: EffectKey,
    /// The account [default: all of the configuration]
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
}

/// The options of `dead-letters retry`.
#[derive(Debug, Args)]
pub struct WhichArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// All of them
    #[arg(long)]
    pub all: bool,
}

/// The options of `dead-letters drop`.
#[derive(Debug, Args)]
pub struct DropArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// Do it, instead of only showing what would be given up
    #[arg(long)]
    pub yes: bool,
}

impl WhichArgs {
    /// # Errors
    /// When nothing says which are meant, or both all and some are.
    pub fn check(&self) -> anyhow::Result<()> {
        let SelectionArgs { effects, of, reason, account: _ } = &self.selection;
        match (self.all, effects.is_empty() && of.is_none() && reason.is_none()) {
            (false, true) => bail!(
                "say which: an effect such as 812:call, --of, --reason or --all; `calltrail dead-letters list` shows them"
            ),
            (true, false) => bail!("--all goes with no other choice than --account"),
            _ => Ok(()),
        }
    }
}
