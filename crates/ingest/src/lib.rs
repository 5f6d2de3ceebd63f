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
mod peer;
mod receiver;
mod refusal;
mod room;
mod rooms;
mod route;
mod server;
mod share;
mod spool;
mod visit;

pub use admit::{Admitted, Understood, admit};
pub use counters::{AccountCounters, Counters, CountersNow};
pub use intake::{AppendError, Intake};
pub use options::{Account, LiveTokens, Now, Options, ServerLimits};
pub use pace::Pace;
pub use peer::{Network, NotANetwork};
pub use receiver::Ingest;
pub use refusal::{Reason, Refusal};
pub use rooms::ConnectionsNow;
pub use route::Source;
pub use spool::{ForwardLimits, Forwarder, Spool, SpoolError, SpoolFull, SpoolNow, SpoolOptions};
