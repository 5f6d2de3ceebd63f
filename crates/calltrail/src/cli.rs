//! The command line: what can be typed, and what each command says of itself.

pub mod dead_letters;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use calltrail_domain::ids::{CallId, ConversationId, InboxId};
use calltrail_domain::record::KNOWN_KINDS;
use calltrail_domain::time::Timestamp;
use calltrail_front::id::is_id;
use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use crate::config::{self, Config, ConfigError, Environment, Needs};
use crate::when::When;
use dead_letters::DeadLettersCommand;

/// Logs Aircall phone calls into Front conversations: no call lost, nothing twice, everything traceable.
#[derive(Debug, Parser)]
#[command(name = "calltrail", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// What is accepted before and after every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// The configuration
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "CALLTRAIL_CONFIG",
        default_value = "calltrail.toml"
    )]
    pub config: PathBuf,
    /// How answers are printed
    #[arg(long, global = true, value_enum, default_value_t)]
    pub format: Format,
    /// Where webhooks are received, instead of `http.listen`
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where health and metrics are answered, instead of `http.operator_listen`
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub operator_listen: Option<SocketAddr>,
    /// The folder of this process, instead of `log.path`
    #[arg(long, global = true, value_name = "PATH")]
    pub path: Option<PathBuf>,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON value, or one a line where an answer has no end
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in this process: receive, decide, write to Front
    ///
    /// Webhooks are received on 127.0.0.1:8080 and health is answered on 127.0.0.1:8081, unless the configuration says
    /// otherwise. It runs until Ctrl-C or SIGTERM; it may be killed at any moment and goes on where it was.
    #[command(after_help = UP)]
    Up,
    /// Run the receivers alone: webhooks to disk, and from there into the log
    ///
    /// Needs `log.backend = "jetstream"`. A webhook is answered when it is on this machine's disk; the log may be away
    /// meanwhile. May run many times, each with a `log.path` of its own.
    #[command(after_help = INGEST)]
    Ingest,
    /// Run the projector alone: fold the log, decide
    ///
    /// Needs `log.backend = "jetstream"`. May run many times, each with a `log.path` of its own: the first decision counts.
    #[command(after_help = PROJECTOR)]
    Projector,
    /// Run the writers alone: bring into Front what was decided
    ///
    /// Needs `log.backend = "jetstream"`. May run many times, each with a `log.path` of its own; all share Front's rate limit.
    #[command(after_help = FRONT_WRITER)]
    FrontWriter,
    /// Run the reader alone: read calls from Aircall, look after its webhook
    ///
    /// Needs `log.backend = "jetstream"`. May run many times, each with a `log.path` of its own; all share Aircall's rate
    /// limit, and a job of one that is killed is finished by another.
    #[command(after_help = READER)]
    Reader,
    /// Bring in calls from before Calltrail, or single ones, as history
    ///
    /// They are logged into archived conversations, no rule in Front runs, and nobody is assigned. Live calls go first. A call
    /// that is logged already does not appear twice. Aircall lists the calls of six months; older ones come by their ids.
    #[command(after_help = BACKFILL)]
    Backfill(BackfillArgs),
    /// Bring in what was missed, as if it had come in time
    ///
    /// For an outage of webhooks. First what people did in Front, then the calls, so that subjects are decided against the
    /// right status. What ended longer ago than `history_after_hours` is logged as history. With `recovery = "automatic"` this
    /// happens by itself.
    #[command(after_help = RECOVER)]
    Recover(RecoverArgs),
    /// Compare Aircall's list of calls with the log and with Front: what is missing where, and why
    ///
    /// Changes nothing without --fix. Exits with 0 when nothing is missing, and with 1 when something is, for cron.
    #[command(after_help = RECONCILE)]
    Reconcile(ReconcileArgs),
    /// Decide again, on purpose, calls that were left out
    ///
    /// After a change of the rules, calls that were left out before stay left out. This shows the selected ones, why each was left
    /// out and what this configuration would make of it; `--apply` has them decided again. What ended longer ago than
    /// `history_after_hours` is logged as history, without disturbing anyone. Calls that are logged or refused are not touched. When
    /// it is killed, run it again. Asks the running instance; on NATS it needs the key of the operator.
    #[command(after_help = RECONSIDER)]
    Reconsider(ReconsiderArgs),
    /// What Front has refused for good: list it, look at it, send it again, give it up
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Show the jobs of `backfill` and `recover`, or cancel one
    #[command(after_help = JOBS, args_conflicts_with_subcommands = true)]
    Jobs {
        #[command(subcommand)]
        command: Option<JobsCommand>,
    },
    /// Show it at work: a day of calls against a simulated Aircall and Front
    ///
    /// Needs no configuration, no account and no network. It ends by itself in under a minute.
    #[command(after_help = DEMO)]
    Demo(DemoArgs),
    /// Write a commented configuration
    ///
    /// Every key is in it; what has a default is commented out.
    #[command(after_help = INIT)]
    Init(InitArgs),
    /// Check everything between a call and Front that can be wrong, and say how to fix it
    ///
    /// Configuration, tokens and their scopes, inboxes, lines, webhook, agents, clock, disk, listeners, public address and
    /// rate. It changes nothing. Exits with 0 when there is no problem, and with 1 when there is one.
    #[command(after_help = DOCTOR)]
    Doctor,
    /// Ask the process on this machine whether it can do its part
    ///
    /// Asks its operator listener, as a load balancer does, for images that have no other program to ask with. Exits with 0
    /// when it is ready, and with 1 when it is not or does not answer in time.
    #[command(after_help = HEALTH)]
    Health,
    /// Look after Aircall's webhook
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Bring a call into Front that nobody made, to see that it works
    ///
    /// It is marked as a test and comes from a number that nobody has, but Front's rules see it like any other call.
    #[command(after_help = TEST_CALL)]
    TestCall(TestCallArgs),
    /// Show the whole trail of one party: webhooks, decisions, attempts, what stands in Front
    ///
    /// Asks the running instance; where none runs, it opens the log itself.
    #[command(after_help = TRAIL)]
    Trail(TrailArgs),
    /// Look into the call event log
    #[command(subcommand)]
    Log(LogCommand),
    /// Look after what NATS holds, for `log.backend = "jetstream"`
    #[command(subcommand)]
    Streams(StreamsCommand),
    /// Show how far each part has come, and what waits or was refused
    ///
    /// Asks the running instance; where none runs, it opens the log itself.
    #[command(after_help = STATUS)]
    Status,
    /// Erase a person: every record of their calls, and everything made from them
    ///
    /// Shows what would be erased and what remains where; `--yes` erases it. What comes late of the erased calls means nothing
    /// afterwards, and a later call of the same number begins anew. When it is killed, run it again: it goes on where it was. Asks
    /// the running instance; on NATS it needs the key of the operator.
    #[command(after_help = ERASE)]
    Erase(EraseArgs),
    /// Make the state anew from the log
    ///
    /// Nothing is written to Front and nothing in the log changes.
    #[command(after_help = REPLAY)]
    Replay(ReplayArgs),
}

/// The options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the simulated Aircall and Front and the engine running until Ctrl-C
    #[arg(long)]
    pub serve: bool,
}

/// The options of `backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// Calls that began from then on: a date, a time, or how long ago (3d)
    #[arg(long, value_name = "WHEN", required_unless_present = "call")]
    pub from: Option<When>,
    /// Calls that began until then [default: now]
    #[arg(long, value_name = "WHEN", requires = "from")]
    pub to: Option<When>,
    /// This call, by its id in Aircall; may be given more than once
    #[arg(long, value_name = "CALL", conflicts_with = "from", value_parser = call)]
    pub call: Vec<CallId>,
    /// The account, when there are several
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Only say how many calls there are, how long they take, and what Front would show
    #[arg(long, conflicts_with = "call")]
    pub dry_run: bool,
    /// Do not wait for the end
    #[arg(long)]
    pub detach: bool,
}

/// The options of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// When webhooks began to be missed: a date, a time, or how long ago (36h)
    #[arg(long, value_name = "WHEN")]
    pub since: When,
    /// The account, when there are several
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Do not wait for the end
    #[arg(long)]
    pub detach: bool,
}

/// The options of `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Calls that began from then on: a date, a time, or how long ago (3d)
    #[arg(long, value_name = "WHEN")]
    pub from: When,
    /// Calls that began until then [default: now]
    #[arg(long, value_name = "WHEN")]
    pub to: Option<When>,
    /// The account, when there are several
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Read the conversations in Front too: activities that stand twice or are gone, subjects that differ
    #[arg(long)]
    pub in_front: bool,
    /// Have what the log lacks read from Aircall
    #[arg(long)]
    pub fix: bool,
}

/// The options of `reconsider`.
#[derive(Debug, Args)]
pub struct ReconsiderArgs {
    /// Calls that began from then on: a date, a time, or how long ago (3d)
    #[arg(long, value_name = "WHEN", required_unless_present_any = ["call", "of"])]
    pub from: Option<When>,
    /// Calls that began until then [default: now]
    #[arg(long, value_name = "WHEN")]
    pub to: Option<When>,
    /// This call, by its id in Aircall; may be given more than once
    #[arg(long, value_name = "CALL", conflicts_with_all = ["from", "to", "of"], value_parser = call)]
    pub call: Vec<CallId>,
    /// Calls of this party alone
    #[arg(long, visible_alias = "party", value_name = "NUMBER|CALL|CONVERSATION|PARTY")]
    pub of: Option<NumberOrParty>,
    /// The account [default: all of the configuration]
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Have them decided again, instead of only showing what would become of them
    #[arg(long)]
    pub apply: bool,
}

/// The commands below `jobs`.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Cancel a job; what it has read stays
    #[command(after_help = CANCEL)]
    Cancel(CancelArgs),
}

/// The options of `jobs cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The number of the job
    #[arg(value_name = "JOB")]
    pub job: u64,
    /// The account, when there are several
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
}

/// The options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Replace the file when it is there
    #[arg(long)]
    pub force: bool,
    /// Where to write it [default: the path of --config]
    #[arg(value_name = "PATH")]
    pub file: Option<PathBuf>,
}

/// The commands below `webhook`.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Make Aircall's webhook be there once, switched on, with exactly the events that Calltrail reads
    ///
    /// Looks first: a webhook that posts here already is changed and not made again. Needs `http.public_url`, and `api_id`
    /// and `api_token` of the account.
    #[command(after_help = REGISTER)]
    Register(RegisterArgs),
}

/// The options of `webhook register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// The account, when there are several
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Print the webhook's token too
    #[arg(long)]
    pub show_token: bool,
}

/// The options of `test-call`.
#[derive(Debug, Args)]
pub struct TestCallArgs {
    /// The inbox in Front [default: the account's `default_inbox`]
    #[arg(long, value_name = "INBOX", value_parser = inbox)]
    pub inbox: Option<InboxId>,
    /// The account, when there are several
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Move this conversation to Front's trash instead, if it holds nothing but test calls
    #[arg(
        long,
        value_name = "CONVERSATION",
        conflicts_with = "inbox",
        value_parser = conversation
    )]
    pub remove: Option<ConversationId>,
}

/// The options of `trail`.
#[derive(Debug, Args)]
pub struct TrailArgs {
    /// A phone number with its country code, a call's id in Aircall, a conversation's id in Front, or a party's name as logs
    /// show it
    #[arg(value_name = "NUMBER|CALL|CONVERSATION|PARTY")]
    pub of: NumberOrParty,
    #[command(flatten)]
    pub archives: Archives,
}

/// The archives of what was trimmed off.
#[derive(Debug, Args)]
pub struct Archives {
    /// A file of `calltrail log archive`; may be given more than once, in the order of their records
    #[arg(long, value_name = "FILE")]
    pub archive: Vec<PathBuf>,
}

/// The options of `erase`.
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// A phone number with its country code, a call's id in Aircall, a conversation's id in Front, or a party's name as logs
    /// show it
    #[arg(value_name = "NUMBER|CALL|CONVERSATION|PARTY")]
    pub of: NumberOrParty,
    /// Erase, instead of only showing what would be erased
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub archives: Archives,
}

/// What `trail` is asked about. Its `Debug` shows nothing of it: it may be a phone number.
#[derive(Clone, PartialEq, Eq)]
pub struct NumberOrParty(String);

/// The commands below `log`.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Print records in the order of the log, the oldest first
    ///
    /// Starts at the first record unless told otherwise, and ends at the last one unless it follows.
    #[command(after_help = TAIL)]
    Tail(TailArgs),
    /// Write all records into a file, to the last byte
    ///
    /// The file is compressed when its name ends with .gz, and appears under its name when it is whole. It holds phone numbers,
    /// names and the key that names parties: nobody else may read it. Asks the running instance; where none runs, it opens the
    /// log itself.
    #[command(after_help = EXPORT)]
    Export(ExportArgs),
    /// Fill an empty log with the records of an export, under their own sequences
    ///
    /// The log is that of the configuration: a file in `log.path`, or the stream on NATS. Until all records are there, no role
    /// can use it. When it is killed, run it again: it goes on where it was. Work that was under way is published again.
    #[command(after_help = IMPORT)]
    Import(ImportArgs),
    /// Append a snapshot of the state, so that older records can be trimmed off
    ///
    /// A rebuild of a trimmed log begins with the snapshot. It takes the place of an older one, which is erased. A running
    /// instance goes on meanwhile. On NATS this takes the operator's key.
    #[command(after_help = SNAPSHOT)]
    Snapshot,
    /// Write the records before a time, or before a record, into a file
    ///
    /// The file is as `log export` writes it, with phone numbers and names in it: nobody else may read it. Nothing is trimmed.
    #[command(after_help = ARCHIVE)]
    Archive(ArchiveArgs),
    /// Trim off the records before a time, or before a record: they must be in a snapshot and in an archive
    ///
    /// Every record is compared with the archive first. Without --yes nothing is trimmed. On NATS this takes the operator's key.
    #[command(after_help = TRIM)]
    Trim(TrimArgs),
}

/// The options of `log archive`.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// Records before this one, or received before this time
    #[arg(long, value_name = "SEQUENCE|TIME")]
    pub before: Before,
    /// Where to write it; `-` is standard output
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The options of `log trim`.
#[derive(Debug, Args)]
pub struct TrimArgs {
    /// Records before this one, or received before this time
    #[arg(long, value_name = "SEQUENCE|TIME")]
    pub before: Before,
    /// A file of `calltrail log archive`; may be given more than once, in the order of their records
    #[arg(long, value_name = "FILE", required = true)]
    pub archive: Vec<PathBuf>,
    /// Trim, instead of only showing what would be trimmed
    #[arg(long)]
    pub yes: bool,
}

/// The first record that is not meant: by its sequence, or the first that was received at this time or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Sequence(u64),
    Time(When),
}

impl FromStr for Before {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        if let Ok(sequence) = given.parse() {
            return Ok(Self::Sequence(sequence));
        }
        let when = given.parse().map(Self::Time);
        when.map_err(|_| {
            "write the sequence of a record, or a time: 2026-01-01, 2026-01-01T08:00:00Z or 400d".to_owned()
        })
    }
}

/// The options of `log export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Where to write it; `-` is standard output
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The options of `log import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// What `calltrail log export` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The options of `log tail`.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// Go on with each record that is appended, until Ctrl-C
    #[arg(long)]
    pub follow: bool,
    /// Only records after this sequence
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    pub after: u64,
    /// Only records of this kind
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KNOWN_KINDS))]
    pub kind: Option<String>,
}

/// The commands below `streams`.
#[derive(Debug, Subcommand)]
pub enum StreamsCommand {
    /// Make what is missing of the declared streams, buckets and consumers
    ///
    /// What is there and differs is explained, field by field, and left alone; then it exits with 1. Needs the key of the
    /// operator where the servers know keys.
    #[command(after_help = APPLY)]
    Apply(ApplyArgs),
    /// Make an nkey for each role: ingest.nk, projector.nk, front-writer.nk, reader.nk, up.nk, operator.nk
    ///
    /// The files hold the private seeds and nobody else may read them. The public keys are printed. Nothing is replaced.
    #[command(after_help = KEYS)]
    Keys(KeysArgs),
    /// Print the block `accounts` for the servers' configuration: what each role may do, by its key
    ///
    /// The streams are in an account of their own, and each role is in one that imports what the role needs and nothing else.
    #[command(after_help = PERMISSIONS)]
    Permissions(PermissionsArgs),
}

/// The options of `streams apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// The options of `streams keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// The folder to write them to
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

/// The options of `streams permissions`.
#[derive(Debug, Args)]
pub struct PermissionsArgs {
    /// The folder that `streams keys` has written
    #[arg(long, value_name = "FOLDER")]
    pub keys: PathBuf,
}

/// The options of `replay`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("way").required(true))]
pub struct ReplayArgs {
    /// Rebuild in a scratch store with the outbox closed and compare state hashes; exit 1 on any difference
    #[arg(long, group = "way")]
    pub verify: bool,
    /// Fill a second projection store beside the live one and put it in its place
    ///
    /// A running instance goes on meanwhile. The live store is whole at every moment, also when this is killed.
    #[arg(long, group = "way")]
    pub rebuild: bool,
    /// Show the state as it was at this record, or when the records received by this time were folded
    #[arg(long, group = "way", value_name = "SEQUENCE|TIME")]
    pub until: Option<Until>,
    /// With --until: this party's calls, conversation and effects too
    #[arg(long, visible_alias = "party", requires = "until", conflicts_with_all = ["verify", "rebuild", "diff"], value_name = "NUMBER|CALL|CONVERSATION|PARTY")]
    pub of: Option<NumberOrParty>,
    /// Compare what was decided with what this program would decide under its configuration; exit 1 on any difference
    #[arg(long, group = "way")]
    pub diff: bool,
    /// With --diff: decide under the recorded rules, so that only the program differs
    #[arg(long, requires = "diff", conflicts_with_all = ["verify", "rebuild", "until"])]
    pub recorded_policy: bool,
    /// With --verify, --until or --diff: begin with this file of `calltrail log archive`; may be given more than once, in the order of
    /// their records
    #[arg(long, conflicts_with = "rebuild", value_name = "FILE")]
    pub archive: Vec<PathBuf>,
}

/// A place of the log: a record's sequence, or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Sequence(u64),
    Time(Timestamp),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        if let Ok(sequence) = given.parse() {
            return Ok(Self::Sequence(sequence));
        }
        let time: Result<jiff::Timestamp, _> = given.parse();
        let time = time.map(|time| Self::Time(Timestamp::from_millis(time.as_millisecond())));
        time.map_err(|_| "write the sequence of a record, or a time such as 2026-11-30T08:00:00Z".to_owned())
    }
}

fn call(given: &str) -> Result<CallId, String> {
    given.trim().parse().map(CallId).map_err(|_| "write the number that Aircall gives the call".to_owned())
}

fn inbox(given: &str) -> Result<InboxId, String> {
    named(given, "inb_").map(InboxId::new)
}

fn conversation(given: &str) -> Result<ConversationId, String> {
    named(given, "cnv_").map(ConversationId::new)
}

/// What Front names with this prefix.
fn named<'g>(given: &'g str, prefix: &str) -> Result<&'g str, String> {
    let is_named = given.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()) && is_id(given);
    is_named.then_some(given).ok_or_else(|| format!("write the id that Front gives it, {prefix}…"))
}

impl Command {
    /// True for what runs until it is told to stop.
    #[must_use]
    pub fn is_a_role(&self) -> bool {
        matches!(self, Self::Up | Self::Ingest | Self::Projector | Self::FrontWriter | Self::Reader)
    }
}

impl Globals {
    /// The configuration with this command line laid over it: the command line wins over variables, these over the file.
    ///
    /// # Errors
    /// Those of [`config::load`].
    pub fn load_config(&self, environment: &Environment) -> Result<Config, ConfigError> {
        self.load_config_for(Needs::ALL, environment)
    }

    /// The same, without the secrets that are not needed.
    ///
    /// # Errors
    /// Those of [`config::load`].
    pub fn load_config_for(&self, needs: Needs, environment: &Environment) -> Result<Config, ConfigError> {
        let mut config = config::load_for(needs, &self.config, environment)?;
        config.http.listen = self.listen.unwrap_or(config.http.listen);
        config.http.operator_listen = self.operator_listen.unwrap_or(config.http.operator_listen);
        config.log.path = self.path.clone().unwrap_or(config.log.path);
        Ok(config)
    }
}

impl NumberOrParty {
    /// As it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NumberOrParty {
    type Err = std::convert::Infallible;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        Ok(Self(given.trim().to_owned()))
    }
}

impl fmt::Debug for NumberOrParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumberOrParty(…)")
    }
}

const EXAMPLES: &str = "\
Examples:
  calltrail demo                 see it work, without any account
  calltrail init                 write calltrail.toml
  calltrail doctor               check it
  calltrail up                   run it

Every key of the configuration may also be set by a variable: CALLTRAIL__LOG__PATH is `log.path`.";
const UP: &str = "\
Examples:
  calltrail up
  calltrail up --config /etc/calltrail.toml --listen 0.0.0.0:8080
  CALLTRAIL__LOG__PATH=/var/lib/calltrail calltrail up
  CALLTRAIL_LOG=calltrail=debug calltrail up";
const INGEST: &str = "\
Examples:
  calltrail ingest --listen 0.0.0.0:8080 --operator-listen 0.0.0.0:8081
  CALLTRAIL__LOG__BACKEND=jetstream calltrail ingest --path /var/lib/calltrail";
const PROJECTOR: &str = "\
Examples:
  calltrail projector --operator-listen 0.0.0.0:8081
  CALLTRAIL__LOG__BACKEND=jetstream calltrail projector --path /var/lib/calltrail";
const FRONT_WRITER: &str = "\
Examples:
  calltrail front-writer --operator-listen 0.0.0.0:8081
  CALLTRAIL__LOG__BACKEND=jetstream calltrail front-writer --path /var/lib/calltrail";
const READER: &str = "\
Examples:
  calltrail reader --operator-listen 0.0.0.0:8081
  CALLTRAIL__LOG__BACKEND=jetstream calltrail reader --path /var/lib/calltrail";
const BACKFILL: &str = "\
Examples:
  calltrail backfill --from 2026-06-01 --dry-run
  calltrail backfill --from 2026-06-01 --to 2026-07-01
  calltrail backfill --from 90d --detach
  calltrail backfill --call 812345678 --call 812345679";
const RECOVER: &str = "\
Examples:
  calltrail recover --since 36h
  calltrail recover --since 2026-11-01T09:30:00Z --account acme";
const RECONCILE: &str = "\
Examples:
  calltrail reconcile --from 7d
  calltrail reconcile --from 2026-11-01 --to 2026-11-08 --in-front
  calltrail reconcile --from 2d --fix --format json";
const RECONSIDER: &str = "\
Examples:
  calltrail reconsider --from 30d
  calltrail reconsider --from 2026-11-01 --to 2026-11-08 --apply
  calltrail reconsider --of +33612345678
  calltrail reconsider --call 812345678 --call 812345679 --apply
  calltrail reconsider --from 7d --account acme --format json";
const CANCEL: &str = "\
Examples:
  calltrail jobs cancel 3
  calltrail jobs cancel 3 --account acme";
const JOBS: &str = "\
Examples:
  calltrail jobs
  calltrail jobs cancel 3";
const DEMO: &str = "\
Examples:
  calltrail demo
  calltrail demo --serve";
const INIT: &str = "\
Examples:
  calltrail init
  calltrail init /etc/calltrail.toml
  calltrail init --force";
const DOCTOR: &str = "\
Examples:
  calltrail doctor
  calltrail doctor --config /etc/calltrail.toml
  calltrail doctor --format json";
const HEALTH: &str = "\
Examples:
  calltrail health
  calltrail health --operator-listen 127.0.0.1:8081";
const REGISTER: &str = "\
Examples:
  calltrail webhook register --dry-run
  calltrail webhook register --account acme
  calltrail webhook register --show-token";
const TEST_CALL: &str = "\
Examples:
  calltrail test-call
  calltrail test-call --inbox inb_41w25
  calltrail test-call --remove cnv_yo1kg5q";
const TRAIL: &str = "\
Examples:
  calltrail trail +33612345678
  calltrail trail 812345678                      the caller of this call in Aircall
  calltrail trail cnv_1a2b3c                     whose calls are in this conversation in Front
  calltrail trail +33612345678 --format json";
const ERASE: &str = "\
Examples:
  calltrail erase +33612345678
  calltrail erase +33612345678 --yes
  calltrail erase 812345678 --yes                the caller of this call in Aircall";
const TAIL: &str = "\
Examples:
  calltrail log tail --follow
  calltrail log tail --after 1200 --kind effects.decided
  calltrail log tail --format json";
const EXPORT: &str = "\
Examples:
  calltrail log export calls.jsonl.gz
  calltrail log export - --path /var/lib/calltrail";
const IMPORT: &str = "\
Examples:
  calltrail log import calls.jsonl.gz --path /var/lib/calltrail
  CALLTRAIL__LOG__BACKEND=jetstream calltrail log import calls.jsonl.gz";
const SNAPSHOT: &str = "\
Examples:
  calltrail log snapshot
  calltrail log snapshot --format json";
const ARCHIVE: &str = "\
Examples:
  calltrail log archive --before 2026-01-01 2025.jsonl.gz
  calltrail log archive --before 400d old.jsonl.gz";
const TRIM: &str = "\
Examples:
  calltrail log trim --before 2026-01-01 --archive 2025.jsonl.gz
  calltrail log trim --before 2026-01-01 --archive 2025.jsonl.gz --yes";
const APPLY: &str = "\
Examples:
  calltrail streams apply --dry-run
  calltrail streams apply
  CALLTRAIL__LOG__JETSTREAM__NKEY_SEED__FILE=keys/operator.nk calltrail streams apply";
const KEYS: &str = "\
Examples:
  calltrail streams keys --out keys";
const PERMISSIONS: &str = "\
Examples:
  calltrail streams permissions --keys keys";
const STATUS: &str = "\
Examples:
  calltrail status
  calltrail status --format json";
const REPLAY: &str = "\
Examples:
  calltrail replay --verify
  calltrail replay --verify --format json
  calltrail replay --rebuild                     after a fix of the program, or of the disk
  calltrail replay --until 1200
  calltrail replay --until 2026-11-30T08:00:00Z --of +33612345678
  calltrail replay --verify --archive 2025.jsonl.gz --archive 2026.jsonl.gz
  calltrail replay --diff                        what another release or configuration would change
  calltrail replay --diff --recorded-policy";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(words: &str) -> Cli {
        Cli::try_parse_from(words.split_whitespace()).expect("the words are a command")
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_in_its_help() {
        fn check(command: &clap::Command) {
            let groups = command.get_subcommands().next().is_some();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(groups || help.contains("Examples:"), "{} has no example", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn every_example_in_the_helps_is_a_command() {
        let roles = [UP, INGEST, PROJECTOR, FRONT_WRITER, READER, BACKFILL, RECOVER, RECONCILE, JOBS, CANCEL];
        let others = [EXAMPLES, DEMO, INIT, DOCTOR, HEALTH, REGISTER, TEST_CALL, TRAIL, TAIL, STATUS, REPLAY];
        let (streams, log) = ([APPLY, KEYS, PERMISSIONS], [EXPORT, IMPORT, ERASE, RECONSIDER]);
        for help in roles.into_iter().chain(streams).chain(log).chain(others) {
            let examples = help.lines().filter(|line| line.starts_with("  "));
            for example in examples.map(|line| line.trim().split("   ").next().unwrap_or(line)) {
                let words = example.split_whitespace().skip_while(|word| word.contains('='));
                parse(&words.collect::<Vec<_>>().join(" "));
            }
        }
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        for words in [
            "calltrail --config a.toml --listen 127.0.0.1:1 --operator-listen 127.0.0.1:2 --path d --format json up",
            "calltrail up --config a.toml --listen 127.0.0.1:1 --operator-listen 127.0.0.1:2 --path d --format json",
        ] {
            let globals = parse(words).globals;
            assert_eq!(globals.config, PathBuf::from("a.toml"));
            assert_eq!(globals.listen, Some(SocketAddr::from(([127, 0, 0, 1], 1))));
            assert_eq!(globals.operator_listen, Some(SocketAddr::from(([127, 0, 0, 1], 2))));
            assert_eq!(globals.path, Some(PathBuf::from("d")));
            assert_eq!(globals.format, Format::Json);
        }
    }

    #[test]
    fn a_replay_without_a_way_to_replay_is_refused() {
        assert!(Cli::try_parse_from(["calltrail", "replay"]).is_err());
    }

    #[test]
    fn what_a_trail_is_asked_about_is_not_in_its_debug() {
        for words in ["calltrail trail +33612345678", "calltrail erase +33612345678 --yes"] {
            let typed = format!("{:?}", parse(words));
            assert!(!typed.contains("336"), "{typed}");
        }
    }
}
