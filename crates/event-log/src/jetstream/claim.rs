//! One delivery of an item. The server knows it by the subject that it is answered on.

use std::time::Duration;

use async_nats::{Message, Subject};
use async_trait::async_trait;
use bytes::Bytes;

use super::subjects::{self, OUTBOX};
use super::wire::{RequestError, Wire, unreadable};
use crate::limits::HOLD_MAX;
use crate::ports::{Claim, LogError};

/// The words that the server takes for an answer to a delivery (ADR-15).
const DONE: &str = "+ACK";
const IN_PROGRESS: &str = "+WPI";
const RELEASED: &str = "-NAK";

/// An item in hand.
#[derive(Debug)]
pub(super) struct Delivered {
    wire: Wire,
    answer_to: Subject,
    id: String,
    body: Bytes,
}

impl Delivered {
    pub(super) fn of(wire: Wire, message: Message) -> Result<Self, RequestError> {
        let id = subjects::id_of_item(&message.subject);
        Ok(Self {
            wire,
            answer_to: message.reply.ok_or_else(|| unreadable(OUTBOX, "it cannot be answered"))?,
            id: id.ok_or_else(|| unreadable(OUTBOX, "its subject is no item's"))?,
            body: message.payload,
        })
    }

    /// The server's own answer to the answer says that it has it.
    async fn answer(&self, word: String) -> Result<(), LogError> {
        self.wire.request(OUTBOX, self.answer_to.to_string(), None, word.into()).await?;
        Ok(())
    }
}

#[async_trait]
impl Claim for Delivered {
    fn id(&self) -> &str {
        &self.id
    }

    fn body(&self) -> &Bytes {
        &self.body
    }

    async fn extend(&self) -> Result<(), LogError> {
        self.answer(IN_PROGRESS.to_owned()).await
    }

    async fn done(self: Box<Self>) -> Result<(), LogError> {
        self.answer(DONE.to_owned()).await
    }

    async fn release(self: Box<Self>, after: Duration) -> Result<(), LogError> {
        let delay_ns = after.min(HOLD_MAX).as_nanos();
        let word =
            if delay_ns == 0 { RELEASED.to_owned() } else { format!("{RELEASED} {{\"delay\":{delay_ns}}}") };
        self.answer(word).await
    }
}
