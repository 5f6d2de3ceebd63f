//! Reading of the log by position: one request, many messages. Any replica may answer, as each has the records in order.

use async_nats::{HeaderMap, Message, StatusCode};
use futures_util::StreamExt as _;

use super::connect::JetStream;
use super::subjects::{self, LOG};
use super::wire::{RequestError, not_sent, unreadable};
use crate::limits::{READ_BYTES_MAX, REQUEST_TIMEOUT};
use crate::ports::LoggedRecord;

const SUBJECT_HEADER: &str = "Nats-Subject";
const SEQUENCE_HEADER: &str = "Nats-Sequence";
/// The sequence of the message before it in the same answer, 0 for the first.
const BEFORE_HEADER: &str = "Nats-Last-Sequence";

/// The server's words for "that was all" and "there is nothing" (nats-server, direct get).
const END_OF_BATCH: u16 = 204;
const NOTHING: u16 = 404;

impl JetStream {
    /// Up to `max` records after `sequence`; none when there are none yet.
    pub(super) async fn read_batch(
        &self,
        sequence: u64,
        max: usize,
    ) -> Result<Vec<LoggedRecord>, RequestError> {
        let mut records = Vec::new();
        let read = self.wire.within(REQUEST_TIMEOUT, LOG, self.collect(sequence, max, &mut records)).await;
        match read {
            // What came before the trouble is whole and in order.
            Ok(()) | Err(_) if !records.is_empty() => Ok(records),
            Ok(()) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn collect(
        &self,
        sequence: u64,
        max: usize,
        records: &mut Vec<LoggedRecord>,
    ) -> Result<(), RequestError> {
        let (inbox, mut answers) = self.wire.inbox(LOG).await?;
        let query = serde_json::json!({
            "seq": sequence + 1,
            "batch": max,
            "max_bytes": READ_BYTES_MAX,
            "next_by_subj": subjects::LOG_SUBJECTS,
        });
        let subject = self.wire.api.direct_get(LOG);
        self.wire
            .client
            .publish_with_reply(subject, inbox, query.to_string().into())
            .await
            .map_err(|error| not_sent(LOG, error))?;
        while let Some(answer) = answers.next().await {
            match answer.status.map(|status| status.as_u16()) {
                None => {
                    let before = records.last().map_or(0, |record| record.sequence);
                    records.push(record_of(answer, before)?);
                }
                Some(END_OF_BATCH | NOTHING) => return Ok(()),
                Some(status) => return Err(refused(status, answer.description)),
            }
        }
        Err(not_sent(LOG, "the connection was closed"))
    }
}

/// A message that does not follow on the one `before` means that one was lost on the way.
fn record_of(message: Message, before: u64) -> Result<LoggedRecord, RequestError> {
    let headers = message.headers.unwrap_or_default();
    let number = |name| text(&headers, name).and_then(|text| text.parse::<u64>().ok());
    let sequence = number(SEQUENCE_HEADER).ok_or_else(|| unreadable(LOG, "it has no sequence"))?;
    if number(BEFORE_HEADER) != Some(before) {
        return Err(unreadable(LOG, "a record was lost on the way"));
    }
    let subject = text(&headers, SUBJECT_HEADER).ok_or_else(|| unreadable(LOG, "it has no subject"))?;
    let (account, kind) =
        subjects::parts_of_record(subject).ok_or_else(|| unreadable(LOG, "its subject is no record's"))?;
    Ok(LoggedRecord { sequence, account: account.to_owned(), kind: kind.to_owned(), body: message.payload })
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(async_nats::HeaderValue::as_str)
}

fn refused(status: u16, description: Option<String>) -> RequestError {
    if StatusCode::NO_RESPONDERS.as_u16() == status {
        return RequestError::NoResponders { of: LOG.to_owned() };
    }
    let description = description.unwrap_or_default();
    RequestError::Refused { of: LOG.to_owned(), code: u64::from(status), description }
}
