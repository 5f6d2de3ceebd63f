//! The simulated ports: a call event log, an outbox and a key-value store in memory.
