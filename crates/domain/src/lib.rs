//! What a call means for a Front conversation: facts in, effects out.
//!
//! **Invariant:** nothing here reads a clock, a socket, a file, the environment or a random number; nothing is async.
//! The `clippy.toml` beside this crate's manifest enforces it.

pub mod call;
pub mod chain;
pub mod decide;
pub mod decision;
pub mod effect;
pub mod erase;
pub mod fact;
pub mod fold;
pub mod hash;
pub mod ids;
pub mod limits;
pub mod notes;
mod parts;
pub mod party;
pub mod policy;
pub mod record;
pub mod redact;
mod render;
pub mod rule;
pub mod segment;
pub mod size;
pub mod state;
pub mod text;
pub mod time;
pub mod timer;
pub mod variant;
pub mod vocabulary;
mod words;
