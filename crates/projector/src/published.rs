//! What was told to the outbox, and which items it may have lost since.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::PartyId;
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;

/// The items of one account that are outstanding, as far as this process has published them.
#[derive(Debug, Default)]
pub(crate) struct Published(BTreeMap<PartyId, Told>);

/// An item as the outbox was told of it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    item: u64,
    publication: u32,
    pub(crate) ticket: u64,
    looked_at: Timestamp,
}

impl Published {
    /// The outbox has the item, and calls it `ticket`.
    pub(crate) fn told(&mut self, item: &WorkItem, ticket: u64, now: Timestamp) {
        let told = Told { item: item.item, publication: item.publication, ticket, looked_at: now };
        self.0.insert(item.party.clone(), told);
    }

    /// Items told longer than `patience` ago (or looked at so long ago) that are still outstanding by `outstanding`: the
    /// outbox is to be asked for them. Those that are not are forgotten.
    pub(crate) fn overdue(
        &mut self,
        patience: Duration,
        now: Timestamp,
        outstanding: impl Fn(&PartyId) -> Option<(u64, u32)>,
    ) -> Vec<(PartyId, Told)> {
        let mut due = Vec::new();
        self.0.retain(|party, told| {
            if now.since(told.looked_at) < patience {
                return true;
            }
            let is_outstanding = outstanding(party) == Some((told.item, told.publication));
            if is_outstanding {
                due.push((party.clone(), told.clone()));
            }
            is_outstanding
        });
        due
    }

    /// The outbox was asked for the item: it is not asked again for as long as before.
    pub(crate) fn looked_for(&mut self, party: &PartyId, now: Timestamp) {
        if let Some(told) = self.0.get_mut(party) {
            told.looked_at = now;
        }
    }
}

impl Told {
    /// The item is published again under the next publication number. Waiting in the queue is not being lost.
    pub(crate) fn lost(&self, party: PartyId) -> Timer {
        Timer::WorkItem { party, item: self.item, publication: self.publication + 1 }
    }
}
