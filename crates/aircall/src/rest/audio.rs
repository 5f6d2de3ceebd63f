//! The audio of a recording: fetched from the hosts that are allowed for it, and from nowhere else.
//!
//! The link comes from Aircall and leads wherever Aircall keeps its files; that place is not documented, so the hosts
//! are a setting. Whoever could forge such a link must not make this machine ask its own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use calltrail_domain::ids::CallId;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Url, header};
use secrecy::ExposeSecret as _;

use super::client::{Client, ClientError};
use super::error::RestError;
use crate::limits::{AUDIO_BYTES_MAX, AUDIO_TIMEOUT, CONNECT_TIMEOUT};

/// The audio of one recording.
#[derive(Clone, PartialEq, Eq)]
pub struct Audio {
    pub bytes: Bytes,
    /// `audio/…`
    pub content_type: String,
}

/// Where audio is fetched from.
#[derive(Debug, Clone)]
pub struct AudioSource {
    api: Client,
    http: reqwest::Client,
    /// Each stands for itself and for what lies below it.
    hosts: Vec<String>,
}

/// Why there is no audio. Nothing of the link is shown: whoever has it may listen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    #[error(transparent)]
    Api(#[from] RestError),
    #[error("the call has no recording yet")]
    NotThere,
    #[error("the recording is kept at {host}, which `account.aircall.media_hosts` does not name")]
    OtherHost { host: String },
    #[error("the link of the recording is no https address of a host")]
    BadLink,
    #[error("the recording has more than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("what the link of the recording leads to is no audio")]
    NoAudio,
    #[error("the link of the recording is answered with {status}")]
    Refused { status: u16 },
}

/// What is to become of the audio after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioFailure {
    /// Nothing is wrong with the file: it is there once Aircall, or what keeps its files, answers.
    Outage,
    /// Aircall does not take the credential, which an operator can replace.
    Credential,
    /// The file may still come, but not for long.
    NotYet,
    /// The file itself cannot be had.
    File,
}

impl AudioError {
    /// Whether the file is to blame.
    #[must_use]
    pub fn failure(&self) -> AudioFailure {
        match self {
            Self::Api(RestError::BadCredential { .. }) => AudioFailure::Credential,
            Self::Api(RestError::NotFound | RestError::Refused { .. }) => AudioFailure::File,
            Self::Api(RestError::Malformed { .. }) | Self::NotThere => AudioFailure::NotYet,
            Self::Api(error) if error.is_retryable() => AudioFailure::Outage,
            Self::Api(_) => AudioFailure::NotYet,
            Self::Refused { status: 404 | 410 } => AudioFailure::File,
            Self::Refused { status: 408 | 429 | 500..=599 } => AudioFailure::Outage,
            // A link that has died is replaced by a fresh one.
            Self::Refused { .. } => AudioFailure::NotYet,
            Self::OtherHost { .. } | Self::BadLink | Self::TooLarge { .. } | Self::NoAudio => {
                AudioFailure::File
            }
        }
    }
}

impl std::fmt::Debug for Audio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Audio({} bytes)", self.bytes.len())
    }
}

impl AudioSource {
    /// Audio of the calls that `api` knows, from `hosts` alone.
    pub fn new(api: Client, hosts: Vec<String>) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(PublicAddresses)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(AUDIO_TIMEOUT)
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { api, http, hosts })
    }

    /// The audio behind a fresh link of the call's recording: the one in the webhook may have died meanwhile.
    pub async fn fetch(&self, call: CallId) -> Result<Audio, AudioError> {
        let link = self.api.call(call).await?.recording.ok_or(AudioError::NotThere)?;
        let url = self.allowed(link.expose_secret())?;
        let answer = self.http.get(url).send().await.map_err(|error| RestError::of_transport(&error))?;
        if !answer.status().is_success() {
            return Err(AudioError::Refused { status: answer.status().as_u16() });
        }
        let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.filter(|kind| kind.starts_with("audio/")).ok_or(AudioError::NoAudio)?.to_owned();
        Ok(Audio { bytes: whole(answer).await?, content_type: kind })
    }

    /// https at its usual port, or http to this machine where it is named.
    fn allowed(&self, link: &str) -> Result<Url, AudioError> {
        let url = Url::parse(link).map_err(|_| AudioError::BadLink)?;
        let host = url.host_str().ok_or(AudioError::BadLink)?;
        let is_named = |named: &String| host == named || host.ends_with(&format!(".{named}"));
        let is_here = host == Ipv4Addr::LOCALHOST.to_string();
        let is_address = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
        match url.scheme() {
            "http" if is_here => {}
            "https" if url.port().is_none() && !is_address => {}
            _ => return Err(AudioError::BadLink),
        }
        if !self.hosts.iter().any(is_named) {
            return Err(AudioError::OtherHost { host: host.to_owned() });
        }
        Ok(url)
    }
}

async fn whole(mut answer: reqwest::Response) -> Result<Bytes, AudioError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| RestError::of_transport(&error))? {
        if bytes.len() + chunk.len() > AUDIO_BYTES_MAX {
            return Err(AudioError::TooLarge { limit_bytes: AUDIO_BYTES_MAX });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// Finds only addresses of the public internet, so that the check and the connection are about the same address.
struct PublicAddresses;

#[derive(Debug, thiserror::Error)]
#[error("the host has no public address")]
struct NoPublicAddress;

impl Resolve for PublicAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// IANA's registry of special addresses, as far as it names networks that are nobody else's.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocols = (a, b, c) == (192, 0, 0);
    let benchmarks = a == 198 && (18..20).contains(&b);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || shared
        || protocols
        || benchmarks)
}

/// Only what is given out for the internet at large (2000::/3), without the documentation's parts of it and without what stands
/// for an IPv4 address, which may be a private one: 6to4 (2002::/16) and Teredo, within 2001::/23. Mapped addresses and those of
/// NAT64 (64:ff9b::/96) lie outside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let protocols = first == 0x2001 && second < 0x0200;
    let documentation = (first, second) == (0x2001, 0x0db8) || (first == 0x3fff && second < 0x1000);
    let is_6to4 = first == 0x2002;
    (0x2000..0x4000).contains(&first) && !(protocols || documentation || is_6to4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_asked() {
        for private in [
            "10.0.0.1",
            "172.16.5.4",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "255.255.255.255",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "224.0.0.1",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "2001:db8::1",
            "64:ff9b::7f00:1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::10.0.0.1",
            "::ffff:8.8.8.8",
            "2002:7f00:1::",
            "2002:808:808::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "3fff::1",
        ] {
            assert!(!is_public(private.parse().expect("an address")), "{private}");
        }
        for public in ["52.216.1.1", "8.8.8.8", "2a00:1450:4001::1", "2001:4860:4860::8888"] {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
    }

    #[test]
    fn only_failures_of_the_file_are_its_own() {
        use std::time::Duration;

        let retry_after = Duration::from_secs(60);
        for (error, expect) in [
            (AudioError::Api(RestError::TooMany { retry_after }), AudioFailure::Outage),
            (AudioError::Api(RestError::Failing { status: 503 }), AudioFailure::Outage),
            (AudioError::Api(RestError::NotAircall { status: 404 }), AudioFailure::Outage),
            (AudioError::Refused { status: 429 }, AudioFailure::Outage),
            (AudioError::Refused { status: 502 }, AudioFailure::Outage),
            (AudioError::Api(RestError::BadCredential { status: 403 }), AudioFailure::Credential),
            (AudioError::NotThere, AudioFailure::NotYet),
            (AudioError::Refused { status: 403 }, AudioFailure::NotYet),
            (AudioError::Refused { status: 404 }, AudioFailure::File),
            (AudioError::Refused { status: 410 }, AudioFailure::File),
            (AudioError::Api(RestError::NotFound), AudioFailure::File),
            (AudioError::TooLarge { limit_bytes: 1 }, AudioFailure::File),
            (AudioError::NoAudio, AudioFailure::File),
            (AudioError::BadLink, AudioFailure::File),
        ] {
            assert_eq!(error.failure(), expect, "{error}");
        }
    }

    fn check(hosts: &[&str], link: &str, expect: Result<(), AudioError>) {
        let secret = || "secret".to_owned().into();
        let api = Client::new("http://127.0.0.1:9", secret(), secret()).expect("a client");
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        let source = AudioSource::new(api, hosts).expect("a source");
        assert_eq!(source.allowed(link).map(|_| ()), expect, "{link}");
    }

    #[test]
    fn only_named_hosts_are_asked_and_only_by_https() {
        let named = ["aircall.io", "s3.amazonaws.com"];
        let other = |host: &str| Err(AudioError::OtherHost { host: host.to_owned() });
        check(&named, "https://assets.aircall.io/a.mp3?x=1", Ok(()));
        check(&named, "https://b.s3.amazonaws.com/a.mp3", Ok(()));
        check(&named, "https://aircall.io.evil.example/a.mp3", other("aircall.io.evil.example"));
        check(&named, "https://notaircall.io/a.mp3", other("notaircall.io"));
        check(&named, "https://aircall.io@evil.example/a.mp3", other("evil.example"));
        for bad in [
            "http://aircall.io/a.mp3",
            "https://aircall.io:8443/",
            "https://169.254.169.254/",
            "https://[::1]/",
            "file:///etc/passwd",
            "gopher://aircall.io/",
            "no link",
            "https://2130706433/",
        ] {
            check(&named, bad, Err(AudioError::BadLink));
        }
        check(&["127.0.0.1"], "http://127.0.0.1:8000/a.mp3", Ok(()));
        check(&named, "http://127.0.0.1:8000/a.mp3", other("127.0.0.1"));
    }
}
