//! The tests of this crate, in one binary.

mod admission;
mod connections;
mod overload;
mod receivers;
mod refusals;
mod site;
