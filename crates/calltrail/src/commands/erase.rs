//! `calltrail erase`.

use std::io::Write;

use super::log_config;
use super::replay::absolute;
use crate::cli::{EraseArgs, Format, Globals};
use crate::config::Backend;
use crate::control::Running;
use crate::engine::Stores;
use crate::erase::{self, Asked, Erasure, remains};

/// Shows what is held of a person, and erases it if that was agreed to; false when it cannot be erased now.
///
/// # Errors
/// When nobody is found, or the log cannot be read or written.
pub async fn run(globals: &Globals, args: &EraseArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let config = log_config(globals)?;
    // On NATS no role may erase: the operator's key is asked for, whether a process runs here or not.
    let running = match config.backend {
        Backend::Embedded => Running::on(&config.path).await?,
        Backend::JetStream => None,
    };
    let archives = absolute(&args.archives.archive)?;
    let asked = Asked { of: &args.of, yes: args.yes, archives: &archives };
    let erasures = match running {
        Some(running) => running.erase(&asked).await?,
        None => erase::run(&Stores::at_rest(&config).await?, &config.path, &asked).await?,
    };
    show(&erasures, globals.format, out)?;
    Ok(erasures.iter().all(|erasure| erasure.under_way.is_none()))
}

fn show(erasures: &[Erasure], format: Format, out: &mut dyn Write) -> anyhow::Result<()> {
    if format == Format::Json {
        writeln!(out, "{}", serde_json::to_string(erasures)?)?;
        return Ok(out.flush()?);
    }
    let mut text = String::new();
    erasures.iter().for_each(|erasure| text.push_str(&erasure.to_string()));
    remains(erasures, &mut text)?;
    if erasures.iter().any(|erasure| !erasure.done) {
        text.push_str("\nNothing was erased: run it again with --yes to erase. It cannot be undone.\n");
    }
    write!(out, "{text}")?;
    Ok(out.flush()?)
}
