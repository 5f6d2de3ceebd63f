//! What this program asks of Aircall's REST API beside the calls: an account's client, and which webhook is its.

use anyhow::Context as _;
use calltrail_aircall::rest::{AudioSource, Client, Webhook};
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
    webhooks.into_iter().filter(|webhook| is_meant(&webhook.url, url)).collect()
}

/// True when an address is `url` but for its scheme, its default port, the case of its letters, spaces around it and slashes
/// behind it: whoever typed it had no other place in mind.
fn is_meant(address: &str, url: &str) -> bool {
    let bare = |address: &str| {
        let lower = address.trim().to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").unwrap_or(("https", &lower));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port = if scheme == "http" { ":80" } else { ":443" };
        let host = host.strip_suffix(port).unwrap_or(host);
        format!("{host}/{}", path.trim_end_matches('/'))
    };
    bare(address) == bare(url)
}

#[cfg(test)]
mod tests {
    use super::is_meant;

    const URL: &str = "https://calls.example.test/webhooks/acme/aircall";

    #[test]
    fn addresses_written_in_another_way_are_meant() {
        for address in [
            URL,
            "https://calls.example.test/webhooks/acme/aircall/",
            " https://calls.example.test/webhooks/acme/aircall ",
            "https://Calls.Example.TEST:443/webhooks/acme/aircall//",
            "http://calls.example.test/webhooks/acme/aircall",
            "calls.example.test/webhooks/Acme/aircall",
        ] {
            assert!(is_meant(address, URL), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_not_meant() {
        for address in [
            "https://calls.example.test/webhooks/other/aircall",
            "https://calls.example.test:8443/webhooks/acme/aircall",
            "https://calls.example.test/webhooks/acme",
            "https://example.test/webhooks/acme/aircall",
            "",
        ] {
            assert!(!is_meant(address, URL), "{address}");
        }
    }
}
