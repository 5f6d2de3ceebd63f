//! Calls as the API shows them: page by page, or one by its id.

use std::collections::BTreeMap;

use calltrail_domain::ids::{CallId, PhoneNumber};
use calltrail_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::facts::is_over;
use crate::lenient;
use crate::limits::PAGE_ENTRIES;
use crate::payload;
use crate::receive::outside_number;
use crate::surrogate::repaired;

/// What is asked for with each call: the person at the other end, and the menu options with their times.
const WITH: &str = "fetch_contact=true&fetch_call_timeline=true";

/// Which calls are asked for: those that began from `from` until `to`, the oldest first. Whether Aircall takes the ends
/// in, and whether it goes by the start or the creation of a call, is not documented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallsAsk {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Where the page before led to.
    pub page: Option<NextPage>,
}

/// The path and query of the next page, as Aircall gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage(String);

impl NextPage {
    /// Reads what [`Self::as_str`] wrote.
    #[must_use]
    pub fn new(path_and_query: impl Into<String>) -> Self {
        Self(path_and_query.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One page of the list of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallsPage {
    pub calls: Vec<ReadCall>,
    /// Entries from which no call could be read.
    pub unreadable: u64,
    /// How many calls the whole list has, as Aircall says.
    pub total: Option<u64>,
    /// `None` on the last page.
    pub next: Option<NextPage>,
}

/// A call, as far as it is read when it arrives.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadCall {
    pub id: CallId,
    /// The outside number; `None` when it was withheld or cannot be read.
    pub number: Option<PhoneNumber>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub is_over: bool,
    /// The call object as received.
    pub body: String,
}

impl std::fmt::Debug for ReadCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReadCall({})", self.id)
    }
}

impl CallsAsk {
    /// The path and query of the request. The link of the page before is followed by its path and query alone: the
    /// credential goes nowhere but to the configured address.
    #[must_use]
    pub fn path(&self) -> String {
        let (from, to) = (self.from.as_seconds(), self.to.as_seconds());
        match &self.page {
            Some(NextPage(path)) => path.clone(),
            None => format!("/v1/calls?from={from}&to={to}&order=asc&per_page={PAGE_ENTRIES}&{WITH}"),
        }
    }
}

/// The path and query of a request for one call.
#[must_use]
pub fn call_path(id: CallId) -> String {
    format!("/v1/calls/{id}?{WITH}")
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default, deserialize_with = "lenient::text")]
    next_page_link: Option<String>,
    #[serde(default, deserialize_with = "lenient::id")]
    total: Option<u64>,
}

/// Reads one page; nothing when the list is not there.
pub(super) fn page(body: &[u8]) -> Option<CallsPage> {
    let body: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let entries: Vec<&RawValue> = serde_json::from_str(body.get("calls")?.get()).ok()?;
    let meta: Meta =
        body.get("meta").and_then(|meta| serde_json::from_str(meta.get()).ok()).unwrap_or_default();
    let calls: Vec<_> = entries.iter().filter_map(|entry| read(entry.get())).collect();
    Some(CallsPage {
        unreadable: (entries.len() - calls.len()) as u64,
        calls,
        total: meta.total,
        next: meta.next_page_link.and_then(|link| path_and_query(&link)).map(NextPage),
    })
}

/// Reads `{"call": …}`.
pub(super) fn call(body: &[u8]) -> Option<ReadCall> {
    let body: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    read(body.get("call")?.get())
}

fn read(text: &str) -> Option<ReadCall> {
    let call = payload::Call::of_text(&repaired(text))?;
    Some(ReadCall {
        id: CallId(call.id()?),
        number: outside_number(&call),
        started_at: call.started_at.at(),
        ended_at: call.ended_at.at(),
        is_over: is_over(&call),
        body: text.to_owned(),
    })
}

/// What follows the host of a link; a link that leads elsewhere than to the calls is none.
fn path_and_query(link: &str) -> Option<String> {
    let url = reqwest::Url::parse(link).ok()?;
    let query = url.query()?;
    (url.path() == "/v1/calls").then(|| format!("/v1/calls?{query}"))
}
