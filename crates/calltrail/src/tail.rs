//! Records as lines.

use std::fmt;

use calltrail_domain::record::Record;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::LoggedRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::OneLine;
use crate::trail::clock_time;

/// One record. `data` holds everything, numbers and names too: it goes to whoever may read the log's file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) sequence: u64,
    pub(crate) account: String,
    pub(crate) kind: String,
    pub(crate) received_at: Option<Timestamp>,
    pub(crate) data: Value,
}

impl Line {
    /// The record as a line; one that is no record of this log shows without data.
    #[must_use]
    pub(crate) fn of(record: &LoggedRecord) -> Self {
        let stored: Value = serde_json::from_slice(&record.body).unwrap_or_default();
        Self {
            sequence: record.sequence,
            account: record.account.clone(),
            kind: record.kind.clone(),
            received_at: Record::decode(&record.body).ok().map(|record| record.received_at),
            data: stored.get("data").cloned().unwrap_or_default(),
        }
    }

    /// What a person wants to see of it at a glance.
    fn gist(&self) -> String {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned).unwrap_or_else(|| value.to_string());
        let inner =
            self.data.get("body").and_then(Value::as_str).and_then(|body| serde_json::from_str(body).ok());
        let body: Value = inner.unwrap_or_default();
        match self.kind.as_str() {
            "aircall.event" => format!("{} {}", text(&body["event"]), body["data"]["id"]),
            "front.event" => {
                format!("{} {}", text(&body["type"]), text(&body["payload"]["conversation"]["id"]))
            }
            "front.polled" => format!("{} {}", text(&body["type"]), text(&body["conversation"]["id"])),
            "effect.settled" => {
                format!("{} {}", text(&self.data["key"]), text(&self.data["outcome"]["outcome"]))
            }
            "effects.decided" => {
                let decisions = self.data["decisions"].as_array().map_or(0, Vec::len);
                let plural = if decisions == 1 { "" } else { "s" };
                format!("{decisions} decision{plural}, through {}", self.data["through"])
            }
            "conversation.merged" => {
                format!("{} into {}", text(&self.data["from"]), text(&self.data["into"]))
            }
            "calls.reconsidered" => {
                let calls = self.data["calls"].as_array().map_or(0, Vec::len);
                format!("{calls} call{}", if calls == 1 { "" } else { "s" })
            }
            "timer.elapsed" => text(&self.data["awaited"]),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.received_at.map_or_else(|| "unreadable".to_owned(), clock_time);
        write!(
            f,
            "{:>6}  {at}  {:<10} {:<20} {}",
            self.sequence,
            self.account,
            self.kind,
            OneLine(&self.gist())
        )
    }
}
