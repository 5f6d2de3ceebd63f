//! What all works of one process share.

use calltrail_domain::ids::PartyId;
use calltrail_domain::time::Timestamp;

use crate::directory::Directory;
use crate::sightings::Sightings;

/// The directory of teammates, and when each fence was seen first. It is lost with the process, at the cost of time.
#[derive(Debug, Default)]
pub struct Shared {
    pub(crate) directory: Directory,
    pub(crate) sightings: Sightings,
}

impl Shared {
    /// Another process changed a party's fence. Whoever heard of an attempt when it began need not wait as long for its end
    /// as one that meets it later.
    pub fn hear(&mut self, party: &PartyId, revision: u64, now: Timestamp) {
        self.sightings.hear(party, revision, now);
    }
}
