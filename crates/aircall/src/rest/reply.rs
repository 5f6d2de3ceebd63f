//! Aircall's answers, typed: only what is used, and lenient about the rest.

use std::collections::BTreeMap;

use calltrail_domain::ids::{CallId, LineId};
use calltrail_domain::time::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::lenient;
use crate::moment::Moment;

/// A user: an agent who makes and takes calls.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    #[serde(default, deserialize_with = "lenient::id")]
    pub id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub email: Option<String>,
}

/// A number of the company, by its id and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: LineId,
    pub name: Option<String>,
}

/// A webhook as Aircall keeps it.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// A UUID; of older webhooks a number.
    pub id: String,
    pub url: String,
    /// False when an administrator or Aircall itself has switched it off.
    pub active: bool,
    pub events: Vec<String>,
    /// What every body carries. Its `Debug` shows nothing.
    pub token: Option<SecretString>,
    /// When it was made, if Aircall says so.
    pub created_at: Option<Timestamp>,
}

/// A call, as far as its audio goes.
#[derive(Debug, Clone)]
pub struct Call {
    pub id: CallId,
    /// A signed link that dies after an hour; whoever has it may listen. Its `Debug` shows nothing.
    pub recording: Option<SecretString>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({:?})", self.id)
    }
}

/// One page of a list, and whether another one follows.
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    pub(super) has_next: bool,
}

/// How a list names its entries, and how one of them is read.
pub(super) trait Listed: Sized {
    const KEY: &'static str;
    type Wire: DeserializeOwned;

    /// Nothing for an entry that cannot be told from others.
    fn read(wire: Self::Wire) -> Option<Self>;
}

impl Listed for User {
    const KEY: &'static str = "users";
    type Wire = Self;

    fn read(wire: Self) -> Option<Self> {
        Some(wire)
    }
}

impl Listed for Line {
    const KEY: &'static str = "numbers";
    type Wire = WireLine;

    fn read(wire: WireLine) -> Option<Self> {
        Some(Self { id: LineId(wire.id?), name: wire.name })
    }
}

impl Listed for Webhook {
    const KEY: &'static str = "webhooks";
    type Wire = WireWebhook;

    fn read(wire: WireWebhook) -> Option<Self> {
        wire.read()
    }
}

#[derive(Deserialize)]
pub(super) struct WireLine {
    #[serde(default, deserialize_with = "lenient::id")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireWebhook {
    #[serde(default, deserialize_with = "lenient::text")]
    webhook_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    url: Option<String>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default, deserialize_with = "lenient::names")]
    events: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient::text")]
    token: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    created_at: Moment,
}

impl WireWebhook {
    fn read(self) -> Option<Webhook> {
        Some(Webhook {
            id: self.webhook_id.or(self.id)?,
            url: self.url?,
            active: self.active.unwrap_or(false),
            events: self.events.unwrap_or_default(),
            token: self.token.map(Into::into),
            created_at: self.created_at.at(),
        })
    }
}

/// Reads one page of a list; nothing when the list is not there. An entry that cannot be read is left out.
pub(super) fn page<T: Listed>(body: &[u8]) -> Option<Page<T>> {
    #[derive(Default, Deserialize)]
    struct Meta {
        #[serde(default, deserialize_with = "lenient::present")]
        next_page_link: bool,
    }
    let body: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let entries: Vec<&RawValue> = serde_json::from_str(body.get(T::KEY)?.get()).ok()?;
    let meta: Meta =
        body.get("meta").and_then(|meta| serde_json::from_str(meta.get()).ok()).unwrap_or_default();
    let read = |entry: &RawValue| T::read(lenient::of_fields(lenient::fields(entry.get())?)?);
    Some(Page { entries: entries.into_iter().filter_map(read).collect(), has_next: meta.next_page_link })
}

/// Reads `{"webhook": …}`.
pub(super) fn webhook(body: &[u8]) -> Option<Webhook> {
    enclosed::<WireWebhook>(body, "webhook")?.read()
}

/// Reads `{"call": …}`.
pub(super) fn call(body: &[u8]) -> Option<Call> {
    #[derive(Deserialize)]
    struct WireCall {
        #[serde(default, deserialize_with = "lenient::id")]
        id: Option<u64>,
        #[serde(default, deserialize_with = "lenient::text")]
        recording: Option<String>,
    }
    let WireCall { id, recording } = enclosed(body, "call")?;
    Some(Call { id: CallId(id?), recording: recording.map(Into::into) })
}

fn enclosed<T: DeserializeOwned>(body: &[u8], key: &str) -> Option<T> {
    let body: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    lenient::of_fields(lenient::fields(body.get(key)?.get())?)
}

/// True for `{"ping": "pong"}`.
pub(super) fn is_pong(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|body| body["ping"] == "pong")
}
