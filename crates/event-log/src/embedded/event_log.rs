//! The call event log, embedded.

use async_trait::async_trait;

use super::change::Change;
use super::{Embedded, tables};
use crate::limits::READ_RECORDS_MAX;
use crate::names;
use crate::ports::{EventLog, Import, LogError, LoggedRecord, NewRecord};

#[async_trait]
impl EventLog for Embedded {
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        names::check_group(&group)?;
        let count = group.len() as u64;
        if count == 0 {
            return Ok(Vec::new());
        }
        let first = self.change(Change::Append { group }).await?;
        Ok((first..first + count).collect())
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let max = max.min(READ_RECORDS_MAX);
        let mut tail = self.shared.store.tail();
        loop {
            if *tail.borrow_and_update() > sequence {
                let records = self.read(move |file| tables::records_after(file, sequence, max)).await?;
                if !records.is_empty() {
                    return Ok(records);
                }
            }
            tokio::select! {
                _ = tail.changed() => {}
                () = self.shared.store.closed() => return Err(LogError::Closed),
            }
        }
    }

    async fn tail(&self) -> Result<u64, LogError> {
        self.check_open()?;
        Ok(*self.shared.store.tail().borrow())
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.change(Change::Erase { sequences: sequences.to_vec() }).await.map(drop)
    }

    /// In many commits, so that those who append wait for none of them long.
    async fn trim(&self, before: u64) -> Result<(), LogError> {
        while self.change(Change::Trim { before }).await? > 0 {}
        Ok(())
    }
}

#[async_trait]
impl Import for Embedded {
    async fn last_given(&self) -> Result<u64, LogError> {
        self.read(tables::last_given).await
    }

    async fn import(&self, records: Vec<LoggedRecord>, through: u64) -> Result<(), LogError> {
        names::check_import(&records, through)?;
        self.change(Change::Import { records, through }).await.map(drop)
    }
}
