//! Whether archives hold what is to be trimmed off.

use std::path::PathBuf;

use anyhow::bail;
use calltrail_event_log::ports::{EventLog, LoggedRecord};

use crate::archive::Files;

/// Records read at once.
const BATCH_RECORDS: usize = 1_000;

/// Compares every record of the log before `before` with the archives, which are in the order of their records. `progress`
/// hears each position.
///
/// # Errors
/// When one is not in them to the last byte, or an archive or the log cannot be read.
pub(crate) async fn check_archives(
    log: &dyn EventLog,
    before: u64,
    archives: &[PathBuf],
    mut progress: impl FnMut(u64),
) -> anyhow::Result<()> {
    let mut files = Files::new(archives.into());
    let mut after = 0;
    loop {
        let batch =
            if log.tail().await? > after { log.read_after(after, BATCH_RECORDS).await? } else { Vec::new() };
        let Some(last) = batch.last().map(|record| record.sequence) else { break };
        for record in batch.iter().filter(|record| record.sequence < before) {
            find(&mut files, record)?;
        }
        if last + 1 >= before {
            break;
        }
        after = last;
        progress(last);
    }
    // Whether a file is whole is known at its end.
    while files.next()?.is_some() {}
    Ok(())
}

fn find(files: &mut Files, record: &LoggedRecord) -> anyhow::Result<()> {
    while let Some(archived) = files.next()? {
        if archived.sequence == record.sequence {
            if archived == *record {
                return Ok(());
            }
            bail!("record {} is another one in the archive: it is of another log", record.sequence);
        }
        if archived.sequence > record.sequence {
            break;
        }
    }
    bail!(
        "record {} is not in the archive; `calltrail log archive` writes one with all that is to be trimmed",
        record.sequence
    )
}
