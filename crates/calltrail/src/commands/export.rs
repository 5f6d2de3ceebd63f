//! `calltrail log export` and `calltrail log archive`.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use anyhow::ensure;
use calltrail_event_log::ports::LoggedRecord;
use serde::Serialize;

use super::replay::readable;
use super::retention::sequence;
use super::{Source, bar, print};
use crate::archive::{Archived, End, Header, Writer};
use crate::cli::{ArchiveArgs, ExportArgs, Format, Globals};
use crate::output::Escaped;

/// Records read at once where no engine runs.
const BATCH_RECORDS: usize = 1_000;

/// What was written, and where.
#[derive(Debug, Serialize)]
struct Exported<'a> {
    file: &'a Path,
    #[serde(flatten)]
    end: End,
}

/// Writes all records that the log has now into a file.
///
/// # Errors
/// When there is no log, it cannot be read, or the file cannot be written.
pub async fn run(globals: &Globals, args: &ExportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    write_file(globals, &args.file, None, out).await
}

/// Writes the records before a place of the log into a file.
///
/// # Errors
/// Likewise.
pub async fn archive(globals: &Globals, args: &ArchiveArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (log, _) = readable(globals).await?;
    let before = sequence(&*log, args.before).await?;
    // An embedded log is opened by one process at a time.
    drop(log);
    ensure!(before > 1, "there is no record before that");
    write_file(globals, &args.file, Some(before - 1), out).await
}

async fn write_file(
    globals: &Globals,
    file: &Path,
    end: Option<u64>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let source = Source::of(globals).await?;
    // What is appended from here on is not part of it: else it would end in the middle of a group.
    let (last_given, mut batch) = next(&source, 0).await?;
    let through = end.map_or(last_given, |end| end.min(last_given));
    let stdout = &mut exact(io::stdout());
    let mut writer = Writer::to(
        file,
        &mut **stdout,
        &Header::of(batch.first().filter(|first| first.sequence <= through)),
    )?;
    let bar = bar(through, "exporting {bar:40} {pos}/{len}, {eta} left")?;
    while let Some(last) = batch.last().map(|record| record.sequence) {
        for record in batch.iter().filter(|record| record.sequence <= through) {
            writer.add(record)?;
        }
        bar.set_position(last.min(through));
        if last >= through {
            break;
        }
        (_, batch) = next(&source, last).await?;
    }
    let end = writer.end(through)?;
    bar.finish_and_clear();
    if file == Path::new("-") {
        return Ok(());
    }
    print(&Exported { file, end }, globals.format, out)
}

/// An archive is exact to the byte, so that it goes past the escaping of what commands print. A terminal keeps no bytes.
fn exact(stdout: io::Stdout) -> Box<dyn Write> {
    if stdout.is_terminal() { Box::new(Escaped::new(stdout, Format::Json)) } else { Box::new(stdout) }
}

/// The last sequence given, and the next records.
async fn next(source: &Source, after: u64) -> anyhow::Result<(u64, Vec<LoggedRecord>)> {
    match source {
        Source::Running(running) => {
            let (last_given, records) = running.archived(after).await?;
            let records = records.into_iter().map(Archived::record).collect::<anyhow::Result<_>>()?;
            Ok((last_given, records))
        }
        Source::AtRest { stores, .. } => {
            let last_given = stores.import.last_given().await?;
            Ok((last_given, stores.records_after(after, BATCH_RECORDS).await?))
        }
    }
}

impl fmt::Display for Exported<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (End { records, last_given, .. }, file) = (&self.end, self.file.display());
        writeln!(f, "{records} records, up to sequence {last_given}, are in {file}")
    }
}
