//! Webhooks on their way out: what is due, retried, lost, and the webhook that is switched off on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Api, Webhook};
use crate::aircall::cast::WEBHOOK_TOKEN;

/// One delivery to be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingDelivery {
    /// What [`Api::delivery_answered`] takes.
    pub number: u64,
    /// 1 for the first try.
    pub attempt: u32,
    /// Where it is posted to.
    pub url: String,
    /// The raw body, with the token of its webhook.
    pub body: String,
}

/// What became of the deliveries so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Events that were answered with 2xx.
    pub delivered: u32,
    /// Failed tries after which another one followed.
    pub repeated: u32,
    /// Events that were given up.
    pub given_up: u32,
    /// Events that were never sent, because their webhook was off when they happened.
    pub unsent: u32,
    /// Times that a webhook was switched off for its failures.
    pub switched_off: u32,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Deliveries {
    counts: DeliveryCounts,
    next_number: u64,
    queued: BTreeMap<u64, Queued>,
    /// The numbers of those that wait for their time, by it.
    waiting: BTreeSet<(i64, u64)>,
    /// By the webhook's id.
    trouble: BTreeMap<String, Trouble>,
}

#[derive(Debug, Clone)]
struct Queued {
    webhook: String,
    attempts: u32,
    /// No try is made after it, once there was one.
    until_ms: i64,
    body: String,
}

/// Aircall's trouble with one webhook.
#[derive(Debug, Clone, Copy, Default)]
struct Trouble {
    failures_in_row: u32,
    switched_off: bool,
}

impl Api {
    /// This webhook's event happens: the API knows the call from now on, and each webhook that is subscribed gets it.
    pub fn happen(&mut self, now_ms: i64, body: &str) {
        let event: Value = serde_json::from_str(body).unwrap_or_default();
        self.give_call(&event);
        let name = event["event"].as_str().unwrap_or_default();
        for index in 0..self.webhooks.len() {
            if self.webhooks[index].events.iter().any(|subscribed| subscribed == name) {
                self.queue(now_ms, index, body);
            }
        }
    }

    /// The deliveries that are due by `now_ms`, each to be answered with [`Api::delivery_answered`].
    pub fn drain_deliveries(&mut self, now_ms: i64) -> Vec<OutgoingDelivery> {
        let later = self.deliveries.waiting.split_off(&(now_ms.saturating_add(1), 0));
        let due = std::mem::replace(&mut self.deliveries.waiting, later);
        due.into_iter().filter_map(|(_, number)| self.send(number)).collect()
    }

    /// Says whether a delivery was answered with 2xx in time.
    pub fn delivery_answered(&mut self, now_ms: i64, number: u64, delivered: bool) {
        let Some(queued) = self.deliveries.queued.get(&number) else { return };
        let webhook = queued.webhook.clone();
        if delivered {
            self.deliveries.queued.remove(&number);
            self.deliveries.counts.delivered += 1;
            self.succeed(&webhook);
        } else {
            self.retry(now_ms, number);
            self.fail(&webhook);
        }
    }

    /// When the next delivery is due, Unix time in milliseconds.
    #[must_use]
    pub fn delivery_due_ms(&self) -> Option<i64> {
        self.deliveries.waiting.first().map(|(due_ms, _)| *due_ms)
    }

    /// Events that are neither delivered nor given up.
    #[must_use]
    pub fn deliveries_open(&self) -> usize {
        self.deliveries.queued.len()
    }

    /// What became of the deliveries so far.
    #[must_use]
    pub fn delivery_counts(&self) -> DeliveryCounts {
        self.deliveries.counts
    }

    fn queue(&mut self, now_ms: i64, index: usize, body: &str) {
        let webhook = &self.webhooks[index];
        let off_for_failures = self.deliveries.is_off_for_failures(webhook);
        if !(webhook.active || off_for_failures && self.options.patience.queues_while_off) {
            self.deliveries.counts.unsent += 1;
            return;
        }
        let number = self.deliveries.next_number;
        self.deliveries.next_number += 1;
        let queued = Queued {
            webhook: webhook.id.clone(),
            attempts: 0,
            until_ms: now_ms.saturating_add(self.options.patience.life_ms),
            body: with_token(body, &webhook.token),
        };
        self.deliveries.queued.insert(number, queued);
        self.deliveries.waiting.insert((now_ms, number));
    }

    /// What was queued for a webhook that is gone, or that a person has switched off, is given up.
    fn send(&mut self, number: u64) -> Option<OutgoingDelivery> {
        let queued = self.deliveries.queued.get_mut(&number)?;
        let webhook = self.webhooks.iter().find(|webhook| webhook.id == queued.webhook);
        let trouble = self.deliveries.trouble.get(&queued.webhook).copied().unwrap_or_default();
        let Some(webhook) = webhook.filter(|webhook| webhook.active || trouble.switched_off) else {
            self.deliveries.queued.remove(&number);
            self.deliveries.counts.given_up += 1;
            return None;
        };
        queued.attempts += 1;
        let (attempt, url, body) = (queued.attempts, webhook.url.clone(), queued.body.clone());
        Some(OutgoingDelivery { number, attempt, url, body })
    }

    fn retry(&mut self, now_ms: i64, number: u64) {
        let patience = self.options.patience;
        let Some(queued) = self.deliveries.queued.get(&number) else { return };
        let due_ms = now_ms.saturating_add(patience.pause_ms(queued.attempts));
        if queued.attempts >= patience.attempts_max || due_ms > queued.until_ms {
            self.deliveries.queued.remove(&number);
            self.deliveries.counts.given_up += 1;
        } else {
            self.deliveries.waiting.insert((due_ms, number));
            self.deliveries.counts.repeated += 1;
        }
    }

    fn succeed(&mut self, id: &str) {
        let switches_on = self.options.patience.success_switches_on;
        let Some(webhook) = self.webhooks.iter_mut().find(|webhook| webhook.id == id) else { return };
        if switches_on && self.deliveries.is_off_for_failures(webhook) {
            webhook.active = true;
        }
        // Where a success does not switch it on, it stays off for its failures.
        if webhook.active {
            self.deliveries.trouble.remove(id);
        }
    }

    fn fail(&mut self, id: &str) {
        let Some(webhook) = self.webhooks.iter_mut().find(|webhook| webhook.id == id) else { return };
        let trouble = self.deliveries.trouble.entry(id.to_owned()).or_default();
        if webhook.active && trouble.switched_off {
            // A person has switched it on since.
            *trouble = Trouble::default();
        }
        trouble.failures_in_row += 1;
        let limit = self.options.patience.failures_in_row_max;
        if webhook.active && limit.is_some_and(|limit| trouble.failures_in_row >= limit) {
            webhook.active = false;
            trouble.switched_off = true;
            self.deliveries.counts.switched_off += 1;
        }
    }
}

impl Deliveries {
    /// A person has switched the webhook on or off.
    pub(super) fn forget_trouble(&mut self, id: &str) {
        self.trouble.remove(id);
    }

    fn is_off_for_failures(&self, webhook: &Webhook) -> bool {
        !webhook.active && self.trouble.get(&webhook.id).is_some_and(|trouble| trouble.switched_off)
    }
}

/// Scripted bodies carry [`WEBHOOK_TOKEN`], and stay as they are where the webhook has it too.
fn with_token(body: &str, token: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(mut event) if token != WEBHOOK_TOKEN => {
            event["token"] = Value::from(token);
            event.to_string()
        }
        Ok(_) | Err(_) => body.to_owned(),
    }
}
