//! The tests of this crate, in one binary.

mod fixtures;
mod leniency;
mod mutations;
mod numbers;
mod receipt;
mod rest;
mod sample;
