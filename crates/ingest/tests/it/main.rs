//! The tests of this crate, in one binary.

mod admission;
mod connections;
mod lines;
mod overload;
mod receivers;
mod refusals;
mod site;
