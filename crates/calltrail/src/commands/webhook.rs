//! `calltrail webhook register`: Aircall's webhook is there once, switched on, with exactly the events that are read.

use std::fmt;
use std::io::Write;

use anyhow::{Context as _, bail};
use calltrail_aircall::rest::{Client, WEBHOOK_EVENTS, Webhook};
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::{account_named, print};
use crate::aircall::{client_of, posting_to};
use crate::cli::{Globals, RegisterArgs};
use crate::config::{AccountConfig, Environment};
use crate::doctor::difference;
use crate::output::OneLine;

/// What is done about the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Created,
    Updated,
    Unchanged,
    WouldCreate,
    WouldUpdate,
}

/// Where the webhook's token has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum TokenPlace {
    /// It is read from Aircall while webhooks are received.
    Learned,
    /// It is among `webhook_tokens`.
    Configured,
    /// It is not, so that everything that the webhook sends is refused.
    Missing,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Registered {
    account: String,
    action: Action,
    url: String,
    /// None before it is made.
    webhook: Option<String>,
    events: &'static [&'static str],
    /// What was, or would be, changed about a webhook that is there.
    changes: Vec<String>,
    token_place: Option<TokenPlace>,
    /// Only when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Makes or changes the webhook and prints what was done.
///
/// # Errors
/// When something is not configured, Aircall refuses, or there are two webhooks already.
pub async fn register(globals: &Globals, args: &RegisterArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = globals.load_config(&Environment::of_process())?;
    let account = account_named(&config, args.account.as_deref())?;
    let url = config.http.aircall_webhook_url(&account.id);
    let url = url.context("Aircall must know where to post; set `public_url` under `[http]`")?;
    let client = client_of(account)?.with_context(|| {
        format!(
            "account {} has no credential for Aircall; set `api_id` and `api_token` under `[account.aircall]`",
            account.id
        )
    })?;
    let webhooks =
        client.webhooks().await.context("Aircall's webhooks are not known; nothing was changed")?;
    let registered = match posting_to(&url, webhooks).as_slice() {
        [] => create(account, &client, url, args).await?,
        [one] => update(account, &client, url, one, args).await?,
        several => {
            let ids: Vec<_> = several.iter().map(|webhook| webhook.id.as_str()).collect();
            bail!(
                "Aircall has {} webhooks to {url}: {}; nothing was changed: delete all but one in Aircall, since every \
                 event comes once for each",
                several.len(),
                ids.join(", ")
            )
        }
    };
    print(&registered, globals.format, out)
}

async fn create(
    account: &AccountConfig,
    client: &Client,
    url: String,
    args: &RegisterArgs,
) -> anyhow::Result<Registered> {
    if args.dry_run {
        return Ok(registered(account, Action::WouldCreate, url, None, Vec::new(), args));
    }
    let name = format!("Calltrail {}", account.id);
    let made = client.create_webhook(&url, &name).await;
    let made =
        made.context("the webhook may not be there; run this again, it looks first and makes no second one")?;
    Ok(registered(account, Action::Created, url, Some(&made), Vec::new(), args))
}

async fn update(
    account: &AccountConfig,
    client: &Client,
    url: String,
    webhook: &Webhook,
    args: &RegisterArgs,
) -> anyhow::Result<Registered> {
    let changes = changes(webhook, &url);
    let action = match (changes.is_empty(), args.dry_run) {
        (true, _) => Action::Unchanged,
        (false, true) => Action::WouldUpdate,
        (false, false) => {
            let address = (webhook.url != url).then_some(url.as_str());
            let updated = client.update_webhook(&webhook.id, address).await;
            updated.context("the webhook may not be changed; run this again, it looks first")?;
            Action::Updated
        }
    };
    Ok(registered(account, action, url, Some(webhook), changes, args))
}

fn changes(webhook: &Webhook, url: &str) -> Vec<String> {
    let difference = difference(webhook);
    let address = (webhook.url != url).then(|| format!("address, which was {:?}", webhook.url));
    let active = (!webhook.active).then(|| "switched on".to_owned());
    let missing = difference.missing.into_iter().map(|event| format!("+ {event}"));
    let more = difference.more.into_iter().map(|event| format!("- {event}"));
    address.into_iter().chain(active).chain(missing).chain(more).collect()
}

fn registered(
    account: &AccountConfig,
    action: Action,
    url: String,
    webhook: Option<&Webhook>,
    changes: Vec<String>,
    args: &RegisterArgs,
) -> Registered {
    let token = webhook.and_then(|webhook| webhook.token.as_ref()).map(|token| token.expose_secret());
    let known = &account.aircall.webhook_tokens;
    let place = |token: &str| match known.iter().any(|one| one.expose_secret() == token) {
        _ if known.is_empty() => TokenPlace::Learned,
        true => TokenPlace::Configured,
        false => TokenPlace::Missing,
    };
    Registered {
        account: account.id.to_string(),
        action,
        url,
        webhook: webhook.map(|webhook| webhook.id.clone()),
        events: &WEBHOOK_EVENTS,
        changes,
        token_place: token.map(place),
        token: token.filter(|_| args.show_token).map(str::to_owned),
    }
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let webhook = self.webhook.as_deref().unwrap_or("a webhook");
        let done = match self.action {
            Action::Created => "made",
            Action::Updated => "changed",
            Action::Unchanged => "found as it should be:",
            Action::WouldCreate => "would make",
            Action::WouldUpdate => "would change",
        };
        writeln!(f, "{done} {webhook} for account {}", self.account)?;
        writeln!(f, "  address  {}", self.url)?;
        writeln!(f, "  events   {} about calls, and no others", self.events.len())?;
        self.changes.iter().try_for_each(|change| writeln!(f, "  change   {}", OneLine(change)))?;
        match self.token_place {
            Some(TokenPlace::Learned) => {
                writeln!(
                    f,
                    "  token    is read from Aircall by `calltrail up`, which need not be restarted"
                )?;
            }
            Some(TokenPlace::Configured) => writeln!(f, "  token    is among `webhook_tokens`")?,
            Some(TokenPlace::Missing) => writeln!(
                f,
                "  token    is not among `webhook_tokens`: put it where that key reads it, or take the key out and start \
                 `calltrail up` anew; --show-token prints it"
            )?,
            None => {}
        }
        self.token.iter().try_for_each(|token| writeln!(f, "           {token}"))
    }
}
