//! A person is erased when everything is at rest: the real records of an erasure, killed half-way and disturbed; then Aircall
//! repeats what it sent about the person's calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use calltrail_domain::erase::Person;
use calltrail_domain::fold::fold;
use calltrail_domain::ids::PartyId;
use calltrail_domain::record::{PartyErased, Record, RecordBody};
use calltrail_domain::state::{Memory, PARTY_PREFIX, State};
use calltrail_domain::time::Timestamp;
use calltrail_projector::Lineage;

use super::process::Id;
use super::projector::again::folding;
use super::projector::words::meaning;
use super::snapshots::beginning;
use super::{Engine, Entry, Event};
use crate::dice::Dice;
use crate::limits::{
    DOWN_WHILE_ERASED_MS, ERASED_WHILE_DOWN_PERCENT, ERASES_PERCENT, ERASING_MS, ERASURE_DISTURBED_PERCENT,
    ERASURE_KILLED_PERCENT, ERASURE_LOSES_STORE_PERCENT, REPEATED_MS,
};
use crate::ports::Logged;
use crate::trace::Who;

/// An erasure that is under way.
#[derive(Debug)]
pub(super) struct Erasing {
    account: usize,
    root: PartyId,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// Something may be appended between the look and the group; so many tries are left at which it is. The records of groups
    /// that mean nothing are erased with the person's.
    Announce {
        disturbed: u8,
        void: Vec<u64>,
    },
    /// The group that was appended last means nothing.
    Again {
        disturbed: u8,
        void: Vec<u64>,
    },
    Erase {
        left: Vec<u64>,
        person: Person,
    },
}

/// What a look at the log brings.
struct Found {
    person: Person,
    records: Vec<u64>,
    parts: Vec<PartyErased>,
}

impl Engine {
    /// Begins an erasure once, in some of the seeds; false when there is none to begin.
    pub(super) fn begin_erasure(&mut self) -> bool {
        let mut dice = Dice::of(self.seed, 9);
        if std::mem::replace(&mut self.erasure_begun, true) || !dice.percent(ERASES_PERCENT) {
            return false;
        }
        let account = dice.place(self.offices.len());
        let state = self.state_of(account, |_| false);
        let roots: Vec<_> = state.backing().0.iter().filter(|(_, piece)| piece.party().is_some()).collect();
        if roots.is_empty() {
            return false;
        }
        let root = PartyId::new(&roots[dice.place(roots.len())].0[PARTY_PREFIX.len()..]);
        let disturbed = u8::from(dice.percent(ERASURE_DISTURBED_PERCENT));
        if dice.percent(ERASED_WHILE_DOWN_PERCENT) {
            // What it folded last may be gone when it comes up.
            let id = Id::Projector(dice.place(self.projectors.len()));
            self.kill_for(id, DOWN_WHILE_ERASED_MS);
        }
        let erasing = Erasing { account, root, step: Step::Announce { disturbed, void: Vec::new() } };
        self.agenda.note(self.now_ms(), Event::Erasure(erasing));
        true
    }

    pub(super) fn erasure_goes_on(&mut self, erasing: Erasing) {
        let Erasing { account, root, step } = erasing;
        let next = match step {
            Step::Announce { disturbed, void } => self.announce(account, &root, disturbed, void),
            Step::Again { .. } if self.dice.percent(ERASURE_KILLED_PERCENT) => {
                *self.marks.entry("erasure: killed, and announced in vain").or_default() += 1;
                None
            }
            Step::Again { disturbed, void } => Some(Step::Announce { disturbed, void }),
            Step::Erase { left, person } => self.erase_some(account, left, person),
        };
        let Some(step) = next else { return };
        let (min, max) = ERASING_MS;
        let at_ms = self.now_ms() + self.dice.between(min, max);
        self.agenda.note(at_ms, Event::Erasure(Erasing { account, root, step }));
    }

    fn announce(
        &mut self,
        account: usize,
        root: &PartyId,
        disturbed: u8,
        mut void: Vec<u64>,
    ) -> Option<Step> {
        let found = self.find(account, root);
        let state = self.state_of(account, |_| false);
        let under_way = found.person.under_way(&state).expect("memory can be read");
        if !under_way.is_nothing() {
            // What was repeated in between is decided first.
            return Some(Step::Announce { disturbed, void });
        }
        let is_void = disturbed > 0 && self.repeat_a_record(account);
        let through = self.log.last_given();
        let bodies = found.parts.into_iter().map(RecordBody::PartyErased);
        let now_ms = self.now_ms();
        let entries = bodies.map(|body| {
            let record = Record { received_at: Timestamp::from_millis(now_ms), body };
            let fact = meaning(&record);
            Entry::new(now_ms, record, fact)
        });
        let entries: Vec<_> = entries.collect();
        let group = through + 1..=through + entries.len() as u64;
        self.append(Who::World, account, entries);
        if is_void {
            void.extend(group);
            return Some(Step::Again { disturbed: disturbed - 1, void });
        }
        *self.marks.entry("erasure: announced").or_default() += 1;
        Some(Step::Erase { left: found.records.into_iter().chain(void).collect(), person: found.person })
    }

    /// Another machine appends just before; false when the log holds nothing that it could repeat.
    fn repeat_a_record(&mut self, account: usize) -> bool {
        let name = self.offices[account].name.clone();
        let events: Vec<_> = self
            .log
            .read_after(0, usize::MAX)
            .iter()
            .filter(|logged| {
                logged.account == name && matches!(logged.body.record.body, RecordBody::AircallEvent(_))
            })
            .map(|logged| logged.body.record.clone())
            .collect();
        if events.is_empty() {
            return false;
        }
        let record = events[self.dice.place(events.len())].clone();
        let (now_ms, fact) = (self.now_ms(), meaning(&record));
        self.append(Who::World, account, vec![Entry::new(now_ms, record, fact)]);
        true
    }

    /// Erases half of what is left, while a projector may lose its store; in the end Aircall repeats itself.
    fn erase_some(&mut self, account: usize, mut left: Vec<u64>, person: Person) -> Option<Step> {
        let some: Vec<_> = left.drain(..left.len().div_ceil(2)).collect();
        self.erase_records(&some);
        if self.dice.percent(ERASURE_LOSES_STORE_PERCENT) {
            let place = self.dice.place(self.projectors.len());
            self.lose_projection(place);
        }
        if !left.is_empty() {
            return Some(Step::Erase { left, person });
        }
        let calls: BTreeSet<u64> = person.calls.iter().map(|call| call.0).collect();
        self.repeat_webhooks_of(account, &calls);
        None
    }

    fn repeat_webhooks_of(&mut self, account: usize, calls: &BTreeSet<u64>) {
        let webhooks = &self.setting.companies[account].history.webhooks;
        let repeated = self.taken_deliveries_of(account, |place| calls.contains(&webhooks[place].call));
        let (min, max) = REPEATED_MS;
        for delivery in repeated {
            let at_ms = self.now_ms() + self.dice.between(min, max);
            self.deliver_again(delivery, at_ms);
        }
    }

    fn erase_records(&mut self, sequences: &[u64]) {
        let line = format_args!("{sequences:?}");
        self.trace.say(self.agenda.now_ms(), Who::World, "erases", line);
        self.erased.extend(self.log.erase(sequences));
    }

    fn find(&self, account: usize, root: &PartyId) -> Found {
        let live = self.state_of(account, |_| false);
        let person = Person::of(&live, root).expect("memory can be read");
        let owns = |logged: &Logged<Arc<Entry>>| person.owns(&logged.body.fact);
        let gapped = self.state_of(account, owns);
        let name = &self.offices[account].name;
        let records = self.log.read_after(0, usize::MAX).iter();
        let records: Vec<_> = records
            .filter(|logged| logged.account == *name && owns(logged))
            .map(|logged| logged.sequence)
            .collect();
        let now = Timestamp::from_millis(self.now_ms());
        let without = person.without(&live, root, now).expect("memory can be read");
        let parts = person.erasure(self.log.last_given(), &records, &live, &gapped, &without);
        Found { person, records, parts }
    }

    /// The state of an account without the records that are left out.
    fn state_of(&self, account: usize, leaves_out: impl Fn(&Logged<Arc<Entry>>) -> bool) -> State<Memory> {
        let name = &self.offices[account].name;
        let (pieces, seen, through) = beginning(&self.log, name);
        let (mut state, mut lineage) = (State::new(pieces), Lineage::default());
        seen.into_iter().for_each(|seen| lineage.add(seen));
        for logged in self.log.read_after(through, usize::MAX) {
            if logged.account == *name && leaves_out(logged) {
                continue;
            }
            let record = folding(logged);
            let is_stale = lineage.stale(&record).is_some();
            lineage.add(record.seen());
            if let Some((place, fact)) = record.meaning.filter(|_| logged.account == *name && !is_stale) {
                fold(&mut state, place, &fact).expect("memory can be read");
                state.commit();
            }
        }
        state
    }
}
