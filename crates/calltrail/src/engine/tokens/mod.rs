//! The tokens of webhooks that are not configured: as they were kept, and as Aircall lists them, read again and again.
//!
//! **Invariant:** nothing waits for Aircall. Until a token is known, its account's receiver answers 503.

mod kept;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use calltrail_aircall::Tokens;
use calltrail_aircall::rest::{Client, Webhook};
use calltrail_domain::ids::AccountId;
use calltrail_domain::time::Timestamp;
use calltrail_ingest::LiveTokens;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tokio::select;
use tokio::sync::watch;
use tracing::{error, info, warn};

use self::kept::{Kept, Listed};
use super::{now, stopping};
use crate::aircall::{client_of, posting_to};
use crate::config::{AccountConfig, Config};
use crate::trail::clock_time;

/// The pause between two looks at Aircall's list while all is well.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// The pause after the first look that gives no token; it doubles up to the maximum.
const FAILED_PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest such pause, inclusive.
const FAILED_PAUSE_MAX: Duration = Duration::from_secs(30);

/// What is known of the token of one account's webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenStatus {
    /// Without one, the receiver takes nothing.
    pub known: bool,
    /// Why Aircall's list does not give it, in words with what to do. None while it does.
    pub trouble: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl TokenStatus {
    /// What is wrong and since when, in words; nothing while all is well.
    #[must_use]
    pub fn condition(&self) -> Option<String> {
        let (trouble, since) = self.trouble.as_ref().zip(self.since)?;
        let known = if self.known { "webhook token kept from before" } else { "webhook token not known" };
        Some(format!("{known}, since {} UTC: {trouble}", clock_time(since)))
    }
}

/// The accounts whose tokens are read from Aircall.
#[derive(Debug, Default)]
pub(super) struct Learners(BTreeMap<String, Arc<Learner>>);

/// One account's.
struct Learner {
    account: AccountId,
    folder: PathBuf,
    client: Client,
    url: String,
    live: LiveTokens,
    kept: Mutex<Kept>,
    trouble: Mutex<Option<Trouble>>,
}

#[derive(Debug, Clone)]
struct Trouble {
    why: String,
    since: Timestamp,
}

impl std::fmt::Debug for Learner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Learners {
    /// The learners of the accounts that have no configured token, each with what its file holds.
    ///
    /// # Errors
    /// When Aircall's address is of no use.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let mut learners = BTreeMap::new();
        for account in config.accounts.iter().filter(|account| account.aircall.webhook_tokens.is_empty()) {
            let (Some(client), Some(url)) =
                (client_of(account)?, config.http.aircall_webhook_url(&account.id))
            else {
                continue;
            };
            let folder = config.log.path.clone();
            let kept = Kept::read(&folder, &account.id);
            let live = LiveTokens::from(kept.tokens());
            let learner = Learner {
                account: account.id.clone(),
                folder,
                client,
                url,
                live,
                kept: Mutex::new(kept),
                trouble: Mutex::default(),
            };
            learners.insert(account.id.to_string(), Arc::new(learner));
        }
        Ok(Self(learners))
    }

    /// The tokens that an account's receiver takes.
    pub(super) fn live(&self, account: &AccountConfig) -> LiveTokens {
        match self.0.get(account.id.as_str()) {
            Some(learner) => learner.live.clone(),
            None => {
                let configured = account.aircall.webhook_tokens.iter();
                Tokens::new(configured.map(|token| token.expose_secret())).into()
            }
        }
    }

    /// What is known of an account's token; nothing when it is configured.
    pub(super) fn status(&self, account: &str) -> Option<TokenStatus> {
        self.0.get(account).map(|learner| learner.status())
    }

    /// Reads Aircall's lists until told to stop.
    pub(super) fn run(
        &self,
        stopped: &watch::Receiver<bool>,
    ) -> Vec<impl Future<Output = ()> + Send + use<>> {
        let learners = self.0.values().cloned();
        let run = |learner: Arc<Learner>| {
            let stopped = stopped.clone();
            async move {
                select! {
                    () = learner.learn() => {}
                    () = stopping(stopped) => {}
                }
            }
        };
        learners.map(run).collect()
    }
}

impl Learner {
    async fn learn(&self) {
        let mut failed_pause = FAILED_PAUSE_MIN;
        loop {
            let pause = match self.look().await {
                Ok(()) => {
                    self.ended();
                    failed_pause = FAILED_PAUSE_MIN;
                    LOOK_EVERY
                }
                Err(why) => {
                    self.failed(why);
                    let pause = failed_pause;
                    failed_pause = (pause * 2).min(FAILED_PAUSE_MAX);
                    pause
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes what Aircall lists; else says why it lists nothing of use, and what to do.
    async fn look(&self) -> Result<(), String> {
        let webhooks = self.client.webhooks().await.map_err(|error| error.to_string())?;
        let ours = posting_to(&self.url, webhooks);
        let register = format!("run `calltrail webhook register --account {}`", self.account);
        if ours.is_empty() {
            return Err(format!("Aircall has no webhook to {}; {register}", self.url));
        }
        self.take(&ours);
        if ours.iter().all(|webhook| webhook.token.is_none()) {
            return Err("Aircall does not show the webhook's token; set `webhook_tokens`".to_owned());
        }
        if ours.iter().any(|webhook| webhook.active) {
            return Ok(());
        }
        Err(format!("Aircall's webhook is switched off, as Aircall does after failures; {register}"))
    }

    fn take(&self, webhooks: &[Webhook]) {
        let listed = webhooks.iter().filter_map(|webhook| {
            let token = webhook.token.clone().filter(|token| !token.expose_secret().is_empty())?;
            Some(Listed { webhook: webhook.id.clone(), token })
        });
        let listed: Vec<Listed> = listed.collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.clone();
        kept.take(&listed, now());
        if kept.differs_from(&before) {
            self.live.set(kept.tokens());
            info!(account = %self.account, "webhook token read from Aircall");
        }
        if *kept != before
            && let Err(cause) = kept.write(&self.folder, &self.account)
        {
            error!(account = %self.account, %cause, "the webhook token cannot be kept");
        }
    }

    /// Logged once, when it begins.
    fn failed(&self, why: String) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.is_none() {
            let (account, known) = (&self.account, self.live.are_known());
            warn!(%account, known, why, "webhook token not read from Aircall; asked again until it is");
        }
        let since = trouble.as_ref().map_or_else(now, |trouble| trouble.since);
        *trouble = Some(Trouble { why, since });
    }

    /// Logged once, when it was in trouble.
    fn ended(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.take().is_some() {
            info!(account = %self.account, "webhook token read from Aircall again");
        }
    }

    fn status(&self) -> TokenStatus {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (why, since) = trouble.map(|trouble| (trouble.why, trouble.since)).unzip();
        TokenStatus { known: self.live.are_known(), trouble: why, since }
    }
}
