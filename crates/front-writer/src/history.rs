//! Whether an item belongs to the history that the fence knows. After a restore of the log alone, or when a server lost its
//! last records, the fence knows effects that the log does not, and their ordinals are given again.
//!
//! **Invariant:** an item is acknowledged without a fact only while nothing says that its facts are missing from the log.

use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;

use crate::command::Command;
use crate::fence::{Entry, Fence};
use crate::machine::{Awaiting, Machine};

/// How an item stands to its party's fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The fence knows nothing of it.
    New,
    InProgress,
    /// Its facts are in the log.
    Settled,
    /// The fence knows its ordinals from a history that the log has lost.
    Forgotten,
}

impl Machine {
    pub(crate) fn load(
        &mut self,
        now: Timestamp,
        found: Option<(Box<Fence>, u64)>,
        first_seen: Timestamp,
    ) -> Command {
        let (fence, revision) = match found {
            Some((fence, revision)) => (*fence, Some(revision)),
            None => (Fence::default(), None),
        };
        (self.fence, self.revision, self.first_seen, self.loaded) = (fence, revision, first_seen, true);
        let Some((first, last)) = self.item.effects.first().zip(self.item.effects.last()) else {
            return self.expect(Awaiting::Nothing, Command::Done);
        };
        let (first, last) = (first.ordinal, last.ordinal);
        match self.standing(first, last) {
            Standing::Settled => return self.acknowledge(),
            Standing::Forgotten => self.begin_again(first),
            Standing::New => self.begin(first),
            Standing::InProgress => {}
        }
        self.distrust_times_ahead(now);
        self.advance(now)
    }

    fn standing(&self, first: u64, last: u64) -> Standing {
        let Fence { settled_through, item_from, .. } = self.fence;
        let is_old = last <= settled_through || first < item_from;
        if rule::holds(Rule::NewerFenceSwallowsNoEffect) {
            // The ordinals of an item are settled all at once.
            let is_cut = (first..last).contains(&settled_through);
            if self.is_contradicted() || is_cut || (is_old && self.was_acknowledged_before()) {
                return Standing::Forgotten;
            }
        }
        if is_old {
            return Standing::Settled;
        }
        if first > item_from { Standing::New } else { Standing::InProgress }
    }

    /// The fence knows another effect under one of the item's ordinals.
    fn is_contradicted(&self) -> bool {
        let mut effects = self.item.effects.iter();
        effects
            .any(|effect| self.fence.key_of(effect.ordinal).is_some_and(|known| known != effect.effect.key))
    }

    /// An earlier publication of the item was acknowledged. It is published again only when the outbox holds it no more and
    /// the log has no facts of it.
    fn was_acknowledged_before(&self) -> bool {
        let (item, publication) = (self.item.item, self.item.publication);
        self.fence.acknowledged.is_some_and(|(known, before)| known == item && before < publication)
    }

    fn begin(&mut self, first: u64) {
        // An item is cut only when the one before it has settled, so its predecessor's facts are in the log.
        let settled_through = self.fence.settled_through.max(first - 1);
        let known_through = self.fence.known_through;
        let settled = std::mem::take(&mut self.fence.settled);
        self.fence = Fence { settled_through, item_from: first, known_through, settled, ..Fence::default() };
        if first <= known_through {
            (self.unsaved, self.begins_again) = (true, true);
        }
    }

    /// Worked on from its first effect, each of which is in doubt.
    fn begin_again(&mut self, first: u64) {
        let known_through = self.fence.highest();
        let settled_through = first.saturating_sub(1);
        let entries = self.unsettled_of_item();
        self.fence = Fence { settled_through, item_from: first, known_through, entries, ..Fence::default() };
        // Stored first, so that the item is counted once and no claim starts it again.
        (self.unsaved, self.begins_again) = (true, true);
    }

    /// What the fence knows of the item's effects that are not settled, under their new ordinals: a request of the lost
    /// history may still be in flight, and is waited for.
    fn unsettled_of_item(&mut self) -> Vec<Entry> {
        let entries = std::mem::take(&mut self.fence.entries);
        let unsettled = entries.into_iter().filter(|entry| entry.outcome().is_none());
        unsettled
            .filter_map(|entry| {
                let effect = self.item.effects.iter().find(|effect| effect.effect.key == entry.key)?;
                Some(Entry { ordinal: effect.ordinal, ambiguous: true, ..entry })
            })
            .collect()
    }

    /// The facts should be in the log. If they are not, the item is published again, so its publication is remembered.
    fn acknowledge(&mut self) -> Command {
        let this = (self.item.item, self.item.publication);
        let is_known = self.fence.acknowledged.is_some_and(|(item, last)| item == this.0 && last >= this.1);
        // A newer item is in progress: its writer should not lose the fence to a mere repeat.
        let is_repeat = !self.fence.entries.is_empty() && this.1 == 1;
        if is_known || is_repeat {
            return self.expect(Awaiting::Nothing, Command::Done);
        }
        self.fence.acknowledged = Some(this);
        self.write(Awaiting::Finished)
    }

    /// The effect may have been done in a history that the log has lost, and nobody knows what it found then.
    pub(crate) fn is_forgotten(&self, index: usize) -> bool {
        self.item.effects[index].ordinal <= self.fence.known_through
    }
}
