//! What was told to the outbox, and which items it has lost since.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::PartyId;
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;
use calltrail_event_log::ports::{Class, LogError, NewItem, Outbox};

/// The items that are outstanding, as far as this process has published them.
#[derive(Debug)]
pub(crate) struct Publisher {
    outbox: Arc<dyn Outbox>,
    published: BTreeMap<(String, PartyId), Published>,
}

#[derive(Debug)]
struct Published {
    item: u64,
    publication: u32,
    ticket: u64,
    looked_at: Timestamp,
}

impl Publisher {
    pub(crate) fn new(outbox: Arc<dyn Outbox>) -> Self {
        Self { outbox, published: BTreeMap::new() }
    }

    /// Tells the outbox of the item. An item that it already holds stays there once.
    pub(crate) async fn publish(
        &mut self,
        account: &str,
        item: &WorkItem,
        now: Timestamp,
    ) -> Result<(), LogError> {
        let body = serde_json::to_vec(item).map_err(|cause| LogError::Storage(Arc::new(cause)))?;
        let new = NewItem {
            account: account.to_owned(),
            class: Class::Live,
            id: item.message_id(),
            body: body.into(),
        };
        let ticket = self.outbox.publish(new).await?;
        let published = Published { item: item.item, publication: item.publication, ticket, looked_at: now };
        self.published.insert((account.to_owned(), item.party.clone()), published);
        Ok(())
    }

    /// Items published longer than `patience` ago (or looked at so long ago) that are still outstanding by
    /// `outstanding`, and that the outbox no longer holds. Waiting in the queue is not being lost.
    pub(crate) async fn lost(
        &mut self,
        account: &str,
        patience: Duration,
        now: Timestamp,
        outstanding: impl Fn(&PartyId) -> Option<(u64, u32)>,
    ) -> Result<Vec<Timer>, LogError> {
        let mut lost = Vec::new();
        let of_account = |(of, _): &(String, PartyId)| of == account;
        let due: Vec<_> = self
            .published
            .iter()
            .filter(|(key, published)| of_account(key) && now.since(published.looked_at) >= patience)
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            let Some(published) = self.published.get_mut(&key) else { continue };
            if outstanding(&key.1) != Some((published.item, published.publication)) {
                self.published.remove(&key);
                continue;
            }
            published.looked_at = now;
            if !self.outbox.holds(account, Class::Live, published.ticket).await? {
                let publication = published.publication + 1;
                lost.push(Timer::WorkItem { party: key.1, item: published.item, publication });
            }
        }
        Ok(lost)
    }
}
