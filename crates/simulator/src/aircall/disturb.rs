//! What the network and Aircall's delivery do to an orderly history.

use super::Step;
use crate::random::Random;

/// How much is disturbed; chances in thousandths per webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disturbance {
    /// A webhook is delivered twice.
    pub duplicate_permille: u16,
    /// A webhook comes late, by up to `delay_ms_max`; so it changes places with those after it.
    pub delay_permille: u16,
    /// The longest delay, of late webhooks and of second deliveries.
    pub delay_ms_max: u64,
}

/// The same history with late and second deliveries, in the order of the new times. Acts keep their times.
#[must_use]
pub fn disturb(seed: u64, steps: &[Step], disturbance: &Disturbance) -> Vec<Step> {
    let mut random = Random::new(seed);
    let mut disturbed = Vec::with_capacity(steps.len());
    for step in steps {
        let Step::Webhook { at_ms, body } = step else {
            disturbed.push(step.clone());
            continue;
        };
        let mut later = |chance: u16| {
            random.permille(chance).then(|| {
                let delay_ms = random.between(1, disturbance.delay_ms_max);
                Step::Webhook { at_ms: at_ms.saturating_add_unsigned(delay_ms), body: body.clone() }
            })
        };
        disturbed.push(later(disturbance.delay_permille).unwrap_or_else(|| step.clone()));
        disturbed.extend(later(disturbance.duplicate_permille));
    }
    disturbed.sort_by_key(Step::at_ms);
    disturbed
}
