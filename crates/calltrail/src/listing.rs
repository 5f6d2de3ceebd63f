//! Aircall's list of calls, as commands read it by themselves: slowly, and past the end of what one query lists.

use std::time::Duration;

use calltrail_aircall::rest::{CallsAsk, CallsPage, Client, ReadCall, RestError};
use calltrail_aircall_reader::limits::LISTED_MAX;
use calltrail_domain::time::Timestamp;

/// How much of the list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// The first page of each window, as an example.
    First,
    All,
}

/// What Aircall lists.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// How many calls it says there are.
    pub(crate) total: u64,
    pub(crate) requests: u64,
    pub(crate) calls: Vec<ReadCall>,
}

/// Lists the calls that began from one moment until another. Windows are halved until Aircall lists all of their calls, as the
/// reader does. `per_minute` requests are sent; `progress` hears how many calls were read, of how many.
pub(crate) async fn list(
    client: &Client,
    (from, to): (Timestamp, Timestamp),
    pages: Pages,
    per_minute: u64,
    mut progress: impl FnMut(u64, u64),
) -> Result<Listing, RestError> {
    let pause = Duration::from_secs(60) / u32::try_from(per_minute.max(1)).unwrap_or(u32::MAX);
    let mut listing = Listing::default();
    let mut asks = vec![CallsAsk { from, to, page: None }];
    while let Some(ask) = asks.pop() {
        if listing.requests > 0 {
            tokio::time::sleep(pause).await;
        }
        listing.requests += 1;
        let CallsPage { calls, total, next, .. } = match client.calls(&ask).await.result {
            Err(RestError::TooMany { retry_after }) => {
                tokio::time::sleep(retry_after).await;
                asks.push(ask);
                continue;
            }
            answered => answered?,
        };
        let total = total.unwrap_or(calls.len() as u64);
        let middle = Timestamp::from_seconds((ask.from.as_seconds() + ask.to.as_seconds()) / 2);
        if ask.page.is_none() {
            if total >= LISTED_MAX && middle > ask.from {
                let half = |from, to| CallsAsk { from, to, page: None };
                asks.extend([half(middle, ask.to), half(ask.from, middle)]);
                continue;
            }
            listing.total += total;
        }
        listing.calls.extend(calls);
        progress(listing.calls.len() as u64, listing.total);
        if let Some(next) = next.filter(|_| pages == Pages::All) {
            asks.push(CallsAsk { page: Some(next), ..ask });
        }
    }
    // Windows share their ends.
    listing.calls.sort_by_key(|call| (call.started_at, call.id));
    listing.calls.dedup_by_key(|call| call.id);
    Ok(listing)
}
