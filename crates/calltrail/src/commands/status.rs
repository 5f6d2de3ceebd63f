//! `calltrail status`.

use std::io::Write;

use super::{Source, print};
use crate::cli::Globals;
use crate::status::Status;

/// Prints how far each part has come.
///
/// # Errors
/// When there is no log, or it cannot be read.
pub async fn run(globals: &Globals, out: &mut dyn Write) -> anyhow::Result<()> {
    let status = match Source::of(globals).await? {
        Source::Running(running) => running.status().await?,
        Source::AtRest { stores, .. } => Status::at_rest(&stores).await?,
    };
    print(&status, globals.format, out)
}
