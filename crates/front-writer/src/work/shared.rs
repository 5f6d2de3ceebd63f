//! What all works of one process share.

use crate::directory::Directory;
use crate::sightings::Sightings;

/// The directory of teammates, and when each fence was seen first. It is lost with the process, at the cost of time.
#[derive(Debug, Default)]
pub struct Shared {
    pub(crate) directory: Directory,
    pub(crate) sightings: Sightings,
}
