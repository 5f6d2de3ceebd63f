//! The fence of the claim's party: read, written, and when each of its revisions was seen first.

use calltrail_domain::time::Timestamp;

use crate::command::Input;
use crate::operation::{Operation, Place, Value, Written};
use crate::work::{Doing, Shared, Step, Work};

impl Work {
    pub(super) fn fence_place(&self) -> Place {
        Place::Fence(self.machine.item.party.clone())
    }

    pub(super) fn put_fence(&mut self, value: Value, expected: Option<u64>) -> Step {
        let place = self.fence_place();
        self.doing(Doing::WritingFence, Operation::Put { place, value, expected })
    }

    pub(super) fn fence_read(
        &self,
        now: Timestamp,
        shared: &mut Shared,
        found: Option<(Value, u64)>,
    ) -> Input {
        match found {
            Some((Value::Fence(fence), revision)) => {
                let first_seen = self.sight(now, shared, revision);
                Input::Fence { found: Some((fence, revision)), first_seen }
            }
            Some((value, _)) => panic!("{value:?} is no fence"),
            None => Input::Fence { found: None, first_seen: now },
        }
    }

    pub(super) fn fence_written(&self, now: Timestamp, shared: &mut Shared, written: Written) -> Input {
        match written {
            Written::Revision(revision) => {
                self.sight(now, shared, revision);
                Input::Written { revision }
            }
            // Where nobody knows whether it was written, the machine reads it again, as after a conflict.
            Written::Conflict | Written::Unknown => Input::Conflict,
        }
    }

    /// When this process first saw this revision.
    fn sight(&self, now: Timestamp, shared: &mut Shared, revision: u64) -> Timestamp {
        shared.sightings.see(&self.machine.item.party, revision, now)
    }
}
