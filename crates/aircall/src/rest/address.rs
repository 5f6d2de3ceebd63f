//! Which webhook is ours, by its address.

use super::reply::Webhook;

/// True when the webhook is meant to post to `url`: its address may be written in another way.
#[must_use]
pub fn posts_to(webhook: &Webhook, url: &str) -> bool {
    is_meant(&webhook.url, url)
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
