//! The role that reads calls from Aircall and looks after its webhook.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use calltrail_aircall_reader::{FrontKnown, Rate, ReaderOptions, Recovery, Seen, Settings};
use calltrail_domain::hash;
use calltrail_domain::ids::AccountId;
use calltrail_event_log::ports::{KeyValue, LogError};
use calltrail_front_writer::front_known_ms;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::stores::Stores;
use super::{now, random};
use crate::aircall::client_of;
use crate::config::{self, AccountConfig, Config};

/// Starts the reader of every account that has a credential; returns what each sees.
pub(super) fn start(
    config: &Config,
    stores: &Stores,
    stopped: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<BTreeMap<String, Arc<Seen>>> {
    let mut seen = BTreeMap::new();
    for account in &config.accounts {
        let Some(client) = client_of(account)? else { continue };
        let Stores { log, key_value, .. } = stores.clone();
        let options = ReaderOptions {
            settings: settings(config, account, !stores.are_shared()),
            client,
            reader: hash::hex(&random()[..8]),
            clock: Arc::new(now),
            front_known: Arc::new(Front::of(account, key_value.clone())),
            seen: Arc::default(),
        };
        seen.insert(account.id.to_string(), options.seen.clone());
        tasks.spawn(calltrail_aircall_reader::run(options, log, key_value, stopped.clone()));
    }
    Ok(seen)
}

fn settings(config: &Config, account: &AccountConfig, alone: bool) -> Settings {
    let aircall = &account.aircall;
    Settings {
        account: account.id.clone(),
        rate: aircall.requests_per_minute.map_or(Rate::Share(aircall.rate_share), Rate::RequestsPerMinute),
        alone,
        recovery: match aircall.recovery {
            config::Recovery::Automatic => Recovery::Automatic,
            config::Recovery::Ask => Recovery::Ask,
        },
        check_every: aircall.webhook_check,
        history_after: account.timing.history_after,
        webhook_url: config.http.aircall_webhook_url(&account.id),
    }
}

/// What the front-writers have noted of Front's events.
struct Front {
    account: AccountId,
    store: Arc<dyn KeyValue>,
    is_polled: bool,
}

impl Front {
    fn of(account: &AccountConfig, store: Arc<dyn KeyValue>) -> Self {
        let is_polled = account.front.polls_every().is_some();
        Self { account: account.id.clone(), store, is_polled }
    }
}

#[async_trait]
impl FrontKnown for Front {
    async fn whole_at_ms(&self) -> Result<Option<i64>, LogError> {
        if !self.is_polled {
            return Ok(None);
        }
        front_known_ms(&*self.store, &self.account).await.map(Some)
    }
}
