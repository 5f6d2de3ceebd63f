//! The program `calltrail`: parses the command line, sets up logging, runs a command.

use std::io::Write;
use std::process::ExitCode;

use calltrail::cli::{Cli, Command, Globals, JobsCommand, LogCommand, StreamsCommand, WebhookCommand};
use calltrail::commands;
use calltrail::engine::Role;
use clap::Parser as _;
use rustix::fs::Mode;
use tracing_subscriber::EnvFilter;

/// The variable that says what is logged, as in `info` or `calltrail_projector=debug`.
const LOG_FILTER: &str = "CALLTRAIL_LOG";

fn main() -> ExitCode {
    // What is made here holds numbers and names, and libraries make files and sockets of their own: none of them is anyone
    // else's to read at any moment, whatever mask this was started with.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let cli = Cli::parse();
    set_up_logging(&cli);
    // Two providers of cryptography could be linked; this says which. An error means that it was said before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
        let outcome = runtime.block_on(run(&cli.globals, &cli.command));
        // A read that is still under way must not hold up the end of the process.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when even this cannot be written.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False when the command worked and its answer is no.
async fn run(globals: &Globals, command: &Command) -> anyhow::Result<bool> {
    let out = &mut std::io::stdout();
    match command {
        Command::Up => commands::up::run(globals, Role::Up).await?,
        Command::Ingest => commands::up::run(globals, Role::Ingest).await?,
        Command::Projector => commands::up::run(globals, Role::Projector).await?,
        Command::FrontWriter => commands::up::run(globals, Role::FrontWriter).await?,
        Command::Reader => commands::up::run(globals, Role::Reader).await?,
        Command::Backfill(args) => commands::backfill::backfill(globals, args, out).await?,
        Command::Recover(args) => commands::backfill::recover(globals, args, out).await?,
        Command::Reconcile(args) => return commands::reconcile::run(globals, args, out).await,
        Command::Reconsider(args) => commands::reconsider::run(globals, args, out).await?,
        Command::DeadLetters(command) => commands::dead_letters::run(globals, command, out).await?,
        Command::Jobs { command: None } => commands::jobs::list(globals, out).await?,
        Command::Jobs { command: Some(JobsCommand::Cancel(args)) } => {
            commands::jobs::cancel(globals, args, out).await?;
        }
        Command::Demo(args) => commands::demo::run(globals, args, out).await?,
        Command::Init(args) => {
            let file = args.file.as_ref().unwrap_or(&globals.config);
            commands::init::run(file, args.force, globals.format, out)?;
        }
        Command::Trail(args) => commands::trail::run(globals, args, out).await?,
        Command::Log(LogCommand::Tail(args)) => commands::log::tail(globals, args, out).await?,
        Command::Log(LogCommand::Export(args)) => commands::export::run(globals, args, out).await?,
        Command::Log(LogCommand::Snapshot) => commands::retention::snapshot(globals, out).await?,
        Command::Log(LogCommand::Archive(args)) => commands::export::archive(globals, args, out).await?,
        Command::Log(LogCommand::Trim(args)) => commands::retention::trim(globals, args, out).await?,
        Command::Log(LogCommand::Import(args)) => commands::import::run(globals, args, out).await?,
        Command::Doctor => return commands::doctor::run(globals, out).await,
        Command::Health => return commands::health::run(globals, out).await,
        Command::Webhook(WebhookCommand::Register(args)) => {
            commands::webhook::register(globals, args, out).await?;
        }
        Command::Streams(StreamsCommand::Apply(args)) => {
            return commands::streams::apply(globals, args, out).await;
        }
        Command::Streams(StreamsCommand::Keys(args)) => commands::streams::keys(globals, args, out)?,
        Command::Streams(StreamsCommand::Permissions(args)) => {
            commands::streams::permissions(globals, args, out)?;
        }
        Command::TestCall(args) => commands::test_call::run(globals, args, out).await?,
        Command::Status => commands::status::run(globals, out).await?,
        Command::Erase(args) => return commands::erase::run(globals, args, out).await,
        Command::Replay(args) => return commands::replay::run(globals, args, out).await,
    }
    Ok(true)
}

/// Log lines go to standard error, as JSON when nobody looks at them. The demo speaks for itself.
fn set_up_logging(cli: &Cli) {
    // The client of NATS tells every try to connect; what of it matters we tell ourselves.
    let default = if cli.command.is_a_role() { "info,async_nats=off" } else { "warn,async_nats=off" };
    let wanted = std::env::var(LOG_FILTER).unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|_| {
        // The answer goes on without it; a failure to say so harms nobody.
        let _ = writeln!(
            std::io::stderr(),
            "{LOG_FILTER} is no filter such as info or calltrail=debug; using {default}"
        );
        EnvFilter::new(default)
    });
    // A line that cannot be written, as to a file on a full disk, is lost: to say so by `eprintln!` would panic.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        lines.init();
    } else {
        lines.json().init();
    }
}

/// `calltrail log tail | head` is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
