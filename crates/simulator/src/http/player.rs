//! Plays a history: Aircall's events and people's acts happen at their times, at any speed.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::aircall::AircallHandle;
use super::clock::Clock;
use super::deliver::Company;
use super::serve::Handle;
use crate::aircall::{Api, ApiOptions, DeliveryCounts, Patience, Step};
use crate::front::{Act, ActError};
use crate::limits::{ACTION_POLL_MS, ACTION_QUIET_MS, ACTION_WAIT_MS_MAX, PUSH_POLL_MS};

/// How a history's time becomes real time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Seconds of the history in one real second.
    pub speed: f64,
    /// No pause between two steps is longer than this, in real milliseconds.
    pub gap_ms_max: u64,
}

impl Pace {
    fn pause(&self, gap_ms: i64) -> Duration {
        let pause_ms = (gap_ms as f64 / self.speed).min(self.gap_ms_max as f64).max(0.0);
        Duration::from_secs_f64(pause_ms / 1000.0)
    }
}

/// What was played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlayReport {
    /// Webhooks that were answered with 2xx.
    pub delivered: u32,
    /// Deliveries that were not, and were made again.
    pub repeated: u32,
    /// Webhooks that never were.
    pub given_up: u32,
    /// Events that no webhook was posted for, because it was off.
    pub unsent: u32,
    /// Acts of people in Front.
    pub acts: u32,
    /// Acts that never became possible.
    pub acts_refused: u32,
}

/// Lets a history happen at an Aircall, whose webhooks are posted, retried and switched off as [`Patience`] says.
#[derive(Debug, Clone)]
pub struct AircallPlayer {
    company: Company,
    pace: Pace,
}

impl AircallPlayer {
    /// A player of an Aircall of its own, with one webhook to `url` that is never switched off. Must be called inside a runtime.
    ///
    /// # Errors
    /// The error of the HTTP client if it cannot be built.
    pub fn new(url: &str, pace: Pace) -> Result<Self, reqwest::Error> {
        let mut api = Api::new(ApiOptions { patience: Patience::played(), ..ApiOptions::default() });
        api.connect_webhook(url);
        Ok(Self { company: Company::posting(api, Clock::system())?, pace })
    }

    /// A player of a served Aircall, with the webhooks and the patience that this one has.
    #[must_use]
    pub fn of(aircall: &AircallHandle, pace: Pace) -> Self {
        Self { company: aircall.company(), pace }
    }

    /// Plays `steps`, which are in the order of time, and returns when every webhook is taken or given up.
    ///
    /// A person in `front` acts when the webhooks before are taken, unless one is off, the conversation is there and Front has
    /// been without requests for a moment; without `front` acts are left out. `on_step` is told of each step.
    pub async fn play(
        &self,
        steps: &[Step],
        front: Option<&Handle>,
        mut on_step: impl FnMut(&Step),
    ) -> PlayReport {
        let before = self.company.api(|api| api.delivery_counts());
        let mut report = PlayReport::default();
        let mut before_ms = steps.first().map_or(0, Step::at_ms);
        for step in steps {
            sleep(self.pace.pause(step.at_ms() - before_ms)).await;
            before_ms = step.at_ms();
            match (step, front) {
                (Step::Webhook { body, .. }, _) => {
                    let now_ms = self.company.now_ms();
                    self.company.api(|api| api.happen(now_ms, body));
                }
                (Step::FrontAction { act, .. }, Some(front)) => {
                    self.wait_until(|api| api.deliveries_open() == 0 || has_webhook_off(api)).await;
                    report.add_act(perform(front, act).await);
                }
                (Step::FrontAction { .. }, None) => {}
            }
            on_step(step);
        }
        self.wait_until(|api| api.deliveries_open() == 0).await;
        report.add_deliveries(before, self.company.api(|api| api.delivery_counts()));
        report
    }

    async fn wait_until(&self, is_so: impl Fn(&Api) -> bool) {
        while !self.company.api(|api| is_so(api)) {
            sleep(Duration::from_millis(PUSH_POLL_MS)).await;
        }
    }
}

fn has_webhook_off(api: &Api) -> bool {
    api.webhooks().iter().any(|webhook| !webhook.active)
}

impl PlayReport {
    fn add_deliveries(&mut self, before: DeliveryCounts, after: DeliveryCounts) {
        self.delivered = after.delivered - before.delivered;
        self.repeated = after.repeated - before.repeated;
        self.given_up = after.given_up - before.given_up;
        self.unsent = after.unsent - before.unsent;
        if self.given_up + self.unsent > 0 {
            warn!(given_up = self.given_up, unsent = self.unsent, "aircall webhooks lost");
        }
    }

    fn add_act(&mut self, result: Result<String, ActError>) {
        match result {
            Ok(_) => self.acts += 1,
            Err(error) => {
                self.acts_refused += 1;
                warn!(%error, "act in front refused");
            }
        }
    }
}

/// Waits for a quiet Front in which the act is possible.
async fn perform(front: &Handle, act: &Act) -> Result<String, ActError> {
    let deadline = Instant::now() + Duration::from_millis(ACTION_WAIT_MS_MAX);
    let mut seen = front.front(|model| model.requests_seen());
    let mut quiet_since = Instant::now();
    loop {
        sleep(Duration::from_millis(ACTION_POLL_MS)).await;
        let is_late = Instant::now() >= deadline;
        let requests = front.front(|model| model.requests_seen());
        if requests != seen {
            (seen, quiet_since) = (requests, Instant::now());
        }
        if quiet_since.elapsed() < Duration::from_millis(ACTION_QUIET_MS) && !is_late {
            continue;
        }
        let now_ms = front.clock().now_ms();
        match front.front(|model| model.act(now_ms, act)) {
            Err(ActError::NoConversation) if !is_late => {}
            result => return result,
        }
    }
}
