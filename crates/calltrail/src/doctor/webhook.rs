//! Aircall's webhook: there once, switched on, with the events and the token that the engine wants.

use calltrail_aircall::rest::{WEBHOOK_EVENTS, Webhook};
use secrecy::ExposeSecret as _;

use super::finding::Finding;
use crate::aircall::posting_to;
use crate::config::{AccountConfig, Config};

pub(super) const CHECK: &str = "aircall webhook";

/// What the list of Aircall's webhooks means for this account.
pub(super) fn check(config: &Config, account: &AccountConfig, webhooks: &[Webhook]) -> Finding {
    let Some(url) = config.http.aircall_webhook_url(&account.id) else {
        let what = format!("Aircall has {} webhooks; which is ours is not known", webhooks.len());
        return Finding::skipped(CHECK, what, "set `public_url` under `[http]`");
    };
    let register = format!("`calltrail webhook register --account {}`", account.id);
    match posting_to(&url, webhooks.to_vec()).as_slice() {
        [] => Finding::problem(CHECK, format!("no webhook posts to {url}"), format!("run {register}")),
        [one] => check_one(account, &url, one, &register),
        several => {
            let ids: Vec<_> = several.iter().map(|webhook| webhook.id.as_str()).collect();
            let what = format!("{} webhooks post to {url}: {}", several.len(), ids.join(", "));
            Finding::warning(CHECK, what, "every event comes twice; delete all but one in Aircall")
        }
    }
}

fn check_one(account: &AccountConfig, url: &str, webhook: &Webhook, register: &str) -> Finding {
    let run = format!("run {register}");
    if !webhook.active {
        let what = format!("{} is switched off, as Aircall does after failures", webhook.id);
        return Finding::problem(CHECK, what, format!("{run}, and see why deliveries failed"));
    }
    if !is_known(account, webhook) {
        let what =
            format!("the token of {} is not among `webhook_tokens`: all it sends is refused", webhook.id);
        let mend = "put its token where `account.aircall.webhook_tokens` reads it (`calltrail webhook register \
                    --show-token` prints it), or take `webhook_tokens` out";
        return Finding::problem(CHECK, what, mend);
    }
    if webhook.url != url {
        let what = format!("{} posts to {:?}; the address is {url}", webhook.id, webhook.url);
        return Finding::warning(CHECK, what, format!("{run}, which corrects it"));
    }
    let Difference { missing, more } = difference(webhook);
    match (missing.as_slice(), more.as_slice()) {
        ([], []) => Finding::ok(CHECK, format!("{}, active, {} events", webhook.id, WEBHOOK_EVENTS.len())),
        ([], more) => {
            let what = format!("{} also sends {}, which nobody reads", webhook.id, more.join(", "));
            Finding::warning(CHECK, what, run)
        }
        (missing, _) => {
            let what = format!("{} does not send {}", webhook.id, missing.join(", "));
            Finding::problem(CHECK, what, run)
        }
    }
}

/// Without configured tokens, the webhook's own is read from Aircall.
fn is_known(account: &AccountConfig, webhook: &Webhook) -> bool {
    let tokens = &account.aircall.webhook_tokens;
    // Aircall may stop showing the token; then there is nothing to compare.
    let Some(token) = &webhook.token else { return true };
    tokens.is_empty() || tokens.iter().any(|known| known.expose_secret() == token.expose_secret())
}

/// How a webhook's events differ from those that the engine reads.
pub(crate) struct Difference {
    pub(crate) missing: Vec<String>,
    pub(crate) more: Vec<String>,
}

/// Compares in no order.
pub(crate) fn difference(webhook: &Webhook) -> Difference {
    let has = |event: &&str| webhook.events.iter().any(|one| one == event);
    let is_ours = |event: &&String| WEBHOOK_EVENTS.contains(&event.as_str());
    Difference {
        missing: WEBHOOK_EVENTS.iter().copied().filter(|event| !has(event)).map(str::to_owned).collect(),
        more: webhook.events.iter().filter(|event| !is_ours(event)).cloned().collect(),
    }
}
