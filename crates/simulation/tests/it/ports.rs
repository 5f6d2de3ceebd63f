//! The simulated ports behind the traits of the ports.
//!
//! What the cores leave to their caller is a lock, the time, waiting, and the rules for names and sizes.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use calltrail_event_log::limits::HOLD_MAX;
use calltrail_event_log::names;
use calltrail_event_log::ports::{
    Claim, Class, EventLog, KeyValue, LogError, LoggedRecord, NewItem, Outbox, Versioned,
};
use calltrail_simulation::ports::{self, Claimed, Conflict, Log, Logged, NewRecord, Store};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// All three ports; none of them ends.
#[derive(Debug)]
pub(crate) struct Simulated(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    opened: Instant,
    cores: Mutex<Cores>,
    /// Wakes those who wait for a record or an item.
    changed: Notify,
}

#[derive(Debug)]
struct Cores {
    log: Log<Bytes>,
    outbox: ports::Outbox<Bytes>,
    store: Store<(String, String), Bytes>,
}

impl Simulated {
    pub(crate) fn new(ack_wait: Duration) -> Self {
        let outbox = ports::Outbox::new(millis(ack_wait), 0);
        let cores = Mutex::new(Cores { log: Log::default(), outbox, store: Store::default() });
        Self(Arc::new(Shared { opened: Instant::now(), cores, changed: Notify::new() }))
    }

    /// Power is lost, and the one process with it.
    pub(crate) fn restart(&self) {
        let mut cores = self.0.lock();
        let synced = cores.log.synced();
        cores.log.lose_after(synced);
        cores.outbox.forget_delays();
        cores.outbox.forget_claims();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Cores> {
        self.cores.lock().expect("no holder of the lock panics")
    }

    fn now_ms(&self) -> i64 {
        millis(self.opened.elapsed())
    }

    fn at(&self, at_ms: i64) -> Instant {
        self.opened + Duration::from_millis(u64::try_from(at_ms).expect("a time since the opening"))
    }
}

#[async_trait]
impl EventLog for Simulated {
    async fn append(&self, group: Vec<calltrail_event_log::ports::NewRecord>) -> Result<Vec<u64>, LogError> {
        names::check_group(&group)?;
        let group = group.into_iter().map(|record| NewRecord {
            account: record.account.into(),
            kind: record.kind.into(),
            body: record.body,
        });
        let mut cores = self.0.lock();
        let sequences = cores.log.append(group);
        cores.log.sync();
        self.0.changed.notify_waiters();
        Ok(sequences)
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        loop {
            // Made before looking, so that a record appended in between wakes this call.
            let changed = self.0.changed.notified();
            let records: Vec<_> = self.0.lock().log.read_after(sequence, max).iter().map(logged).collect();
            if !records.is_empty() || max == 0 {
                return Ok(records);
            }
            changed.await;
        }
    }

    async fn tail(&self) -> Result<u64, LogError> {
        Ok(self.0.lock().log.tail())
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.0.lock().log.erase(sequences);
        Ok(())
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        self.0.lock().log.trim(before);
        Ok(())
    }
}

#[async_trait]
impl Outbox for Simulated {
    async fn publish(&self, item: NewItem) -> Result<u64, LogError> {
        names::check_item(&item)?;
        let now_ms = self.0.now_ms();
        let published = self.0.lock().outbox.publish(now_ms, &item.account, item.class, &item.id, item.body);
        self.0.changed.notify_waiters();
        Ok(published.ticket)
    }

    async fn holds(&self, account: &str, class: Class, ticket: u64) -> Result<bool, LogError> {
        names::check_account(account)?;
        Ok(self.0.lock().outbox.holds(account, class, ticket))
    }

    async fn claim(
        &self,
        account: &str,
        class: Class,
        wait: Duration,
    ) -> Result<Option<Box<dyn Claim>>, LogError> {
        names::check_account(account)?;
        let deadline = Instant::now() + wait.min(HOLD_MAX);
        loop {
            let changed = self.0.changed.notified();
            let now_ms = self.0.now_ms();
            let (claimed, due_ms) = {
                let mut cores = self.0.lock();
                (cores.outbox.claim(now_ms, account, class), cores.outbox.next_due_ms(now_ms))
            };
            if let Some(claimed) = claimed {
                return Ok(Some(Box::new(Hold { shared: Arc::clone(&self.0), claimed })));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let due = due_ms.map_or(deadline, |due_ms| self.0.at(due_ms).min(deadline));
            tokio::select! {
                () = changed => {}
                () = sleep_until(due) => {}
            }
        }
    }
}

#[derive(Debug)]
struct Hold {
    shared: Arc<Shared>,
    claimed: Claimed<Bytes>,
}

#[async_trait]
impl Claim for Hold {
    fn id(&self) -> &str {
        &self.claimed.id
    }

    fn body(&self) -> &Bytes {
        &self.claimed.body
    }

    async fn extend(&self) -> Result<(), LogError> {
        let now_ms = self.shared.now_ms();
        let current = self.shared.lock().outbox.extend(now_ms, self.claimed.ticket, self.claimed.claim);
        if current { Ok(()) } else { Err(LogError::Conflict) }
    }

    async fn done(self: Box<Self>) -> Result<(), LogError> {
        self.shared.lock().outbox.done(self.claimed.ticket);
        Ok(())
    }

    async fn release(self: Box<Self>, after: Duration) -> Result<(), LogError> {
        let Claimed { ticket, claim, .. } = self.claimed;
        let now_ms = self.shared.now_ms();
        // The part of a millisecond that `now_ms` lacks must not shorten the delay.
        let after_ms = if after.is_zero() { 0 } else { millis(after.min(HOLD_MAX)) + 1 };
        let current = self.shared.lock().outbox.release(now_ms, ticket, claim, after_ms);
        self.shared.changed.notify_waiters();
        if current { Ok(()) } else { Err(LogError::Conflict) }
    }
}

#[async_trait]
impl KeyValue for Simulated {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError> {
        let cores = self.0.lock();
        let found = cores.store.get(&place(bucket, key)?);
        Ok(found.map(|(value, revision)| Versioned { value: value.clone(), revision }))
    }

    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError> {
        let place = place(bucket, key)?;
        names::check_value(bucket, value.len())?;
        self.0.lock().store.create(place, value).map_err(conflict)
    }

    async fn update(&self, bucket: &str, key: &str, value: Bytes, revision: u64) -> Result<u64, LogError> {
        let place = place(bucket, key)?;
        names::check_value(bucket, value.len())?;
        self.0.lock().store.update(&place, value, revision).map_err(conflict)
    }

    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError> {
        self.0.lock().store.delete(&place(bucket, key)?, revision).map_err(conflict)
    }

    async fn now_ms(&self) -> Result<i64, LogError> {
        Ok(millis(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970")))
    }
}

fn place(bucket: &str, key: &str) -> Result<(String, String), LogError> {
    names::check_key(bucket, key)?;
    Ok((bucket.to_owned(), key.to_owned()))
}

fn logged(record: &Logged<Bytes>) -> LoggedRecord {
    LoggedRecord {
        sequence: record.sequence,
        account: record.account.to_string(),
        kind: record.kind.to_string(),
        body: record.body.clone(),
    }
}

fn conflict(_: Conflict) -> LogError {
    LogError::Conflict
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).expect("a span of less than a million years")
}
