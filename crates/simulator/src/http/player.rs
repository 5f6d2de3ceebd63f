//! Aircall's side of the wire: plays a history to a webhook URL, repeating what is not answered with 2xx.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::client;
use super::serve::Handle;
use crate::aircall::Step;
use crate::front::{Act, ActError};
use crate::limits::{
    ACTION_POLL_MS, ACTION_QUIET_MS, ACTION_WAIT_MS_MAX, DELIVERY_ATTEMPTS_MAX, DELIVERY_RETRY_MS_MAX,
    DELIVERY_RETRY_MS_MIN,
};

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
    /// Acts of people in Front.
    pub acts: u32,
    /// Acts that never became possible.
    pub acts_refused: u32,
}

/// Posts webhooks like Aircall: each on its own, at its time, again and again until it is taken.
#[derive(Debug, Clone)]
pub struct AircallPlayer {
    url: String,
    pace: Pace,
    client: reqwest::Client,
}

impl AircallPlayer {
    /// A player that posts to `url`.
    ///
    /// # Errors
    /// The error of the HTTP client if it cannot be built.
    pub fn new(url: &str, pace: Pace) -> Result<Self, reqwest::Error> {
        Ok(Self { url: url.to_owned(), pace, client: client()? })
    }

    /// Plays `steps`, which are in the order of time, and returns when every webhook is taken or given up.
    ///
    /// A person in `front` acts when the webhooks before are taken, the conversation is there and Front has been
    /// without requests for a moment; without `front` acts are left out. `on_step` is told of each step.
    pub async fn play(
        &self,
        steps: &[Step],
        front: Option<&Handle>,
        mut on_step: impl FnMut(&Step),
    ) -> PlayReport {
        let mut report = PlayReport::default();
        let mut deliveries = JoinSet::new();
        let mut before_ms = steps.first().map_or(0, Step::at_ms);
        for step in steps {
            sleep(self.pace.pause(step.at_ms() - before_ms)).await;
            before_ms = step.at_ms();
            match (step, front) {
                (Step::Webhook { body, .. }, _) => {
                    deliveries.spawn(self.clone().deliver(body.clone()));
                }
                (Step::FrontAction { act, .. }, Some(front)) => {
                    report.wait_for(&mut deliveries).await;
                    report.add_act(perform(front, act).await);
                }
                (Step::FrontAction { .. }, None) => {}
            }
            on_step(step);
        }
        report.wait_for(&mut deliveries).await;
        report
    }

    /// Returns the number of tries, and whether the last was taken.
    async fn deliver(self, body: String) -> (u32, bool) {
        let mut pause_ms = DELIVERY_RETRY_MS_MIN;
        for attempt in 1..=DELIVERY_ATTEMPTS_MAX {
            let request = self.client.post(&self.url).header("content-type", "application/json");
            match request.body(body.clone()).send().await {
                Ok(answer) if answer.status().is_success() => return (attempt, true),
                Ok(_) | Err(_) => sleep(Duration::from_millis(pause_ms)).await,
            }
            pause_ms = (pause_ms * 2).min(DELIVERY_RETRY_MS_MAX);
        }
        warn!(attempts = DELIVERY_ATTEMPTS_MAX, "aircall webhook given up");
        (DELIVERY_ATTEMPTS_MAX, false)
    }
}

impl PlayReport {
    async fn wait_for(&mut self, deliveries: &mut JoinSet<(u32, bool)>) {
        while let Some(result) = deliveries.join_next().await {
            let (attempts, delivered) = result.unwrap_or((1, false));
            self.repeated += attempts - 1;
            self.delivered += u32::from(delivered);
            self.given_up += u32::from(!delivered);
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
