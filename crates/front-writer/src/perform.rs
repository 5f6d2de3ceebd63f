//! Performs the machine's commands: sockets, stores and timers, and no decision.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use calltrail_aircall::rest::{Audio, AudioSource};
use calltrail_domain::ids::{CallId, PartyId};
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{Class, EventLog, KeyValue, LogError, NewRecord};
use calltrail_front::{Answer, Attachment, Client, NotApplied, RateLimit, Reply, Request, RequestKind};
use tracing::warn;

use crate::budget::{self, Ask, Budget, Offer};
use crate::command::{Command, Fetched, Input};
use crate::counters::Counters;
use crate::dead_letter::{self, DeadLetter};
use crate::directory::Directory;
use crate::fence::{self, Fence};
use crate::limits::{
    BUDGET_CONFLICTS_MAX, CONFLICTS_MAX, DEADLINE_MARGIN, HELD_WAIT_MAX, PATIENT_WAIT_MAX, RATE_MARGIN,
    SLOT_WAIT_MAX, TOO_MANY_DELAY,
};
use crate::settings::Settings;
use crate::sightings::Sightings;
use crate::warnings::{self, Warnings};

/// Why a command could not be performed. The claim is given back, and the fence knows what was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PerformError {
    #[error("a store did not do its part")]
    Store(#[from] LogError),
    /// Without the parser's own words: they may quote a number.
    #[error("the stored {what} cannot be read from byte {column} on; a later release may have written it")]
    Unreadable { what: &'static str, column: usize },
}

/// The clock of this machine, one that runs during suspend.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What all workers of a writer share.
pub(crate) struct Performer {
    pub(crate) settings: Arc<Settings>,
    pub(crate) client: Client,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Arc<dyn KeyValue>,
    pub(crate) clock: Clock,
    pub(crate) counters: Arc<Counters>,
    audio: Option<AudioSource>,
    directory: Mutex<Directory>,
    sightings: Mutex<Sightings>,
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
        let (directory, sightings, warnings) = Default::default();
        Self { settings, client, log, store, clock, counters, audio, directory, sightings, warnings }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Performs a command that has an answer; the other two end the claim and never come here.
    pub(crate) async fn perform(
        &self,
        party: &PartyId,
        class: Class,
        command: Command,
    ) -> Result<Option<Input>, PerformError> {
        Ok(Some(match command {
            Command::ReadFence => self.read_fence(party).await?,
            Command::WriteFence { fence, expected } => self.write_fence(party, &fence, expected).await?,
            Command::Reserve { resource, patient } => self.reserve(Ask { class, resource, patient }).await?,
            Command::Send { request, deadline } => Input::Answered(self.send(&request, deadline).await?),
            Command::FindTeammate { email } => {
                Input::Teammate(lock(&self.directory).find(&email, self.now()))
            }
            Command::FetchAudio { call } => Input::Audio(self.fetch_audio(call).await),
            Command::Append(records) => self.append(records).await?,
            Command::KeepDeadLetter(letter) => self.keep(&letter).await?,
            Command::WaitUntil(at) => {
                // Not longer, should the clock have been set back meanwhile.
                tokio::time::sleep(at.since(self.now()).min(HELD_WAIT_MAX)).await;
                Input::Woke
            }
            Command::Release { .. } | Command::Done => return Ok(None),
        }))
    }

    async fn read_fence(&self, party: &PartyId) -> Result<Input, PerformError> {
        let key = fence::key(&self.settings.account, party);
        let Some(stored) = self.store.get(fence::BUCKET, &key).await? else {
            return Ok(Input::Fence { found: None, first_seen: self.now() });
        };
        let found: Fence = serde_json::from_slice(&stored.value)
            .map_err(|error| PerformError::Unreadable { what: "fence", column: error.column() })?;
        let first_seen = self.sight(party, stored.revision);
        Ok(Input::Fence { found: Some((Box::new(found), stored.revision)), first_seen })
    }

    async fn write_fence(
        &self,
        party: &PartyId,
        fence: &Fence,
        expected: Option<u64>,
    ) -> Result<Input, PerformError> {
        let key = fence::key(&self.settings.account, party);
        let value = encode("fence", fence)?;
        let written = match expected {
            Some(revision) => self.store.update(fence::BUCKET, &key, value, revision).await,
            None => self.store.create(fence::BUCKET, &key, value).await,
        };
        match written {
            Ok(revision) => {
                self.sight(party, revision);
                Ok(Input::Written { revision })
            }
            // After `Storage` nobody knows whether it was written: the machine reads it again, as after a conflict.
            Err(LogError::Conflict | LogError::Storage(_)) => Ok(Input::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    /// When this revision was first seen here.
    fn sight(&self, party: &PartyId, revision: u64) -> Timestamp {
        lock(&self.sightings).see(party, revision, self.now())
    }

    pub(crate) fn forget(&self, party: &PartyId) {
        lock(&self.sightings).forget(party);
        lock(&self.warnings).forget(party);
    }

    async fn reserve(&self, ask: Ask) -> Result<Input, PerformError> {
        let account = self.settings.account.as_str();
        let (mut lost, mut waited, mut unused_ms) = (0, Duration::ZERO, None);
        while lost < BUDGET_CONFLICTS_MAX && waited <= PATIENT_WAIT_MAX {
            let (mut budget, revision) = self.read_budget().await?;
            let now_ms = self.store.now_ms().await?;
            if let Some(slot_ms) = unused_ms {
                budget.give_back(slot_ms, ask);
            }
            let offer = budget.offer(now_ms, ask, self.settings.rate);
            let is_changed = budget.take(now_ms, ask, offer) || unused_ms.is_some();
            if is_changed && !self.swap(budget::BUCKET, account, encode("budget", &budget)?, revision).await?
            {
                lost += 1;
                continue;
            }
            unused_ms = None;
            match offer {
                Offer::Slot { at_ms } if self.wait_for_slot(at_ms - now_ms, at_ms).await? => {
                    return Ok(Input::Slot);
                }
                Offer::Slot { at_ms } => (lost, unused_ms) = (lost + 1, Some(at_ms)),
                Offer::Again { wait } => {
                    self.count_wait(wait);
                    tokio::time::sleep(wait).await;
                    waited += wait;
                }
                Offer::Later { wait } => return Ok(Input::NoSlot { wait }),
            }
        }
        Ok(Input::NoSlot { wait: SLOT_WAIT_MAX })
    }

    /// True when the slot is met. One that was slept through is lost, a request sent now would be one too many; and so
    /// is one that Front has said to wait beyond.
    async fn wait_for_slot(&self, wait_ms: i64, slot_ms: i64) -> Result<bool, PerformError> {
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        self.count_wait(wait);
        tokio::time::sleep(wait).await;
        let is_pushed_back = !wait.is_zero() && self.read_budget().await?.0.is_pushed_back(slot_ms);
        let late_ms = u64::try_from(self.store.now_ms().await? - slot_ms).unwrap_or(0);
        Ok(!is_pushed_back && Duration::from_millis(late_ms) <= RATE_MARGIN)
    }

    fn count_wait(&self, wait: Duration) {
        self.counters.count_budget_wait(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    }

    async fn read_budget(&self) -> Result<(Budget, Option<u64>), PerformError> {
        let Some(stored) = self.store.get(budget::BUCKET, self.settings.account.as_str()).await? else {
            return Ok((Budget::default(), None));
        };
        let budget = serde_json::from_slice(&stored.value)
            .map_err(|error| PerformError::Unreadable { what: "budget", column: error.column() })?;
        Ok((budget, Some(stored.revision)))
    }

    /// Compare-and-set; false when somebody else was faster.
    async fn swap(
        &self,
        bucket: &str,
        key: &str,
        value: Bytes,
        revision: Option<u64>,
    ) -> Result<bool, PerformError> {
        let written = match revision {
            Some(revision) => self.store.update(bucket, key, value, revision).await,
            None => self.store.create(bucket, key, value).await,
        };
        match written {
            Ok(_) => Ok(true),
            Err(LogError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The deadline is checked right before the request, and the request's own time ends before it.
    async fn send(&self, request: &Request, deadline: Timestamp) -> Result<Answer, PerformError> {
        // A deadline further away than an attempt lasts was written before the clock was set back.
        let left = deadline.since(self.now()).min(self.settings.timing.attempt);
        let left = left.saturating_sub(DEADLINE_MARGIN);
        if left.is_zero() {
            return Ok(Answer::NotApplied { reason: NotApplied::TooLate, retry_after: None });
        }
        let exchange = self.client.send(request, left).await;
        self.counters.count_request(request.kind(), &exchange.answer);
        self.tell(&exchange.answer);
        self.learn(&exchange.rate, &exchange.answer).await;
        match &exchange.answer {
            Answer::Done(Reply::Teammates(teammates)) => {
                lock(&self.directory).replace(teammates, self.now());
            }
            Answer::Rejected(_) if request.kind() == RequestKind::ListTeammates => {
                lock(&self.directory).keep(self.now());
            }
            _ => {}
        }
        Ok(exchange.answer)
    }

    /// Tells the budget what Front says about the rate. The answer counts all the same when that fails.
    async fn learn(&self, rate: &RateLimit, answer: &Answer) {
        let refused = match answer {
            Answer::NotApplied { reason: NotApplied::TooMany, retry_after } => {
                Some(retry_after.unwrap_or(TOO_MANY_DELAY))
            }
            _ => None,
        };
        for _ in 0..BUDGET_CONFLICTS_MAX {
            match self.try_learn(rate, refused).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "front's rate was not noted");
                    return;
                }
            }
        }
    }

    async fn try_learn(&self, rate: &RateLimit, refused: Option<Duration>) -> Result<bool, PerformError> {
        let (mut budget, revision) = self.read_budget().await?;
        let now_ms = self.store.now_ms().await?;
        if !budget.learn(now_ms, rate, refused, self.now()) {
            return Ok(true);
        }
        self.swap(budget::BUCKET, self.settings.account.as_str(), encode("budget", &budget)?, revision).await
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
                let later = error.is_retryable();
                warn!(%call, %error, later, "the audio of a recording was not fetched");
                if later { Fetched::Later } else { Fetched::Never }
            }
        }
    }

    async fn append(&self, records: Vec<Record>) -> Result<Input, PerformError> {
        let group = records
            .iter()
            .map(|record| NewRecord {
                account: self.settings.account.as_str().to_owned(),
                kind: record.body.kind().to_owned(),
                body: Bytes::from(record.encode()),
            })
            .collect();
        self.log.append(group).await?;
        for record in &records {
            if let RecordBody::EffectSettled(settled) = &record.body {
                self.counters.count_outcome(&settled.outcome);
                let is_news = lock(&self.warnings).is_news(settled);
                if is_news {
                    warnings::tell_refusal(&self.settings.account, settled);
                }
            }
        }
        Ok(Input::Appended)
    }

    /// A letter of the same effect is replaced.
    async fn keep(&self, letter: &DeadLetter) -> Result<Input, PerformError> {
        let key = DeadLetter::key(&self.settings.account, letter.effect.key);
        let value = encode("dead letter", letter)?;
        for _ in 0..=CONFLICTS_MAX {
            let revision = self.store.get(dead_letter::BUCKET, &key).await?.map(|stored| stored.revision);
            if self.swap(dead_letter::BUCKET, &key, value.clone(), revision).await? {
                return Ok(Input::Kept);
            }
        }
        Err(LogError::Conflict.into())
    }
}

fn encode<T: serde::Serialize>(what: &'static str, value: &T) -> Result<Bytes, PerformError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| PerformError::Unreadable { what, column: error.column() })?;
    Ok(Bytes::from(bytes))
}

/// What the locks guard is whole at any time, also after a panic elsewhere.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
