//! The whole engine under every fault, in one thread and in virtual time: the real cores, simulated ports between them, the
//! simulated Front and Aircall around them, and checkers that know nothing of the code.
//!
//! **Invariant:** nothing here reads a clock, a socket or the environment, and nothing depends on the order of a hash map:
//! one seed is one run, with the same trace every time.

mod agenda;
pub mod bugs;
pub mod campaign;
pub mod check;
mod dice;
mod engine;
pub mod evidence;
pub mod fault;
mod limits;
pub mod lost_answers;
pub mod marks;
pub mod ports;
pub mod report;
pub mod run;
mod setting;
pub mod trace;
mod world;
