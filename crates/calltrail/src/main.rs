//! The program `calltrail`: parses the command line, sets up logging, runs a command.

use std::process::ExitCode;

use calltrail::cli::{Cli, Command, Globals, JobsCommand, LogCommand, StreamsCommand, WebhookCommand};
use calltrail::engine::Role;
use calltrail::output::{Escaped, say, shown};
use calltrail::{commands, logging};
use clap::Parser as _;
use rustix::fs::Mode;

fn main() -> ExitCode {
    // What is made here holds numbers and names, and libraries make files and sockets of their own: none of them is anyone
    // else's to read at any moment, whatever mask this was started with.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let cli = Cli::try_parse().unwrap_or_else(|error| refuse(&error));
    logging::set_up(cli.command.is_a_role());
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
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// False when the command worked and its answer is no.
async fn run(globals: &Globals, command: &Command) -> anyhow::Result<bool> {
    let out = &mut Escaped::new(std::io::stdout(), globals.format);
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

/// Prints what is wrong with the command line, or the help that it asks for, and ends the process.
fn refuse(error: &clap::Error) -> ! {
    let said = error.render().to_string();
    if shown(&said) == said {
        // In colours, where there are any.
        error.exit();
    }
    say(&said);
    std::process::exit(error.exit_code())
}

/// `calltrail log tail | head` is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
