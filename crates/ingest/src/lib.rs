//! HTTP receivers that put webhooks into the call event log, by way of a spool where the log is on other machines.
//!
//! **Invariant:** 200 is answered for what is durably in the log or in the spool. No answer waits for anything but the
//! disk of this machine. What a webhook means is not asked here.

mod admit;
mod body;
mod counters;
mod intake;
pub mod limits;
mod options;
mod pace;
mod receiver;
mod refusal;
mod route;
mod server;
mod spool;

pub use admit::{Admitted, Understood, admit};
pub use counters::{AccountCounters, Counters, CountersNow};
pub use intake::{AppendError, Intake};
pub use options::{Account, LiveTokens, Now, Options, ServerLimits};
pub use receiver::Ingest;
pub use refusal::{Reason, Refusal};
pub use route::Source;
pub use spool::{ForwardLimits, Forwarder, Spool, SpoolError, SpoolFull, SpoolNow, SpoolOptions};
