//! The tests of this crate, in one binary.

mod admission;
mod connections;
mod cost;
mod disk;
mod elsewhere;
mod forwarding;
mod killed;
mod lines;
mod overload;
mod proxies;
mod receivers;
mod refusals;
mod reserve;
mod site;
mod spool;
