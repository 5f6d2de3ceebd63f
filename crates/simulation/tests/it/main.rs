//! The tests of the simulation's parts.

mod conformance;
mod embedded;
mod faults;
mod ports;
mod program;
mod script;
mod seeds;
mod two_backends;
