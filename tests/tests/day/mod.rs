//! A day of 2,000 calls in virtual time: the real cores, the simulated Front and Aircall, people at work, and an oracle.
//!
//! The rate is real: the limit is a plan's, and a minute has sixty virtual seconds. Faults come later: no answer is lost
//! here and nothing crashes, so that whatever differs from MAPPING is the engine's own doing.

mod can_fail;
pub(crate) mod company;
mod coverage;
mod days;
mod engine;
mod limits;
mod neighbour;
mod oracle;
mod people;
mod play;
mod scene;
mod script;
mod summary;
mod verdict;
mod who;

pub(crate) use company::Rules;
pub(crate) use engine::Engine;
