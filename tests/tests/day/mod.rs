//! A day of 2,000 calls in virtual time: the real cores, the simulated Front and Aircall, people at work, and an oracle.

mod company;
mod days;
mod engine;
mod limits;
mod neighbour;
mod oracle;
mod people;
mod play;
mod script;
