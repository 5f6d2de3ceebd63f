//! `calltrail log tail`.

use std::io::Write;
use std::time::Duration;

use super::Source;
use crate::cli::{Format, Globals, TailArgs};
use crate::tail::Line;

/// How often a running engine is asked for new records.
const FOLLOW_EVERY: Duration = Duration::from_millis(300);
/// Records read at once where no engine runs.
const BATCH_RECORDS: usize = 500;

/// Prints records, oldest first.
///
/// # Errors
/// When there is no log, or it cannot be read.
pub async fn tail(globals: &Globals, args: &TailArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut source = Source::of(globals).await?;
    let mut after = args.after;
    loop {
        let lines = match next(&source, after).await {
            Ok(lines) => lines,
            // The engine has stopped: the log is read at rest, or where it runs again.
            Err(_) if args.follow => Vec::new(),
            Err(error) => return Err(error),
        };
        if lines.is_empty() && !args.follow {
            return Ok(());
        }
        if lines.is_empty() {
            source = again(source, globals).await?;
        }
        after = lines.last().map_or(after, |line| line.sequence);
        for line in lines.iter().filter(|line| args.kind.as_ref().is_none_or(|kind| *kind == line.kind)) {
            match globals.format {
                Format::Text => writeln!(out, "{line}")?,
                Format::Json => writeln!(out, "{}", serde_json::to_string(line)?)?,
            }
        }
        out.flush()?;
    }
}

/// The source after a while. Nobody is kept from starting an engine while nothing happens.
async fn again(source: Source, globals: &Globals) -> anyhow::Result<Source> {
    let kept = Some(source).filter(|source| !source.may_be_in_the_way());
    tokio::time::sleep(FOLLOW_EVERY).await;
    match kept {
        Some(source) => Ok(source),
        None => Source::when_it_answers(globals).await,
    }
}

async fn next(source: &Source, after: u64) -> anyhow::Result<Vec<Line>> {
    match source {
        Source::Running(running) => running.records(after).await,
        Source::AtRest { stores, .. } => {
            Ok(stores.records_after(after, BATCH_RECORDS).await?.iter().map(Line::of).collect())
        }
    }
}
