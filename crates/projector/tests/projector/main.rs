//! The projector over the real embedded log: what it publishes, what it survives, what a replay proves.

mod backwards;
mod bench;
mod busy;
mod company;
mod compare;
mod copies;
mod damage;
mod gate;
mod later;
mod machine;
mod memory;
mod million;
mod publications;
mod rebuild;
mod records;
mod restored;
mod store;
mod stored;
mod timers;
mod trimmed;
mod trouble;
mod verify;
