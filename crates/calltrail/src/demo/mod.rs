//! What the demo shows: the conversations, and what was really computed about them.

mod proofs;
pub(crate) mod timeline;

pub(crate) use proofs::Proofs;
