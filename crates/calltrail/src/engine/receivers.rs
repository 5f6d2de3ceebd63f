//! The role that receives webhooks.

use std::sync::Arc;

use calltrail_event_log::disk::Disk;
use calltrail_event_log::limits::DISK_LOOK_INTERVAL;
use calltrail_front::webhook::SigningKeys;
use calltrail_ingest::{Account, Forwarder, Ingest, Intake, Spool, SpoolOptions};
use tokio::sync::watch;
use tokio::{join, select};
use tracing::error;

use super::tokens::Learners;
use super::{Shared, files, now, stopping};
use crate::config::{AccountConfig, Backend, Config};

/// The accounts as the receivers know them; tokens that are not configured are those of the learners.
pub(super) fn accounts(config: &Config, learners: &Learners) -> Vec<Account> {
    let account = |account: &AccountConfig| Account {
        id: account.id.clone(),
        aircall: learners.live(account),
        front: account.front.signing_key.clone().map(|key| SigningKeys::new([key])),
    };
    config.accounts.iter().map(account).collect()
}

/// The spool of this process; nothing when the log is a file, which is its own.
pub(super) async fn spool(config: &Config) -> anyhow::Result<Option<Spool>> {
    if config.log.backend == Backend::Embedded {
        return Ok(None);
    }
    let options = SpoolOptions {
        high_water_bytes: config.log.spool.high_water_bytes,
        disk_free_min_bytes: config.log.disk_free_min_bytes,
        accounts: config.accounts.len(),
    };
    Ok(Some(Spool::open(&config.log.path, options).await?))
}

/// Receivers that put webhooks into `intake`.
pub(super) fn receivers(config: &Config, accounts: Vec<Account>, intake: Intake) -> Arc<Ingest> {
    let mut limits = files::server_limits(accounts.len());
    limits.strangers_per_peer_max = limits.strangers_max.min(config.http.connections_per_peer_max);
    let trusted_proxies = config.http.trusted_proxies.clone();
    let options = calltrail_ingest::Options { accounts, limits, trusted_proxies };
    Arc::new(Ingest::new(options, intake, Arc::new(now)))
}

/// Looks at the disk of the log also while no webhook comes, so that its being short is logged when it begins.
pub(super) async fn watch(disk: Disk, stopped: watch::Receiver<bool>) {
    let looking = async {
        loop {
            // What is found is logged by the disk itself.
            let _ = disk.check();
            tokio::time::sleep(DISK_LOOK_INTERVAL).await;
        }
    };
    select! {
        () = looking => {}
        () = stopping(stopped) => {}
    }
}

/// Brings the spool into the log beside the receivers, from when the log is there until the receivers have ended, and what
/// is left then.
pub(super) async fn forward_beside(
    receiving: impl Future<Output = ()>,
    spool: Spool,
    shared: Arc<Shared>,
    config: Config,
) {
    let (end, ended) = watch::channel(false);
    let received = async {
        receiving.await;
        end.send_replace(true);
    };
    let forwarded = async {
        let opened = select! {
            opened = shared.open_stores(&config) => opened,
            () = stopping(ended.clone()) => return,
        };
        match opened {
            Ok(stores) => Forwarder::new(spool.clone(), stores.log.clone()).run(ended.clone()).await,
            Err(error) => error!(error = format!("{error:#}"), "the log cannot be opened"),
        }
    };
    join!(received, forwarded);
    spool.close().await;
}
