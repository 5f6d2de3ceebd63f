//! Aircall's side of the wire: delivers webhooks until they are taken, and remembers what was answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use calltrail_simulator::aircall::Step;
use serde_json::Value;
use tokio::sync::watch;

use super::limits::{ANSWER_MAX, DELIVERY_MAX, REPEAT_AFTER};
use super::site::ACCOUNT;

/// Posts to wherever the program listens at the time.
#[derive(Debug)]
pub(super) struct Aircall {
    client: reqwest::Client,
    address: watch::Sender<Option<SocketAddr>>,
    taken: Mutex<Vec<Taken>>,
    repeated: AtomicU64,
}

/// A webhook that was answered with 2xx.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// The record that the answer names.
    pub(super) sequence: u64,
    pub(super) body: Value,
}

impl Aircall {
    /// One that waits to be told where to post.
    pub(super) fn new() -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build();
        Self {
            client: client.expect("an http client"),
            address: watch::Sender::new(None),
            taken: Mutex::default(),
            repeated: AtomicU64::new(0),
        }
    }

    /// One that posts to `address`.
    pub(super) fn posting_to(address: SocketAddr) -> Self {
        let aircall = Self::new();
        aircall.post_to(Some(address));
        aircall
    }

    /// Where to post from now on; nowhere when the program does not run.
    pub(super) fn post_to(&self, address: Option<SocketAddr>) {
        self.address.send_replace(address);
    }

    /// Delivers a webhook, again and again until it is taken.
    pub(super) async fn deliver(&self, body: &str) {
        let started = Instant::now();
        let mut address = self.address.subscribe();
        while started.elapsed() < DELIVERY_MAX {
            let known = address.wait_for(Option::is_some).await.ok().and_then(|address| *address);
            if let Some(sequence) = self.post(known.expect("an address"), body).await {
                let body = serde_json::from_str(body).expect("a webhook is JSON");
                let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.push(Taken { sequence, body });
                return;
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(REPEAT_AFTER).await;
        }
        panic!("a webhook is not taken after {} s", DELIVERY_MAX.as_secs());
    }

    /// The sequence that a 2xx names. Without an answer nobody knows whether it was stored.
    async fn post(&self, address: SocketAddr, body: &str) -> Option<u64> {
        let url = format!("http://{address}/webhooks/{ACCOUNT}/aircall");
        let answer = self.client.post(url).body(body.to_owned()).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        // The status alone is a promise; the sequence in the body is how it is looked up.
        let text = answer.text().await.ok()?;
        let body: Value = serde_json::from_str(&text).expect("an answer is JSON");
        Some(body["sequence"].as_u64().expect("an answer names the record"))
    }

    /// All webhooks that were answered with 2xx.
    pub(super) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Deliveries that were not taken and were made again.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }
}

/// The webhooks of a history.
pub(super) fn bodies_of(steps: &[Step]) -> impl Iterator<Item = &str> {
    steps.iter().filter_map(|step| match step {
        Step::Webhook { body, .. } => Some(body.as_str()),
        Step::FrontAction { .. } => None,
    })
}
