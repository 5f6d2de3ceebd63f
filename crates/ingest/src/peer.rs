//! Who sends: the address of a connection, or the one that a trusted proxy names for a request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// One customer of a provider has a network of so many bits, so that its addresses count as one.
const PEER_BITS_V6: u32 = 64;

/// One sender, as far as addresses tell senders apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    V4(Ipv4Addr),
    /// The network of an IPv6 address.
    V6(Ipv6Addr),
    /// All those whose proxy names them in words that cannot be read, or in two ways that differ.
    Unclear,
}

impl Peer {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let mask = u128::MAX << (u128::BITS - PEER_BITS_V6);
                Self::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        }
    }
}

/// A network, such as 10.0.0.0/8, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether the address is in it. An IPv4 address counts as such in whichever way it is written.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What was given is neither an address nor a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address or a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| NotANetwork)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let bits_max = if address.is_ipv4() { u32::BITS } else { u128::BITS };
        let bits = bits.unwrap_or(bits_max);
        if bits > bits_max { Err(NotANetwork) } else { Ok(Self { address, bits }) }
    }
}

/// Whom a request comes from by the headers of trusted proxies; `None` when they name no one.
///
/// A sender can write what it likes into a header that the proxy passes on untouched, so where both are there and differ,
/// neither is believed.
pub(crate) fn forwarded(headers: &HeaderMap, trusted: &[Network]) -> Option<Peer> {
    let by_for = last_outside(headers, &X_FORWARDED_FOR, trusted, whole);
    let by_forwarded = last_outside(headers, &FORWARDED, trusted, for_of);
    match (by_for, by_forwarded) {
        (Some(one), Some(other)) if one != other => Some(Peer::Unclear),
        (named, other) => named.or(other),
    }
}

/// Each proxy adds at the end whom it was reached by: the last that is no trusted proxy is the sender.
fn last_outside(
    headers: &HeaderMap,
    name: &HeaderName,
    trusted: &[Network],
    node: fn(&str) -> Option<&str>,
) -> Option<Peer> {
    let lines: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    let mut nearest_first = lines
        .into_iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .map(|hop| std::str::from_utf8(hop).ok().and_then(node).and_then(address))
        .peekable();
    nearest_first.peek()?;
    let mut sender = Peer::Unclear;
    for hop in nearest_first {
        let Some(address) = hop else { return Some(Peer::Unclear) };
        sender = Peer::of(address);
        if !trusted.iter().any(|network| network.contains(address)) {
            break;
        }
    }
    Some(sender)
}

/// One element of `X-Forwarded-For` is nothing but the node.
fn whole(element: &str) -> Option<&str> {
    Some(element)
}

/// The `for` of one element of `Forwarded` (RFC 7239).
fn for_of(element: &str) -> Option<&str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut nodes = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    nodes.next().map(|(_, node)| node)
}

/// The address of a node, with or without a port, brackets and quotes.
fn address(node: &str) -> Option<IpAddr> {
    let node = node.trim().trim_matches('"');
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    bare.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(headers: &[(&'static str, &str)]) -> Option<Peer> {
        let trusted = ["10.0.0.0/8", "2001:db8::1"].map(|network| network.parse().expect("a network"));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header's value"));
        }
        forwarded(&map, &trusted)
    }

    fn peer(address: &str) -> Option<Peer> {
        Some(Peer::of(address.parse().expect("an address")))
    }

    #[test]
    fn networks_are_read_and_contain() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "203.0.113.1", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
        ] {
            let read: Network = network.parse().expect("a network");
            assert!(read.contains(inside.parse().expect("an address")), "{inside} in {network}");
            assert!(!read.contains(outside.parse().expect("an address")), "{outside} in {network}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "example.com", "::/129", "10.0.0.0/x"] {
            assert_eq!(bad.parse::<Network>(), Err(NotANetwork), "{bad}");
        }
    }

    #[test]
    fn the_last_that_is_no_proxy_of_ours_is_the_sender() {
        for (headers, expect) in [
            (&[][..], None),
            (&[("x-forwarded-for", "192.0.2.1")], peer("192.0.2.1")),
            (&[("x-forwarded-for", "198.51.100.9, 192.0.2.1, 10.1.2.3")], peer("192.0.2.1")),
            (&[("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2:99")], peer("192.0.2.2")),
            (&[("forwarded", "for=198.51.100.9, For=192.0.2.1;proto=https")], peer("192.0.2.1")),
            (&[("forwarded", "proto=https;for=\"[2001:db8:7::1]:4711\"")], peer("2001:db8:7::99")),
            (&[("x-forwarded-for", "10.1.2.3")], peer("10.1.2.3")),
            (&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")], peer("192.0.2.1")),
        ] {
            assert_eq!(named(headers), expect, "{headers:?}");
        }
    }

    #[test]
    fn what_a_sender_writes_itself_is_not_believed() {
        for headers in [
            &[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=203.0.113.9")][..],
            &[("x-forwarded-for", "192.0.2.1, somewhere")],
            &[("x-forwarded-for", "")],
            &[("forwarded", "for=unknown")],
            &[("forwarded", "for=192.0.2.1, by=203.0.113.9")],
        ] {
            assert_eq!(named(headers), Some(Peer::Unclear), "{headers:?}");
        }
        let forged = [("forwarded", "for=\"203.0.113.9, for=192.0.2.1")];
        assert_eq!(named(&forged), peer("192.0.2.1"), "an open quote hides nothing that the proxy adds");
    }

    #[test]
    fn addresses_of_one_host_are_one_peer() {
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
    }
}
