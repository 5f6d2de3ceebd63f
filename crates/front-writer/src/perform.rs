//! Performs operations: sockets, stores and timers, and no decision.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use calltrail_aircall::rest::{Audio, AudioFailure, AudioSource};
use calltrail_domain::chain::chain;
use calltrail_domain::ids::{CallId, PartyId};
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog, KeyValue, LogError, NewRecord};
use calltrail_front::{Answer, Attachment, Client, Exchange, Request};
use tracing::{error, warn};

use crate::command::Fetched;
use crate::counters::Counters;
use crate::operation::{Came, Operation, Place, Unreadable, Value, Written};
use crate::settings::Settings;
use crate::warnings::{self, Warnings};

/// Why an operation could not be performed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PerformError {
    #[error("a store did not do its part")]
    Store(#[from] LogError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// The clock of this machine, one that runs during suspend.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The ports of a writer, for all of its workers.
pub(crate) struct Performer {
    pub(crate) settings: Arc<Settings>,
    pub(crate) client: Client,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Arc<dyn KeyValue>,
    pub(crate) clock: Clock,
    pub(crate) counters: Arc<Counters>,
    audio: Option<AudioSource>,
    warnings: Mutex<Warnings>,
}

impl Performer {
    pub(crate) fn new(
        settings: Arc<Settings>,
        client: Client,
        log: Arc<dyn EventLog>,
        store: Arc<dyn KeyValue>,
        clock: Clock,
        counters: Arc<Counters>,
        audio: Option<AudioSource>,
    ) -> Self {
        Self { settings, client, log, store, clock, counters, audio, warnings: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Performs an operation that is answered; the other two end the claim and never come here.
    pub(crate) async fn perform(&self, party: &PartyId, operation: Operation) -> Came {
        self.try_perform(operation).await.unwrap_or_else(|error| match error {
            PerformError::Store(error @ (LogError::TooLarge { .. } | LogError::GroupTooLarge { .. })) => {
                self.report_too_large(party, &error);
                Came::TooLarge
            }
            error @ (PerformError::Store(_) | PerformError::Unreadable(_)) => {
                warn!(%party, error = %chain(&error), "work on a party met trouble");
                Came::Failed
            }
        })
    }

    /// Performs an operation of a poll of Front's events.
    pub(crate) async fn perform_poll(&self, operation: Operation) -> Came {
        self.try_perform(operation).await.unwrap_or_else(|error| {
            let account = &self.settings.account;
            warn!(%account, error = %chain(&error), "a poll of front's events met trouble");
            Came::Failed
        })
    }

    /// Once for each party: the same is refused again, and the item waits.
    fn report_too_large(&self, party: &PartyId, error: &LogError) {
        if lock(&self.warnings).is_first_too_large(party) {
            let error = chain(error);
            error!(%party, %error, "a value is too large for its store; the party waits for a release that cuts it");
        }
    }

    async fn try_perform(&self, operation: Operation) -> Result<Came, PerformError> {
        Ok(match operation {
            Operation::Get(place) => Came::Found(self.get(&place).await?),
            Operation::Put { place, value, expected } => Came::Put(self.put(&place, &value, expected).await?),
            Operation::ReadStoreTime => Came::StoreTime(self.store.now_ms().await?),
            Operation::Append(records) => {
                self.append(&records).await?;
                Came::Appended
            }
            Operation::Send { request, timeout } => Came::Exchanged(self.send(&request, timeout).await),
            Operation::Sleep(span) => {
                tokio::time::sleep(span).await;
                Came::Slept
            }
            Operation::FetchAudio { call } => Came::Audio(self.fetch_audio(call).await),
            Operation::Release { .. } | Operation::Done => unreachable!("they end the claim"),
        })
    }

    async fn get(&self, place: &Place) -> Result<Option<(Value, u64)>, PerformError> {
        let stored = self.store.get(place.bucket(), &place.key(&self.settings.account)).await?;
        let Some(stored) = stored else { return Ok(None) };
        Ok(Some((Value::decode(place, &stored.value)?, stored.revision)))
    }

    async fn put(
        &self,
        place: &Place,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<Written, PerformError> {
        let (bucket, key) = (place.bucket(), place.key(&self.settings.account));
        let value = value.encode()?;
        let written = match expected {
            Some(revision) => self.store.update(bucket, &key, value, revision).await,
            None => self.store.create(bucket, &key, value).await,
        };
        match written {
            Ok(revision) => Ok(Written::Revision(revision)),
            Err(LogError::Conflict) => Ok(Written::Conflict),
            Err(error @ LogError::Storage(_)) => {
                let error = chain(&error);
                warn!(bucket, %error, "nobody knows whether a value was stored");
                Ok(Written::Unknown)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, request: &Request, timeout: Duration) -> Exchange {
        let exchange = self.client.send(request, timeout).await;
        self.counters.count_request(request.kind(), &exchange.answer);
        if let (Some(inbox), Answer::Done(_)) = (request.inbox(), &exchange.answer) {
            self.counters.inbox_is_there(inbox);
        }
        self.tell(&exchange.answer);
        exchange
    }

    /// Tells that nothing can be claimed, now and then.
    pub(crate) fn tell_no_claim(&self, error: &LogError) {
        if lock(&self.warnings).is_no_claim_due(self.now()) {
            warn!(error = %chain(error), "no work can be claimed");
        }
    }

    /// The party's item is done.
    pub(crate) fn forget(&self, party: &PartyId) {
        lock(&self.warnings).forget(party);
    }

    fn tell(&self, answer: &Answer) {
        let now = self.now();
        let line = lock(&self.warnings).answered(now, answer);
        if let Some(line) = line {
            line.tell(&self.settings.account);
        }
    }

    /// The audio of a call's recording. Why there is none is told here: the machine only goes on without it.
    async fn fetch_audio(&self, call: CallId) -> Fetched {
        let Some(source) = &self.audio else { return Fetched::Never };
        match source.fetch(call).await {
            Ok(Audio { bytes, content_type }) => {
                Fetched::Audio(Attachment { name: format!("recording-{call}.mp3"), content_type, bytes })
            }
            Err(error) => {
                let failure = error.failure();
                warn!(%call, %error, ?failure, "the audio of a recording was not fetched");
                match failure {
                    AudioFailure::Outage => Fetched::Later,
                    AudioFailure::Credential => Fetched::BadCredential,
                    AudioFailure::NotYet => Fetched::NotYet,
                    AudioFailure::File => Fetched::Never,
                }
            }
        }
    }

    async fn append(&self, records: &[Record]) -> Result<(), PerformError> {
        let group = records
            .iter()
            .map(|record| NewRecord {
                account: self.settings.account.as_str().to_owned(),
                kind: record.body.kind().to_owned(),
                body: Bytes::from(record.encode()),
            })
            .collect();
        self.log.append(group).await?;
        for record in records {
            if let RecordBody::EffectSettled(settled) = &record.body {
                self.counters.count_outcome(&settled.outcome);
                let is_news = lock(&self.warnings).is_news(settled);
                if is_news {
                    warnings::tell_refusal(&self.settings.account, settled);
                }
            }
        }
        Ok(())
    }
}

/// What the locks guard is whole at any time, also after a panic elsewhere.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
