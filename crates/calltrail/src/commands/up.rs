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
    let config = globals.load_config(&Environment::of_process())?;
    // Listened for from the beginning and in one go: no signal falls between the start and the run.
    let mut stop = pin!(asked_to_stop());
    let engine = tokio::select! {
        started = Engine::start(&config, role) => started?,
        () = &mut stop => {
            info!("stopped before it was up");
            return Ok(());
        }
    };
    let failed = tokio::select! {
        () = stop => false,
        () = engine.failed() => true,
    };
    info!("stopping");
    tokio::select! {
        stopped = engine.stop() => stopped?,
        () = asked_to_stop() => bail!("ended at once; what was under way is taken up at the next start"),
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
