//! The simulated ports: a call event log, an outbox and a key-value store in memory, which keep the contracts of
//! `calltrail_event_log::ports` with JetStream's ways, and can be told to break what a server or a disk breaks.
//!
//! **Invariant:** nothing here reads a clock or waits: whoever asks brings the time, in milliseconds.

pub mod log;
pub mod outbox;
pub mod store;

pub use log::{Log, Logged, NewRecord};
pub use outbox::{Claimed, Outbox, Published};
pub use store::{Conflict, Store};
