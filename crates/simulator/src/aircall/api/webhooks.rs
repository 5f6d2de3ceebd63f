//! Webhooks: made, listed and changed as Aircall does it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, Api, answer, not_found, problem};
use crate::aircall::cast::WEBHOOK_TOKEN;
use crate::front::{Response, Target};
use crate::limits::AIRCALL_WEBHOOKS_MAX;

/// The events about calls that Aircall publishes: what a webhook gets that names none. Those about users, numbers and
/// contacts are left out.
pub const CALL_EVENTS: [&str; 19] = [
    "call.created",
    "call.ringing_on_agent",
    "call.agent_declined",
    "call.answered",
    "call.hold",
    "call.unhold",
    "call.transferred",
    "call.external_transferred",
    "call.unsuccessful_transfer",
    "call.ivr_option_selected",
    "call.hungup",
    "call.ended",
    "call.voicemail_left",
    "call.comm_assets_generated",
    "call.assigned",
    "call.archived",
    "call.tagged",
    "call.untagged",
    "call.commented",
];

/// A webhook as Aircall keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// A UUID.
    pub id: String,
    /// A label for people.
    pub custom_name: String,
    /// Where events are posted to.
    pub url: String,
    /// False when it was switched off.
    pub active: bool,
    /// What every body carries.
    pub token: String,
    /// What is posted.
    pub events: Vec<String>,
    /// Unix time in milliseconds.
    pub created_at_ms: i64,
}

#[derive(Debug, Default, Deserialize)]
struct Change {
    url: Option<String>,
    custom_name: Option<String>,
    events: Option<Vec<String>>,
    active: Option<bool>,
}

impl Webhook {
    pub(super) fn json(&self) -> Value {
        json!({
            "webhook_id": self.id,
            "direct_link": format!("https://api.aircall.io/v1/webhooks/{}", self.id),
            "created_at": self.created_at_ms / 1000,
            "custom_name": self.custom_name,
            "url": self.url,
            "active": self.active,
            "token": self.token,
            "events": self.events,
        })
    }
}

impl Api {
    /// Makes a webhook to `url` with every event, as in the dashboard.
    pub fn connect_webhook(&mut self, url: &str) {
        self.add_webhook(0, "Webhook".into(), url.to_owned(), or_all(Vec::new()));
    }

    pub(super) fn webhook(&self, id: &str) -> Answered {
        let found = self.webhooks.iter().find(|webhook| webhook.id == id);
        found.map(|webhook| envelope(200, webhook)).ok_or_else(not_found)
    }

    pub(super) fn create_webhook(&mut self, now_ms: i64, body: &[u8]) -> Answered {
        let Change { url, custom_name, events, active: _ } = change(body)?;
        let url = url.ok_or_else(|| problem(400, "Invalid value", "url is missing"))?;
        let events = known(events.unwrap_or_default())?;
        if self.webhooks.len() >= AIRCALL_WEBHOOKS_MAX {
            return Err(problem(400, "Bad Request", "the maximum number of webhooks is reached"));
        }
        let custom_name = custom_name.unwrap_or_else(|| "Webhook".into());
        Ok(envelope(201, self.add_webhook(now_ms, custom_name, url, or_all(events))))
    }

    fn add_webhook(
        &mut self,
        now_ms: i64,
        custom_name: String,
        url: String,
        events: Vec<String>,
    ) -> &Webhook {
        let number = self.webhooks_made + 1;
        self.webhooks_made = number;
        // The first one has the token that the scripted calls carry.
        let token = if number == 1 { WEBHOOK_TOKEN.into() } else { format!("{WEBHOOK_TOKEN}-{number}") };
        let id = format!("00000000-0000-4000-8000-{number:012}");
        self.webhooks.push(Webhook {
            id,
            custom_name,
            url,
            active: true,
            token,
            events,
            created_at_ms: now_ms,
        });
        &self.webhooks[self.webhooks.len() - 1]
    }

    pub(super) fn update_webhook(&mut self, id: &str, target: &Target, body: &[u8]) -> Answered {
        let Change { url, custom_name, events, active } = change(body)?;
        let events = known(events.unwrap_or_default())?;
        let webhook = self.webhooks.iter_mut().find(|webhook| webhook.id == id).ok_or_else(not_found)?;
        match target.parameter("events_action") {
            Some("add") => {
                let new: Vec<_> =
                    events.into_iter().filter(|event| !webhook.events.contains(event)).collect();
                webhook.events.extend(new);
            }
            Some("remove") => webhook.events.retain(|event| !events.contains(event)),
            _ => webhook.events = or_all(events),
        }
        webhook.url = url.unwrap_or_else(|| webhook.url.clone());
        webhook.custom_name = custom_name.unwrap_or_else(|| webhook.custom_name.clone());
        webhook.active = active.unwrap_or(webhook.active);
        let answer = envelope(200, webhook);
        if active.is_some() {
            self.deliveries.forget_trouble(id);
        }
        Ok(answer)
    }
}

fn change(body: &[u8]) -> Result<Change, Response> {
    if body.is_empty() {
        return Ok(Change::default());
    }
    serde_json::from_slice(body).map_err(|_| problem(400, "Bad Request", "the body is not what it should be"))
}

fn known(events: Vec<String>) -> Result<Vec<String>, Response> {
    let is_unknown = |event: &String| !CALL_EVENTS.contains(&event.as_str());
    if events.iter().any(is_unknown) {
        return Err(problem(400, "Invalid value", "an event is unknown"));
    }
    Ok(events)
}

fn or_all(events: Vec<String>) -> Vec<String> {
    if events.is_empty() { CALL_EVENTS.map(str::to_owned).into() } else { events }
}

fn envelope(status: u16, webhook: &Webhook) -> Response {
    answer(status, &json!({ "webhook": webhook.json() }))
}
