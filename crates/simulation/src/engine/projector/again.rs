//! The log folded once more from its first record, as a projector with an empty store would.

use std::sync::Arc;

use calltrail_domain::fold::Place;
use calltrail_domain::time::Timestamp;
use calltrail_projector::{
    Came as ProjectorCame, Folding, InMemory, Machine, Operation as ProjectorOperation,
};

use super::super::snapshots::fill;
use super::super::{Engine, Entry};
use super::arriving::{first, hash_at, identity};
use crate::ports::{Log, Logged};

impl Engine {
    /// What folding this log from its beginning gives, in groups of another size.
    pub(in crate::engine) fn fold_again(&self, log: &Log<Arc<Entry>>, group: usize) -> InMemory {
        let disk = InMemory::default();
        fill(&disk, log);
        let mut machine = Machine::new(disk.clone(), self.rules(), || [0; 32]).expect("memory can be read");
        let mut next = |came| machine.next(Timestamp::from_millis(0), came).expect("memory can be read");
        let mut operation = next(ProjectorCame::Started);
        loop {
            operation = match operation {
                // The gate never opens.
                ProjectorOperation::ReadTail => next(ProjectorCame::Tail(u64::MAX)),
                ProjectorOperation::Read { after, max } => {
                    let records: Vec<_> = log.read_after(after, max.min(group)).iter().map(folding).collect();
                    if records.is_empty() {
                        return disk;
                    }
                    next(ProjectorCame::Records { before: hash_at(log, after), first: first(log), records })
                }
                ProjectorOperation::Identify { sequence } => next(identity(log, sequence)),
                ProjectorOperation::Publish { .. } => next(ProjectorCame::Published { ticket: 0 }),
                // It differs from what the projectors have.
                ProjectorOperation::FoldAgain(_) => return disk,
                operation => panic!("nothing but reading is done before the gate: {operation:?}"),
            };
        }
    }
}

/// A record as the machine takes it.
pub(in crate::engine) fn folding(logged: &Logged<Arc<Entry>>) -> Folding {
    let place = Place { sequence: logged.sequence, received_at: logged.body.record.received_at };
    let meaning = Some((place, Arc::clone(&logged.body.fact)));
    Folding {
        sequence: logged.sequence,
        account: Arc::clone(&logged.account),
        hash: logged.body.hash,
        meaning,
    }
}
