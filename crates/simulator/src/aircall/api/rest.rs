//! A call as the REST API shows it, which differs in places from a webhook's.

use serde_json::{Map, Value, json};

use super::calls::Kept;
use super::media::signed_link;
use crate::front::Target;

/// Keys that a webhook leaves out where the REST API says null.
const NULL_WHERE_ABSENT: [&str; 5] = ["user", "contact", "assigned_to", "transferred_by", "transferred_to"];
/// Keys that only an event has.
const OF_THE_EVENT: [&str; 3] = ["external_transferred_to", "external_caller_number", "ivr_options_selected"];

/// The call, with links signed at `now_ms` and with whatever the query asks to be fetched.
pub(super) fn call(kept: &Kept, now_ms: i64, base_url: &str, target: &Target) -> Value {
    let Value::Object(mut call) = kept.data.clone() else { return Value::Null };
    let asks = |name: &str| target.parameter(name) == Some("true");
    rename(&mut call, "participants", "conference_participants");
    rename(&mut call, "call_uuid", "sid");
    for key in OF_THE_EVENT {
        call.remove(key);
    }
    for key in NULL_WHERE_ABSENT {
        call.entry(key).or_insert(Value::Null);
    }
    if !asks("fetch_contact") {
        call.insert("contact".into(), Value::Null);
    }
    if asks("fetch_call_timeline") {
        call.insert("ivr_options_selected".into(), Value::from(kept.chosen.clone()));
    }
    add_links(&mut call, now_ms, base_url, asks("fetch_short_urls"));
    for tag in call.get_mut("tags").and_then(Value::as_array_mut).into_iter().flatten() {
        tag["created_at"] = tag["tagged_at"].clone();
    }
    Value::Object(call)
}

fn add_links(call: &mut Map<String, Value>, now_ms: i64, base_url: &str, short: bool) {
    let id = call.get("id").and_then(Value::as_i64).unwrap_or_default();
    for kind in ["recording", "voicemail"] {
        let exists = call.get(kind).is_some_and(Value::is_string);
        if exists {
            call.insert(kind.into(), Value::from(signed_link(now_ms, kind, id, base_url)));
        }
        if short {
            let url = exists.then(|| format!("https://short-urls.aircall.io/v1/{kind}-{id}"));
            call.insert(format!("{kind}_short_url"), json!(url));
        }
    }
}

fn rename(call: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = call.remove(from) {
        call.insert(to.into(), value);
    }
}
