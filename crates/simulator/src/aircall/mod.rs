//! Aircall as a source of webhooks: calls are scripted, and come out as bodies in the shapes that were captured. Its REST
//! API is a model of its own, [`Api`].
//!
//! **Invariant:** nothing here reads a clock or a socket; the same script and seed give the same bodies.
//!
//! # Rules, and how sure they are
//!
//! | rule | how sure |
//! |---|---|
//! | body keys, call object, absent `user` on unanswered inbound calls, null `voicemail` until the end | captured |
//! | `call.created` and `call.ringing_on_agent` share a second; `call.ended` 30 s after `call.hungup` | captured |
//! | `call.voicemail_left` 3 s after `call.ended`, with another signed link; the missed reason stays | captured |
//! | `asset` on `call.ended` | captured for voicemail, assumed for recordings |
//! | a lasting link that comes late comes with `call.comm_assets_generated` | assumed from its name |
//! | a failed transfer sets `transferred_by` and `transferred_to` and changes nothing else | captured |
//! | after a transfer that succeeded, `user` is the agent who took it, from `call.hungup` on | assumed |
//! | `comments` and `tags` are the full lists; they come after the end | captured |
//! | at least once, in any order | documented |

mod api;
mod call;
mod cast;
mod day;
mod disturb;
mod payload;
mod random_history;

pub use api::{
    AUDIO, Api, ApiOptions, CALL_EVENTS, DeliveryCounts, OutgoingDelivery, Patience, ResetUnit, Webhook,
};
pub use call::{CallScript, End};
pub use cast::{AGENTS, Agent, LINES, Line, WEBHOOK_TOKEN};
pub use day::{Day, day};
pub use disturb::{Disturbance, disturb};
pub use payload::CallEvent;
pub use random_history::{random_calls, random_history};

use crate::front::Act;

/// One thing that happens at a time of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Aircall posts this body.
    Webhook {
        /// Unix time in milliseconds.
        at_ms: i64,
        /// The raw JSON body.
        body: String,
    },
    /// Somebody acts in Front.
    FrontAction {
        /// Unix time in milliseconds.
        at_ms: i64,
        /// What is done.
        act: Act,
    },
}

impl Step {
    /// When it happens, Unix time in milliseconds.
    #[must_use]
    pub fn at_ms(&self) -> i64 {
        match self {
            Self::Webhook { at_ms, .. } | Self::FrontAction { at_ms, .. } => *at_ms,
        }
    }
}

/// The webhooks of these calls as steps, in the order of their times.
#[must_use]
pub fn steps_of(calls: &[CallScript]) -> Vec<Step> {
    let mut steps: Vec<Step> = calls
        .iter()
        .flat_map(CallScript::events)
        .map(|event| Step::Webhook { at_ms: event.at_s * 1000, body: event.body.to_string() })
        .collect();
    steps.sort_by_key(Step::at_ms);
    steps
}
