//! The tests of the event log's backends.

mod conformance;
mod crash;
mod embedded;
mod jetstream;
mod model;
mod suite_can_fail;
