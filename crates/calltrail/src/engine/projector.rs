//! The role that folds the log and decides.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use calltrail_event_log::ports::EventLog;
use calltrail_projector::{AccountRules, Handle};

use super::folder::projection_in;
use super::stores::Stores;
use super::{now, random};
use crate::config::{AccountConfig, Config};

/// The pause before the log is asked again for its tail.
const TAIL_PAUSE: Duration = Duration::from_millis(500);

pub(super) fn start(config: &Config, stores: &Stores) -> Handle {
    let rules = |account: &AccountConfig| AccountRules {
        id: account.id.to_string(),
        policy: account.policy(),
        republish_after: account.timing.republish,
    };
    let options = calltrail_projector::Options {
        store: projection_in(&config.log.path),
        accounts: config.accounts.iter().map(rules).collect(),
        clock: Arc::new(now),
        random,
    };
    calltrail_projector::start(options, stores.log.clone(), stores.outbox.clone())
}

/// Waits until the projector has folded the log, and what it appended to introduce the accounts. That takes as long as
/// the log is long: `/health/ready` says why it is not ready, and a stop ends it.
pub(super) async fn caught_up(projector: &Handle, log: &dyn EventLog) -> anyhow::Result<()> {
    let mut progress = projector.progress();
    let folded = async {
        progress.wait_for(|progress| progress.caught_up).await.ok()?;
        let tail = loop {
            match log.tail().await {
                Ok(tail) => break tail,
                // A leader that changes is no reason to end.
                Err(_) if !projector.has_ended() => tokio::time::sleep(TAIL_PAUSE).await,
                Err(_) => return None,
            }
        };
        progress.wait_for(|progress| progress.checkpoint >= tail).await.ok().map(|_| ())
    };
    if folded.await.is_none() {
        projector.stop().await.context("the projector cannot fold the log")?;
        bail!("the projector ended before it had folded the log");
    }
    Ok(())
}
