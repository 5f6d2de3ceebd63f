//! `calltrail log snapshot` and `calltrail log trim`.

use std::io::Write;

use super::replay::readable;
use super::{bar, log_config, print};
use crate::cli::{Before, Globals, TrimArgs, Until};
use crate::config::Backend;
use crate::control::Running;
use crate::engine::{Stores, now};
use crate::past;
use crate::retention::{self, check_archives};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::EventLog;

/// Appends a snapshot.
///
/// # Errors
/// When there is no log, it cannot be read or written, or there is no room for a scratch store.
pub async fn snapshot(globals: &Globals, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = log_config(globals)?;
    let taken = match running_with_log(globals).await? {
        Some(running) => running.snapshot().await?,
        None => {
            let stores = Stores::at_rest(&config).await?;
            let bar = bar(stores.tail().await?, "folding {bar:40} {pos}/{len} records, {eta} left")?;
            let taken = retention::take(&stores, &config.path, &mut |at| bar.set_position(at)).await?;
            bar.finish_and_clear();
            taken
        }
    };
    print(&taken, globals.format, out)
}

/// Compares with the archives, and trims if that was agreed to.
///
/// # Errors
/// When a record is in no archive or no snapshot, or the log cannot be read or written.
pub async fn trim(globals: &Globals, args: &TrimArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (log, _) = readable(globals).await?;
    let before = sequence(&*log, args.before).await?;
    let bar = bar(before, "comparing {bar:40} {pos}/{len} records, {eta} left")?;
    check_archives(&*log, before, &args.archive, |at| bar.set_position(at)).await?;
    bar.finish_and_clear();
    // An embedded log is opened by one process at a time.
    drop(log);
    let config = log_config(globals)?;
    let trimmed = match running_with_log(globals).await? {
        Some(running) => running.trim(before, args.yes).await?,
        None => retention::trim(&*Stores::at_rest(&config).await?.log, before, args.yes).await?,
    };
    print(&trimmed, globals.format, out)
}

/// The running process, where it may change the log: on NATS no role may, and the operator's key is asked for.
async fn running_with_log(globals: &Globals) -> anyhow::Result<Option<Running>> {
    let config = log_config(globals)?;
    match config.backend {
        Backend::Embedded => Running::on(&config.path).await,
        Backend::JetStream => Ok(None),
    }
}

/// The first record that is not meant.
pub(super) async fn sequence(log: &dyn EventLog, before: Before) -> anyhow::Result<u64> {
    let until = match before {
        Before::Sequence(sequence) => return Ok(sequence.min(log.tail().await? + 1)),
        Before::Time(when) => Until::Time(Timestamp::from_millis(when.from(now()).as_millis() - 1)),
    };
    Ok(past::end(log, until).await? + 1)
}
