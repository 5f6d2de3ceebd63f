//! A projection beside the live one: the log folded into a store of its own, with nothing published, decided or appended.
//!
//! **Invariant:** memory does not grow with the log: what a live projection remembers in order to act is forgotten after each
//! batch.

use std::path::Path;

use calltrail_domain::state::State;
use calltrail_event_log::ports::{EventLog, LoggedRecord};

use crate::limits::BATCH_RECORDS_MAX;
use crate::lineage::Lineage;
use crate::pieces::Pieces as _;
use crate::projection::Projection;
use crate::projector::ProjectorError;
use crate::query::{Digest, digest, state_hash};
use crate::reading::{begin, is_trimmed_past};
use crate::store::{AccountPieces, Store, StoreError};
use crate::translate::Folding;

/// The states of all accounts, folded in a folder of their own.
#[derive(Debug)]
pub struct Scratch {
    projection: Projection<Store>,
    /// Everything up to here was read: records that were erased leave gaps.
    read_to: u64,
    began_at: u64,
    records: u64,
}

impl Scratch {
    /// A projection in a folder that is not there yet: empty, or as the snapshot has it with which the log begins.
    ///
    /// # Errors
    /// When there is no room for it, or the log cannot be read.
    pub async fn new(folder: &Path, log: &dyn EventLog) -> Result<Self, ProjectorError> {
        let store = Store::open(folder, 0)?.store;
        let read_to = begin(log, &store).await?;
        Ok(Self { projection: Projection::new(store)?, read_to, began_at: read_to, records: 0 })
    }

    /// The last record that was not folded but is in the snapshot with which the log begins; 0 for a log that is whole.
    #[must_use]
    pub fn began_at(&self) -> u64 {
        self.began_at
    }

    /// Folds the log on, up to `end`, which it has. `progress` hears each position that was reached.
    ///
    /// # Errors
    /// When the log cannot be read, or the store not written.
    pub async fn fold_to(
        &mut self,
        log: &dyn EventLog,
        end: u64,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ProjectorError> {
        while self.read_to < end {
            let batch = self.read(log, end).await?;
            for record in &batch {
                self.fold(&Folding::of(record))?;
            }
            self.commit()?;
            progress(self.read_to);
            // A long replay leaves room for whatever else this process does.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// The next records up to `end`; they count as read. Erased records leave gaps: the batch may begin beyond the end.
    pub(crate) async fn read(
        &mut self,
        log: &dyn EventLog,
        end: u64,
    ) -> Result<Vec<LoggedRecord>, ProjectorError> {
        let mut batch = log.read_after(self.read_to, BATCH_RECORDS_MAX).await?;
        let is_gap = batch.first().is_some_and(|record| record.sequence > self.read_to + 1);
        if is_gap && is_trimmed_past(log, self.read_to).await? {
            return Err(ProjectorError::Trimmed);
        }
        self.read_to = batch.last().map_or(end, |record| record.sequence).min(end);
        batch.retain(|record| record.sequence <= end);
        Ok(batch)
    }

    pub(crate) fn fold(&mut self, record: &Folding) -> Result<(), ProjectorError> {
        self.projection.fold(record)?;
        self.records += 1;
        Ok(())
    }

    pub(crate) fn commit(&mut self) -> Result<(), ProjectorError> {
        self.projection.commit()?;
        self.projection.forget_touched();
        Ok(())
    }

    /// Records that were folded.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The sequence up to which the log was read.
    #[must_use]
    pub fn read_to(&self) -> u64 {
        self.read_to
    }

    /// The accounts that have a state, by name.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, &State<AccountPieces>)> {
        self.projection.accounts().iter().map(|(name, account)| (name.as_str(), &account.state))
    }

    /// One hash over all pieces, as [`Digest::state_hash`] gives it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn state_hash(&self) -> Result<String, ProjectorError> {
        Ok(state_hash(&self.projection)?)
    }

    pub(crate) fn digest(&self) -> Result<Digest, ProjectorError> {
        Ok(digest(&self.projection)?)
    }

    pub(crate) fn lineage(&self) -> &Lineage {
        self.projection.lineage()
    }

    /// The stored pieces of this account, by key.
    pub(crate) fn pieces_of(
        &self,
        account: &str,
    ) -> impl Iterator<Item = Result<(String, Vec<u8>), StoreError>> + use<> {
        self.projection.store().account(account).scan_stored("", None)
    }

    pub(crate) fn projection_mut(&mut self) -> &mut Projection<Store> {
        &mut self.projection
    }

    pub(crate) fn projection(&self) -> &Projection<Store> {
        &self.projection
    }

    /// Lets go of the store, so that its folder can be moved.
    pub(crate) fn close(self) {
        self.projection.into_store().close();
    }
}
