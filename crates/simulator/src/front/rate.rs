//! Front's two rate limits: the company's sliding minute, and the burst per resource.

use std::collections::{BTreeMap, VecDeque};

use super::options::Behaviour;
use super::wire::{Reply, Target};
use crate::limits::{BURST_REQUESTS_MAX, BURST_WINDOW_MS, RATE_WINDOW_MS};

/// The times of the requests that were let in.
#[derive(Debug, Clone, Default)]
pub(super) struct Rate {
    company: VecDeque<i64>,
    resources: BTreeMap<String, VecDeque<i64>>,
}

impl Rate {
    /// Lets a request in and counts it, or refuses it and counts nothing.
    pub(super) fn admit(
        &mut self,
        now_ms: i64,
        behaviour: &Behaviour,
        method: &str,
        target: &Target,
    ) -> Result<(), Reply> {
        self.forget(now_ms);
        let limit = behaviour.requests_per_minute as usize;
        if self.company.len() >= limit {
            let free_at = self.company.get(self.company.len() - limit).copied().unwrap_or(now_ms);
            return Err(refused(free_at + RATE_WINDOW_MS - now_ms, None));
        }
        let resource = behaviour.burst_limit.then(|| burst_resource(method, target)).flatten();
        if let Some(resource) = resource {
            let times = self.resources.entry(resource).or_default();
            if times.len() >= BURST_REQUESTS_MAX {
                let oldest = times.front().copied().unwrap_or(now_ms);
                return Err(refused(oldest + BURST_WINDOW_MS - now_ms, Some("2")));
            }
            times.push_back(now_ms);
        }
        self.company.push_back(now_ms);
        Ok(())
    }

    /// The headers that every answer carries.
    pub(super) fn headers(&self, now_ms: i64, behaviour: &Behaviour) -> Vec<(String, String)> {
        let limit = behaviour.requests_per_minute as usize;
        let oldest = self.company.front().copied().unwrap_or(now_ms);
        let reset_s = (oldest + RATE_WINDOW_MS + 999).div_euclid(1000);
        vec![
            ("x-ratelimit-limit".into(), limit.to_string()),
            ("x-ratelimit-remaining".into(), limit.saturating_sub(self.company.len()).to_string()),
            ("x-ratelimit-reset".into(), reset_s.to_string()),
        ]
    }

    fn forget(&mut self, now_ms: i64) {
        let expire = |times: &mut VecDeque<i64>, window_ms: i64| {
            while times.front().is_some_and(|at| at + window_ms <= now_ms) {
                times.pop_front();
            }
        };
        expire(&mut self.company, RATE_WINDOW_MS);
        for times in self.resources.values_mut() {
            expire(times, BURST_WINDOW_MS);
        }
        self.resources.retain(|_, times| !times.is_empty());
    }
}

/// Writes count per conversation, per inbox for imports, per contact; creations of contacts share one count.
fn burst_resource(method: &str, target: &Target) -> Option<String> {
    if method == "GET" {
        return None;
    }
    let id = target.segments.get(1).map_or("", String::as_str);
    target.segments.first().map(|kind| format!("{kind}/{id}"))
}

fn refused(wait_ms: i64, tier: Option<&str>) -> Reply {
    let what = tier.map_or_else(String::new, |tier| format!(" for tier-{tier} route"));
    let mut reply =
        Reply::too_many(format!("Rate limit exceeded{what}. Please retry in {wait_ms} milliseconds."));
    let wait_s = (wait_ms + 999).div_euclid(1000).max(1);
    reply.headers.push(("retry-after".into(), wait_s.to_string()));
    if let Some(tier) = tier {
        reply.headers.push(("x-front-tier".into(), tier.into()));
    }
    reply
}
