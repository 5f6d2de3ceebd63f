//! What a call means for a Front conversation: facts in, effects out.
//!
//! **Invariant:** nothing here reads a clock, a socket, a file, the environment or a random number; nothing is async.
//! The `clippy.toml` beside this crate's manifest enforces it.

pub mod decision;
pub mod effect;
pub mod fact;
pub mod hash;
pub mod ids;
pub mod limits;
pub mod policy;
pub mod record;
pub mod time;
pub mod timer;
