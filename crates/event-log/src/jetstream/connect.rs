//! The connection to the servers, and what is known of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{ConnectErrorKind, ConnectOptions, Event};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{RwLock, watch};
use tracing::{info, warn};

use super::follow::Follower;
use super::permissions::Role;
use super::subjects::Api;
use super::wire::Wire;
use crate::limits::{
    CONNECT_TIMEOUT, PING_INTERVAL, RECONNECT_PAUSE_MAX, RECONNECT_PAUSE_MIN, REFUSAL_LINE_EVERY,
    REQUEST_TIMEOUT,
};

/// How a connection is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// `nats://host:port` or `tls://host:port`; any one of them that answers is enough.
    pub urls: Vec<String>,
    /// What this process does: its name in the server's list, and the prefix of the subjects on which it is answered.
    pub role: Role,
    /// The seed of the role's nkey; without it the server has to take anybody.
    pub nkey_seed: Option<SecretString>,
    pub tls: Tls,
}

/// The certificates of a connection by TLS. None is needed where the server's is signed by a known authority.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

impl Options {
    /// Whoever shows a key is in the account of its role. Where the servers take anybody, there is one account for all.
    fn api(&self) -> Api {
        if self.nkey_seed.is_some() { self.role.api() } else { Api::Own }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the seed is no nkey of a user: take one that `calltrail streams keys` made")]
    BadSeed,
    /// `what` holds all causes: those of the client repeat each other.
    #[error("no NATS server at {urls}: {what}")]
    Refused { urls: String, what: String },
    #[error("NATS at {urls} does not know this process's key; its `accounts.conf` names the ones it knows")]
    UnknownKey { urls: String },
    #[error("NATS at {urls} did not answer within {limit_ms} ms")]
    Late { urls: String, limit_ms: u128 },
}

impl ConnectError {
    /// True when another try may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::BadSeed)
    }
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    pub connected: bool,
    /// Times that it was made again.
    pub reconnects: u64,
    /// How long it has been lost; `None` while it stands.
    pub disconnected_for: Option<Duration>,
}

/// A connection to JetStream; clones share it. It is made again by itself for as long as it takes, and what is asked
/// meanwhile fails at its deadline.
#[derive(Clone)]
pub struct JetStream {
    pub(super) wire: Wire,
    pub(super) follower: Arc<Follower>,
    /// Each look into the outbox holds it for reading: what it is handed after it was given up, it gives back.
    pub(super) looks: Arc<RwLock<()>>,
    watched: Arc<Watched>,
}

/// What the client told of its connection.
#[derive(Debug)]
struct Watched {
    events: Mutex<Events>,
    losses: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Events {
    connects: u64,
    lost_at: Option<Instant>,
    /// When a refusal of the server was told last.
    refusal_told_at: Option<Instant>,
}

impl fmt::Debug for JetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStream").field("connection", &self.connection()).finish_non_exhaustive()
    }
}

impl JetStream {
    /// Connects to one of the servers. Whether the streams are there is not looked at; see [`super::declared`].
    pub async fn connect(options: &Options) -> Result<Self, ConnectError> {
        if let Some(seed) = &options.nkey_seed {
            nkeys::KeyPair::from_seed(seed.expose_secret().trim()).map_err(|_| ConnectError::BadSeed)?;
        }
        let watched = Arc::new(Watched { events: Mutex::default(), losses: watch::Sender::new(0) });
        let events = Arc::clone(&watched);
        let connecting = connect_options(options)
            .event_callback(move |event| {
                events.take(event);
                std::future::ready(())
            })
            .connect(options.urls.as_slice());
        let urls = || options.urls.join(", ");
        let client = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => {
                return Err(match error.kind() {
                    ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                        ConnectError::UnknownKey { urls: urls() }
                    }
                    _ => ConnectError::Refused { urls: urls(), what: error.to_string() },
                });
            }
            Err(_) => {
                return Err(ConnectError::Late { urls: urls(), limit_ms: CONNECT_TIMEOUT.as_millis() });
            }
        };
        let follower = Arc::new(Follower::new(client.clone()));
        let wire = Wire { client, api: options.api(), losses: watched.losses.subscribe() };
        Ok(Self { wire, follower, looks: Arc::default(), watched })
    }

    /// Waits for looks into the outbox that were given up, sends what is queued and ends the connection; each of the two
    /// within the deadline of a request.
    pub async fn close(&self) {
        // A connection that is lost has nobody to wait for, or to send to.
        let _ = tokio::time::timeout(REQUEST_TIMEOUT, self.looks.write()).await;
        let _ = tokio::time::timeout(REQUEST_TIMEOUT, self.wire.client.flush()).await;
        let _ = self.wire.client.drain().await;
    }

    /// How the connection is now.
    #[must_use]
    pub fn connection(&self) -> Connection {
        let events = self.watched.lock();
        // The client's own word: an event may be dropped when many come at once.
        let connected = self.wire.client.connection_state() == State::Connected;
        let lost_for = || events.lost_at.map_or(Duration::ZERO, |lost_at| lost_at.elapsed());
        Connection {
            connected,
            reconnects: events.connects.saturating_sub(1),
            disconnected_for: (!connected).then(lost_for),
        }
    }

    /// The version of the server that this process is connected to.
    #[must_use]
    pub fn server_version(&self) -> String {
        self.wire.client.server_info().version
    }

    /// The longest message that the server takes, in bytes.
    #[must_use]
    pub fn max_payload_bytes(&self) -> usize {
        self.wire.client.server_info().max_payload
    }
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, Events> {
        // Every step leaves it whole.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: Event) {
        let mut events = self.lock();
        match event {
            Event::Connected => {
                events.connects += 1;
                if let Some(lost_at) = events.lost_at.take() {
                    let lost_ms = u64::try_from(lost_at.elapsed().as_millis()).unwrap_or(u64::MAX);
                    info!(lost_ms, "nats connected again");
                }
            }
            Event::Disconnected => {
                events.lost_at.get_or_insert_with(Instant::now);
                self.losses.send_modify(|count| *count += 1);
                warn!("nats connection lost");
            }
            Event::LameDuckMode => info!("the nats server is about to end"),
            Event::Draining | Event::Closed => {}
            Event::SlowConsumer(_) => warn!("nats messages came faster than they were taken"),
            // A subject that this key may not use is refused for every message.
            Event::ServerError(error) => {
                if events.refusal_told_at.is_none_or(|told_at| told_at.elapsed() >= REFUSAL_LINE_EVERY) {
                    events.refusal_told_at = Some(Instant::now());
                    warn!(%error, "the nats server refused");
                }
            }
            // The client tries again by itself, and says so many times a second while the server is away.
            Event::ClientError(error) => tracing::debug!(%error, "nats client error"),
        }
    }
}

fn connect_options(options: &Options) -> ConnectOptions {
    let role = options.role.as_str();
    let mut connect = ConnectOptions::new()
        .name(format!("calltrail {role}"))
        .custom_inbox_prefix(options.role.inbox_prefix())
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_pause);
    if let Some(seed) = &options.nkey_seed {
        connect = connect.nkey(seed.expose_secret().trim().to_owned());
    }
    if let Some(ca_file) = &options.tls.ca_file {
        connect = connect.add_root_certificates(ca_file.clone()).require_tls(true);
    }
    if let (Some(cert), Some(key)) = (&options.tls.cert_file, &options.tls.key_file) {
        connect = connect.add_client_certificate(cert.clone(), key.clone());
    }
    connect
}

/// Doubles from the shortest pause to the longest.
fn reconnect_pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(16);
    RECONNECT_PAUSE_MIN.saturating_mul(1 << doublings).min(RECONNECT_PAUSE_MAX)
}
