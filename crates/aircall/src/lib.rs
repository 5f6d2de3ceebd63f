//! Aircall: what is read of its webhooks at receipt, what they mean, and what its REST API is asked.
//!
//! **Invariant:** outside [`rest`] nothing reads a clock, a socket, a file or the environment, and nothing is async. No
//! request is repeated and no redirect is followed.
//! What Aircall sends is no format that anybody promised: every field is read on its own, a bad one loses nothing else, and what is
//! there and cannot be read is not taken for missing.

mod bounds;
mod digits;
mod facts;
mod lenient;
pub mod limits;
mod media;
mod moment;
mod name;
mod number;
mod payload;
mod receive;
pub mod rest;
mod surrogate;
mod token;

pub use bounds::bounded_text;
pub use facts::{ended_call, ended_call_read, event_name, facts, read_facts};
pub use number::{Outside, e164, outside};
pub use receive::{Malformed, Meaning, Received, receive};
pub use token::Tokens;
