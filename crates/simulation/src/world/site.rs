//! What a seed makes of an account's Aircall and its reader, in a run in which the receivers go away.

use std::sync::Arc;
use std::time::Duration;

use calltrail_aircall_reader::{Rate, Recovery, Settings};
use calltrail_simulator::aircall::{Api, ApiOptions, Patience};

use super::company::Company;
use crate::dice::Dice;
use crate::limits::{FIRST_CALL, HISTORY_STARTS_S};

/// Where Aircall posts to.
pub(crate) const WEBHOOK_URL: &str = "https://calls.example.com/webhooks/aircall";

/// An account's Aircall, and when Calltrail comes to it.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// How many times faster than documented Aircall loses its patience.
    times_faster: i64,
    pub(crate) success_switches_on: bool,
    page_entries: usize,
    pub(crate) requests_per_minute: u32,
    check_every_s: u64,
    pub(crate) history_after_s: u64,
    /// The webhook is made then: calls before it are history, for whoever asks.
    pub(crate) installed_ms: i64,
    /// Somebody asks for that history then.
    pub(crate) asked_at_ms: Option<i64>,
}

impl Site {
    pub(crate) fn draw(dice: &mut Dice, company: &Company) -> Self {
        let first = usize::try_from(dice.between(2, 4)).unwrap_or(2) * company.calls / 13;
        let installed = company.started_ms(FIRST_CALL + first as u64) - 1_000;
        Self {
            times_faster: dice.pick(&[100, 150, 240]),
            success_switches_on: dice.percent(50),
            page_entries: 2 + dice.place(3),
            requests_per_minute: dice.pick(&[15, 20, 30]),
            check_every_s: dice.pick(&[60, 90, 120]),
            history_after_s: dice.pick(&[500, 900, 1_500, 72 * 3_600]),
            installed_ms: installed.max(HISTORY_STARTS_S * 1_000),
            asked_at_ms: dice.percent(75).then(|| installed + dice.between(60_000, 1_500_000)),
        }
    }

    pub(crate) fn api(&self) -> Api {
        let mut patience = Patience::default().scaled(self.times_faster);
        patience.success_switches_on = self.success_switches_on;
        Api::new(ApiOptions {
            requests_per_minute: 2 * self.requests_per_minute as usize,
            page_entries_max: self.page_entries,
            patience,
            ..ApiOptions::default()
        })
    }

    pub(crate) fn settings(&self, company: &Company) -> Arc<Settings> {
        Arc::new(Settings {
            account: company.account(),
            rate: Rate::RequestsPerMinute(self.requests_per_minute),
            alone: false,
            recovery: Recovery::Automatic,
            check_every: Some(self.check_every()),
            history_after: Duration::from_secs(self.history_after_s),
            webhook_url: Some(WEBHOOK_URL.to_owned()),
        })
    }

    pub(crate) fn check_every(&self) -> Duration {
        Duration::from_secs(self.check_every_s)
    }
}
