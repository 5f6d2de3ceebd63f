//! What goes wrong on the way to Front and back.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// One thing that goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection closes; the request was not applied.
    LostBefore,
    /// The connection closes; the request was applied.
    LostAfter,
    /// 500; the request was not applied.
    ErrorBefore,
    /// 500; the request was applied.
    ErrorAfter,
    /// The request is applied and the answer takes [`Faults::slow_ms`].
    Slow,
    /// A proxy answers with an HTML page of this status; the request was not applied.
    PageBefore(u16),
    /// The same; the request was applied.
    PageAfter(u16),
}

/// Chances of faults in thousandths, drawn per request, and the outage switch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Front is down: every connection closes without an answer and nothing is applied.
    pub down: bool,
    /// Reads stay whole; only writes meet the faults below.
    pub writes_only: bool,
    /// Chance of [`Fault::LostBefore`].
    pub lost_before_permille: u16,
    /// Chance of [`Fault::LostAfter`].
    pub lost_after_permille: u16,
    /// Chance of [`Fault::ErrorBefore`].
    pub error_before_permille: u16,
    /// Chance of [`Fault::ErrorAfter`].
    pub error_after_permille: u16,
    /// Chance of [`Fault::Slow`].
    pub slow_permille: u16,
    /// How long a slow answer takes.
    pub slow_ms: u64,
    /// Chance of [`Fault::PageBefore`].
    pub page_before_permille: u16,
    /// Chance of [`Fault::PageAfter`].
    pub page_after_permille: u16,
    /// The status of such pages.
    pub page_status: u16,
}

impl Faults {
    pub(super) fn draw(&self, method: &str, chance: &mut Random) -> Option<Fault> {
        if self.writes_only && method == "GET" {
            return None;
        }
        let table = [
            (self.lost_before_permille, Fault::LostBefore),
            (self.lost_after_permille, Fault::LostAfter),
            (self.error_before_permille, Fault::ErrorBefore),
            (self.error_after_permille, Fault::ErrorAfter),
            (self.slow_permille, Fault::Slow),
            (self.page_before_permille, Fault::PageBefore(self.page_status)),
            (self.page_after_permille, Fault::PageAfter(self.page_status)),
        ];
        table
            .into_iter()
            .find(|(permille, _)| *permille > 0 && chance.permille(*permille))
            .map(|(_, fault)| fault)
    }
}

/// A fault for the next requests that match, before any chance is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// The method it waits for.
    pub method: String,
    /// A part of the path it waits for.
    pub path_contains: String,
    /// What goes wrong.
    pub fault: Fault,
    /// With how many requests.
    pub times: u32,
}

impl PlannedFault {
    pub(super) fn matches(&self, method: &str, path: &str) -> bool {
        self.times > 0 && self.method == method && path.contains(&self.path_contains)
    }
}
