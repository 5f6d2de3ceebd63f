//! The application webhook: what is due, signed, and repeated when it is not taken.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::Front;
use super::events::Event;
use super::ledger::WebhookEntry;
use super::shapes::{Authorization, Webhook, text_of};
use crate::limits::{WEBHOOK_ATTEMPTS_MAX, WEBHOOK_RETRY_MS};

/// One delivery to be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingWebhook {
    /// What [`Front::webhook_answered`] takes.
    pub number: usize,
    /// 1 for the first delivery.
    pub attempt: u32,
    /// Content type, signature and timestamp, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw body that the signature covers.
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Webhooks {
    queued: Vec<Queued>,
    /// The numbers of those that wait for their time, by it.
    waiting: BTreeSet<(i64, usize)>,
}

#[derive(Debug, Clone)]
struct Queued {
    event: String,
    kind: &'static str,
    attempts: u32,
    state: State,
    body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    InFlight,
    Delivered,
    Lost,
}

impl Webhooks {
    pub(super) fn due_ms(&self) -> Option<i64> {
        self.waiting.first().map(|(due_ms, _)| *due_ms)
    }
}

/// Front's signature: base64 of HMAC-SHA256 over `timestamp:raw body`, the timestamp in milliseconds.
#[must_use]
pub fn signature(key: &str, timestamp_ms: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(format!("{timestamp_ms}:").as_bytes());
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

impl Front {
    /// The webhooks that are due by `now_ms`, each to be answered with [`Front::webhook_answered`].
    pub fn drain_webhooks(&mut self, now_ms: i64) -> Vec<OutgoingWebhook> {
        self.tick(now_ms);
        let later = self.webhooks.waiting.split_off(&(now_ms.saturating_add(1), 0));
        let due = std::mem::replace(&mut self.webhooks.waiting, later);
        due.into_iter().map(|(_, number)| self.send_webhook(now_ms, number)).collect()
    }

    /// Says whether a delivery was answered with 2xx in time; else it is repeated up to three times.
    pub fn webhook_answered(&mut self, now_ms: i64, number: usize, delivered: bool) {
        let Some(queued) = self.webhooks.queued.get_mut(number) else { return };
        queued.state = match (delivered, queued.attempts) {
            (true, _) => State::Delivered,
            (false, WEBHOOK_ATTEMPTS_MAX..) => State::Lost,
            (false, _) => State::Waiting,
        };
        if queued.state == State::Waiting {
            self.webhooks.waiting.insert((now_ms.saturating_add(WEBHOOK_RETRY_MS), number));
        }
    }

    /// The signed headers and body of the validation request that Front sends whenever a webhook is saved.
    #[must_use]
    pub fn validation_request(&self, now_ms: i64, challenge: &str) -> OutgoingWebhook {
        let body = json!({ "type": "sync", "authorization": { "id": self.options.company_id } }).to_string();
        let mut headers = self.signed_headers(now_ms, body.as_bytes());
        headers.push(("x-front-challenge".into(), challenge.into()));
        OutgoingWebhook { number: usize::MAX, attempt: 1, headers, body: body.into_bytes() }
    }

    pub(super) fn queue_webhook(&mut self, event: &Event) {
        let Some(kind) = event.kind.names().1 else { return };
        if !self.options.behaviour.webhooks {
            return;
        }
        let authorization = Authorization { id: &self.options.company_id };
        let body = text_of(&Webhook { authorization, payload: &event.payload, kind });
        let delay = self.options.behaviour.webhook_delay_ms;
        let due_ms = event.at_ms.saturating_add_unsigned(self.chance.between(delay.min, delay.max));
        self.webhooks.waiting.insert((due_ms, self.webhooks.queued.len()));
        self.webhooks.queued.push(Queued {
            event: event.id.clone(),
            kind,
            attempts: 0,
            state: State::Waiting,
            body,
        });
    }

    pub(super) fn webhook_entries(&self) -> Vec<WebhookEntry> {
        let entry = |queued: &Queued| WebhookEntry {
            event: queued.event.clone(),
            kind: queued.kind,
            attempts: queued.attempts,
            delivered: queued.state == State::Delivered,
            lost: queued.state == State::Lost,
        };
        self.webhooks.queued.iter().map(entry).collect()
    }

    fn send_webhook(&mut self, now_ms: i64, number: usize) -> OutgoingWebhook {
        let queued = &mut self.webhooks.queued[number];
        queued.state = State::InFlight;
        queued.attempts += 1;
        let (attempt, body) = (queued.attempts, queued.body.clone().into_bytes());
        OutgoingWebhook { number, attempt, headers: self.signed_headers(now_ms, &body), body }
    }

    fn signed_headers(&self, now_ms: i64, body: &[u8]) -> Vec<(String, String)> {
        vec![
            ("content-type".into(), "application/json".into()),
            ("x-front-request-timestamp".into(), now_ms.to_string()),
            ("x-front-signature".into(), signature(&self.options.signing_key, now_ms, body)),
        ]
    }
}
