//! The replicas of every role on one log, and the webhooks that are posted to them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use calltrail_event_log::testing::Signal;
use serde_json::Value;
use tokio::task::JoinSet;

use super::super::limits::{ANSWER_MAX, DELIVERY_MAX, LOOK_EVERY, QUIET_MAX, REPEAT_AFTER};
use super::super::site::{ACCOUNT, Site};
use super::super::up::Up;

/// A role's process, which is started again after it was killed, in the same folder.
#[derive(Debug)]
pub(in super::super) struct Replica {
    pub(in super::super) role: &'static str,
    path: String,
    up: Option<Up>,
}

impl Replica {
    /// Starts the first process of this replica.
    pub(in super::super) fn start(folder: &Path, role: &'static str, number: usize) -> Self {
        let mut replica = Self { role, path: format!("{role}-{number}"), up: None };
        replica.start_again(folder);
        replica
    }

    pub(in super::super) fn start_again(&mut self, folder: &Path) {
        self.up = Some(Up::start_with(folder, &[self.role, "--path", &self.path], &[]));
    }

    /// The folder in which it keeps what it has.
    pub(in super::super) fn path(&self) -> &str {
        &self.path
    }

    pub(in super::super) fn up(&mut self) -> &mut Up {
        self.up.as_mut().expect("it was started")
    }

    pub(in super::super) async fn kill(&mut self) {
        self.up.take().expect("it was started").killed().await;
    }

    pub(in super::super) async fn terminate(&mut self) -> String {
        self.up.take().expect("it was started").terminated().await.with_code(0).stderr
    }

    pub(in super::super) fn signal(&mut self, signal: Signal) {
        self.up().signal(signal);
    }
}

/// What Aircall reaches: receivers that come and go behind one name.
#[derive(Debug, Default)]
pub(in super::super) struct Balancer {
    addresses: Mutex<Vec<SocketAddr>>,
    client: reqwest::Client,
}

impl Balancer {
    pub(in super::super) fn new() -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build();
        Self { addresses: Mutex::default(), client: client.expect("an http client") }
    }

    pub(in super::super) fn add(&self, address: SocketAddr) {
        self.addresses.lock().expect("nobody panicked").push(address);
    }

    pub(in super::super) fn remove(&self, address: SocketAddr) {
        self.addresses.lock().expect("nobody panicked").retain(|known| *known != address);
    }

    /// Delivers to one after the other until one takes it; returns how often it was not taken.
    pub(in super::super) async fn deliver(&self, account: &str, body: &str) -> u32 {
        let started = Instant::now();
        let mut refused = 0;
        while started.elapsed() < DELIVERY_MAX {
            let addresses = self.addresses.lock().expect("nobody panicked").clone();
            for address in addresses.iter().cycle().skip(refused as usize).take(addresses.len()) {
                let url = format!("http://{address}/webhooks/{account}/aircall");
                let answer = self.client.post(url).body(body.to_owned()).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return refused;
                }
                refused += 1;
            }
            tokio::time::sleep(REPEAT_AFTER).await;
        }
        panic!("a webhook is not taken after {} s", DELIVERY_MAX.as_secs());
    }
}

/// Delivers in the given order, one every `pause`, several at a time.
pub(in super::super) async fn deliver_all(
    balancer: std::sync::Arc<Balancer>,
    webhooks: Vec<String>,
    pause: std::time::Duration,
) {
    let mut deliveries = JoinSet::new();
    for webhook in webhooks {
        tokio::time::sleep(pause).await;
        let balancer = std::sync::Arc::clone(&balancer);
        deliveries.spawn(async move { balancer.deliver(ACCOUNT, &webhook).await });
    }
    while let Some(delivery) = deliveries.join_next().await {
        delivery.expect("a webhook is taken");
    }
}

/// Lets the configuration of a site name these servers.
pub(in super::super) fn on_jetstream(site: &Site, urls: &[String], more: &str) {
    let file = site.file("calltrail.toml");
    let text = std::fs::read_to_string(&file).expect("the site has a configuration");
    let log = format!("backend = \"jetstream\"\n{more}\n[http]\n");
    let log = log.replace("{urls}", &urls.join(","));
    std::fs::write(&file, text.replace("[http]\n", &log)).expect("it is written anew");
}

/// What the process in this folder says of itself.
pub(in super::super) async fn status(site: &Site, path: &str) -> Value {
    site.run(&["status", "--path", path, "--format", "json"]).await.with_code(0).json()
}

/// Every record of the log.
pub(in super::super) async fn records(site: &Site, path: &str) -> Vec<Value> {
    let ran = site.run(&["log", "tail", "--path", path, "--format", "json"]).await;
    super::super::site::lines_of(&ran.with_code(0))
}

/// Returns when so many webhooks are in the log, and all is folded, decided and settled, as a projector sees it.
pub(in super::super) async fn quiet(site: &Site, path: &str, calls: usize) {
    let started = Instant::now();
    loop {
        let status = status(site, path).await;
        let account = &status["accounts"][ACCOUNT];
        let logged = account["logged"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64());
        let is_folded = status["folded"] == status["records"];
        let is_settled = account["waiting_calls"] == 0 && account["pending_effects"] == 0;
        if is_folded && is_settled && logged.sum::<u64>() == calls as u64 {
            return;
        }
        assert!(started.elapsed() < QUIET_MAX * 2, "there is no progress: {status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
