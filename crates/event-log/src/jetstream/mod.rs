//! The JetStream backend: all three ports on a NATS server or cluster, shared by any number of processes.
//!
//! **Invariant:** no request waits without a deadline, and what a deadline cut off counts as unknown. Everything that
//! guards an effect is read from a stream's leader; only the log, which readers follow in order, is read from any replica.
//!
//! What a stream, a bucket and a consumer look like is `declared`; who may use which subject is `permissions`.

mod claim;
mod connect;
pub mod declared;
mod event_log;
mod follow;
pub mod importing;
mod key_value;
mod outbox;
pub mod permissions;
mod read;
mod subjects;
mod wire;

pub use connect::{ConnectError, Connection, JetStream, Options, Tls};
pub use wire::RequestError;
