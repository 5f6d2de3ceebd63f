//! What all works of one process share.

use calltrail_domain::ids::PartyId;
use calltrail_domain::time::Timestamp;

use crate::condition::{Change, Conditions, Lasting};
use crate::directory::Directory;
use crate::sightings::Sightings;

/// The directory of teammates, and when each fence was seen first. It is lost with the process, at the cost of time.
#[derive(Debug, Default)]
pub struct Shared {
    pub(crate) directory: Directory,
    pub(crate) sightings: Sightings,
    pub(crate) conditions: Conditions,
}

impl Shared {
    /// What has begun and ended since this was asked for last, and all that lasts; nothing when nothing has changed.
    pub(crate) fn take_changes(&mut self) -> Option<(Vec<Change>, Vec<Lasting>)> {
        let changes = self.conditions.take_changes();
        (!changes.is_empty()).then(|| (changes, self.conditions.now()))
    }

    /// Another process changed a party's fence. Whoever heard of an attempt when it began need not wait as long for its end
    /// as one that meets it later.
    pub fn hear(&mut self, party: &PartyId, revision: u64, now: Timestamp) {
        self.sightings.hear(party, revision, now);
    }
}
