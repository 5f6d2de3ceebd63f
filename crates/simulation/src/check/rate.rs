//! No more requests than Calltrail may send, in any minute and to any resource.

use std::collections::{BTreeMap, VecDeque};

use super::Findings;
use super::limits::{BURST_MS, BURST_WRITES_MAX, MINUTE_MS};
use super::view::{AccountView, View};
use crate::evidence::Sent;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for account in &view.accounts {
        judge(account, findings);
    }
}

fn judge(account: &AccountView<'_>, findings: &mut Findings) {
    let limit = account.evidence.requests_per_minute;
    let mut minute = Window::new(MINUTE_MS, limit);
    let mut bursts: BTreeMap<&str, Window> = BTreeMap::new();
    for request in &account.evidence.front.requests {
        let is_refused = request.status == Some(429);
        findings.tallies().refused_429 += u64::from(is_refused && request.fault.is_none());
    }
    let mut sent: Vec<_> = account.evidence.sent.iter().collect();
    sent.sort_by_key(|request| request.at_ms);
    for Sent { at_ms, method, path } in sent {
        if let Some(count) = minute.take(*at_ms) {
            findings.of(
                account.id,
                format!("{count} requests in the minute before {at_ms}, {limit} are allowed"),
            );
        }
        let Some(resource) = resource(method, path) else { continue };
        let burst = bursts.entry(resource).or_insert_with(|| Window::new(BURST_MS, BURST_WRITES_MAX));
        if let Some(count) = burst.take(*at_ms) {
            let kind = resource.split('/').next().unwrap_or_default();
            findings.of(account.id, format!("{count} writes to one of {kind} in the second before {at_ms}"));
        }
    }
}

/// Writes count per first two parts of the path, as the simulated Front counts them.
fn resource<'a>(method: &str, path: &'a str) -> Option<&'a str> {
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let end = path.match_indices('/').nth(1).map_or(path.len(), |(end, _)| end);
    (method != "GET" && !path.is_empty()).then(|| &path[..end])
}

/// The times in the last so many milliseconds, the far end left out.
pub(super) struct Window {
    span_ms: i64,
    limit: usize,
    times: VecDeque<i64>,
    is_over: bool,
}

impl Window {
    pub(super) fn new(span_ms: i64, limit: usize) -> Self {
        Self { span_ms, limit, times: VecDeque::new(), is_over: false }
    }

    /// How many there are, when that becomes too many.
    pub(super) fn take(&mut self, at_ms: i64) -> Option<usize> {
        while self.times.front().is_some_and(|time| time + self.span_ms <= at_ms) {
            self.times.pop_front();
        }
        self.times.push_back(at_ms);
        let was_over = std::mem::replace(&mut self.is_over, self.times.len() > self.limit);
        (self.is_over && !was_over).then_some(self.times.len())
    }
}
