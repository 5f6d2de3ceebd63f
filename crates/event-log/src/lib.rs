//! Three small ports (call event log, outbox, key-value store) and the backends that implement them.
//!
//! **Invariant:** nothing here knows what the bytes mean.

pub mod ports;
