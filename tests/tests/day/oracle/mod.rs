//! The oracle: what must stand in Front after a day, by MAPPING's rows M1 to M23 alone.
//!
//! **Invariant:** nothing here knows the engine's crates. It reads the webhooks' JSON and what people did, with their
//! times, and nothing of what the engine made of them.

pub(crate) mod calls;
mod compare;
mod conversations;
mod counts;
mod expect;
pub(crate) mod parts;
mod picture;
mod says;
mod shown;
mod story;

pub(crate) use compare::differences;
pub(crate) use counts::Counts;
pub(crate) use expect::expect;
pub(crate) use shown::shown;
