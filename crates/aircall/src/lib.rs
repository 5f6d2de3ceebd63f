//! Aircall's webhooks: what is read of them at receipt, and what they mean.
//!
//! **Invariant:** nothing here reads a clock, a socket, a file or the environment; nothing is async.
//! What Aircall sends is no format that anybody promised: every field is read on its own, and a bad one loses nothing else.

mod bounds;
mod facts;
mod lenient;
pub mod limits;
mod media;
mod number;
mod payload;
mod receive;
mod token;

pub use bounds::bounded_text;
pub use facts::facts;
pub use number::e164;
pub use receive::{Malformed, Received, receive};
pub use token::Tokens;
