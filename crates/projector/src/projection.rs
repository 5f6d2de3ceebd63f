//! The states of all accounts over one store: fold, commit, and what changed for the outbox.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::decide::decide;
use calltrail_domain::decision::{Decision, EffectsDecided};
use calltrail_domain::effect::WorkItem;
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::{Output, fold};
use calltrail_domain::ids::PartyId;
use calltrail_domain::party::Party;
use calltrail_domain::state::{PARTY_PREFIX, State, StateError, TIMER_PREFIX, timer_bound};
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;

use crate::limits::{DECISIONS_PER_RECORD_MAX, RECORDS_BEFORE_MARKER};
use crate::pieces::{Pieces, PiecesError, Scan};
use crate::published::Published;
use crate::translate::Folding;

/// Everything that has been folded.
#[derive(Debug)]
pub(crate) struct Projection<P: Pieces> {
    store: P,
    /// The last record folded, and the last one committed too.
    folded: u64,
    checkpoint: u64,
    accounts: BTreeMap<String, AccountState<P::Account>>,
}

/// One account's state, and what is to be done for it.
#[derive(Debug)]
pub(crate) struct AccountState<B> {
    pub(crate) state: State<B>,
    /// What was told to the outbox.
    pub(crate) published: Published,
    /// Parties for which something may be decidable.
    touched: BTreeSet<PartyId>,
    /// Records folded since the last one that covers positions.
    uncovered: u64,
}

impl<P: Pieces> Projection<P> {
    pub(crate) fn new(store: P) -> Result<Self, PiecesError<P>> {
        let checkpoint = store.checkpoint().map_err(StateError::Backing)?;
        let names = store.accounts().map_err(StateError::Backing)?;
        let mut projection = Self { store, folded: checkpoint, checkpoint, accounts: BTreeMap::new() };
        for name in names {
            projection.account(&name);
        }
        Ok(projection)
    }

    /// The sequence of the last record folded and committed.
    pub(crate) fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    pub(crate) fn accounts(&self) -> &BTreeMap<String, AccountState<P::Account>> {
        &self.accounts
    }

    pub(crate) fn account(&mut self, name: &str) -> &mut AccountState<P::Account> {
        if !self.accounts.contains_key(name) {
            self.accounts.insert(name.to_owned(), AccountState::new(self.store.account(name)));
        }
        self.accounts.get_mut(name).expect("it was put there")
    }

    /// Folds one record; returns the work items that the outbox must be told of. A record that cannot be read means
    /// nothing, to everybody alike, and stays in the log.
    pub(crate) fn fold(&mut self, record: &Folding) -> Result<Vec<WorkItem>, PiecesError<P>> {
        let items = match &record.meaning {
            Some((place, fact)) => {
                let account = self.account(&record.account);
                let outputs = fold(&mut account.state, *place, fact)?;
                account.take(fact, outputs)
            }
            None => Vec::new(),
        };
        self.folded = record.sequence;
        Ok(items)
    }

    /// Makes what was folded durable: states and checkpoint in one write.
    pub(crate) fn commit(&mut self) -> Result<(), PiecesError<P>> {
        let changes: Vec<_> =
            self.accounts.iter().map(|(name, account)| (name.as_str(), account.state.changes())).collect();
        self.store.commit(&changes, self.folded).map_err(StateError::Backing)?;
        self.accounts.values_mut().for_each(|account| account.state.committed());
        self.checkpoint = self.folded;
        Ok(())
    }
}

impl<B: Scan> AccountState<B> {
    fn new(backing: B) -> Self {
        Self {
            state: State::new(backing),
            published: Published::default(),
            touched: BTreeSet::new(),
            uncovered: 0,
        }
    }

    fn take(&mut self, fact: &Fact, outputs: Vec<Output>) -> Vec<WorkItem> {
        self.uncovered += 1;
        if matches!(fact, Fact::EffectsDecided(_)) {
            self.uncovered = 0;
        }
        let mut items = Vec::new();
        for output in outputs {
            match output {
                Output::Publish(item) => items.push(item),
                Output::Touched(party) => drop(self.touched.insert(party)),
            }
        }
        items
    }

    /// The next decisions, as the record to append; after many records without one a marker, else `None` when there is
    /// nothing to decide. The parties are looked at again when their decisions have been folded.
    pub(crate) fn decide(&mut self, through: u64) -> Result<Option<EffectsDecided>, StateError<B::Error>> {
        let mut decisions: Vec<Decision> = Vec::new();
        while decisions.len() < DECISIONS_PER_RECORD_MAX {
            let Some(party) = self.touched.pop_first() else { break };
            decisions.extend(decide(&self.state, &party)?);
        }
        let worth_it = !decisions.is_empty() || self.uncovered >= RECORDS_BEFORE_MARKER;
        let complete = self.touched.is_empty();
        Ok(worth_it.then_some(EffectsDecided { through, basis: None, decisions, complete }))
    }

    /// Takes back decisions that could not be appended.
    pub(crate) fn undecided(&mut self, decided: EffectsDecided) {
        self.touched.extend(decided.decisions.into_iter().map(|decision| decision.party));
    }

    /// Looks at every committed party: which items are outstanding, and which parties may have something to decide.
    pub(crate) fn take_stock(&mut self) -> Result<Vec<WorkItem>, StateError<B::Error>> {
        let (mut items, mut queued) = (Vec::new(), Vec::new());
        for party in self.parties() {
            let (id, party) = party?;
            if !party.queue.is_empty() {
                queued.push(id);
            }
            items.extend(party.outstanding.map(|outstanding| outstanding.item));
        }
        self.touched.extend(queued);
        Ok(items)
    }

    /// The committed parties, without those that were joined into others.
    pub(crate) fn parties(&self) -> impl Iterator<Item = Result<(PartyId, Party), StateError<B::Error>>> {
        let entries = self.state.backing().scan(PARTY_PREFIX, None);
        entries.filter_map(|entry| {
            let party = entry.map(|(key, piece)| {
                piece.party().map(|party| (PartyId::new(&key[PARTY_PREFIX.len()..]), party.clone()))
            });
            party.transpose()
        })
    }

    /// Timers that are due by `now`, earliest first.
    pub(crate) fn timers_due(&self, now: Timestamp, max: usize) -> Result<Vec<Timer>, StateError<B::Error>> {
        let end = timer_bound(now);
        let due = self.state.backing().scan(TIMER_PREFIX, Some(&end));
        due.take(max).filter_map(|entry| entry.map(|(_, piece)| piece.timer().cloned()).transpose()).collect()
    }
}
