//! The role that receives webhooks.

use std::sync::Arc;

use calltrail_front::webhook::SigningKeys;
use calltrail_ingest::{Account, Forwarder, Ingest, Intake, Spool, SpoolOptions};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;
use tokio::{join, select};
use tracing::error;

use super::{Shared, now, stopping};
use crate::aircall;
use crate::config::{Backend, Config};

/// The accounts as the receivers know them; tokens that are not configured are read from Aircall.
pub(super) async fn accounts(config: &Config) -> anyhow::Result<Vec<Account>> {
    let mut accounts = Vec::new();
    for account in &config.accounts {
        let tokens = aircall::webhook_tokens(account, &config.http).await?;
        accounts.push(Account {
            id: account.id.clone(),
            aircall: calltrail_aircall::Tokens::new(tokens.iter().map(|token| token.expose_secret())),
            front: account.front.signing_key.clone().map(|key| SigningKeys::new([key])),
        });
    }
    Ok(accounts)
}

/// The spool of this process; nothing when the log is a file, which is its own.
pub(super) async fn spool(config: &Config) -> anyhow::Result<Option<Spool>> {
    if config.log.backend == Backend::Embedded {
        return Ok(None);
    }
    let options = SpoolOptions {
        high_water_bytes: config.log.spool.high_water_bytes,
        disk_free_min_bytes: config.log.spool.disk_free_min_bytes,
    };
    Ok(Some(Spool::open(&config.log.path, options).await?))
}

/// Receivers that put webhooks into `intake`.
pub(super) fn receivers(accounts: Vec<Account>, intake: Intake) -> Arc<Ingest> {
    let options = calltrail_ingest::Options { accounts, ..calltrail_ingest::Options::default() };
    Arc::new(Ingest::new(options, intake, Arc::new(now)))
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
