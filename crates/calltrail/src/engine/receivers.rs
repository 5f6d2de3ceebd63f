//! The role that receives webhooks.

use std::sync::Arc;

use calltrail_event_log::ports::EventLog;
use calltrail_front::webhook::SigningKeys;
use calltrail_ingest::{Account, Ingest};
use secrecy::ExposeSecret as _;

use super::now;
use crate::aircall;
use crate::config::Config;

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

/// Receivers that put webhooks into `log`.
pub(super) fn receivers(accounts: Vec<Account>, log: Arc<dyn EventLog>) -> Arc<Ingest> {
    let options = calltrail_ingest::Options { accounts, ..calltrail_ingest::Options::default() };
    Arc::new(Ingest::new(options, log, Arc::new(now)))
}
