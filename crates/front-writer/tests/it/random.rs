//! Seeded disorder: crashes at any command, lost answers, late requests, pauses, skewed clocks and second claims.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::ids::{ContactId, EffectKind};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Answer, Contact, NotApplied, Request};
use calltrail_front_writer::command::{Command, Input};
use calltrail_front_writer::machine::Machine;

use crate::front::Repeat;
use crate::world::{ATTEMPT, GRACE, NUMBER, World, assign, import, item, look_up, lost, reopen, word};

const SEEDS: u64 = 3_000;
const STEPS_MAX: usize = 20_000;
const CLAIMS_MAX: usize = 3;
const PROCESSES: usize = 2;

/// `splitmix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn chance(&mut self, permille: u64) -> bool {
        self.roll(1000) < permille
    }

    fn millis(&mut self, below: u64) -> Duration {
        Duration::from_millis(self.roll(below))
    }
}

/// One claim at work.
struct Worker {
    process: usize,
    machine: Machine,
    command: Command,
    ready_at: Timestamp,
}

struct Storm {
    seed: u64,
    dice: Dice,
    world: World,
    item: WorkItem,
    workers: Vec<Worker>,
    /// Requests that reach Front after their sender gave up.
    late: Vec<(Timestamp, Request)>,
    /// When each process first saw which revision.
    sightings: [Option<(u64, Timestamp)>; PROCESSES],
    skew_ms: [i64; PROCESSES],
    done: bool,
    marks: BTreeMap<&'static str, u64>,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut world = World::new();
        world.front.repeat = [Repeat::Accepted, Repeat::Dropped, Repeat::Refused][dice.roll(3) as usize];
        world.front.lag_ms = i64::try_from(dice.roll(40_000)).expect("a small number");
        world.front.open_room("cnv_5", ConversationStatus::Archived);
        let (call, duration) = (import(7, EffectKind::Call), import(7, EffectKind::Duration));
        let mut item = match dice.roll(3) {
            0 => item(None, vec![call, duration, assign(7, "iris@example.com")]),
            1 => item(Some("cnv_5"), vec![call, duration, reopen(7), assign(7, "iris@example.com")]),
            _ => item(None, vec![look_up(7, &[])]),
        };
        if item.effects.len() > 1 {
            let contact = Contact { id: ContactId::new("crd_1"), handles: vec![] };
            world.front.contacts.insert(NUMBER.to_owned(), contact);
        }
        item.publication = 1 + u32::from(dice.chance(200));
        let skew_ms = [0, i64::try_from(dice.roll(60_000)).expect("a small number") - 30_000];
        let (workers, late, sightings, marks) = Default::default();
        Self { seed, dice, world, item, workers, late, sightings, skew_ms, done: false, marks }
    }

    fn mark(&mut self, name: &'static str) {
        *self.marks.entry(name).or_default() += 1;
    }

    fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            let lapsed = !self.done && self.workers.len() < CLAIMS_MAX && self.dice.chance(5);
            if lapsed || (self.workers.is_empty() && !self.done) {
                self.claim();
            }
            let next = (0..self.workers.len()).min_by_key(|index| self.workers[*index].ready_at);
            let Some(next) = next else { break };
            self.turn(next);
        }
        assert!(self.done && self.workers.is_empty(), "seed {}: the item is never done", self.seed);
        self.deliver_late(Timestamp::from_millis(i64::MAX));
        self.check();
    }

    fn own_clock(&self, process: usize) -> Timestamp {
        Timestamp::from_millis(self.world.now.as_millis() + self.skew_ms[process])
    }

    fn claim(&mut self) {
        let process = self.dice.roll(PROCESSES as u64) as usize;
        let mut machine = self.world.claim(&self.item);
        let command = machine.step(self.own_clock(process), Input::Claimed);
        let ready_at = self.world.now.plus(self.dice.millis(50));
        self.workers.push(Worker { process, machine, command, ready_at });
    }

    fn turn(&mut self, index: usize) {
        let mut worker = self.workers.swap_remove(index);
        self.world.now = self.world.now.max(worker.ready_at);
        self.deliver_late(self.world.now);
        if self.dice.chance(15) {
            self.mark("crash");
            self.sightings[worker.process] = None;
            return;
        }
        if self.dice.chance(10) {
            self.mark("pause");
            worker.ready_at = self.world.now.plus(self.dice.millis(120_000));
            self.workers.push(worker);
            return;
        }
        let process = worker.process;
        let Some((input, after)) = self.perform(process, worker.command.clone()) else { return };
        let at = self.world.now.plus(after);
        // The machine goes on by the clock of its process at the time the input comes.
        let now = Timestamp::from_millis(at.as_millis() + self.skew_ms[process]);
        worker.command = worker.machine.step(now, input);
        worker.ready_at = at.plus(self.dice.millis(20));
        self.workers.push(worker);
    }

    /// The input, and how long it takes to come; `None` when the claim is over.
    fn perform(&mut self, process: usize, command: Command) -> Option<(Input, Duration)> {
        let quick = self.dice.millis(20);
        let now = self.own_clock(process);
        Some(match command {
            Command::Done => {
                self.done = true;
                return None;
            }
            Command::Release { after, .. } => {
                if self.workers.is_empty() {
                    self.world.now = self.world.now.plus(after);
                }
                return None;
            }
            Command::WaitUntil(at) => (Input::Woke, at.since(now)),
            Command::Reserve { .. } if self.dice.chance(30) => {
                self.mark("no slot");
                (Input::NoSlot { wait: Duration::from_secs(5) }, quick)
            }
            Command::ReadFence => (self.read_fence(process, now), quick),
            Command::WriteFence { .. } => {
                let written = self.world.perform(command);
                if let Input::Written { revision } = written {
                    self.sightings[process] = Some((revision, now));
                } else {
                    self.mark("conflict");
                }
                (written, quick)
            }
            Command::Send { request, deadline } => self.send(process, &request, deadline),
            other => (self.world.perform(other), quick),
        })
    }

    fn read_fence(&mut self, process: usize, now: Timestamp) -> Input {
        let Some((fence, revision)) = self.world.fence.clone() else {
            return Input::Fence { found: None, first_seen: now };
        };
        let first_seen = match self.sightings[process] {
            Some((seen, at)) if seen == revision => at,
            _ => now,
        };
        self.sightings[process] = Some((revision, first_seen));
        Input::Fence { found: Some((Box::new(fence), revision)), first_seen }
    }

    fn send(&mut self, process: usize, request: &Request, deadline: Timestamp) -> (Input, Duration) {
        let left = deadline.since(self.own_clock(process));
        if left.is_zero() {
            self.mark("too late");
            return answered(Answer::NotApplied { reason: NotApplied::TooLate, retry_after: None }, left);
        }
        let (quick, now) = (self.dice.millis(400).min(left), self.world.now);
        match self.dice.roll(100) {
            0..8 => {
                self.mark("lost after");
                self.apply(now, request);
                answered(lost(), quick)
            }
            8..14 => {
                self.mark("lost before");
                answered(lost(), quick)
            }
            14..20 => {
                self.mark("late");
                let most = u64::try_from((left + GRACE).as_millis()).expect("a short span") - 1_000;
                let arrives_at = now.plus(self.dice.millis(most));
                self.late.push((arrives_at, request.clone()));
                answered(lost(), left)
            }
            20..24 => {
                let reason = NotApplied::TooMany;
                answered(Answer::NotApplied { reason, retry_after: Some(Duration::from_secs(2)) }, quick)
            }
            _ => answered(self.apply(now, request), quick),
        }
    }

    fn deliver_late(&mut self, until: Timestamp) {
        self.late.sort_by_key(|(at, _)| *at);
        while self.late.first().is_some_and(|(at, _)| *at <= until) {
            let (at, request) = self.late.remove(0);
            self.apply(at, &request);
        }
    }

    /// A write of a set-like effect must not reach Front once its fact is told.
    fn apply(&mut self, at: Timestamp, request: &Request) -> Answer {
        let kind = match request {
            Request::OpenConversation(_) => Some(EffectKind::Reopen),
            Request::PutAssignee { .. } => Some(EffectKind::Assign),
            _ => None,
        };
        let told = kind.is_some_and(|kind| self.world.facts().iter().any(|fact| fact.key.kind == kind));
        assert!(!told, "seed {}: a write came after its fact", self.seed);
        self.world.front.apply(at, request)
    }

    fn check(&self) {
        let seed = self.seed;
        let mut told: Vec<(String, String)> = Vec::new();
        for fact in self.world.facts() {
            let (key, outcome) = (fact.key.to_string(), word(&fact.outcome));
            match told.iter().find(|(known, _)| *known == key) {
                Some((_, first)) => assert_eq!(*first, outcome, "seed {seed}: two outcomes of {key}"),
                None => told.push((key, outcome)),
            }
        }
        let keys: Vec<_> = self.item.effects.iter().map(|effect| effect.effect.key.to_string()).collect();
        let told_keys: Vec<_> = told.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(told_keys, keys, "seed {seed}: every effect is told, in order");
        let good = ["applied", "created", "found"];
        let fine = |outcome: &String| good.iter().any(|word| outcome.starts_with(word));
        assert!(told.iter().all(|(_, outcome)| fine(outcome)), "seed {seed}: {told:?}");
        self.check_front();
        let (fence, _) = self.world.fence.as_ref().expect("a fence is kept");
        assert_eq!(fence.settled_through, keys.len() as u64, "seed {seed}: the mark covers the item");
        assert!(fence.entries.is_empty(), "seed {seed}");
    }

    fn check_front(&self) {
        let seed = self.seed;
        let front = &self.world.front;
        let mut order: Vec<&str> = Vec::new();
        for write in &front.writes {
            if !order.contains(&write.as_str()) {
                order.push(write);
            }
        }
        let imports = front.writes.iter().filter(|write| write.starts_with("import ")).count();
        let conversation = if self.item.conversation.is_some() { "cnv_5" } else { "cnv_2" };
        let assigned = format!("assign {conversation} tea_1");
        let expect = match self.item.effects.len() {
            1 => vec!["contact crd_1"],
            3 => vec!["import calltrail:acme:7:call", "import calltrail:acme:7:duration", &assigned],
            _ => vec![
                "import calltrail:acme:7:call",
                "import calltrail:acme:7:duration",
                "open cnv_5",
                &assigned,
            ],
        };
        assert_eq!(order, expect, "seed {seed}: each write once, in order");
        assert_eq!(imports, front.messages.len(), "seed {seed}: each external id once");
    }
}

fn answered(answer: Answer, after: Duration) -> (Input, Duration) {
    (Input::Answered(answer), after)
}

#[test]
fn whatever_happens_each_effect_reaches_front_once_and_in_order() {
    let mut marks: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut storm = Storm::new(seed);
        storm.run();
        for (name, count) in storm.marks {
            *marks.entry(name).or_default() += count;
        }
    }
    for fault in ["crash", "pause", "conflict", "lost after", "lost before", "late", "too late", "no slot"] {
        assert!(marks.get(fault).is_some_and(|count| *count > 20), "{fault} is exercised: {marks:?}");
    }
    assert!(ATTEMPT < GRACE, "late requests are meant to outlast deadlines");
}
