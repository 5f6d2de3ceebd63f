//! HTTP receivers that put webhooks into the call event log.
//!
//! **Invariant:** 200 is answered for what is durably in the log, and nothing that was refused is in it. What a webhook
//! means is not asked here.

mod admit;
mod body;
mod counters;
pub mod limits;
mod options;
mod pace;
mod receiver;
mod refusal;
mod route;
mod server;

pub use admit::{Admitted, admit};
pub use counters::{AccountCounters, Counters, CountersNow};
pub use options::{Account, Now, Options, ServerLimits};
pub use receiver::Ingest;
pub use refusal::{Reason, Refusal};
pub use route::Source;
