//! `/metrics` of a running program, beside what `calltrail status` says and what the page of metrics lists.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::Value;

use super::site::Site;
use crate::workspace::root;

/// Sums of samples, by the metric's name without `calltrail_`, and each sample with its labels.
#[derive(Debug, Default)]
pub(super) struct Scraped {
    pub(super) samples: BTreeMap<String, f64>,
    /// `counter` or `gauge`, by the metric's name.
    pub(super) kinds: BTreeMap<String, String>,
}

impl Scraped {
    /// What a process answers; every line must be one that Prometheus reads.
    pub(super) async fn of(operator_at: SocketAddr) -> Self {
        let answer = reqwest::get(format!("http://{operator_at}/metrics")).await.expect("it answers");
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let text = answer.text().await.expect("a text");
        let mut scraped = Self::default();
        for line in text.lines() {
            scraped.take(line);
        }
        scraped
    }

    #[track_caller]
    fn take(&mut self, line: &str) {
        if let Some(typed) = line.strip_prefix("# TYPE calltrail_") {
            let (name, kind) = typed.split_once(' ').expect("a name and a type");
            self.kinds.insert(name.to_owned(), kind.to_owned());
            return;
        }
        if line.starts_with("# HELP calltrail_") {
            return;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line:?}"));
        let value: f64 = value.parse().unwrap_or_else(|e| panic!("{e}: {line:?}"));
        let sample = sample.strip_prefix("calltrail_").unwrap_or_else(|| panic!("no prefix in {line:?}"));
        let name = sample.split('{').next().unwrap_or_default();
        assert!(self.kinds.contains_key(name), "{name} has no type before its first sample");
        assert!(value >= 0.0, "{line:?}");
        assert!(self.samples.insert(sample.to_owned(), value).is_none(), "{sample} is there twice");
    }

    /// The sum of all samples of a metric.
    pub(super) fn number(&self, name: &str) -> f64 {
        let of_it = self.samples.iter().filter(|(sample, _)| sample.split('{').next() == Some(name));
        of_it.map(|(_, value)| value).sum()
    }

    #[track_caller]
    pub(super) fn check(&self, sample: &str, expect: &Value) {
        let found = self.samples.get(sample).copied();
        assert_eq!(found, expect.as_f64(), "{sample} in {:#?}", self.samples);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_the_numbers_of_the_status() {
    let (site, up, _) = Site::with_calls(3).await;
    let (status, scraped) = (site.status().await, Scraped::of(up.operator_at()).await);
    let account = &status["accounts"]["acme"];
    let live = &account["live"];
    for (sample, expect) in [
        ("projector_checkpoint", &status["folded"]),
        ("log_tail", &status["records"]),
        ("calls_waiting{account=\"acme\"}", &account["waiting_calls"]),
        ("effects_pending{account=\"acme\"}", &account["pending_effects"]),
        ("effects_rejected{account=\"acme\"}", &account["rejected"]),
        ("webhooks_received_total{account=\"acme\"}", &live["webhooks"]["received"]),
        ("webhooks_stored_total{account=\"acme\"}", &live["webhooks"]["stored"]),
        ("claim_takeovers_total{account=\"acme\"}", &live["takeovers"]),
        ("fence_conflicts_total{account=\"acme\"}", &live["conflicts"]),
        ("duplicate_comments_total{account=\"acme\"}", &live["duplicate_comments"]),
        ("newer_fence_items_total{account=\"acme\"}", &live["newer_fences"]),
        ("ready", &1.into()),
        ("projector_caught_up", &1.into()),
        ("policy_differs{account=\"acme\"}", &0.into()),
        (concat!("build_info{version=\"", env!("CARGO_PKG_VERSION"), "\",role=\"up\"}"), &1.into()),
    ] {
        scraped.check(sample, expect);
    }
    let named = |counts: &Value| counts.as_object().expect("counts").clone();
    for (outcome, count) in named(&live["outcomes"]) {
        scraped.check(&format!("effects_settled_total{{account=\"acme\",outcome=\"{outcome}\"}}"), &count);
    }
    for (reason, count) in named(&live["releases"]) {
        scraped.check(&format!("items_released_total{{account=\"acme\",reason=\"{reason}\"}}"), &count);
    }
    let requests = named(&live["requests"]);
    assert!(!requests.is_empty(), "no request was counted");
    for (what, count) in requests {
        let (kind, answer) = what.split_once(' ').expect("a kind and an answer");
        let labels = format!("account=\"acme\",kind=\"{kind}\",answer=\"{answer}\"");
        scraped.check(&format!("front_requests_total{{{labels}}}"), &count);
    }
    up.terminated().await.with_code(0);
}

/// The names and types of the metrics that the page lists.
pub(super) fn documented() -> BTreeMap<String, String> {
    let page = std::fs::read_to_string(root().join("docs/METRICS.md")).expect("the page of metrics");
    let row = |line: &str| {
        let (name, rest) = line.strip_prefix("| `calltrail_")?.split_once("` | ")?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    };
    page.lines().filter_map(row).collect()
}

/// Served only while an operator has something to repair, where a token was learned from Aircall, and where the log is a file.
const NOT_ALWAYS_SERVED: [&str; 3] = ["operator_condition_seconds", "webhook_token_trouble", "disk_short"];

/// Fails when the page and all that was served are not the same.
#[track_caller]
pub(super) fn check_documented(served: &[Scraped]) {
    let served: BTreeMap<_, _> = served.iter().flat_map(|scraped| scraped.kinds.clone()).collect();
    let mut documented = documented();
    documented.retain(|name, _| served.contains_key(name) || !NOT_ALWAYS_SERVED.contains(&name.as_str()));
    let names = |metrics: &BTreeMap<String, String>| metrics.keys().cloned().collect::<BTreeSet<_>>();
    let (page, all) = (names(&documented), names(&served));
    let differ: Vec<_> = page.symmetric_difference(&all).collect();
    assert!(differ.is_empty(), "on the page or served, and not both: {differ:?}");
    assert_eq!(documented, served, "the page gives another type (left) than is served (right)");
}
