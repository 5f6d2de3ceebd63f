//! The tests of the simulation's parts.

mod conformance;
mod faults;
mod ports;
