//! Bringing the records of an archive into a log that may have the first of them.

use anyhow::{Context as _, bail};
use calltrail_event_log::ports::{FILLER_KIND, LoggedRecord};

use super::target::Target;
use crate::archive::{End, Next, Reader};

/// The most records that are written at once, inclusive.
const BATCH_RECORDS_MAX: usize = 1_000;
/// No further record is taken once these have so many bytes.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Writes what the log does not have yet. `progress` is told each sequence reached.
pub(super) async fn fill(
    target: &Target,
    mut archive: Reader,
    end: &End,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<()> {
    let given = target.import().last_given().await?;
    let mut next = resume(target, &mut archive, given).await?;
    let mut batch = Batch::default();
    while let Some(record) = next {
        if batch.is_full() {
            progress(batch.write(target).await?);
        }
        batch.add(record);
        next = following(&mut archive)?;
    }
    batch.write(target).await?;
    if target.import().last_given().await? < end.last_given {
        let gap = target.import().import(Vec::new(), end.last_given).await;
        gap.context("the log cannot be written; run the import again, it goes on where it was")?;
    }
    Ok(())
}

#[derive(Default)]
struct Batch {
    records: Vec<LoggedRecord>,
    size_bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.records.len() == BATCH_RECORDS_MAX || self.size_bytes >= BATCH_BYTES_MAX
    }

    fn add(&mut self, record: LoggedRecord) {
        self.size_bytes += record.body.len();
        self.records.push(record);
    }

    /// Returns the last sequence written.
    async fn write(&mut self, target: &Target) -> anyhow::Result<u64> {
        let records = std::mem::take(self).records;
        let Some(last) = records.last().map(|record| record.sequence) else { return Ok(0) };
        let written = target.import().import(records, last).await;
        written.context("the log cannot be written; run the import again, it goes on where it was")?;
        Ok(last)
    }
}

fn following(archive: &mut Reader) -> anyhow::Result<Option<LoggedRecord>> {
    match archive.next()? {
        Next::Record(record) => Ok(Some(record)),
        Next::End(_) => Ok(None),
    }
}

/// Compares what the log has with what the archive has up to there, erases fillers that a killed import has left, and
/// returns the first record that is to be written.
async fn resume(target: &Target, archive: &mut Reader, given: u64) -> anyhow::Result<Option<LoggedRecord>> {
    let mut next = following(archive)?;
    let (mut after, mut fillers) = (0, Vec::new());
    loop {
        let batch = target.records_after(after, BATCH_RECORDS_MAX).await?;
        let Some(last) = batch.last() else { break };
        after = last.sequence;
        for record in batch {
            match &next {
                Some(archived) if *archived == record => next = following(archive)?,
                _ if record.kind == FILLER_KIND => fillers.push(record.sequence),
                // What an import appends at its end.
                None => {}
                Some(_) => bail!(
                    "the log is not empty, and record {} is not the export's: an import needs a new log",
                    record.sequence
                ),
            }
        }
    }
    target.log().erase(&fillers).await.context("what an import left cannot be erased")?;
    match next {
        Some(record) if record.sequence <= given => {
            bail!("the log lacks record {} of the export: remove the log, and import again", record.sequence)
        }
        next => Ok(next),
    }
}
