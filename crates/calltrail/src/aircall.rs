//! What this program asks of Aircall's REST API beside the calls: an account's client, and which webhook is its.

use anyhow::Context as _;
use calltrail_aircall::rest::{AudioSource, Client, Webhook, posts_to};
use calltrail_domain::policy::Recording;

use crate::config::AccountConfig;

/// The client of an account; nothing when it has no credential.
pub(crate) fn client_of(account: &AccountConfig) -> anyhow::Result<Option<Client>> {
    let Some(credential) = account.aircall.credential.clone() else { return Ok(None) };
    let client = Client::new(&account.aircall.base_url, credential.api_id, credential.api_token);
    Ok(Some(client.with_context(|| format!("Aircall's address of account {} is of no use", account.id))?))
}

/// Where the account's recordings are fetched; nothing when they are shown by their links.
pub(crate) fn audio_of(account: &AccountConfig) -> anyhow::Result<Option<AudioSource>> {
    match client_of(account)? {
        Some(client) if account.calls.recording == Recording::Attach => {
            Ok(Some(AudioSource::new(client, account.aircall.media_hosts.clone())?))
        }
        Some(_) | None => Ok(None),
    }
}

/// Those of the webhooks that are meant to post to `url`: their address may be written in another way.
pub(crate) fn posting_to(url: &str, webhooks: Vec<Webhook>) -> Vec<Webhook> {
    webhooks.into_iter().filter(|webhook| posts_to(webhook, url)).collect()
}
