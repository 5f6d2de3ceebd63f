//! `calltrail trail`.

use std::io::Write;

use super::Source;
use super::replay::log_of;
use crate::archive::with_archives;
use crate::cli::{Format, Globals, TrailArgs};
use crate::trail::Trail;

/// Prints the trail of a number or party.
///
/// # Errors
/// When there is no log, it cannot be read, or nobody knows the party.
pub async fn run(globals: &Globals, args: &TrailArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let trails = match Source::of(globals).await? {
        Source::Running(running) if args.archives.archive.is_empty() => running.trail(&args.of).await?,
        source => Trail::of(&*with_archives(log_of(source), &args.archives.archive)?, &args.of).await?,
    };
    match globals.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&trails)?)?,
        Format::Text => trails.iter().try_for_each(|trail| writeln!(out, "{trail}"))?,
    }
    Ok(())
}
