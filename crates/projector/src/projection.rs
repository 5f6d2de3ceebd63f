//! The states of all accounts over one store: fold, commit, and what changed for the outbox.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use calltrail_domain::decide::decide;
use calltrail_domain::decision::{Decision, EffectsDecided};
use calltrail_domain::effect::WorkItem;
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::{Output, fold};
use calltrail_domain::ids::PartyId;
use calltrail_domain::party::Party;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::size::encoded_bytes;
use calltrail_domain::state::{PARTY_PREFIX, State, StateError, TIMER_PREFIX, timer_bound};
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;

use crate::limits::{
    DECISIONS_BYTES_MAX, DECISIONS_PER_RECORD_MAX, PUBLICATIONS_MAX, PUBLICATIONS_PER_TICK_MAX,
    RECORDS_BEFORE_MARKER,
};
use crate::lineage::{Lineage, Seen};
use crate::pieces::{Pieces, PiecesError, Scan};
use crate::published::{Published, Told};
use crate::query::Troubles;
use crate::translate::Folding;

/// Everything that has been folded.
#[derive(Debug)]
pub(crate) struct Projection<P: Pieces> {
    store: P,
    /// The last record folded, and the last one committed too.
    folded: u64,
    checkpoint: u64,
    lineage: Lineage,
    /// Records folded since the last commit.
    uncommitted: Vec<Seen>,
    /// A record here that decisions which were not folded contradict.
    doubted: Option<Seen>,
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
    /// Parties whose next decision is too large for a record; they are looked at again when something touches them.
    too_large: BTreeSet<PartyId>,
    /// Records folded since the last one that covers positions.
    uncovered: u64,
    /// Records of decisions that were not folded, since this process began.
    stale: u64,
}

/// What is known of an account besides its state, for a machine that goes on with another store of the same log.
#[derive(Debug)]
pub(crate) struct Carried {
    published: Published,
    uncovered: u64,
    stale: u64,
}

impl<P: Pieces> Projection<P> {
    pub(crate) fn new(store: P) -> Result<Self, PiecesError<P>> {
        let checkpoint = store.checkpoint().map_err(StateError::Backing)?;
        let names = store.accounts().map_err(StateError::Backing)?;
        let lineage = store.lineage().map_err(StateError::Backing)?;
        let mut projection = Self {
            store,
            folded: checkpoint,
            checkpoint,
            lineage,
            uncommitted: Vec::new(),
            doubted: None,
            accounts: BTreeMap::new(),
        };
        for name in names {
            projection.account(&name);
        }
        Ok(projection)
    }

    /// The sequence of the last record folded and committed.
    pub(crate) fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    /// The records that were folded, as far as they are remembered.
    pub(crate) fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    pub(crate) fn store(&self) -> &P {
        &self.store
    }

    /// A record that decisions which were not folded contradict, once.
    pub(crate) fn take_doubted(&mut self) -> Option<Seen> {
        self.doubted.take()
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
    /// nothing, to everybody alike, and stays in the log; so do decisions that were made on another log.
    pub(crate) fn fold(&mut self, record: &Folding) -> Result<Vec<WorkItem>, PiecesError<P>> {
        let items = match (self.lineage.stale(record), &record.meaning) {
            (Some(stale), _) => {
                self.doubted = self.lineage.at(stale.through);
                self.account(&record.account).leave(stale);
                Vec::new()
            }
            (None, Some((place, fact))) => {
                let account = self.account(&record.account);
                let outputs = fold(&mut account.state, *place, fact)?;
                account.take(fact, outputs)
            }
            (None, None) => Vec::new(),
        };
        self.folded = record.sequence;
        self.lineage.add(record.seen());
        self.uncommitted.push(record.seen());
        Ok(items)
    }

    /// Forgets which parties may have something decidable, where nothing is decided: they are as many as there are parties.
    pub(crate) fn forget_touched(&mut self) {
        self.accounts.values_mut().for_each(|account| account.touched.clear());
    }

    pub(crate) fn into_store(self) -> P {
        self.store
    }

    /// What each account knows besides its state.
    pub(crate) fn into_carried(self) -> BTreeMap<String, Carried> {
        let carried = |account: AccountState<P::Account>| Carried {
            published: account.published,
            uncovered: account.uncovered,
            stale: account.stale,
        };
        self.accounts.into_iter().map(|(name, account)| (name, carried(account))).collect()
    }

    /// Makes what was folded durable: states and checkpoint in one write.
    pub(crate) fn commit(&mut self) -> Result<(), PiecesError<P>> {
        let changes: Vec<_> =
            self.accounts.iter().map(|(name, account)| (name.as_str(), account.state.changes())).collect();
        self.store.commit(&changes, &self.uncommitted, self.folded).map_err(StateError::Backing)?;
        self.uncommitted.clear();
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
            too_large: BTreeSet::new(),
            uncovered: 0,
            stale: 0,
        }
    }

    /// Goes on with what another store's account knew; returns the items that the outbox was not told of.
    pub(crate) fn carry_on(&mut self, carried: Carried) -> Result<Vec<WorkItem>, StateError<B::Error>> {
        (self.published, self.uncovered, self.stale) = (carried.published, carried.uncovered, carried.stale);
        let mut items = self.take_stock()?;
        items.retain(|item| !self.published.knows(item));
        Ok(items)
    }

    /// Decisions that were made on another log are not folded: what they were about is decided again.
    fn leave(&mut self, stale: &EffectsDecided) {
        self.uncovered += 1;
        self.stale += 1;
        self.touched.extend(stale.decisions.iter().map(|decision| decision.party.clone()));
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
    /// nothing to decide, or a record of a later release stands in the log: it may have decided already. The parties are looked at again when their decisions have been folded; one whose decision no
    /// longer fits comes with the next record. `basis` is the hash of the record at `through`.
    pub(crate) fn decide(
        &mut self,
        through: u64,
        basis: Option<u64>,
    ) -> Result<Option<EffectsDecided>, StateError<B::Error>> {
        // Not even a marker: it would cover what a later release has to decide.
        if self.state.account()?.later.is_some() {
            return Ok(None);
        }
        let mut decisions: Vec<Decision> = Vec::new();
        let mut room = DECISIONS_BYTES_MAX;
        while decisions.len() < DECISIONS_PER_RECORD_MAX {
            let Some(party) = self.touched.pop_first() else { break };
            self.too_large.remove(&party);
            let Some(decision) = decide(&self.state, &party)? else { continue };
            let bytes = bytes_in_list(&decision);
            if rule::holds(Rule::RecordsAreCutByBytes) && bytes > room {
                if bytes > DECISIONS_BYTES_MAX {
                    self.too_large.insert(party);
                    continue;
                }
                self.touched.insert(party);
                break;
            }
            room = room.saturating_sub(bytes);
            decisions.push(decision);
        }
        let worth_it = !decisions.is_empty() || self.uncovered >= RECORDS_BEFORE_MARKER;
        let complete = self.touched.is_empty() && self.too_large.is_empty();
        Ok(worth_it.then_some(EffectsDecided { through, basis, decisions, complete }))
    }

    /// Takes back decisions that could not be appended.
    pub(crate) fn undecided(&mut self, decided: EffectsDecided) {
        self.touched.extend(decided.decisions.into_iter().map(|decision| decision.party));
    }

    /// Likewise, and no repetition of the same record would help. A single decision that is too large holds up no other.
    pub(crate) fn undecidable(&mut self, decided: EffectsDecided) {
        match &decided.decisions[..] {
            [only] => drop(self.too_large.insert(only.party.clone())),
            _ => self.undecided(decided),
        }
    }

    /// What keeps this account's items from being published or done.
    pub(crate) fn troubles(&self) -> Troubles {
        let (refused_publications, for_good) = self.published.refused_count();
        Troubles {
            refused_publications,
            too_large: for_good + self.too_large.len(),
            stale_decisions: self.stale,
        }
    }

    /// Items that the outbox is to be asked for, because it was told of them longer than `patience` ago.
    pub(crate) fn overdue(&mut self, patience: Duration, now: Timestamp) -> Vec<(PartyId, Told)> {
        let state = &self.state;
        self.published.overdue(patience, now, |party| numbers(&outstanding(state, party)?))
    }

    /// Items that the outbox refused and that are to be published again.
    pub(crate) fn due_again(&mut self, patience: Duration, now: Timestamp) -> Vec<WorkItem> {
        let state = &self.state;
        let numbers = |party: &_| numbers(&outstanding(state, party)?);
        let parties = self.published.due_again(patience, now, PUBLICATIONS_PER_TICK_MAX, numbers);
        parties.iter().filter_map(|party| outstanding(state, party)).collect()
    }

    /// Items published so often that a person has to hear of them.
    pub(crate) fn lost_items(&self) -> usize {
        let often = self.published.published_often();
        let is_outstanding = |party: &&PartyId| {
            outstanding(&self.state, party).is_some_and(|item| item.publication >= PUBLICATIONS_MAX)
        };
        often.filter(is_outstanding).count()
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

fn outstanding<B: Scan>(state: &State<B>, party: &PartyId) -> Option<WorkItem> {
    let (_, party) = state.party(party).ok().flatten()?;
    party.outstanding.map(|outstanding| outstanding.item)
}

fn numbers(item: &WorkItem) -> Option<(u64, u32)> {
    Some((item.item, item.publication))
}

/// The length of what is stored for the decision, with the comma that follows it.
fn bytes_in_list(decision: &Decision) -> usize {
    encoded_bytes(decision) + 1
}
