//! The projector's part: records folded one by one, decisions at the head, timers that are due.

use std::collections::BTreeSet;

use calltrail_domain::decide::decide;
use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::WorkItem;
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::{Output, fold, party_of_number};
use calltrail_domain::ids::{CallId, ConversationId, PartyId, PhoneNumber};
use calltrail_domain::state::{Memory, State, TIMER_PREFIX, timer_bound};
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;
use calltrail_event_log::ports::LoggedRecord;
use calltrail_projector::limits::{DECISIONS_PER_RECORD_MAX, RECORDS_BEFORE_MARKER};
use calltrail_projector::translate;

const NEVER_FAILS: &str = "a state in memory can be read";

/// What has been folded, and what is still to be looked at.
#[derive(Debug)]
pub(crate) struct Projector {
    state: State<Memory>,
    folded: u64,
    touched: BTreeSet<PartyId>,
    uncovered: u64,
}

/// Whether anything is under way for a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rest {
    /// No call of it has settled yet.
    Unknown,
    /// Something is to be decided, sent or seen.
    Busy,
    /// Everything is done; calls went into this conversation last.
    Quiet(Option<ConversationId>),
}

impl Projector {
    pub(crate) fn new() -> Self {
        let state = State::new(Memory::default());
        Self { state, folded: 0, touched: BTreeSet::new(), uncovered: 0 }
    }

    /// The sequence of the last record folded.
    pub(crate) fn folded(&self) -> u64 {
        self.folded
    }

    /// Folds one record; returns the work items that the outbox must be told of.
    pub(crate) fn fold(&mut self, record: &LoggedRecord) -> Vec<WorkItem> {
        let (place, fact) = translate(record).expect("what was appended can be read");
        let outputs = fold(&mut self.state, place, &fact).expect(NEVER_FAILS);
        self.state.commit();
        self.folded = record.sequence;
        self.uncovered = if matches!(fact, Fact::EffectsDecided(_)) { 0 } else { self.uncovered + 1 };
        let mut items = Vec::new();
        for output in outputs {
            match output {
                Output::Publish(item) => items.push(item),
                Output::Touched(party) => drop(self.touched.insert(party)),
            }
        }
        items
    }

    /// The next decisions, or after many records without one a marker.
    pub(crate) fn decide(&mut self) -> Option<EffectsDecided> {
        let mut decisions = Vec::new();
        while decisions.len() < DECISIONS_PER_RECORD_MAX {
            let Some(party) = self.touched.pop_first() else { break };
            decisions.extend(decide(&self.state, &party).expect(NEVER_FAILS));
        }
        let worth_it = !decisions.is_empty() || self.uncovered >= RECORDS_BEFORE_MARKER;
        let complete = self.touched.is_empty();
        worth_it.then_some(EffectsDecided { through: self.folded, basis: None, decisions, complete })
    }

    /// Timers that are due by `now`, earliest first.
    pub(crate) fn timers_due(&self, now: Timestamp) -> Vec<Timer> {
        let pieces = &self.state.backing().0;
        let due = pieces.range(TIMER_PREFIX.to_owned()..timer_bound(now));
        due.filter_map(|(_, piece)| piece.timer().cloned()).collect()
    }

    /// When the next timer is due: the key of its piece says so.
    pub(crate) fn next_timer_ms(&self) -> Option<i64> {
        let (key, _) = self.state.backing().0.range(TIMER_PREFIX.to_owned()..).next()?;
        key.strip_prefix(TIMER_PREFIX)?.split('/').next()?.parse().ok()
    }

    pub(crate) fn rest(&self, number: &PhoneNumber) -> Rest {
        let party = party_of_number(&self.state, number).expect(NEVER_FAILS);
        party.map_or(Rest::Unknown, |party| self.rest_of(&party))
    }

    pub(crate) fn rest_of_call(&self, call: i64) -> Rest {
        let id = CallId(call.unsigned_abs());
        let settled = self.state.call(id).expect(NEVER_FAILS).and_then(|call| call.settled);
        settled.map_or(Rest::Unknown, |settled| self.rest_of(&settled.party))
    }

    fn rest_of(&self, id: &PartyId) -> Rest {
        let Some((_, party)) = self.state.party(id).expect(NEVER_FAILS) else { return Rest::Unknown };
        let waits = party.joining.is_some() || !party.awaits.is_empty() || !party.queue.is_empty();
        if waits || !party.is_drained() {
            return Rest::Busy;
        }
        Rest::Quiet(party.thread.and_then(|thread| thread.conversation))
    }
}
