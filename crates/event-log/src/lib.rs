//! Three small ports (call event log, outbox, key-value store) and the backends that implement them.
//!
//! **Invariant:** nothing here knows what the bytes mean.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod disk;
pub mod embedded;
mod error;
pub mod jetstream;
pub mod limits;
pub mod names;
pub mod ports;
#[cfg(feature = "conformance")]
pub mod testing;
