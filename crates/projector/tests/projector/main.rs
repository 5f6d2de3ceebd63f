//! The projector over the real embedded log: what it publishes, what it survives, what a replay proves.

mod busy;
mod company;
mod copies;
mod damage;
mod gate;
mod machine;
mod store;
mod timers;
mod trouble;
mod verify;
