//! The names that the operator listener answers to.
//!
//! A page that an operator's browser shows may resolve its own name to an address of this machine and then read what is
//! answered there (DNS rebinding). The browser still sends the page's name.

use std::net::IpAddr;

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

/// Whether every name that the request gives the listener is one of this machine, an address, or one of `hosts`. Whoever gives
/// no name at all is no browser.
pub(super) fn is_ours(uri: &Uri, headers: &HeaderMap, hosts: &[String]) -> bool {
    let named = headers.get_all(HOST).iter().map(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let named = named.chain(uri.authority().cloned().map(Some));
    // A user before the name is no part of a Host, and only there to mislead.
    let is_ours = |name: Authority| !name.as_str().contains('@') && is_our_name(name.host(), hosts);
    let mut ours = named.map(|name| name.is_some_and(is_ours));
    ours.all(|ours| ours)
}

/// An address is no name that could be made to lead elsewhere: probes and Prometheus use those of their pods.
fn is_our_name(host: &str, hosts: &[String]) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || hosts.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().expect("a header's value"));
        }
        is_ours(&uri.parse().expect("an address"), &headers, &["ops.example.com".to_owned()])
    }

    #[test]
    fn names_of_this_machine_addresses_and_configured_names_are_answered() {
        for host in [
            "localhost",
            "LocalHost:8081",
            "calltrail.localhost",
            "127.0.0.1:8081",
            "[::1]:8081",
            "10.1.2.3:8081",
            "ops.example.com",
            "OPS.example.com.:8081",
        ] {
            assert!(check("/metrics", &[host]), "{host}");
        }
        assert!(check("/metrics", &[]), "HTTP/1.0 knows no Host");
    }

    #[test]
    fn other_names_are_not_answered() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8081",
            "",
            "evil.example:80@localhost",
            "1.2",
        ] {
            assert!(!check("/metrics", &[host]), "{host}");
        }
        assert!(!check("/metrics", &["localhost", "evil.example"]), "one good name among two");
        assert!(!check("http://evil.example/metrics", &["localhost"]), "the target's name counts too");
    }
}
