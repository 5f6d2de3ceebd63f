//! The configuration: one TOML file, with environment variables laid over it, read into what the rest is wired from.
//!
//! **Invariant:** no secret and no part of a line that may hold one is in an error or a `Debug`.

mod account;
mod environment;
mod error;
mod limits;
mod log;
mod secrets;
mod section;
mod source;
mod spelling;
#[cfg(test)]
mod tests;
mod tree;
mod values;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use calltrail_domain::ids::AccountId;
use calltrail_ingest::Network;
use calltrail_ingest::limits::STRANGERS_PER_PEER_MAX_DEFAULT;
use toml::de::DeTable;

pub use account::{
    AccountConfig, AircallConfig, CallsConfig, Confirm, Credential, FrontConfig, Recovery, TimingConfig,
};
pub use environment::Environment;
pub use error::{ConfigError, Mistakes};
pub use log::{Backend, Identity, JetStreamConfig, LogConfig, SpoolConfig};
pub use secrets::Needs;

use environment::OVERRIDE_PREFIX;
use error::Mistake;
use section::{Fault, Reading, Section};
use source::{Origin, Show, Source};
use tree::Table;

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    pub log: LogConfig,
    pub http: HttpConfig,
    /// At least one; each id once.
    pub accounts: Vec<AccountConfig>,
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Webhooks.
    pub listen: SocketAddr,
    /// Health and the operator's requests.
    pub operator_listen: SocketAddr,
    /// Where Aircall and Front reach `listen`: https, or http on this machine; without a slash at its end.
    pub public_url: Option<String>,
    /// Connections of one address that have not authenticated, and requests in flight of one that a trusted proxy names.
    pub connections_per_peer_max: usize,
    /// Proxies before `listen` that are believed when they name whom they were reached by.
    pub trusted_proxies: Vec<Network>,
    /// Names that `operator_listen` answers to, besides this machine's own; in small letters.
    pub operator_hosts: Vec<String>,
}

impl HttpConfig {
    /// What Aircall's webhook of an account must post to.
    #[must_use]
    pub fn aircall_webhook_url(&self, account: &AccountId) -> Option<String> {
        self.public_url.as_ref().map(|url| format!("{url}/webhooks/{account}/aircall"))
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: loopback(8080),
            operator_listen: loopback(8081),
            public_url: None,
            connections_per_peer_max: STRANGERS_PER_PEER_MAX_DEFAULT,
            trusted_proxies: Vec::new(),
            operator_hosts: Vec::new(),
        }
    }
}

/// Loads the configuration of the file at `path`, with the variables `CALLTRAIL__…` of `environment` laid over it.
///
/// # Errors
/// When the file cannot be read, or with every mistake that was found in it and in the variables.
pub fn load(path: &Path, environment: &Environment) -> Result<Config, ConfigError> {
    load_for(Needs::ALL, path, environment)
}

/// The same, for a process that needs not all secrets.
///
/// # Errors
/// Those of [`load`].
pub fn load_for(needs: Needs, path: &Path, environment: &Environment) -> Result<Config, ConfigError> {
    let source = Source::new(path, read_file(path)?);
    let (config, _) = read(&source, environment, needs);
    config
}

/// `[log]`, for commands that need nothing else of the configuration.
///
/// # Errors
/// When the file cannot be read, is not TOML, or has a mistake under `[log]`.
pub fn load_log(path: &Path, environment: &Environment) -> Result<LogConfig, ConfigError> {
    let source = Source::new(path, read_file(path)?);
    let (document, syntax) = DeTable::parse_recoverable(&source.text);
    if let Some(mistakes) = Mistakes::from_list(syntax_mistakes(&source, &syntax)) {
        return Err(ConfigError::Mistakes(mistakes));
    }
    let reading = Reading::new(&source, environment, Needs::ALL);
    let mut table = tree::from_document(document.get_ref());
    overlay(&reading, &mut table);
    let log = log::read(reading.root(table).section("log"));
    match Mistakes::from_list(reading.finish().0) {
        None => Ok(log),
        Some(mistakes) => Err(ConfigError::Mistakes(mistakes)),
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => ConfigError::NotFound { path: path.to_owned() },
        _ => ConfigError::Unreadable { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limits::FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limits::FILE_BYTES_MAX {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit_bytes: limits::FILE_BYTES_MAX });
    }
    String::from_utf8(bytes)
        .map_err(|error| ConfigError::NotUtf8 { path: path.to_owned(), at: error.utf8_error().valid_up_to() })
}

/// The configuration, and the full names of the keys that were asked for.
fn read(
    source: &Source,
    environment: &Environment,
    needs: Needs,
) -> (Result<Config, ConfigError>, BTreeSet<String>) {
    let (document, syntax) = DeTable::parse_recoverable(&source.text);
    if let Some(mistakes) = Mistakes::from_list(syntax_mistakes(source, &syntax)) {
        return (Err(ConfigError::Mistakes(mistakes)), BTreeSet::new());
    }
    let reading = Reading::new(source, environment, needs);
    let mut table = tree::from_document(document.get_ref());
    overlay(&reading, &mut table);
    let config = read_root(reading.root(table));
    let (mistakes, asked) = reading.finish();
    let config = match (Mistakes::from_list(mistakes), config) {
        (None, Some(config)) => Ok(config),
        (Some(mistakes), _) => Err(ConfigError::Mistakes(mistakes)),
        (None, None) => unreachable!("what leaves no configuration is noted as a mistake"),
    };
    (config, asked)
}

/// One mistake a line: what follows in the same line is mostly the parser's way back.
fn syntax_mistakes(source: &Source, errors: &[toml::de::Error]) -> Vec<Mistake> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    for error in errors {
        let place = source.syntax_place(error.span().map_or(0, |span| span.start));
        if mistakes.iter().any(|known| known.place.is_same_line(&place)) {
            continue;
        }
        let (what, expected) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
        let mend = match (what, expected) {
            ("duplicate key", _) => "remove one of the two, or put their values together".to_owned(),
            ("string values must be quoted" | "invalid float" | "invalid integer", _) => {
                "put a text in quotes; only numbers stand without".to_owned()
            }
            (_, "") => "write TOML: `key = \"text\"`, `key = 1`, `[section]`".to_owned(),
            (_, expected) => format!("expected {expected}"),
        };
        mistakes.push(Mistake { what: format!("not TOML: {what}"), place, mend });
    }
    mistakes
}

fn overlay(reading: &Reading<'_>, table: &mut Table) {
    for (variable, value) in reading.environment().overrides() {
        let origin = Origin::Variable(variable.to_owned());
        let note = |what: &str, mend: &str| {
            reading.note(format!("{variable} {what}"), &origin, Show::KeyOnly, mend.to_owned());
        };
        let keys: Vec<String> =
            variable[OVERRIDE_PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
        let Some(text) = value.to_str() else {
            note("is not UTF-8", "set the variable again, as plain text");
            continue;
        };
        if let Err(mend) = tree::overlay(table, &keys, variable, text.to_owned()) {
            note("cannot be laid over the file", &mend);
        }
    }
}

fn read_root(mut root: Section<'_>) -> Option<Config> {
    let log = log::read(root.section("log"));
    let http = root.section("http");
    let has_public_url = http.has("public_url");
    let http = read_http(http);
    let accounts = read_accounts(&mut root, has_public_url);
    root.finish();
    Some(Config { log, http, accounts: accounts? })
}

fn read_http(mut section: Section<'_>) -> HttpConfig {
    let default = HttpConfig::default();
    let listen = section.or("listen", default.listen, values::listener);
    let operator_listen = section.or("operator_listen", default.operator_listen, values::listener);
    if listen == operator_listen && listen.port() != 0 {
        let what = format!("is {operator_listen}, and so is `http.listen`");
        section
            .note_conflict("operator_listen", Fault::new(what, "give the two listeners ports of their own"));
    }
    let http = HttpConfig {
        listen,
        operator_listen,
        public_url: section.optional("public_url", values::public_url),
        connections_per_peer_max: section.or(
            "connections_per_peer_max",
            default.connections_per_peer_max,
            values::connections_per_peer,
        ),
        trusted_proxies: section.list("trusted_proxies", values::network).unwrap_or(default.trusted_proxies),
        operator_hosts: section.list("operator_hosts", values::own_name).unwrap_or(default.operator_hosts),
    };
    section.finish();
    http
}

/// Nothing when no account is left.
fn read_accounts(root: &mut Section<'_>, has_public_url: bool) -> Option<Vec<AccountConfig>> {
    let mut taken = BTreeSet::new();
    let sections = root.required_sections("account").into_iter();
    let read = |section| account::read(section, &mut taken, has_public_url);
    let accounts: Vec<_> = sections.filter_map(read).collect();
    if accounts.is_empty() { None } else { Some(accounts) }
}
