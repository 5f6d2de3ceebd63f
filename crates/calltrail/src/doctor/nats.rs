//! The servers of the log: whether they answer, hold what is declared, and keep what they acknowledge.

use std::path::Path;

use calltrail_event_log::jetstream::JetStream;
use calltrail_event_log::jetstream::permissions::Role;
use serde::Deserialize;
use tokio::join;

use super::finding::Finding;
use super::limits::{MONITOR_ANSWER_BYTES_MAX, NATS_PAYLOAD_BYTES_MIN, NATS_VERSION_MIN};
use super::machine::get;
use crate::config::{Backend, Config, JetStreamConfig};
use crate::control::Running;
use crate::streams;

const STREAMS: &str = "streams";
const SYNC: &str = "nats sync";
/// How a server is told to sync what it stores.
const MEND_SYNC: &str =
    "write `sync_interval: always` into the block `jetstream` of the server's configuration";

/// What `/varz` of a server says, as far as it matters here (nats-server 2.15, server/monitor.go).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Varz {
    server_name: String,
    jetstream: Monitored,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Monitored {
    config: Option<Stored>,
}

/// The interval is in nanoseconds; it says nothing when every write is synced.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stored {
    sync_always: bool,
    sync_interval: u64,
}

/// Nothing when the log is a file.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    if config.log.backend == Backend::Embedded {
        return Vec::new();
    }
    let jetstream = &config.log.jetstream;
    let (mut findings, sync, policy) = join!(servers(config), sync(jetstream), policy(&config.log.path));
    findings.push(copies(jetstream));
    findings.extend(sync);
    findings.extend(policy);
    findings
}

async fn servers(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "nats";
    let jetstream = match streams::connect(&config.log.jetstream, Role::Operator).await {
        Ok(jetstream) => jetstream,
        Err(error) => {
            let mend =
                "start the servers, or correct `log.jetstream.url`, `nkey_seed`, `ca_file` and the firewall";
            let unknown = Finding::skipped(STREAMS, "not known without a connection", "fix the connection");
            return vec![Finding::problem(CHECK, format!("{error:#}"), mend), unknown];
        }
    };
    let findings = vec![server(CHECK, &jetstream), declared(&jetstream, config).await];
    jetstream.close().await;
    findings
}

fn server(check: &'static str, jetstream: &JetStream) -> Finding {
    let (version, payload_bytes) = (jetstream.server_version(), jetstream.max_payload_bytes());
    let what = format!("nats-server {version} answers, messages up to {payload_bytes} bytes");
    let (major, minor) = NATS_VERSION_MIN;
    if parsed(&version).is_none_or(|version| version < NATS_VERSION_MIN) {
        let mend =
            format!("install {major}.{minor} or later: appends are atomic batches, which it must know");
        return Finding::problem(check, what, mend);
    }
    if payload_bytes < NATS_PAYLOAD_BYTES_MIN {
        let mend =
            format!("set `max_payload: {NATS_PAYLOAD_BYTES_MIN}` or more in the server's configuration");
        return Finding::problem(check, what, mend);
    }
    Finding::ok(check, what)
}

/// Major and minor.
fn parsed(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

async fn declared(jetstream: &JetStream, config: &Config) -> Finding {
    let found = match streams::look(jetstream, config).await {
        Ok(found) => found,
        Err(error) => {
            let mend = "let `log.jetstream.nkey_seed` be the operator's, and see that JetStream is on and has a leader";
            return Finding::problem(STREAMS, format!("{error:#}"), mend);
        }
    };
    let differing: Vec<_> = found.differing().collect();
    if !differing.is_empty() {
        let mend = "set the configuration to what is there, or change it with the servers' own tools; it is left alone";
        return Finding::problem(STREAMS, differing.join("\n"), mend);
    }
    let missing: Vec<_> = found.missing().collect();
    let what = format!("missing: {}", missing.join(", "));
    match missing.as_slice() {
        [] => Finding::ok(
            STREAMS,
            format!("all {} streams, buckets and consumers are as declared", found.len()),
        ),
        _ if config.log.jetstream.manage => Finding::warning(
            STREAMS,
            what,
            "`calltrail streams apply` makes them, and so does the next start",
        ),
        _ => Finding::problem(STREAMS, what, "run `calltrail streams apply`"),
    }
}

fn copies(config: &JetStreamConfig) -> Finding {
    const CHECK: &str = "nats copies";
    match config.replicas {
        1 => Finding::warning(
            CHECK,
            "there is no second copy: the log is lost with the disk of its one server",
            "run three servers and set `log.jetstream.replicas = 3`, or back up the stream CALLS",
        ),
        copies => Finding::ok(CHECK, format!("{copies} of everything")),
    }
}

async fn sync(config: &JetStreamConfig) -> Vec<Finding> {
    if config.monitor_urls.is_empty() {
        let what = "not known whether the servers sync what they acknowledge";
        return vec![Finding::warning(SYNC, what, "set `log.jetstream.monitor_urls`")];
    }
    futures_util::future::join_all(config.monitor_urls.iter().map(|url| sync_of(url))).await
}

async fn sync_of(url: &str) -> Finding {
    let answer = get(&format!("{url}/varz"), MONITOR_ANSWER_BYTES_MAX).await;
    let varz = answer.and_then(|(_, text)| serde_json::from_str::<Varz>(&text).ok());
    let Some(varz) = varz else {
        let what = format!("{url} is not answered by the monitoring of a nats-server");
        return Finding::warning(
            SYNC,
            what,
            "set `http` in the server's configuration, or correct `monitor_urls`",
        );
    };
    let name = varz.server_name;
    match varz.jetstream.config {
        None => Finding::problem(SYNC, format!("{name} has no JetStream"), "write a block `jetstream`"),
        Some(Stored { sync_always: true, .. }) => Finding::ok(SYNC, format!("{name} syncs every write")),
        Some(Stored { sync_interval, .. }) => {
            let seconds = sync_interval / 1_000_000_000;
            let what =
                format!("{name} syncs every {seconds} s: a power cut loses what it acknowledged since then");
            Finding::warning(SYNC, what, MEND_SYNC)
        }
    }
}

/// What the process that runs on `folder` says, if it folds the log.
async fn policy(folder: &Path) -> Option<Finding> {
    const CHECK: &str = "policy";
    let status = Running::on(folder).await.ok()??.status().await.ok()?;
    let live = status.accounts.iter().filter_map(|(name, account)| Some((name, account.live.as_ref()?)));
    let told: Vec<_> = live.filter_map(|(name, live)| Some((name, live.policy_differs?))).collect();
    let differing: Vec<_> =
        told.iter().filter(|(_, differs)| *differs).map(|(name, _)| name.as_str()).collect();
    if differing.is_empty() {
        return (!told.is_empty()).then(|| Finding::ok(CHECK, "what is recorded is what is configured here"));
    }
    Some(Finding::problem(
        CHECK,
        format!("another one decides for {} than this configuration has", differing.join(", ")),
        "give all projectors the same configuration: the one that started last has recorded its own",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_major_and_minor() {
        for (version, is_new) in [
            ("2.15.1", true),
            ("2.14.0", true),
            ("2.14.0-RC.1", true),
            ("2.9.10", false),
            ("3.0.0", true),
            ("", false),
        ] {
            let compared = parsed(version).is_some_and(|parsed| parsed >= NATS_VERSION_MIN);
            assert_eq!(compared, is_new, "{version}");
        }
    }
}
