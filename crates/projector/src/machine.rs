//! The projector as a machine without I/O: it says what is to be done next, and is told what came of it.
//!
//! Read, fold, publish, commit; at the head also decide, look at timers, and append what follows.
//!
//! **Invariants:** nothing here awaits, or reads a clock. Before the state that names an item is committed, the item is
//! published, or it is remembered that the outbox refused it: what is remembered goes with the process, and the gate of
//! the next one publishes all that is outstanding. Nothing is published or appended before the tail that was seen at the
//! start is folded, nor after it is known that the log is another one than was folded.

mod identity;
mod publishing;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::PartyId;
use calltrail_domain::policy::Policy;
use calltrail_domain::record::{AccountCreated, PartyKey, Record, RecordBody};
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::state::{LaterRecords, State};
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;

use crate::limits::{BATCH_RECORDS_MAX, RETRY_WAIT, TIMERS_PER_TICK_MAX};
use crate::lineage::Seen;
use crate::operation::{Came, Operation, WhyAgain};
use crate::pieces::{Pieces, PiecesError};
use crate::projection::{AccountState, Carried, Projection};
use crate::published::{Refusal, Told};
use crate::query::{Digest, Progress, Troubles, digest};
use crate::translate::Folding;

/// The rules of one configured account.
#[derive(Debug, Clone)]
pub struct AccountRules {
    pub id: String,
    pub policy: Policy,
    /// An outstanding work item is looked for in the outbox after this long.
    pub republish_after: Duration,
}

/// One life of a projection.
pub struct Machine<P: Pieces> {
    projection: Projection<P>,
    rules: Vec<AccountRules>,
    random: Box<dyn FnMut() -> [u8; 32] + Send + Sync>,
    /// The tail that was seen at the start: nothing is published or appended before it is folded.
    gate: u64,
    caught_up: bool,
    /// The tail that was seen before the last records were read: who has folded that far is at the head, also
    /// while records keep coming.
    head: u64,
    tick: Option<Tick>,
    /// The log is the one that was folded, as far as is known since the last tick.
    identified: bool,
    /// The record at this checkpoint is gone, and nothing that was to be folded is missing in this log, which began with the
    /// record named second.
    gone_at: Option<(u64, u64)>,
    /// Looks at the tail, one after the other, that found it before the checkpoint.
    looks_behind: u32,
    /// The log is another one.
    over: Option<WhyAgain>,
    /// Items that the outbox no longer holds.
    lost: Vec<Timer>,
    /// What follows, in order; then the log is read again.
    agenda: VecDeque<Step>,
    asked: Option<Asked>,
}

/// Timers that are due at a time are appended once the tail seen after it is folded, so that nothing that was awaited
/// can be in the log unseen.
#[derive(Debug, Clone, Copy)]
struct Tick {
    at: Timestamp,
    tail: Option<u64>,
}

/// What is to be done.
#[derive(Debug)]
enum Step {
    Ask(Asked),
    Commit,
    CaughtUp,
    LookAtTimers { account: String, at: Timestamp },
}

/// What is asked of the ports, with what its answer is needed for.
#[derive(Debug)]
enum Asked {
    Gate,
    Head,
    /// `resumes`: what follows waits for the answer.
    Identify {
        seen: Seen,
        resumes: bool,
    },
    Records,
    Publish {
        account: String,
        item: WorkItem,
    },
    Introduce {
        account: String,
        bodies: Vec<RecordBody>,
    },
    Decided {
        account: String,
        decided: EffectsDecided,
    },
    LookFor {
        account: String,
        party: PartyId,
        told: Told,
    },
    Elapsed {
        account: String,
        timers: Vec<Timer>,
    },
    Sleep,
}

impl<P: Pieces> Machine<P> {
    /// A machine that goes on where the store is. `random` draws the keys of accounts' party names.
    pub fn new(
        store: P,
        rules: Vec<AccountRules>,
        random: impl FnMut() -> [u8; 32] + Send + Sync + 'static,
    ) -> Result<Self, PiecesError<P>> {
        Ok(Self {
            projection: Projection::new(store)?,
            rules,
            random: Box::new(random),
            gate: 0,
            caught_up: false,
            head: 0,
            tick: None,
            identified: false,
            gone_at: None,
            looks_behind: 0,
            over: None,
            lost: Vec::new(),
            agenda: VecDeque::new(),
            asked: None,
        })
    }

    /// What this one knows besides its store, which is let go of. It is at rest: everything folded is committed, and nothing is
    /// asked but records.
    pub(crate) fn into_carried(self) -> BTreeMap<String, Carried> {
        self.projection.into_carried()
    }

    /// Goes on at the head where another machine was, whose store had folded the same log. What that one told the outbox is not
    /// told again.
    pub(crate) fn carry_on(&mut self, carried: BTreeMap<String, Carried>) -> Result<(), PiecesError<P>> {
        self.caught_up = true;
        for (name, carried) in carried {
            let untold = self.projection.account(&name).carry_on(carried)?;
            self.publish(&name, untold.into_iter());
        }
        Ok(())
    }

    /// What is to be done next, after `came` came of the last operation. `now` is the time of this process's clock. After
    /// an error the machine is of no use any more.
    pub fn next(&mut self, now: Timestamp, came: Came) -> Result<Operation, PiecesError<P>> {
        match self.asked.take() {
            Some(asked) => self.take(now, asked, came)?,
            None => self.ask(Asked::Gate),
        }
        loop {
            if let Some(why) = self.over {
                return Ok(Operation::FoldAgain(why));
            }
            match self.agenda.pop_front().unwrap_or(Step::Ask(Asked::Head)) {
                Step::Commit => {
                    self.projection.commit()?;
                    self.go_on()?;
                }
                Step::CaughtUp => {
                    self.caught_up = true;
                    self.go_on()?;
                }
                Step::LookAtTimers { account, at } => self.look_at_timers(&account, at)?,
                Step::Ask(asked) => {
                    let operation = self.operation(now, &asked);
                    self.asked = Some(asked);
                    return Ok(operation);
                }
            }
        }
    }

    /// How far it is: what is committed.
    pub fn progress(&self) -> Progress {
        let caught_up = self.caught_up && self.looks_behind == 0 && self.over.is_none();
        Progress { checkpoint: self.projection.checkpoint(), caught_up }
    }

    /// What keeps items of any account from being published or done.
    pub fn troubles(&self) -> Troubles {
        self.projection.accounts().values().map(AccountState::troubles).sum()
    }

    /// Items of any account that were published so often that something must acknowledge them and not do them.
    pub fn lost_items(&self) -> usize {
        self.projection.accounts().values().map(AccountState::lost_items).sum()
    }

    /// What stands in the log of an account that this release cannot read, where there is such a thing: nothing is
    /// decided for it.
    pub fn later_records(&self) -> Result<Vec<(&str, LaterRecords)>, PiecesError<P>> {
        let mut later = Vec::new();
        for (name, account) in self.projection.accounts() {
            later.extend(account.state.account()?.later.map(|records| (name.as_str(), records)));
        }
        Ok(later)
    }

    /// True while something waits for the next tick that no record and no timer brings.
    pub fn waits_for_tick(&self) -> bool {
        self.projection.accounts().values().any(|account| account.published.is_away())
    }

    /// The state of an account that the log or the configuration knows.
    pub fn account(&self, name: &str) -> Option<&State<P::Account>> {
        self.projection.accounts().get(name).map(|account| &account.state)
    }

    /// The digest of what is committed.
    pub fn digest(&self) -> Result<Digest, PiecesError<P>> {
        digest(&self.projection)
    }

    pub(crate) fn projection(&self) -> &Projection<P> {
        &self.projection
    }

    fn take(&mut self, now: Timestamp, asked: Asked, came: Came) -> Result<(), PiecesError<P>> {
        match (asked, came) {
            (Asked::Gate, Came::Tail(tail)) => {
                (self.gate, self.head) = (tail, tail);
                if self.is_behind(Asked::Gate, tail) || self.identifies() { Ok(()) } else { self.go_on() }
            }
            (Asked::Head, Came::Tail(tail)) => self.see_head(tail),
            (Asked::Identify { seen, resumes }, Came::Identity { at, first, base }) => {
                if let Some(seen) = self.compare(seen, at, first, base) {
                    self.agenda.push_front(Step::Ask(Asked::Identify { seen, resumes }));
                    return Ok(());
                }
                if resumes && self.over.is_none() { self.resume() } else { Ok(()) }
            }
            (Asked::Records, Came::Records { before, first, records }) => self.fold(before, first, &records),
            (Asked::Records, Came::Tick) => {
                if self.caught_up {
                    self.tick.get_or_insert(Tick { at: now, tail: None });
                }
                Ok(())
            }
            (Asked::Publish { account, item }, Came::Published { ticket }) => {
                self.projection.account(&account).published.told(&item, ticket, now);
                Ok(())
            }
            (Asked::LookFor { account, party, told }, Came::Holds(holds)) => {
                self.projection.account(&account).published.looked_for(&party, now);
                self.lost.extend((!holds).then(|| told.lost(party)));
                Ok(())
            }
            (Asked::Introduce { .. } | Asked::Decided { .. } | Asked::Elapsed { .. }, Came::Appended)
            | (Asked::Sleep, _) => Ok(()),
            (asked, Came::TooLarge) => {
                self.refused(now, asked, Refusal::ForGood);
                Ok(())
            }
            (asked, _) => {
                self.refused(now, asked, Refusal::ForNow);
                Ok(())
            }
        }
    }

    /// What cannot be left out is done again after a while; a port that is asked anew by itself is left alone until then.
    fn refused(&mut self, now: Timestamp, asked: Asked, refusal: Refusal) {
        let Some(asked) = self.account_refused(now, asked, refusal) else { return };
        match asked {
            // Calls may only follow an account's first record, and the receivers wait for it.
            Asked::Gate | Asked::Publish { .. } | Asked::Introduce { .. } => {
                self.agenda.push_front(Step::Ask(asked))
            }
            // Decided again from the same state.
            Asked::Decided { account, decided } => {
                if rule::holds(Rule::RefusedDecisionsAreMadeAgain) {
                    let account = self.projection.account(&account);
                    match refusal {
                        Refusal::ForNow => account.undecided(decided),
                        Refusal::ForGood => account.undecidable(decided),
                    }
                }
            }
            Asked::Head
            | Asked::Identify { .. }
            | Asked::Records
            | Asked::LookFor { .. }
            | Asked::Elapsed { .. }
            | Asked::Sleep => {}
        }
        self.agenda.push_front(Step::Ask(Asked::Sleep));
    }

    fn see_head(&mut self, tail: u64) -> Result<(), PiecesError<P>> {
        if self.is_behind(Asked::Head, tail) {
            return Ok(());
        }
        self.head = tail;
        if let Some(tick) = self.tick.as_mut().filter(|tick| tick.tail.is_none()) {
            (tick.tail, self.identified) = (Some(tail), false);
        }
        if self.identifies() { Ok(()) } else { self.resume() }
    }

    /// The log was looked at: on with what that was for.
    fn resume(&mut self) -> Result<(), PiecesError<P>> {
        if self.tick.is_some() || !self.caught_up {
            // Decisions that the log refused are still to be made, and no record would come to remind of them.
            self.go_on()?;
        }
        if self.agenda.is_empty() || self.caught_up {
            self.ask(Asked::Records);
        }
        Ok(())
    }

    /// One commit group: fold, tell the outbox, then make states and checkpoint durable.
    fn fold(
        &mut self,
        before: Option<u64>,
        first: Option<u64>,
        records: &[Folding],
    ) -> Result<(), PiecesError<P>> {
        if !self.follow_on(before, first) {
            return Ok(());
        }
        let publishes = self.caught_up || !rule::holds(Rule::NothingIsPublishedBeforeCatchUp);
        for record in records {
            let items = self.projection.fold(record)?;
            self.publish(&record.account, items.into_iter().filter(|_| publishes));
        }
        if let Some(seen) = self.projection.take_doubted() {
            self.agenda.push_front(Step::Ask(Asked::Identify { seen, resumes: false }));
        }
        self.agenda.push_back(Step::Commit);
        Ok(())
    }

    fn ask(&mut self, asked: Asked) {
        self.agenda.push_back(Step::Ask(asked));
    }

    /// Everything that was folded is committed.
    fn go_on(&mut self) -> Result<(), PiecesError<P>> {
        if !self.caught_up {
            return if self.projection.checkpoint() >= self.gate { self.open_gate() } else { Ok(()) };
        }
        if self.projection.checkpoint() >= self.head || !rule::holds(Rule::DecisionsWaitForTheHead) {
            self.decide()?;
        }
        if let Some(Tick { at, tail: Some(tail) }) = self.tick
            && self.projection.checkpoint() >= tail
        {
            self.tick = None;
            self.look_for_lost(at);
            self.publish_refused(at);
        }
        Ok(())
    }

    /// At the gate everything that is outstanding is published: whether it was before is not known, and does no harm.
    fn open_gate(&mut self) -> Result<(), PiecesError<P>> {
        let names: Vec<_> = self.projection.accounts().keys().cloned().collect();
        for name in names {
            let items = self.projection.account(&name).take_stock()?;
            let told = rule::holds(Rule::WhatIsOutstandingIsToldAtTheGate);
            self.publish(&name, items.into_iter().filter(|_| told));
        }
        self.introduce_accounts()?;
        self.agenda.push_back(Step::CaughtUp);
        Ok(())
    }

    /// An account that the log does not know gets its first record; rules that differ from the recorded ones follow.
    fn introduce_accounts(&mut self) -> Result<(), PiecesError<P>> {
        for rules in &self.rules {
            let state = &self.projection.account(&rules.id).state;
            let mut bodies = Vec::new();
            if state.account()?.party_key.is_none() {
                let party_key = PartyKey::from_random((self.random)());
                bodies.push(RecordBody::AccountCreated(AccountCreated { party_key }));
            }
            if state.policy()?.as_ref() != Some(&rules.policy) {
                bodies.push(RecordBody::PolicyChanged(rules.policy.clone()));
            }
            if !bodies.is_empty() {
                self.agenda.push_back(Step::Ask(Asked::Introduce { account: rules.id.clone(), bodies }));
            }
        }
        Ok(())
    }

    fn decide(&mut self) -> Result<(), PiecesError<P>> {
        let through = self.projection.checkpoint();
        let basis = self.projection.lineage().hash_at(through);
        for rules in &self.rules {
            if let Some(decided) = self.projection.account(&rules.id).decide(through, basis)? {
                self.agenda.push_back(Step::Ask(Asked::Decided { account: rules.id.clone(), decided }));
            }
        }
        Ok(())
    }

    fn look_at_timers(&mut self, account: &str, at: Timestamp) -> Result<(), PiecesError<P>> {
        let mut timers = std::mem::take(&mut self.lost);
        timers.extend(self.projection.account(account).timers_due(at, TIMERS_PER_TICK_MAX)?);
        for group in timers.chunks(TIMERS_PER_TICK_MAX).rev() {
            let (account, timers) = (account.to_owned(), group.to_vec());
            self.agenda.push_front(Step::Ask(Asked::Elapsed { account, timers }));
        }
        Ok(())
    }

    fn operation(&self, now: Timestamp, asked: &Asked) -> Operation {
        let append = |account: &str, bodies: Vec<RecordBody>| Operation::Append {
            account: account.to_owned(),
            records: bodies.into_iter().map(|body| Record { received_at: now, body }).collect(),
        };
        match asked {
            Asked::Gate | Asked::Head => Operation::ReadTail,
            Asked::Identify { seen, .. } => Operation::Identify { sequence: seen.sequence },
            Asked::Records => Operation::Read { after: self.projection.checkpoint(), max: BATCH_RECORDS_MAX },
            Asked::Publish { account, item } => {
                Operation::Publish { account: account.clone(), item: item.clone() }
            }
            Asked::LookFor { account, told, .. } => {
                Operation::Holds { account: account.clone(), class: told.class, ticket: told.ticket }
            }
            Asked::Introduce { account, bodies } => append(account, bodies.clone()),
            Asked::Decided { account, decided } => {
                append(account, vec![RecordBody::EffectsDecided(decided.clone())])
            }
            Asked::Elapsed { account, timers } => {
                append(account, timers.iter().cloned().map(RecordBody::TimerElapsed).collect())
            }
            Asked::Sleep => Operation::Sleep(RETRY_WAIT),
        }
    }
}

impl<P: Pieces> std::fmt::Debug for Machine<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("progress", &self.progress())
            .field("asked", &self.asked)
            .field("agenda", &self.agenda)
            .finish_non_exhaustive()
    }
}
