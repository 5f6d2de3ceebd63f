//! `calltrail replay --verify`.

use std::io::Write;

use super::{Source, bar, print};
use crate::cli::Globals;
use crate::engine::projection_in;
use crate::replay::Replay;
use anyhow::Context as _;

/// Replays the log into a scratch store and compares; returns whether the states are the same.
///
/// # Errors
/// When there is no log, it cannot be read, or there is no room for the scratch store.
pub async fn verify(globals: &Globals, out: &mut dyn Write) -> anyhow::Result<bool> {
    let replay = match Source::of(globals).await? {
        Source::Running(running) => running.verify().await?,
        Source::AtRest { stores, folder } => {
            let tail = stores.tail().await?;
            let store = projection_in(&folder);
            let live = calltrail_projector::stored_digest(&store, tail)
                .context("the projection store is of no use; `calltrail up` sets it aside and rebuilds it")?;
            let scratch = tempfile::tempdir_in(&folder).context("no room for a scratch store")?;
            let bar = bar(live.checkpoint, "replaying {bar:40} {pos}/{len} records, {eta} left")?;
            let scratch = scratch.path().join("projection");
            let verified =
                calltrail_projector::verify(&*stores.log, &live, &scratch, |at| bar.set_position(at)).await?;
            bar.finish_and_clear();
            Replay::from(verified)
        }
    };
    print(&replay, globals.format, out)?;
    Ok(replay.same)
}
