//! The tests of the simulation's parts.

mod conformance;
mod embedded;
mod faults;
mod ports;
mod script;
mod two_backends;
