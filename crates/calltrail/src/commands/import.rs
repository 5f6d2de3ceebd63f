//! `calltrail log import`.

mod fill;
mod target;

use std::fmt;
use std::io::Write;

use anyhow::Context as _;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::timer::Timer;
use calltrail_event_log::ports::LoggedRecord;
use serde::Serialize;

use super::{bar, print};
use crate::archive::{End, LinesHash, Reader};
use crate::cli::{Globals, ImportArgs};
use crate::engine::now;
use crate::history::{History, for_each_record, parties};
use target::Target;

/// What the log holds now.
#[derive(Debug, Serialize)]
struct Imported {
    records: u64,
    last_given: u64,
    /// Work items that were under way and are published again.
    published_again: usize,
}

/// Fills an empty log. Nothing is begun with a file that is not whole.
///
/// # Errors
/// When the file is of no use, the log is not empty, or it cannot be written.
pub async fn run(globals: &Globals, args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let file = args.file.display();
    let open = || Reader::open(&args.file);
    let end = open().and_then(Reader::check).with_context(|| format!("{file} cannot be imported"))?;
    let target = Target::open(globals).await?;
    let bar = bar(end.last_given, "importing {bar:40} {pos}/{len}, {eta} left")?;
    fill::fill(&target, open()?, &end, |at| bar.set_position(at)).await?;
    compare(&target, open()?, &end).await?;
    bar.finish_and_clear();
    let published_again = publish_again(&target, &end).await?;
    target.finish().await?;
    let imported = Imported { records: end.records, last_given: end.last_given, published_again };
    print(&imported, globals.format, out)
}

/// What the log gives back must be what the file holds.
async fn compare(target: &Target, archive: Reader, end: &End) -> anyhow::Result<()> {
    let (mut hash, mut records) = (LinesHash::of(archive.header())?, 0);
    for_each_record(target.log(), |record| {
        if record.sequence <= end.last_given {
            records += 1;
            hash.add_record(record)?;
        }
        Ok(())
    })
    .await?;
    let is_same = records == end.records && hash.finish() == end.hash;
    anyhow::ensure!(is_same, "the log does not give back what was imported: is its disk damaged?");
    Ok(())
}

/// The outbox is empty and no fence says what was sent: each item that was under way is published under its next number, so
/// that the writers take all its effects for effects in doubt. Fails where that cannot be written.
async fn publish_again(target: &Target, end: &End) -> anyhow::Result<usize> {
    let mut sequence = target.import().last_given().await?;
    let mut records = Vec::new();
    for (account, state) in &History::of(target.log()).await?.accounts {
        let outstanding = parties(state).into_iter().filter_map(|(_, party)| party.outstanding);
        for item in outstanding.map(|outstanding| outstanding.item) {
            let publication = item.publication + 1;
            let body =
                RecordBody::TimerElapsed(Timer::WorkItem { party: item.party, item: item.item, publication });
            sequence += 1;
            records.push(LoggedRecord {
                sequence,
                account: account.clone(),
                kind: body.kind().to_owned(),
                body: Record { received_at: now(), body }.encode().into(),
            });
        }
    }
    // One that was killed after this has appended them: once is enough.
    if target.import().last_given().await? > end.last_given {
        return Ok(records.len());
    }
    target.import().import(records.clone(), sequence).await.context("the log cannot be written")?;
    Ok(records.len())
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} records are in the log, up to sequence {}", self.records, self.last_given)?;
        match self.published_again {
            0 => Ok(()),
            1 => writeln!(
                f,
                "1 work item was under way: its effects are looked for in Front before they are sent"
            ),
            many => {
                writeln!(
                    f,
                    "{many} work items were under way: their effects are looked for in Front before they are sent"
                )
            }
        }
    }
}
