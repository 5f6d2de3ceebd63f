//! Front's webhooks on their way out: validation once, then every due delivery by HTTP POST.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tracing::debug;

use super::clock::Clock;
use crate::front::{Front, OutgoingWebhook};
use crate::limits::{CHALLENGE_ANSWER_MS_MAX, PUSH_POLL_MS};

/// What the server's parts share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) front: Arc<Mutex<Front>>,
    pub(super) clock: Clock,
    pub(super) client: reqwest::Client,
    pub(super) webhook_url: Arc<Mutex<Option<String>>>,
}

/// Why a webhook could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The receiver could not be reached or was too slow.
    #[error("the webhook's receiver does not answer the validation request; start it first")]
    Unreachable(#[source] reqwest::Error),
    /// The receiver refused.
    #[error("the webhook's receiver answers the validation request with {status}; 200 is wanted")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The receiver did not prove that it read the challenge.
    #[error(
        "the webhook's receiver does not echo the challenge; answer the header x-front-challenge in the body"
    )]
    NoEcho,
}

impl Shared {
    /// Works on the model alone; a panic of another holder does not spoil it.
    pub(super) fn front<R>(&self, work: impl FnOnce(&mut Front) -> R) -> R {
        work(&mut self.front.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Front's validation; afterwards events are queued and pushed to `url`.
    pub(super) async fn connect_webhook(&self, url: &str) -> Result<(), WebhookError> {
        let now_ms = self.clock.now_ms();
        let challenge = format!("challenge-{now_ms}");
        let request = self.front(|front| front.validation_request(now_ms, &challenge));
        let limit = Duration::from_millis(CHALLENGE_ANSWER_MS_MAX);
        let answer =
            self.post(url, &request).timeout(limit).send().await.map_err(WebhookError::Unreachable)?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(WebhookError::Refused { status });
        }
        let body = answer.text().await.map_err(WebhookError::Unreachable)?;
        if !echoes(&body, &challenge) {
            return Err(WebhookError::NoEcho);
        }
        *self.webhook_url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url.to_owned());
        self.front(|front| front.behaviour_mut().webhooks = true);
        Ok(())
    }

    /// Pushes what is due, for ever.
    pub(super) async fn push(self) {
        let mut deliveries = JoinSet::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(PUSH_POLL_MS));
        loop {
            ticks.tick().await;
            while deliveries.try_join_next().is_some() {}
            let url = self.webhook_url.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(url) = url else { continue };
            let now_ms = self.clock.now_ms();
            for webhook in self.front(|front| front.drain_webhooks(now_ms)) {
                deliveries.spawn(self.clone().deliver(url.clone(), webhook));
            }
        }
    }

    async fn deliver(self, url: String, webhook: OutgoingWebhook) {
        let delivered = match self.post(&url, &webhook).send().await {
            Ok(answer) => answer.status().is_success(),
            Err(error) => {
                debug!(
                    attempt = webhook.attempt,
                    timeout = error.is_timeout(),
                    "front webhook not delivered"
                );
                false
            }
        };
        let now_ms = self.clock.now_ms();
        self.front(|front| front.webhook_answered(now_ms, webhook.number, delivered));
    }

    fn post(&self, url: &str, webhook: &OutgoingWebhook) -> reqwest::RequestBuilder {
        let request = self.client.post(url).body(webhook.body.clone());
        webhook.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

/// Front takes the bare challenge, a form, or JSON.
fn echoes(body: &str, challenge: &str) -> bool {
    let json = serde_json::from_str::<Value>(body).unwrap_or_default();
    let body = body.trim();
    body == challenge || body.strip_prefix("challenge=") == Some(challenge) || json["challenge"] == challenge
}
