//! Aircall's REST API: what is asked of it, and what it answers.
//!
//! Where the rules come from: Aircall's API reference (`/api-references`), and third parties that quote it.

mod address;
mod answer;
mod audio;
mod calls;
mod client;
mod error;
mod rate;
mod reply;

pub use address::posts_to;
pub use answer::{Answered, RawAnswer};
pub use audio::{Audio, AudioError, AudioFailure, AudioSource};
pub use calls::{CallsAsk, CallsPage, NextPage, ReadCall, call_path};
pub use client::{Client, ClientError};
pub use error::{RestError, Unreachable};
pub use rate::RateLimit;
pub use reply::{Call, Line, User, Webhook};

/// The events that make a difference to what is logged. A webhook that is made without a list of events gets all.
pub const WEBHOOK_EVENTS: [&str; 15] = [
    "call.created",
    "call.ringing_on_agent",
    "call.agent_declined",
    "call.ivr_option_selected",
    "call.answered",
    "call.transferred",
    "call.external_transferred",
    "call.unsuccessful_transfer",
    "call.hungup",
    "call.ended",
    "call.voicemail_left",
    "call.comm_assets_generated",
    "call.tagged",
    "call.untagged",
    "call.commented",
];
