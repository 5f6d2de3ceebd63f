//! The company's sliding minute.

use super::options::ResetUnit;
use super::{Api, problem};
use crate::front::Response;
use crate::limits::RATE_WINDOW_MS;

impl Api {
    /// Lets a request in and counts it, or refuses it and counts nothing.
    pub(super) fn admit(&mut self, now_ms: i64) -> Result<(), Response> {
        while self.admitted_ms.front().is_some_and(|at| at + RATE_WINDOW_MS <= now_ms) {
            self.admitted_ms.pop_front();
        }
        if self.admitted_ms.len() < self.options.requests_per_minute {
            self.admitted_ms.push_back(now_ms);
            return Ok(());
        }
        let mut refusal = problem(429, "Too Many Requests", "API calls limit reached");
        if self.options.retry_after {
            let wait_s = (self.free_at_ms(now_ms) - now_ms + 999).div_euclid(1000).max(1);
            refusal.headers.push(("retry-after".into(), wait_s.to_string()));
        }
        Err(refusal)
    }

    pub(super) fn rate_headers(&self, now_ms: i64) -> [(String, String); 3] {
        let limit = self.options.requests_per_minute;
        let reset_s = (self.free_at_ms(now_ms) + 999).div_euclid(1000);
        let reset = match self.options.reset_unit {
            ResetUnit::Seconds => reset_s,
            ResetUnit::Milliseconds => reset_s * 1000,
        };
        [
            ("x-aircallapi-limit".into(), limit.to_string()),
            ("x-aircallapi-remaining".into(), limit.saturating_sub(self.admitted_ms.len()).to_string()),
            ("x-aircallapi-reset".into(), reset.to_string()),
        ]
    }

    fn free_at_ms(&self, now_ms: i64) -> i64 {
        self.admitted_ms.front().copied().unwrap_or(now_ms) + RATE_WINDOW_MS
    }
}
