//! Performs operations: sockets, stores and timers, and no decision.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use calltrail_aircall::rest::{Client, RateLimit};
use calltrail_domain::chain::chain;
use calltrail_domain::ids::CallId;
use calltrail_domain::record::Record;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog, KeyValue, LogError, LoggedRecord, NewRecord};
use tracing::warn;

use crate::front_known::FrontKnown;
use crate::operation::{BUCKET, Came, Operation, Place, Question, Reply, Unreadable, Value, Written};
use crate::question::ended_in;
use crate::settings::Settings;

/// Records that are read at once.
const BATCH_RECORDS_MAX: usize = 500;

/// Why an operation could not be performed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PerformError {
    #[error("a store did not do its part")]
    Store(#[from] LogError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// The clock of this machine.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The ports of a reader.
pub(crate) struct Performer {
    pub(crate) settings: Arc<Settings>,
    pub(crate) client: Client,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Arc<dyn KeyValue>,
    pub(crate) clock: Clock,
    pub(crate) front_known: Arc<dyn FrontKnown>,
}

impl Performer {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Performs an operation that is answered; a rest ends the turn and never comes here.
    pub(crate) async fn perform(&self, operation: Operation) -> Came {
        self.try_perform(operation).await.unwrap_or_else(|error| match error {
            PerformError::Store(LogError::TooLarge { .. } | LogError::GroupTooLarge { .. }) => Came::TooLarge,
            error => {
                let account = &self.settings.account;
                warn!(%account, error = %chain(&error), "the reader met trouble");
                Came::Failed
            }
        })
    }

    async fn try_perform(&self, operation: Operation) -> Result<Came, PerformError> {
        Ok(match operation {
            Operation::Get(place) => Came::Found(self.get(place).await?),
            Operation::Put { value, expected } => Came::Put(self.put(&value, expected).await?),
            Operation::ReadStoreTime => Came::StoreTime(self.store.now_ms().await?),
            Operation::Send(question) => self.send(question).await,
            Operation::Append(records) => {
                self.append(&records).await?;
                Came::Appended
            }
            Operation::ReadTail => Came::Tail(self.log.tail().await?),
            Operation::ReadHeard { after } => Came::Heard(self.heard(after).await?),
            Operation::ReadFrontKnown => Came::FrontKnown(self.front_known.whole_at_ms().await?),
            Operation::Sleep(span) => {
                tokio::time::sleep(span).await;
                Came::Slept
            }
            Operation::Rest(_) => unreachable!("it ends the turn"),
        })
    }

    async fn get(&self, place: Place) -> Result<Option<(Value, u64)>, PerformError> {
        let stored = self.store.get(BUCKET, &place.key(&self.settings.account)).await?;
        let Some(stored) = stored else { return Ok(None) };
        Ok(Some((Value::decode(place, &stored.value)?, stored.revision)))
    }

    async fn put(&self, value: &Value, expected: Option<u64>) -> Result<Written, PerformError> {
        let key = value.place().key(&self.settings.account);
        let bytes = Bytes::from(value.encode()?);
        let written = match expected {
            Some(revision) => self.store.update(BUCKET, &key, bytes, revision).await,
            None => self.store.create(BUCKET, &key, bytes).await,
        };
        match written {
            Ok(revision) => Ok(Written::Revision(revision)),
            // The outcome is unknown: the value is read again.
            Err(LogError::Conflict | LogError::Storage(_)) => Ok(Written::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, question: Question) -> Came {
        match question {
            Question::Calls(ask) => {
                let answered = self.client.calls(&ask).await;
                Came::Answered { result: answered.result.map(Reply::Calls), rate: answered.rate }
            }
            Question::Call(id) => {
                let answered = self.client.read_call(id).await;
                let result = answered.result.map(|call| Reply::Call(Box::new(call)));
                Came::Answered { result, rate: answered.rate }
            }
            Question::Webhooks => {
                let result = self.client.webhooks().await.map(Reply::Webhooks);
                Came::Answered { result, rate: RateLimit::default() }
            }
            Question::SwitchOn { id } => {
                let result = self.client.update_webhook(&id, None).await.map(|_| Reply::SwitchedOn);
                Came::Answered { result, rate: RateLimit::default() }
            }
        }
    }

    async fn append(&self, records: &[Record]) -> Result<(), LogError> {
        let new = |record: &Record| NewRecord {
            account: self.settings.account.as_str().to_owned(),
            kind: record.body.kind().to_owned(),
            body: Bytes::from(record.encode()),
        };
        self.log.append(records.iter().map(new).collect()).await.map(drop)
    }

    async fn heard(&self, after: u64) -> Result<BTreeSet<CallId>, LogError> {
        let (mut read_to, tail) = (after, self.log.tail().await?);
        let mut heard = BTreeSet::new();
        while read_to < tail {
            let batch = self.log.read_after(read_to, BATCH_RECORDS_MAX).await?;
            // Erased records leave gaps: the batch may begin beyond the tail.
            read_to = batch.last().map_or(tail, |record| record.sequence);
            heard.extend(batch.iter().filter_map(|record| self.ended_in(record)));
        }
        Ok(heard)
    }

    /// The call whose end the record tells of.
    fn ended_in(&self, record: &LoggedRecord) -> Option<CallId> {
        let is_told = matches!(record.kind.as_str(), "aircall.event" | "aircall.read");
        if !is_told || record.account != self.settings.account.as_str() {
            return None;
        }
        let Record { body, .. } = Record::decode(&record.body).ok()?;
        ended_in(&body)
    }
}
