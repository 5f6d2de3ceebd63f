//! `calltrail health`: the operator listener's answer, for whoever can only start a program.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use crate::cli::{Format, Globals};
use crate::config::{Environment, Needs};

/// Below what supervisors give such a question, so that the answer is ours.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// Prints what `/health/ready` answers; true when it is ready.
///
/// # Errors
/// When the configuration has mistakes, or nothing answers in time.
pub async fn run(globals: &Globals, out: &mut dyn Write) -> anyhow::Result<bool> {
    let listener = match globals.operator_listen {
        Some(listener) => listener,
        None => globals.load_config_for(Needs::NONE, &Environment::of_process())?.http.operator_listen,
    };
    let url = format!("http://{}/health/ready", reachable(listener));
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
    let silent = || format!("nothing answers at {url} within {} s", ANSWER_MAX.as_secs());
    let answer = client.get(&url).send().await.with_context(silent)?;
    let is_ready = answer.status().is_success();
    let said = answer.text().await.with_context(silent)?;
    match globals.format {
        Format::Text => write!(out, "{said}")?,
        Format::Json => writeln!(out, "{}", json!({ "ready": is_ready, "said": said.trim_end() }))?,
    }
    out.flush()?;
    Ok(is_ready)
}

/// Who listens on every address is asked on this machine's own.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let address = match listener.ip() {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listener.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_here() {
        for (listener, expect) in
            [("0.0.0.0:8081", "127.0.0.1:8081"), ("[::]:8081", "[::1]:8081"), ("10.1.2.3:9", "10.1.2.3:9")]
        {
            assert_eq!(reachable(listener.parse().expect("an address")).to_string(), expect);
        }
    }
}
