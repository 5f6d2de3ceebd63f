//! A machine alone, driven operation by operation, on a log and an outbox that are lists.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use calltrail_domain::effect::{EffectSettled, WorkItem};
use calltrail_domain::hash::of_record;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_domain::vocabulary::VERSION;
use calltrail_event_log::ports::LoggedRecord;
use calltrail_projector::{AccountRules, Came, Folding, InMemory, Machine, Operation, Seen, WhyAgain};
use serde_json::Value;

use crate::company::{ACCOUNT, answer, policy};

pub(crate) const NUMBER: &str = "+447700900123";
/// A machine that is not at rest by then never is.
const STEPS_MAX: usize = 100_000;
/// A second account.
pub(crate) const OTHER: &str = "other";

/// A machine on a log and an outbox that are lists.
pub(crate) struct Bench {
    pub(crate) store: InMemory,
    pub(crate) machine: Machine<InMemory>,
    pub(crate) came: Came,
    pub(crate) now: i64,
    /// Each record with its account.
    pub(crate) log: Vec<(&'static str, Record)>,
    /// Records that a read brings at most.
    pub(crate) at_once: usize,
    pub(crate) published: Vec<WorkItem>,
    /// The outbox has lost everything that it was told.
    pub(crate) loses: bool,
    /// What is still to be refused, by the name of its operation.
    pub(crate) refuses: VecDeque<&'static str>,
    /// Sequences whose records were erased.
    pub(crate) erased: BTreeSet<u64>,
    /// How far the snapshot goes, of a log that was trimmed.
    pub(crate) base: Option<u64>,
    /// Sequences whose records need the next vocabulary.
    pub(crate) later: BTreeSet<u64>,
    /// Records at the end that a look at the tail does not see.
    pub(crate) hidden: usize,
    /// Of whom the outbox takes nothing, and what it answers.
    pub(crate) refuses_all_of: Option<(&'static str, Came)>,
    /// Every operation, by its name.
    pub(crate) seen: Vec<&'static str>,
    /// Why the machine asked to fold the log again.
    pub(crate) ended: Option<WhyAgain>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::on(InMemory::default(), Vec::new())
    }

    /// With two accounts.
    pub(crate) fn of_two(store: InMemory, log: Vec<(&'static str, Record)>) -> Self {
        Self::of(&[ACCOUNT, OTHER], store, log)
    }

    pub(crate) fn on(store: InMemory, log: Vec<(&'static str, Record)>) -> Self {
        Self::of(&[ACCOUNT], store, log)
    }

    fn of(accounts: &[&str], store: InMemory, log: Vec<(&'static str, Record)>) -> Self {
        let republish_after = Duration::from_secs(120);
        let rules = |id: &&str| AccountRules { id: (*id).to_owned(), policy: policy(), republish_after };
        let rules = accounts.iter().map(rules).collect();
        Self {
            machine: Machine::new(store.clone(), rules, || [7; 32]).expect("memory does not fail"),
            store,
            came: Came::Started,
            now: 1_700_000_000_000,
            log,
            at_once: usize::MAX,
            published: Vec::new(),
            loses: false,
            refuses: VecDeque::new(),
            erased: BTreeSet::new(),
            base: None,
            later: BTreeSet::new(),
            hidden: 0,
            refuses_all_of: None,
            seen: Vec::new(),
            ended: None,
        }
    }

    pub(crate) fn append(&mut self, body: RecordBody) {
        self.append_to(ACCOUNT, body);
    }

    pub(crate) fn append_to(&mut self, account: &'static str, body: RecordBody) {
        self.log.push((account, Record { received_at: Timestamp::from_millis(self.now), body }));
    }

    pub(crate) fn settle(&mut self, item: &WorkItem) {
        for effect in &item.effects {
            self.append(RecordBody::EffectSettled(EffectSettled {
                party: item.party.clone(),
                ordinal: effect.ordinal,
                key: effect.effect.key,
                attempts: 1,
                outcome: answer(&effect.effect.action, item),
            }));
        }
    }

    /// Performs one operation; false when the machine is at rest.
    pub(crate) fn step(&mut self) -> bool {
        let now = Timestamp::from_millis(self.now);
        let came = std::mem::replace(&mut self.came, Came::Tick);
        let operation = self.machine.next(now, came).expect("memory does not fail");
        self.seen.push(name(&operation));
        if self.refuses.front() == self.seen.last() {
            self.refuses.pop_front();
            self.came = Came::Refused;
            return true;
        }
        self.came = match operation {
            Operation::ReadTail => Came::Tail(self.log.len().saturating_sub(self.hidden) as u64),
            Operation::Read { after, max } => {
                if after == self.log.len() as u64 {
                    return false;
                }
                let max = max.min(self.at_once);
                let records = (after..).zip(&self.log[after as usize..]);
                let records = records.filter(|(before, _)| !self.erased.contains(&(before + 1)));
                let records = records.take(max).map(|record| self.folding(record)).collect();
                Came::Records { before: self.hash_at(after), first: self.first(), records }
            }
            Operation::Identify { sequence } => {
                let first = (1..).find(|sequence| !self.erased.contains(sequence)).expect("one is left");
                let first = self.hash_at(first).map(|hash| Seen { sequence: first, hash });
                let begins_later = first.is_some_and(|first| first.sequence > sequence);
                let base = self.base.filter(|_| begins_later);
                Came::Identity { at: self.hash_at(sequence), first, base }
            }
            Operation::Publish { account, .. }
                if self.refuses_all_of.as_ref().is_some_and(|it| it.0 == account) =>
            {
                self.refuses_all_of.clone().expect("it was just looked at").1
            }
            Operation::Publish { item, .. } => {
                self.published.push(item);
                Came::Published { ticket: self.published.len() as u64 }
            }
            Operation::Holds { .. } => Came::Holds(!self.loses),
            Operation::Append { account, records } => {
                let account = if account == ACCOUNT { ACCOUNT } else { OTHER };
                self.log.extend(records.into_iter().map(|record| (account, record)));
                Came::Appended
            }
            Operation::Sleep(_) => Came::Slept,
            Operation::FoldAgain(why) => {
                self.ended = Some(why);
                return false;
            }
        };
        true
    }

    /// The sequence with which the log begins.
    pub(crate) fn first(&self) -> Option<u64> {
        (1..=self.log.len() as u64).find(|sequence| !self.erased.contains(sequence))
    }

    /// The hash of the record at this sequence.
    pub(crate) fn hash_at(&self, sequence: u64) -> Option<u64> {
        if self.erased.contains(&sequence) {
            return None;
        }
        let (_, record) = self.log.get(usize::try_from(sequence.checked_sub(1)?).ok()?)?;
        Some(of_record(&self.stored(sequence, record)))
    }

    fn stored(&self, sequence: u64, record: &Record) -> Vec<u8> {
        let stored = record.encode();
        if !self.later.contains(&sequence) {
            return stored;
        }
        let mut stored: Value = serde_json::from_slice(&stored).expect("a record is JSON");
        stored["v"] = (VERSION + 1).into();
        stored.to_string().into()
    }

    fn folding(&self, (after, (account, record)): (u64, &(&'static str, Record))) -> Folding {
        Folding::of(&LoggedRecord {
            sequence: after + 1,
            account: (*account).to_owned(),
            kind: record.body.kind().to_owned(),
            body: self.stored(after + 1, record).into(),
        })
    }

    /// The records after this sequence, as a machine takes them.
    pub(crate) fn foldings(&self, after: usize) -> Vec<Folding> {
        (after as u64..).zip(&self.log[after..]).map(|record| self.folding(record)).collect()
    }

    /// Until the machine is at rest. The next step tells it that the time for a look at timers has come.
    pub(crate) fn run(&mut self) {
        let rested = (0..STEPS_MAX).any(|_| !self.step());
        assert!(rested, "it does the same again and again: {:?}", &self.seen[self.seen.len() - 9..]);
    }

    pub(crate) fn count(&self, kind: &str) -> usize {
        self.log.iter().filter(|(_, record)| record.body.kind() == kind).count()
    }
}

fn name(operation: &Operation) -> &'static str {
    match operation {
        Operation::ReadTail => "tail",
        Operation::Identify { .. } => "identify",
        Operation::Read { .. } => "read",
        Operation::Publish { .. } => "publish",
        Operation::Holds { .. } => "holds",
        Operation::Append { .. } => "append",
        Operation::Sleep(_) => "sleep",
        Operation::FoldAgain(_) => "fold again",
    }
}

/// A machine that has caught up with an account's first records.
pub(crate) fn introduced() -> Bench {
    let mut bench = Bench::new();
    bench.run();
    assert_eq!((bench.count("account.created"), bench.count("policy.changed")), (1, 1));
    bench
}
