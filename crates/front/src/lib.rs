//! Front: what is asked of it, what its answers mean, and what its webhooks tell.
//!
//! **Invariant:** no request is repeated and no redirect is followed here; what an answer is worth is said, what to do
//! about it is decided elsewhere.

pub mod answer;
pub mod client;
pub mod events;
pub mod id;
mod import;
pub mod limits;
mod multipart;
pub mod polled;
mod probe;
pub mod reply;
pub mod request;
pub mod webhook;

pub use answer::{Ambiguous, Answer, NotApplied, Refusal, classify, exchange, rate_limit};
pub use client::{Client, ClientError, Exchange};
pub use import::{Activity, customer_of};
pub use multipart::Attachment;
pub use polled::PolledEvent;
pub use probe::Scope;
pub use reply::{
    Accepted, Comment, Contact, Conversation, ConversationEvent, EventPage, Handle, Inbox, Message, Page,
    RateLimit, Reply, Tag, TagPage, Teammate,
};
pub use request::{HandleSource, Method, Request, RequestKind, Resource, WireRequest};
