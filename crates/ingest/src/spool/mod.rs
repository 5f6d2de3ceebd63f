//! The spool: records that are durable on this machine until the log, which is elsewhere, has them.
//!
//! **Invariant:** a record leaves the spool only when the log has acknowledged it. While it holds too much, or its disk is
//! short, it takes no more; whoever sends is told to come again.
//!
//! It is an embedded log in a file of its own, so that receivers share commits and nothing is stored by other code.

mod error;
mod forward;
mod forwarder;
mod quota;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use calltrail_domain::record::Record;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::disk::Disk;
use calltrail_event_log::embedded::{Embedded, Options as StoreOptions, Size};
use calltrail_event_log::ports::{EventLog, KeyValue, LogError, LoggedRecord, NewRecord};
use serde::{Deserialize, Serialize};

use crate::intake::AppendError;
use crate::limits;
use quota::Quota;

pub use error::{SpoolError, SpoolFull};
pub use forwarder::{ForwardLimits, Forwarder};

const SPOOL_FILE: &str = "spool.redb";
/// Where the id of the spool is kept.
const BUCKET: &str = "spool";
const ID_KEY: &str = "id";

/// How much a spool takes. The default is what `limits` says.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// While the bodies in it are together this long or longer, it takes no more.
    pub high_water_bytes: u64,
    /// While less of its disk is free, it takes no more.
    pub disk_free_min_bytes: u64,
    /// How many accounts share it: half of it is kept for them in equal parts.
    pub accounts: usize,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self {
            high_water_bytes: limits::HIGH_WATER_BYTES_DEFAULT,
            disk_free_min_bytes: limits::DISK_FREE_MIN_BYTES_DEFAULT,
            accounts: 1,
        }
    }
}

/// What a spool holds and has done at one moment, for `status` and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpoolNow {
    /// Records that wait for the log.
    pub records: u64,
    /// The bodies in the spool, also of what was set aside: what the high-water mark bounds.
    pub bytes: u64,
    /// When the record that waits longest was received.
    pub oldest_at: Option<Timestamp>,
    /// Records that the log has acknowledged since the start of this process.
    pub forwarded: u64,
    /// Tries to forward that failed since the start of this process.
    pub failures: u64,
    /// Records that the log refuses for good. They stay in the spool and are tried again at each start.
    pub set_aside: u64,
    /// False while webhooks are answered 503.
    pub accepting: bool,
    /// `None` when nobody can tell.
    pub disk_free_bytes: Option<u64>,
}

/// An open spool; clones share it.
#[derive(Debug, Clone)]
pub struct Spool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Embedded,
    file: PathBuf,
    id: String,
    high_water_bytes: u64,
    disk: Disk,
    quota: Mutex<Quota>,
    /// The last record that was there when it was opened: it, and those before, are no part of the quota.
    opened_at: u64,
    oldest_at: Mutex<Option<Timestamp>>,
    forwarded: AtomicU64,
    failures: AtomicU64,
    set_aside: AtomicU64,
}

impl Spool {
    /// Opens the spool in `folder`, or makes it there. Blocks while its file is read.
    pub async fn open(folder: &Path, options: SpoolOptions) -> Result<Self, SpoolError> {
        let file = folder.join(SPOOL_FILE);
        let disk = Disk::under(&file, options.disk_free_min_bytes);
        let store_options =
            StoreOptions { measure: true, disk: Some(disk.clone()), ..StoreOptions::default() };
        let store = Embedded::open(&file, &store_options)?;
        let id = id_of(&store).await?;
        let oldest_at = oldest(&store).await?;
        let opened_at = store.tail().await.map_err(SpoolError::Read)?;
        let shared = Shared {
            store,
            file,
            id,
            high_water_bytes: options.high_water_bytes,
            disk,
            quota: Mutex::new(Quota::new(options.accounts, options.high_water_bytes)),
            opened_at,
            oldest_at: Mutex::new(oldest_at),
            forwarded: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            set_aside: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What it holds and has done. The disk is looked at when the last look is a second old.
    #[must_use]
    pub fn now(&self) -> SpoolNow {
        let set_aside = self.shared.set_aside.load(Ordering::Relaxed);
        let size = self.size();
        let records = size.records.saturating_sub(set_aside);
        SpoolNow {
            records,
            bytes: size.body_bytes,
            oldest_at: (*self.oldest_at()).filter(|_| records > 0),
            forwarded: self.shared.forwarded.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
            set_aside,
            accepting: self.check().is_ok(),
            disk_free_bytes: self.shared.disk.free_bytes(),
        }
    }

    /// True when something could not be stored and nothing has been since: the disk refuses.
    #[must_use]
    pub fn is_refusing(&self) -> bool {
        self.shared.store.is_refusing()
    }

    /// Looks whether the disk works again, by a small commit.
    pub async fn try_commit(&self) -> Result<(), LogError> {
        self.shared.store.try_commit().await
    }

    /// Commits what is queued and releases the file; what is in it waits for the next start.
    pub async fn close(&self) {
        self.shared.store.close().await;
    }

    /// Returns once the record is durable. The bounds are looked at before, so that appends under way together may pass
    /// the high-water mark by what they bring.
    pub(crate) async fn append(&self, record: NewRecord, received_at: Timestamp) -> Result<(), AppendError> {
        self.check()?;
        let (account, body_bytes) = (record.account.clone(), record.body.len() as u64);
        if !self.quota().has_room(&account, self.size().body_bytes) {
            return Err(SpoolFull::Share.into());
        }
        self.shared.store.append(vec![record]).await?;
        self.quota().add(&account, body_bytes);
        self.oldest_at().get_or_insert(received_at);
        Ok(())
    }

    fn check(&self) -> Result<(), SpoolFull> {
        let (held_bytes, high_water_bytes) = (self.size().body_bytes, self.shared.high_water_bytes);
        if held_bytes >= high_water_bytes {
            return Err(SpoolFull::HighWater { held_bytes, high_water_bytes });
        }
        Ok(self.shared.disk.check()?)
    }

    async fn read_after(&self, sequence: u64) -> Result<Vec<LoggedRecord>, LogError> {
        let records = self.shared.store.read_after(sequence, limits::FORWARD_RECORDS_MAX).await?;
        if let Some(received_at) = records.first().and_then(received_at) {
            *self.oldest_at() = Some(received_at);
        }
        Ok(records)
    }

    async fn tail(&self) -> Result<u64, LogError> {
        self.shared.store.tail().await
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.shared.store.erase(sequences).await?;
        if self.is_drained() {
            *self.oldest_at() = None;
        }
        Ok(())
    }

    /// These were erased.
    fn free(&self, records: &[LoggedRecord]) {
        let mut quota = self.quota();
        for record in records.iter().filter(|record| record.sequence > self.shared.opened_at) {
            quota.free(&record.account, record.body.len() as u64);
        }
    }

    /// Gives the space of a drained spool back to the disk when its file is long: it would count as taken, and close the
    /// spool, though nothing waits in it. Returns the new length of the file, if it was compacted. `kept_bytes` is what
    /// the last time has left; it is not tried again before the file is twice as long.
    async fn compact_when_drained(&self, kept_bytes: u64) -> Result<Option<u64>, LogError> {
        let held_bytes = self.size().body_bytes;
        let is_long = |file_bytes: u64| {
            file_bytes >= limits::COMPACT_FILE_BYTES_MIN
                && file_bytes / limits::COMPACT_SHARE_MIN > held_bytes
                && file_bytes / 2 >= kept_bytes
        };
        if !self.is_drained() || !self.file_bytes().is_some_and(is_long) {
            return Ok(None);
        }
        self.shared.store.compact().await?;
        Ok(self.file_bytes())
    }

    fn file_bytes(&self) -> Option<u64> {
        fs::metadata(&self.shared.file).ok().map(|file| file.len())
    }

    /// True when nothing waits for the log.
    fn is_drained(&self) -> bool {
        self.size().records <= self.shared.set_aside.load(Ordering::Relaxed)
    }

    fn size(&self) -> Size {
        self.shared.store.size().unwrap_or_default()
    }

    /// Whole after every step.
    fn quota(&self) -> MutexGuard<'_, Quota> {
        self.shared.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn oldest_at(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.shared.oldest_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The random id that this spool was given when it was made.
async fn id_of(store: &Embedded) -> Result<String, SpoolError> {
    if let Some(kept) = store.get(BUCKET, ID_KEY).await.map_err(SpoolError::Id)? {
        return Ok(String::from_utf8_lossy(&kept.value).into_owned());
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(SpoolError::Random)?;
    let id = format!("{:032x}", u128::from_be_bytes(random));
    store.create(BUCKET, ID_KEY, Bytes::from(id.clone())).await.map_err(SpoolError::Id)?;
    Ok(id)
}

/// When the first record in the store was received.
async fn oldest(store: &Embedded) -> Result<Option<Timestamp>, SpoolError> {
    if store.tail().await.map_err(SpoolError::Read)? == 0 {
        return Ok(None);
    }
    let first = store.read_after(0, 1).await.map_err(SpoolError::Read)?;
    Ok(first.first().and_then(received_at))
}

fn received_at(record: &LoggedRecord) -> Option<Timestamp> {
    Record::decode(&record.body).ok().map(|record| record.received_at)
}
