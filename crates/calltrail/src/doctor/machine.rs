//! This machine: the disk, the listeners, and whether Aircall would reach them.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use reqwest::redirect::Policy;
use tokio::net::TcpListener;

use super::finding::Finding;
use super::limits::{DISK_FREE_BYTES_LOW, RECEIVER_ANSWER_BYTES_MAX, REQUEST_TIMEOUT};
use crate::config::{AccountConfig, Config, HttpConfig};
use crate::engine::{FolderFault, folder_faults, free_bytes};

/// The disk and the listeners.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    vec![
        disk(&config.log.path, config.log.disk_free_min_bytes),
        folder(&config.log.path),
        listeners(&config.http).await,
    ]
}

fn disk(path: &Path, min_bytes: u64) -> Finding {
    const CHECK: &str = "disk";
    // The folder itself is made at the first start.
    let there = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let free_bytes = match free_bytes(there) {
        Ok(free_bytes) => free_bytes,
        Err(error) => {
            let what = format!("{} cannot be looked at: {error}", there.display());
            return Finding::problem(
                CHECK,
                what,
                "let `log.path` be a folder of the user that runs calltrail",
            );
        }
    };
    let what = format!("{} MiB free for {}", free_bytes / (1024 * 1024), path.display());
    let mend = "make room, or move `log.path` to another disk";
    match free_bytes {
        free_bytes if free_bytes < min_bytes => {
            let what = format!("{what}; below `log.disk_free_min_mib`, webhooks are refused");
            Finding::problem(CHECK, what, mend)
        }
        ..DISK_FREE_BYTES_LOW => Finding::warning(CHECK, what, mend),
        DISK_FREE_BYTES_LOW.. => Finding::ok(CHECK, what),
    }
}

/// Whether others may change what is kept there.
fn folder(path: &Path) -> Finding {
    const CHECK: &str = "folder";
    let shown = path.display();
    let faults = match folder_faults(path) {
        Ok(faults) => faults,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::ok(CHECK, format!("{shown} is made at the first start, for its user alone"));
        }
        Err(error) => {
            let what = format!("{shown} cannot be looked at: {error}");
            return Finding::problem(CHECK, what, "let it be a folder of the user that runs calltrail");
        }
    };
    let what = || faults.iter().map(|fault| format!("{shown}: {fault}")).collect::<Vec<_>>().join("; ");
    if faults.iter().any(|fault| matches!(fault, FolderFault::WritableByAll { .. })) {
        return Finding::problem(CHECK, what(), format!("`chmod 700 {shown}`, as its owner"));
    }
    match faults.is_empty() {
        true => Finding::ok(CHECK, format!("{shown} is its user's alone to change")),
        false => {
            let mend = "let the folder belong to the user that runs calltrail, and run this as that user";
            Finding::warning(CHECK, what(), mend)
        }
    }
}

async fn listeners(http: &HttpConfig) -> Finding {
    const CHECK: &str = "listeners";
    let operator = http.operator_listen;
    if let Some((status, answer)) =
        get(&format!("http://{}/health/ready", reachable(operator)), RECEIVER_ANSWER_BYTES_MAX).await
    {
        return match status {
            200 => Finding::ok(CHECK, format!("a running calltrail is ready, by {operator}")),
            503 if answer.starts_with("not ready") => {
                Finding::problem(CHECK, answer.trim(), "see the log lines of the running calltrail")
            }
            other => {
                let what = format!("what answers at {operator} with {other} is no calltrail");
                Finding::problem(CHECK, what, "stop it, or set `http.operator_listen` to another address")
            }
        };
    }
    for (key, address) in [("listen", http.listen), ("operator_listen", operator)] {
        if let Err(error) = TcpListener::bind(address).await {
            let what = format!("`http.{key}` {address} cannot be listened on: {error}");
            return Finding::problem(
                CHECK,
                what,
                format!("stop what uses it, or set `http.{key}` to another"),
            );
        }
    }
    Finding::ok(CHECK, format!("nothing runs; {} and {operator} are free", http.listen))
}

/// Where this machine finds what listens everywhere.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Whether our receiver answers at the address that Aircall is given. A GET stores nothing: a receiver refuses it in
/// words that no proxy has.
pub(super) async fn check_public(config: &Config, account: &AccountConfig) -> Finding {
    const CHECK: &str = "public address";
    let Some(url) = config.http.aircall_webhook_url(&account.id) else {
        return Finding::skipped(CHECK, "not known", "set `public_url` under `[http]`");
    };
    match get(&url, RECEIVER_ANSWER_BYTES_MAX).await {
        Some((405, answer)) if answer.contains("method_not_allowed") => {
            Finding::ok(CHECK, format!("our receiver answers at {url}"))
        }
        Some((status, _)) => Finding::problem(
            CHECK,
            format!("{url} is answered with {status}, not by our receiver"),
            "let the proxy pass this path on to `http.listen`, and start `calltrail up`",
        ),
        None => Finding::problem(
            CHECK,
            format!("{url} is not answered"),
            "start `calltrail up` and its proxy; check name, certificate and firewall. This was asked from here: other \
             networks may see otherwise",
        ),
    }
}

/// The status and the beginning of the answer; nothing when there is none in time.
pub(super) async fn get(url: &str, bytes_max: usize) -> Option<(u16, String)> {
    let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().timeout(REQUEST_TIMEOUT);
    let mut response = client.build().ok()?.get(url).send().await.ok()?;
    let status = response.status().as_u16();
    let mut answer = Vec::new();
    while answer.len() < bytes_max {
        match response.chunk().await {
            Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    Some((status, String::from_utf8_lossy(&answer).into_owned()))
}
