//! `[log]`: where the call event log is kept, and how it is reached.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::limits::{LOG_GIB_MAX, REPLICAS_MAX, ROOM_MIB_MAX};
use super::section::{Fault, Section};
use super::values;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// `[log]`
#[derive(Debug, Clone)]
pub struct LogConfig {
    pub backend: Backend,
    /// The folder of this process: the embedded log or the spool, and the projection store.
    pub path: PathBuf,
    /// A claim that is neither extended nor settled for so long is given to the next claimant.
    pub ack_wait: Duration,
    /// With less room on the disk of `path`, webhooks are refused.
    pub disk_free_min_bytes: u64,
    pub jetstream: JetStreamConfig,
    pub spool: SpoolConfig,
}

/// Where the call event log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One redb file of one process.
    Embedded,
    /// NATS servers, for many processes.
    JetStream,
}

/// `[log.jetstream]`
#[derive(Debug, Clone)]
pub struct JetStreamConfig {
    /// The servers of one cluster; at least one.
    pub urls: Vec<String>,
    /// Copies of every stream that this creates.
    pub replicas: usize,
    /// What is missing of the streams, buckets and consumers is created at a start.
    pub manage: bool,
    /// The stream of the log takes no more than this.
    pub log_bytes_max: u64,
    /// The private key by which the servers know this process.
    pub nkey_seed: Option<SecretString>,
    /// Whom to believe, instead of the authorities that are built in.
    pub ca_file: Option<PathBuf>,
    /// The certificate of this process, and its key: both or none.
    pub identity: Option<Identity>,
    /// Where the doctor reads how the servers sync.
    pub monitor_urls: Vec<String>,
}

/// What this process shows servers that want to see a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
}

/// `[log.spool]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolConfig {
    /// With so much in the spool, webhooks are refused until some of it is in the log.
    pub high_water_bytes: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            backend: Backend::Embedded,
            path: PathBuf::from("calltrail-data"),
            ack_wait: Duration::from_secs(30),
            disk_free_min_bytes: 256 * MIB,
            jetstream: JetStreamConfig::default(),
            spool: SpoolConfig::default(),
        }
    }
}

impl Default for JetStreamConfig {
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            replicas: 1,
            manage: true,
            log_bytes_max: 8 * GIB,
            nkey_seed: None,
            ca_file: None,
            identity: None,
            monitor_urls: Vec::new(),
        }
    }
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { high_water_bytes: 1_024 * MIB }
    }
}

pub(super) fn read(mut section: Section<'_>) -> LogConfig {
    const BACKENDS: [(&str, Backend); 2] =
        [("embedded", Backend::Embedded), ("jetstream", Backend::JetStream)];
    let default = LogConfig::default();
    let folder = section.reading.folder();
    let log = LogConfig {
        backend: section.or("backend", default.backend, |entry| values::one_of(entry, &BACKENDS)),
        path: section.or("path", folder.join(default.path), |entry| values::path(entry, folder)),
        ack_wait: section.or("ack_wait_seconds", default.ack_wait, values::wait),
        disk_free_min_bytes: mib(&mut section, "disk_free_min_mib", default.disk_free_min_bytes),
        jetstream: read_jetstream(section.section("jetstream")),
        spool: read_spool(section.section("spool")),
    };
    section.finish();
    log
}

fn read_jetstream(mut section: Section<'_>) -> JetStreamConfig {
    let default = JetStreamConfig::default();
    let gib = default.log_bytes_max / GIB;
    let mut jetstream = JetStreamConfig {
        urls: section.or("url", default.urls, values::nats_urls),
        replicas: section.or("replicas", default.replicas, |entry| {
            Ok(usize::try_from(values::whole(entry, 1..=REPLICAS_MAX, "copies")?).unwrap_or(1))
        }),
        manage: section.or("manage", default.manage, values::yes_or_no),
        log_bytes_max: GIB
            * section.or("log_gib_max", gib, |entry| values::whole(entry, 1..=LOG_GIB_MAX, "GiB")),
        nkey_seed: section.optional_secret("nkey_seed", true),
        ca_file: file(&mut section, "ca_file"),
        identity: None,
        monitor_urls: section.list("monitor_urls", values::monitor_url).unwrap_or(default.monitor_urls),
    };
    jetstream.identity = read_identity(&mut section);
    section.finish();
    jetstream
}

fn read_identity(section: &mut Section<'_>) -> Option<Identity> {
    let (cert, key) = (file(section, "cert_file"), file(section, "key_file"));
    let alone = |written, lacking: &str| {
        let what = format!("is there and `{lacking}` is not");
        section.note_conflict(written, Fault::new(what, "write both, or none"));
        None
    };
    match (cert, key) {
        (Some(cert_file), Some(key_file)) => Some(Identity { cert_file, key_file }),
        (Some(_), None) => alone("cert_file", "key_file"),
        (None, Some(_)) => alone("key_file", "cert_file"),
        (None, None) => None,
    }
}

fn file(section: &mut Section<'_>, key: &'static str) -> Option<PathBuf> {
    let folder = section.reading.folder();
    section.optional(key, |entry| values::path(entry, folder))
}

fn read_spool(mut section: Section<'_>) -> SpoolConfig {
    let default = SpoolConfig::default();
    let high_water_bytes = mib(&mut section, "high_water_mib", default.high_water_bytes);
    section.finish();
    SpoolConfig { high_water_bytes }
}

/// A number of MiB, in bytes.
fn mib(section: &mut Section<'_>, key: &'static str, default_bytes: u64) -> u64 {
    MIB * section.or(key, default_bytes / MIB, |entry| values::whole(entry, 1..=ROOM_MIB_MAX, "MiB"))
}
