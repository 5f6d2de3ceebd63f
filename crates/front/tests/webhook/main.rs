//! The tests of Front's webhooks, in one binary.

mod events;
mod signature;
