//! The outbox, embedded.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::change::{Change, LaneName};
use super::lane::Given;
use super::{Embedded, now_ms, tables};
use crate::limits::HOLD_MAX;
use crate::names;
use crate::ports::{Claim, Class, LogError, NewItem, Outbox};

#[async_trait]
impl Outbox for Embedded {
    async fn publish(&self, item: NewItem) -> Result<u64, LogError> {
        names::check_item(&item)?;
        self.change(Change::Publish { item, now_ms: now_ms() }).await
    }

    async fn holds(&self, account: &str, class: Class, ticket: u64) -> Result<bool, LogError> {
        names::check_account(account)?;
        self.check_open()?;
        Ok(self.shared.store.claims.holds(&LaneName::new(account, class), ticket))
    }

    async fn claim(
        &self,
        account: &str,
        class: Class,
        wait: Duration,
    ) -> Result<Option<Box<dyn Claim>>, LogError> {
        names::check_account(account)?;
        let lane = LaneName::new(account, class);
        let deadline = Instant::now() + wait.min(HOLD_MAX);
        let lane_changed = self.shared.store.claims.changed(&lane);
        loop {
            // Made before looking, so that an item published in between wakes this call.
            let changed = lane_changed.notified();
            self.check_open()?;
            let due = match self.shared.store.claims.claim(&lane) {
                Ok(given) => match self.hand_over(&lane, given).await? {
                    Some(claim) => return Ok(Some(Box::new(claim))),
                    None => continue,
                },
                Err(due) => due,
            };
            if Instant::now() >= deadline {
                return Ok(None);
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(due.map_or(deadline, |due| due.min(deadline))) => {}
                () = self.shared.store.closed() => {}
            }
        }
    }
}

impl Embedded {
    /// Reads the item of a claim; `None` when it was done a moment ago. Until it is read, the claim is given back when
    /// this future is dropped or fails.
    async fn hand_over(&self, lane: &LaneName, given: Given) -> Result<Option<EmbeddedClaim>, LogError> {
        let undo = GiveBack { store: self, lane, given: Some(given) };
        let wanted = lane.clone();
        let item = self.read(move |file| tables::item(file, &wanted, given.ticket)).await?;
        undo.forget();
        let Some((id, body)) = item else {
            self.shared.store.claims.remove(lane, given.ticket);
            return Ok(None);
        };
        Ok(Some(EmbeddedClaim { store: self.clone(), lane: lane.clone(), given, id, body }))
    }
}

/// Gives a claim back that nobody was handed.
struct GiveBack<'a> {
    store: &'a Embedded,
    lane: &'a LaneName,
    given: Option<Given>,
}

impl GiveBack<'_> {
    fn forget(mut self) {
        self.given = None;
    }
}

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        if let Some(given) = self.given {
            self.store.shared.store.claims.release(self.lane, given, Duration::ZERO);
        }
    }
}

#[derive(Debug)]
struct EmbeddedClaim {
    store: Embedded,
    lane: LaneName,
    given: Given,
    id: String,
    body: Bytes,
}

#[async_trait]
impl Claim for EmbeddedClaim {
    fn id(&self) -> &str {
        &self.id
    }

    fn body(&self) -> &Bytes {
        &self.body
    }

    async fn extend(&self) -> Result<(), LogError> {
        self.store.check_open()?;
        let current = self.store.shared.store.claims.extend(&self.lane, self.given);
        if current { Ok(()) } else { Err(LogError::Conflict) }
    }

    async fn done(self: Box<Self>) -> Result<(), LogError> {
        self.store.change(Change::Done { lane: self.lane, ticket: self.given.ticket }).await.map(drop)
    }

    async fn release(self: Box<Self>, after: Duration) -> Result<(), LogError> {
        self.store.check_open()?;
        let current = self.store.shared.store.claims.release(&self.lane, self.given, after);
        if current { Ok(()) } else { Err(LogError::Conflict) }
    }
}
