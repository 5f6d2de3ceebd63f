//! `calltrail up`, `ingest`, `projector` and `front-writer`: roles in this process, until it is told to stop.

use std::pin::pin;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::cli::Globals;
use crate::config::Environment;
use crate::engine::{Engine, Role};

/// Runs until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the configuration has mistakes, the engine cannot start, or it cannot go on.
pub async fn run(globals: &Globals, role: Role) -> anyhow::Result<()> {
    let config = globals.load_config_for(role.needs(), &Environment::of_process())?;
    // Listened for from the beginning and in one go: no signal falls between the start and the run.
    let mut stop = pin!(asked_to_stop());
    let mut engine = tokio::select! {
        opened = Engine::open(&config, role) => opened?,
        () = &mut stop => return Ok(()),
    };
    let begun = tokio::select! {
        begun = engine.begin(&config) => Some(begun),
        () = &mut stop => None,
    };
    let is_up = matches!(begun, Some(Ok(())));
    let failed = is_up
        && tokio::select! {
            () = stop => false,
            () = engine.failed() => true,
        };
    info!(is_up, "stopping");
    tokio::select! {
        stopped = engine.stop() => stopped?,
        () = asked_to_stop() => bail!("ended at once; what was under way is taken up at the next start"),
    }
    if let Some(Err(error)) = begun {
        return Err(error);
    }
    if failed {
        bail!("the projector has ended; see the log lines above");
    }
    Ok(())
}

/// Returns at Ctrl-C or SIGTERM; a process that cannot listen for signals is ended by them.
pub(crate) async fn asked_to_stop() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
