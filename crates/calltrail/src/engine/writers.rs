//! The role that brings into Front what was decided.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use calltrail_domain::hash;
use calltrail_front_writer::{Counters, Inboxes, Rate, Settings, Timing, WriterOptions};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::stores::Stores;
use super::{inboxes, now, random};
use crate::aircall;
use crate::config::{AccountConfig, Config, Confirm};

/// Work items that one process brings into Front at the same time, per account.
const WORKERS: usize = 4;
/// A claim in work is extended so often in the time that it lasts: two extensions may fail.
const EXTENSIONS_PER_CLAIM: u32 = 3;
/// And at least this often: a consumer that was made with another `ack_wait` than is configured is left as it is.
const EXTEND_EVERY_MAX: Duration = Duration::from_secs(5);

/// Starts the writer of every account; returns what each counts.
pub(super) fn start(
    config: &Config,
    stores: &Stores,
    stopped: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<BTreeMap<String, Arc<Counters>>> {
    let mut counters = BTreeMap::new();
    for account in &config.accounts {
        let options = options(config, account)?;
        let (client, watched) = (options.client.clone(), options.counters.clone());
        tasks.spawn(inboxes::watch(account.clone(), client, watched, stopped.clone()));
        counters.insert(account.id.to_string(), options.counters.clone());
        let Stores { log, outbox, key_value, .. } = stores.clone();
        tasks.spawn(calltrail_front_writer::run(options, log, outbox, key_value, stopped.clone()));
    }
    Ok(counters)
}

fn options(config: &Config, account: &AccountConfig) -> anyhow::Result<WriterOptions> {
    let front = &account.front;
    let client = calltrail_front::Client::new(&front.base_url, front.token())
        .with_context(|| format!("Front's address of account {} is of no use", account.id))?;
    let settings = Settings {
        account: account.id.clone(),
        confirm: match account.calls.confirm {
            Confirm::Item => calltrail_front_writer::Confirm::Item,
            Confirm::Never => calltrail_front_writer::Confirm::Never,
        },
        rate: front.requests_per_minute.map_or(Rate::Share(front.rate_share), Rate::RequestsPerMinute),
        inboxes: Inboxes { default: front.default_inbox.clone(), by_line: account.inboxes.clone() },
        locale: account.locale,
        timing: Timing { grace: account.timing.grace, ..Timing::default() },
    };
    Ok(WriterOptions {
        settings,
        client,
        audio: aircall::audio_of(account)?,
        instance: hash::hex(&random()[..8]),
        workers: WORKERS,
        extend_every: (config.log.ack_wait / EXTENSIONS_PER_CLAIM).min(EXTEND_EVERY_MAX),
        poll_every: front.polls_every(),
        clock: Arc::new(now),
        counters: Arc::default(),
    })
}
