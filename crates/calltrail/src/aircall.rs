//! What this program asks of Aircall's REST API beside the calls: an account's client, and its webhook.

use anyhow::{Context as _, bail};
use calltrail_aircall::rest::{Client, Webhook};
use secrecy::SecretString;

use crate::config::{AccountConfig, HttpConfig};

/// The client of an account; nothing when it has no credential.
pub(crate) fn client_of(account: &AccountConfig) -> anyhow::Result<Option<Client>> {
    let Some(credential) = account.aircall.credential.clone() else { return Ok(None) };
    let client = Client::new(&account.aircall.base_url, credential.api_id, credential.api_token);
    Ok(Some(client.with_context(|| format!("Aircall's address of account {} is of no use", account.id))?))
}

/// The live tokens of an account's webhook: as configured, else as Aircall's list of webhooks has them.
///
/// # Errors
/// When they must be read from Aircall and that fails, or no webhook posts here.
pub(crate) async fn webhook_tokens(
    account: &AccountConfig,
    http: &HttpConfig,
) -> anyhow::Result<Vec<SecretString>> {
    let configured = &account.aircall.webhook_tokens;
    let (Some(client), Some(url)) = (client_of(account)?, http.aircall_webhook_url(&account.id)) else {
        return Ok(configured.clone());
    };
    if !configured.is_empty() {
        return Ok(configured.clone());
    }
    let webhooks = client.webhooks().await.with_context(|| {
        format!("account {} has no `webhook_tokens`, and the token cannot be read from Aircall", account.id)
    })?;
    let tokens: Vec<_> = posting_to(&url, webhooks).into_iter().filter_map(|webhook| webhook.token).collect();
    if tokens.is_empty() {
        bail!(
            "account {} has no `webhook_tokens`, and Aircall has no webhook to {url}; make it with \
             `calltrail webhook register --account {}`",
            account.id,
            account.id
        );
    }
    Ok(tokens)
}

/// Those of the webhooks whose address is `url`.
pub(crate) fn posting_to(url: &str, webhooks: Vec<Webhook>) -> Vec<Webhook> {
    let is_ours = |webhook: &Webhook| webhook.url.trim().trim_end_matches('/') == url;
    webhooks.into_iter().filter(is_ours).collect()
}
