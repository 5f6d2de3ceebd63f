//! Aircall's webhooks on their way out: every due delivery by HTTP POST, for as long as this lives.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tracing::debug;

use super::client;
use super::clock::Clock;
use crate::aircall::{Api, OutgoingDelivery};
use crate::limits::PUSH_POLL_MS;

/// An Aircall that posts what is due. The last clone that is dropped ends it.
#[derive(Debug, Clone)]
pub(super) struct Company {
    shared: Shared,
    _pushing: Arc<Pushing>,
}

#[derive(Debug, Clone)]
struct Shared {
    api: Arc<Mutex<Api>>,
    clock: Clock,
    client: reqwest::Client,
}

#[derive(Debug)]
struct Pushing(AbortHandle);

impl Drop for Pushing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Company {
    /// Starts posting the deliveries of `api`, which is told the time of `clock`. Must be called inside a runtime.
    pub(super) fn posting(api: Api, clock: Clock) -> Result<Self, reqwest::Error> {
        let shared = Shared { api: Arc::new(Mutex::new(api)), clock, client: client()? };
        let pushing = tokio::spawn(shared.clone().push()).abort_handle();
        Ok(Self { shared, _pushing: Arc::new(Pushing(pushing)) })
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    /// Works on the model while nobody else does.
    pub(super) fn api<R>(&self, work: impl FnOnce(&mut Api) -> R) -> R {
        self.shared.api(work)
    }
}

impl Shared {
    fn api<R>(&self, work: impl FnOnce(&mut Api) -> R) -> R {
        work(&mut self.api.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn push(self) {
        let mut deliveries = JoinSet::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(PUSH_POLL_MS));
        loop {
            ticks.tick().await;
            while deliveries.try_join_next().is_some() {}
            let now_ms = self.clock.now_ms();
            for delivery in self.api(|api| api.drain_deliveries(now_ms)) {
                deliveries.spawn(self.clone().deliver(delivery));
            }
        }
    }

    async fn deliver(self, delivery: OutgoingDelivery) {
        let request = self.client.post(&delivery.url).header("content-type", "application/json");
        let delivered = match request.body(delivery.body).send().await {
            Ok(answer) => answer.status().is_success(),
            Err(error) => {
                let timeout = error.is_timeout();
                debug!(attempt = delivery.attempt, timeout, "aircall webhook not delivered");
                false
            }
        };
        let now_ms = self.clock.now_ms();
        self.api(|api| api.delivery_answered(now_ms, delivery.number, delivered));
    }
}
