//! The machine alone, driven operation by operation: what is refused, what comes in between, what is lost.

use std::collections::VecDeque;
use std::time::Duration;

use calltrail_domain::effect::{EffectSettled, WorkItem};
use calltrail_domain::hash::of_record;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::LoggedRecord;
use calltrail_projector::{AccountRules, Came, Folding, InMemory, Machine, Operation, WhyAgain};

use crate::company::{ACCOUNT, answer, policy, webhook};

const NUMBER: &str = "+447700900123";

/// A machine on a log and an outbox that are lists.
struct Bench {
    store: InMemory,
    machine: Machine<InMemory>,
    came: Came,
    now: i64,
    log: Vec<Record>,
    /// Records that a read brings at most.
    at_once: usize,
    published: Vec<WorkItem>,
    /// The outbox has lost everything that it was told.
    loses: bool,
    /// What is still to be refused, by the name of its operation.
    refuses: VecDeque<&'static str>,
    /// Every operation, by its name.
    seen: Vec<&'static str>,
    /// Why the machine asked to fold the log again.
    ended: Option<WhyAgain>,
}

impl Bench {
    fn new() -> Self {
        Self::on(InMemory::default(), Vec::new())
    }

    fn on(store: InMemory, log: Vec<Record>) -> Self {
        let republish_after = Duration::from_secs(120);
        let rules = vec![AccountRules { id: ACCOUNT.to_owned(), policy: policy(), republish_after }];
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
            seen: Vec::new(),
            ended: None,
        }
    }

    fn append(&mut self, body: RecordBody) {
        self.log.push(Record { received_at: Timestamp::from_millis(self.now), body });
    }

    fn settle(&mut self, item: &WorkItem) {
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
    fn step(&mut self) -> bool {
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
            Operation::ReadTail => Came::Tail(self.log.len() as u64),
            Operation::Read { after, max } => {
                if after == self.log.len() as u64 {
                    return false;
                }
                let max = max.min(self.at_once);
                let records = (after..).zip(&self.log[after as usize..]).take(max).map(folding).collect();
                Came::Records { before: self.hash_at(after), records }
            }
            Operation::Identify { sequence } => {
                Came::Identity { at: self.hash_at(sequence), first: self.hash_at(1) }
            }
            Operation::Publish { item, .. } => {
                self.published.push(item);
                Came::Published { ticket: self.published.len() as u64 }
            }
            Operation::Holds { .. } => Came::Holds(!self.loses),
            Operation::Append { records, .. } => {
                self.log.extend(records);
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

    /// The hash of the record at this sequence.
    fn hash_at(&self, sequence: u64) -> Option<u64> {
        let record = self.log.get(usize::try_from(sequence.checked_sub(1)?).ok()?)?;
        Some(of_record(&record.encode()))
    }

    /// Until the machine is at rest. The next step tells it that the time for a look at timers has come.
    fn run(&mut self) {
        while self.step() {}
    }

    fn count(&self, kind: &str) -> usize {
        self.log.iter().filter(|record| record.body.kind() == kind).count()
    }
}

fn folding((after, record): (u64, &Record)) -> Folding {
    Folding::of(&LoggedRecord {
        sequence: after + 1,
        account: ACCOUNT.to_owned(),
        kind: record.body.kind().to_owned(),
        body: record.encode().into(),
    })
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
fn introduced() -> Bench {
    let mut bench = Bench::new();
    bench.run();
    assert_eq!((bench.count("account.created"), bench.count("policy.changed")), (1, 1));
    bench
}

#[test]
fn a_call_is_decided_published_and_committed_in_that_order() {
    let mut bench = introduced();
    bench.seen.clear();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    assert_eq!(bench.seen, ["tail", "read", "append", "tail", "read", "publish", "tail", "read"]);
    let item = bench.published[0].clone();
    bench.settle(&item);
    while bench.published.len() == 1 {
        bench.step();
    }
    // Nothing of it is committed. The item is at the outbox, and a machine that comes up now tells it again.
    let mut next = Bench::on(bench.store.clone(), bench.log.clone());
    next.run();
    assert_eq!(next.published, bench.published[1..]);
}

#[test]
fn an_append_that_is_refused_is_decided_again() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.refuses = ["append"].into();
    bench.run();
    assert_eq!((bench.count("effects.decided"), bench.published.len()), (0, 0));
    assert!(bench.seen.ends_with(&["append", "sleep", "tail", "read"]), "{:?}", bench.seen);
    bench.run();
    assert_eq!((bench.count("effects.decided"), bench.published.len()), (1, 1));
}

#[test]
fn an_account_is_introduced_until_the_log_has_it() {
    let mut bench = Bench::new();
    bench.refuses = ["append", "append"].into();
    for _ in 0..6 {
        bench.step();
        assert!(!bench.machine.progress().caught_up, "the receivers wait for the account's first record");
    }
    assert_eq!(bench.seen, ["tail", "append", "sleep", "append", "sleep", "append"]);
    bench.run();
    assert_eq!((bench.count("account.created"), bench.machine.progress().caught_up), (1, true));
}

#[test]
fn a_publishing_that_is_refused_is_tried_again_before_anything_is_committed() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.refuses = ["publish", "publish"].into();
    let mut committed = 0;
    while bench.published.is_empty() {
        bench.step();
        committed = bench.machine.progress().checkpoint;
    }
    assert!(bench.seen.ends_with(&["publish", "sleep", "publish", "sleep", "publish"]), "{:?}", bench.seen);
    assert!(committed < bench.log.len() as u64, "the decision is folded, and not committed");
    bench.run();
    assert_eq!(bench.machine.progress().checkpoint, bench.log.len() as u64);
}

#[test]
fn a_port_that_does_not_answer_is_asked_again() {
    let mut bench = Bench::new();
    bench.refuses = ["tail", "tail", "read"].into();
    bench.run();
    assert_eq!(bench.machine.progress().checkpoint, 2);
}

#[test]
fn a_record_that_comes_while_it_catches_up_does_not_open_the_gate() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    let gate = bench.log.len() as u64;
    let mut late = Bench::on(InMemory::default(), bench.log.clone());
    late.at_once = 1;
    while late.machine.progress().checkpoint < gate {
        assert!(late.published.is_empty() && !late.machine.progress().caught_up);
        late.append(webhook(2, NUMBER, "call.created"));
        assert!(late.step(), "there is more to read");
    }
    assert!(late.log.len() as u64 > gate, "more has come meanwhile");
    late.run();
    assert_eq!(late.published, bench.published, "what is outstanding, once");
    assert_eq!(late.count("effects.decided"), 1, "nothing is decided anew");
}

#[test]
fn a_lost_item_is_asked_for_and_published_again_by_a_record() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    bench.now += 121_000;
    bench.run();
    assert_eq!((bench.seen.contains(&"holds"), bench.published.len()), (true, 1), "it waits in the queue");
    bench.loses = true;
    bench.run();
    assert_eq!(bench.published.len(), 1, "it was asked for a moment ago");
    bench.now += 121_000;
    bench.run();
    assert_eq!((bench.count("timer.elapsed"), bench.published.len()), (1, 2));
    assert_eq!((bench.published[1].item, bench.published[1].publication), (1, 2));
}

#[test]
fn a_timer_waits_until_what_came_before_it_is_folded() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.hungup"));
    bench.run();
    bench.now += 121_000;
    // The end is in the log when the tick comes, and is not read yet.
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    assert_eq!((bench.count("timer.elapsed"), bench.published.len()), (0, 1));
}

#[test]
fn nothing_is_decided_before_all_that_is_in_the_log_is_read() {
    let mut bench = introduced();
    bench.at_once = 1;
    for event in ["call.created", "call.ended", "call.tagged", "call.commented"] {
        bench.append(webhook(1, NUMBER, event));
    }
    let told = bench.log.len() as u64;
    bench.run();
    let Some(RecordBody::EffectsDecided(decided)) = bench.log.get(told as usize).map(|record| &record.body)
    else {
        panic!("a decision")
    };
    assert_eq!(decided.through, told);
}
