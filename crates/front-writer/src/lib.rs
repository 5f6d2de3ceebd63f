//! Brings work items into Front: fences, the shared rate budget, retries, dead letters.
//!
//! The logic is a machine per work item ([`machine::Machine`]): one input in, one command out. [`work::Work`] does its
//! commands by the ports, operation by operation. The shell performs the operations and decides nothing.
//!
//! **Invariant:** nothing but `shell` and `perform` awaits, or touches a socket, a store or a timer.

mod answered;
mod attempt;
mod audio;
mod body;
pub mod budget;
mod clock;
pub mod command;
mod comment;
mod condition;
mod confirm;
mod contact;
pub mod counters;
mod cut;
pub mod dead_letter;
pub mod delays;
pub mod directory;
pub mod fence;
mod history;
mod import;
pub mod limits;
mod look;
pub mod machine;
mod observe;
pub mod operation;
mod perform;
mod repair;
mod repairing;
mod set_like;
pub mod settings;
mod settle;
pub mod shell;
mod sightings;
mod tag;
mod teammates;
mod turn;
mod warnings;
pub mod work;

pub use condition::{Condition, Lasting};
pub use counters::Counters;
pub use dead_letter::DeadLetter;
pub use operation::{Came, Operation, Place, Value, Written};
pub use settings::{Confirm, Inboxes, Rate, Settings, Timing};
pub use shell::{WriterOptions, run};
pub use turn::order_of_claim;
pub use work::{Polled, Shared, Work, front_known_ms};
