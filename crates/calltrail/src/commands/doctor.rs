//! `calltrail doctor`.

use std::io::Write;

use super::print;
use crate::cli::Globals;
use crate::config::Environment;
use crate::doctor;

/// Prints what was found; true when there is no problem.
///
/// # Errors
/// When it cannot be printed.
pub async fn run(globals: &Globals, out: &mut dyn Write) -> anyhow::Result<bool> {
    let report = match globals.load_config(&Environment::of_process()) {
        Ok(config) => doctor::examine(&config, &globals.config).await,
        Err(error) => doctor::without_configuration(&error),
    };
    print(&report, globals.format, out)?;
    Ok(!report.has_problem())
}
