//! What a reader shows of itself: its job, Aircall's webhook, and what is wrong.

use calltrail_aircall_reader::{Gap, SeenNow, Watch};
use calltrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::jobs::JobLine;
use crate::trail::clock_time;

/// What a reader of this process has seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ReaderStatus {
    /// Requests to Aircall since the start.
    pub requests: u64,
    /// Calls that were read into the log since the start.
    pub records: u64,
    /// The job that was worked on last, while it is not over.
    pub job: Option<JobLine>,
    /// Ended calls that no webhook told of, ever.
    pub missed: u64,
    /// Gaps that were recovered, ever.
    pub recoveries: u64,
    /// Times that Aircall's webhook was mended, ever.
    pub webhook_mended: u64,
    /// Aircall's webhook was as it should be when it was last checked. `None` before the first check.
    pub webhook_good: Option<bool>,
    /// What is wrong, in words, with what to do.
    pub conditions: Vec<String>,
}

impl ReaderStatus {
    pub(crate) fn of(seen: &SeenNow, now: Timestamp) -> Self {
        let watch = seen.watch.clone().unwrap_or_default();
        let job = seen.job.as_ref().filter(|job| job.over_at_ms.is_none());
        Self {
            requests: seen.requests,
            records: seen.records,
            job: job.map(|job| JobLine::of(job, now)),
            missed: watch.missed,
            recoveries: watch.recoveries,
            webhook_mended: watch.switched_on,
            webhook_good: seen.watch.as_ref().map(|watch| watch.fault.is_none()),
            conditions: conditions(seen, &watch),
        }
    }

    /// The rows of `calltrail status`.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows: Vec<_> =
            self.conditions.iter().map(|condition| ("aircall", condition.clone())).collect();
        rows.extend(self.job.as_ref().map(|job| ("reading", job.to_string())));
        if self.requests > 0 {
            let read = format!("{} calls in {} requests to Aircall", self.records, self.requests);
            rows.push(("read", read));
        }
        if self.missed + self.recoveries + self.webhook_mended > 0 {
            let Self { missed, recoveries, webhook_mended, .. } = self;
            rows.push((
                "recovered",
                format!("{recoveries} gaps, {missed} calls without a webhook; webhook mended {webhook_mended} times"),
            ));
        }
        rows
    }
}

fn conditions(seen: &SeenNow, watch: &Watch) -> Vec<String> {
    let since = |ms: i64| clock_time(Timestamp::from_millis(ms));
    let fault = watch.fault.as_ref().map(|fault| {
        format!("{}, since {} UTC; run `calltrail webhook register`", fault.what, since(fault.since_ms))
    });
    let gap = watch.gap.as_ref().map(gap_words);
    let trouble = seen
        .trouble
        .as_ref()
        .map(|(at, why)| format!("the webhook cannot be checked, since {} UTC: {why}", clock_time(*at)));
    let failing = seen.job.as_ref().and_then(|job| {
        let trouble = job.trouble.as_ref()?;
        Some(format!("job {} waits, since {} UTC: {}", job.id, since(trouble.since_ms), trouble.why))
    });
    fault.into_iter().chain(gap).chain(trouble).chain(failing).collect()
}

fn gap_words(gap: &Gap) -> String {
    let from = jiff::Timestamp::from_second(gap.from_s).unwrap_or_default();
    format!("webhooks were missed; run `calltrail recover --since {from}`")
}
