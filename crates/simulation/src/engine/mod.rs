//! The engine in one thread and in virtual time: the real cores as processes, the simulated ports and Front around them, and
//! a network between that loses, delays and repeats.
//!
//! An operation of a core is issued, reaches its port after a while, and its answer reaches the core after another while.
//! A process may be killed or paused between any two of these; what it has sent is on its way all the same.

mod aircall;
mod crashes;
mod crowds;
mod deliveries;
mod erasures;
mod front;
mod line;
mod lost;
mod people;
mod process;
mod projector;
mod reader;
mod rest;
mod snapshots;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use calltrail_aircall_reader as reading;
use calltrail_domain::effect::WorkItem;
use calltrail_domain::fact::Fact;
use calltrail_domain::hash;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_event_log::limits::BODY_BYTES_MAX;
use calltrail_front::RequestKind;
use calltrail_front_writer::{Came as WorkCame, Place, Value};
use calltrail_projector::{Came as ProjectorCame, Operation as ProjectorOperation};

use crate::agenda::Agenda;
use crate::dice::Dice;
use crate::evidence::{Claimed, DecidedThrough, Publication};
use crate::fault::{Faults, Kind, Struck};
use crate::limits::{
    ACK_WAIT_MS, DEDUPE_WINDOW_MS, EVENTS_MAX, FAULTS_GO_ON_MS, HISTORY_STARTS_S, REST_WITHIN_MS,
};
use crate::marks::Marks;
use crate::ports::{Log, Logged, NewRecord, Outbox, Store};
use crate::run::Shape;
use crate::setting::Setting;
use crate::trace::{Trace, Who};
use crate::world::company::Company;
use crate::world::people::Deed;
use aircall::Aircall;
use deliveries::Delivery;
use front::Office;
use line::Line;
use lost::Lost;
use process::{Process, Task};
use projector::Projector;
use reader::Reader;
use worker::Writer;

/// A record in the log, and what it means: the same to everybody who folds it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// When it is appended, by the clock of the run.
    pub(crate) appended_ms: i64,
    pub(crate) record: Record,
    /// Of its stored bytes, and how many they are.
    pub(crate) hash: u64,
    pub(crate) bytes: usize,
    /// The webhook that it came from, by its delivery.
    pub(crate) delivery: Option<usize>,
    pub(crate) fact: Arc<Fact>,
}

impl Entry {
    pub(crate) fn new(appended_ms: i64, record: Record, fact: Arc<Fact>) -> Self {
        let stored = record.encode();
        let (hash, bytes) = (hash::of_record(&stored), stored.len());
        Self { appended_ms, hash, bytes, delivery: None, record, fact }
    }
}

/// What happens next at some time.
#[derive(Debug)]
enum Event {
    /// Aircall, or Front, delivers this webhook.
    Deliver(usize),
    /// An operation reaches its port.
    Arrive {
        task: Task,
        token: u64,
        operation: Operation,
        struck: Option<Struck>,
    },
    /// A core gets the answer to its last operation.
    Step {
        task: Task,
        token: u64,
        came: Came,
    },
    /// A projector that waits for records looks at its timers.
    Tick(usize),
    /// Idle workers look into the outbox.
    Claim,
    /// A claim in work is extended, if its process still works on it.
    Extend {
        writer: usize,
        worker: usize,
        claim: u64,
    },
    /// Something happens in Front by itself.
    Front(usize),
    /// Somebody does something in Front.
    Act(Deed),
    Restart(process::Id),
    ClockJumps {
        number: u64,
    },
    LeaderGoes {
        number: u64,
    },
    FrontGoes {
        number: u64,
    },
    /// An inbox or a right of the token is gone for a while.
    FrontWithholds {
        kind: Kind,
        number: u64,
    },
    ProjectionIsLost {
        number: u64,
    },
    /// A person archives a conversation as soon as it is there, and hundreds of other events follow.
    Crowd(crowds::Crowd),
    /// All writers are killed, once more until then.
    Crash {
        number: u64,
        until_ms: i64,
    },
    ClockIsSetBack {
        number: u64,
    },
    TailIsLost {
        number: u64,
    },
    HandOutAgain {
        ticket: u64,
        number: u64,
    },
    /// Somebody takes a snapshot.
    Snapshot {
        number: u64,
    },
    /// The next of its parts is appended.
    SnapshotPart(snapshots::Writing),
    Erasure(erasures::Erasing),
    /// This webhook's event happens at Aircall.
    Happens {
        account: usize,
        place: usize,
    },
    /// Somebody makes the webhook at Aircall.
    Installed(usize),
    /// Aircall posts what is due.
    Posts(usize),
    /// Somebody asks for the history before that.
    BackfillIsAsked(usize),
    ReceiversGo {
        number: u64,
    },
}

#[derive(Debug)]
enum Operation {
    Store(usize),
    Projector(ProjectorOperation),
    Work(worker::Asked),
    Reading(reading::Operation),
}

/// How log, outbox and fences take an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meeting {
    Fine,
    /// They do nothing, and say so or say nothing.
    Refused,
    /// They do their part, and nobody hears of it.
    Unheard,
}

#[derive(Debug)]
enum Came {
    /// The log has taken a webhook, or has not.
    Stored {
        stored: bool,
        lost: Option<Struck>,
    },
    Projector(ProjectorCame),
    Work(WorkCame),
    Reading(reading::Came),
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored { stored, .. } => write!(f, "stored: {stored}"),
            Self::Projector(came) => projector::words::Word(came).fmt(f),
            Self::Work(came) => write!(f, "{came:?}"),
            Self::Reading(came) => reader::Word(came).fmt(f),
        }
    }
}

impl Came {
    /// Tells answers apart, as far as they lead to something else.
    fn number(&self) -> u64 {
        match self {
            Self::Stored { stored, .. } => u64::from(*stored),
            Self::Projector(came) => projector::words::number_of(came),
            Self::Work(came) => worker::kinds::number_of(came),
            Self::Reading(came) => reader::number_of(came),
        }
    }
}

/// One run.
pub(crate) struct Engine {
    seed: u64,
    setting: Setting,
    agenda: Agenda<Event>,
    dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    log: Log<Arc<Entry>>,
    /// What was trimmed off the log.
    archive: Vec<Logged<Arc<Entry>>>,
    /// What was erased from it.
    erased: Vec<Logged<Arc<Entry>>>,
    erasure_begun: bool,
    /// How often a projector found another log than it had folded.
    folded_again: u64,
    outbox: Outbox<Arc<WorkItem>>,
    store: Store<(usize, Place), Value>,
    /// What the readers share.
    jobs: Store<(usize, reading::Place), reading::Value>,
    offices: Vec<Office>,
    deliveries: Vec<Delivery>,
    ingests: Vec<Process>,
    projectors: Vec<Projector>,
    writers: Vec<Writer>,
    readers: Vec<Reader>,
    /// Of each account, where receivers go away.
    aircalls: Vec<Aircall>,
    /// When they are back, and their absence until a webhook has met it.
    receivers_back_ms: i64,
    receivers_gone: Option<u64>,
    tokens: u64,
    sends_under_way: usize,
    /// When idle workers look into the outbox.
    claims_noted: BTreeSet<i64>,
    leader_back_ms: i64,
    /// The leader's absence, until somebody has met it.
    leader_gone: Option<u64>,
    /// Second deliveries that nobody has taken yet.
    handed_out_again: BTreeMap<u64, u64>,
    pub(crate) marks: Marks,
    publications: Vec<Publication>,
    decided: Vec<DecidedThrough>,
    claims: Vec<Claimed>,
    faults_end_ms: i64,
    /// Crash loops that have shown.
    crashes_shown: BTreeSet<u64>,
    /// One crash loop at a time.
    crashes_until_ms: i64,
    /// The one answer that is lost in a calm run.
    pub(crate) lost: Option<Lost>,
    /// How often the log has lost its last records.
    tails_lost: u64,
    tail_lost_ms: i64,
    /// A loss that waits for decisions.
    tail_loss_due: Option<u64>,
    /// A writer whose clock runs ahead, and the fault that will have set it right.
    set_right_due: Option<(usize, u64)>,
}

impl Engine {
    /// A run with one thing that goes wrong: the first answer to a request of this kind is lost.
    pub(crate) fn calm(seed: u64, kind: RequestKind) -> Self {
        Self::starting(seed, None, Trace::default(), Some(Lost::of(kind)))
    }

    pub(crate) fn new(seed: u64, without: Option<u64>, trace: Trace) -> Self {
        Self::starting(seed, without, trace, None)
    }

    fn starting(seed: u64, without: Option<u64>, trace: Trace, lost: Option<Lost>) -> Self {
        let setting = Setting::draw(seed);
        let told_ms =
            |company: &Company| company.webhooks().map(|webhook| webhook.at_ms).max().unwrap_or_default();
        let last_ms = setting.companies.iter().map(told_ms).max().unwrap_or_default();
        let faults_end_ms = last_ms + FAULTS_GO_ON_MS;
        let starts_ms = HISTORY_STARTS_S * 1000;
        let mut engine = Self {
            seed,
            agenda: Agenda::starting_at(starts_ms),
            dice: Dice::of(seed, 4),
            faults: match lost {
                Some(_) => Faults::calm(seed, faults_end_ms),
                None => Faults::new(seed, faults_end_ms, without),
            },
            trace,
            log: Log::default(),
            archive: Vec::new(),
            erased: Vec::new(),
            erasure_begun: false,
            folded_again: 0,
            outbox: Outbox::new(ACK_WAIT_MS, DEDUPE_WINDOW_MS),
            store: Store::default(),
            jobs: Store::default(),
            offices: setting.companies.iter().map(Office::new).collect(),
            deliveries: Vec::new(),
            ingests: (0..setting.ingests).map(|_| Process::default()).collect(),
            projectors: Vec::new(),
            writers: Vec::new(),
            readers: Vec::new(),
            aircalls: setting.sites.iter().zip(&setting.companies).map(Aircall::new).collect(),
            receivers_back_ms: i64::MIN,
            receivers_gone: None,
            claims: Vec::new(),
            tokens: 0,
            sends_under_way: 0,
            claims_noted: BTreeSet::new(),
            leader_back_ms: i64::MIN,
            leader_gone: None,
            handed_out_again: BTreeMap::new(),
            marks: Marks::new(),
            publications: Vec::new(),
            decided: Vec::new(),
            faults_end_ms,
            crashes_shown: BTreeSet::new(),
            crashes_until_ms: i64::MIN,
            lost,
            tails_lost: 0,
            tail_lost_ms: i64::MIN,
            tail_loss_due: None,
            set_right_due: None,
            setting,
        };
        engine.start_processes();
        engine.plan_deliveries();
        engine.plan_people(seed, starts_ms, last_ms);
        engine.plan_accidents(starts_ms);
        engine
    }

    /// Runs until everything is at rest; false when that takes too long.
    pub(crate) fn run(&mut self) -> bool {
        let bound_ms = self.faults_end_ms + REST_WITHIN_MS;
        for look_ms in (self.faults_end_ms..=bound_ms).step_by(rest::LOOK_EVERY_MS) {
            while let Some(event) = self.agenda.next(look_ms) {
                if self.trace.events() > EVENTS_MAX {
                    return false;
                }
                self.happen(event);
            }
            if self.is_at_rest() && !self.begin_erasure() {
                return true;
            }
        }
        false
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver(delivery) => self.deliver(delivery),
            Event::Arrive { task, token, operation, struck } => self.arrive(task, token, operation, struck),
            Event::Step { task, token, came } => self.step(task, token, came),
            Event::Tick(projector) => self.tick(projector),
            Event::Claim => self.claim(),
            Event::Extend { writer, worker, claim } => self.extend(writer, worker, claim),
            Event::Front(account) => self.front_goes_on(account),
            Event::Act(deed) => self.act(deed),
            Event::Restart(id) => self.restart(id),
            Event::ClockJumps { number } => self.clock_jumps(number),
            Event::LeaderGoes { number } => self.leader_goes(number),
            Event::FrontGoes { number } => self.front_goes(number),
            Event::FrontWithholds { kind, number } => self.front_withholds(kind, number),
            Event::ProjectionIsLost { number } => self.projection_is_lost(number),
            Event::Crash { number, until_ms } => self.crash(number, until_ms),
            Event::ClockIsSetBack { number } => self.clock_is_set_back(number),
            Event::TailIsLost { number } => self.tail_is_lost(number),
            Event::Crowd(crowd) => self.crowd_comes(crowd),
            Event::HandOutAgain { ticket, number } => self.hand_out_again(ticket, number),
            Event::Snapshot { number } => self.take_snapshot(number),
            Event::SnapshotPart(writing) => self.write_snapshot(writing),
            Event::Erasure(erasing) => self.erasure_goes_on(erasing),
            Event::Happens { account, place } => self.call_goes_on(account, place),
            Event::Installed(account) => self.webhook_is_made(account),
            Event::Posts(account) => self.aircall_posts(account),
            Event::BackfillIsAsked(account) => self.backfill_is_asked(account),
            Event::ReceiversGo { number } => self.receivers_go(number),
        }
    }

    fn arrive(&mut self, task: Task, token: u64, operation: Operation, struck: Option<Struck>) {
        // A projector that waits for records that nobody has appended yet is none the later for its pause.
        let waits = matches!(
            operation,
            Operation::Projector(ProjectorOperation::Read { after, .. }) if self.log.tail() <= after
        );
        self.late_arrival_shows(task, token, !waits);
        match operation {
            Operation::Store(delivery) => self.store_webhook(task, token, delivery, struck),
            Operation::Projector(operation) => self.projector_arrives(task, token, operation, struck),
            Operation::Work(operation) => self.work_arrives(task, token, operation, struck),
            Operation::Reading(operation) => self.reading_arrives(task, token, operation, struck),
        }
    }

    /// The fault that an operation meets at log, outbox or fences; without a leader nothing else can go wrong there.
    fn meet(&mut self, struck: Option<Struck>) -> Meeting {
        self.count_struck(struck);
        self.meeting(struck)
    }

    fn count_struck(&mut self, struck: Option<Struck>) {
        let is_leaderless = self.now_ms() < self.leader_back_ms;
        if let Some(Struck { kind, number }) = struck.filter(|_| !is_leaderless) {
            self.faults.count(kind, number);
        }
    }

    fn meeting(&mut self, struck: Option<Struck>) -> Meeting {
        let is_refusal = |kind| matches!(kind, Kind::LogRefused | Kind::OutboxRefused | Kind::StoreRefused);
        if self.now_ms() < self.leader_back_ms {
            // What would have been refused anyway shows nothing of the leader's absence.
            return if struck.is_some_and(|struck| is_refusal(struck.kind)) || self.is_leaderless() {
                Meeting::Refused
            } else {
                Meeting::Fine
            };
        }
        let Some(Struck { kind, .. }) = struck else { return Meeting::Fine };
        if is_refusal(kind) { Meeting::Refused } else { Meeting::Unheard }
    }

    /// A paused process gets its answers when it goes on; a killed one, or one that waits for another answer, never.
    fn step(&mut self, task: Task, token: u64, came: Came) {
        if self.awaits(task) != token {
            return;
        }
        let resumes_ms = self.process(task.process()).paused_until_ms;
        if self.now_ms() < resumes_ms {
            return self.agenda.note(resumes_ms, Event::Step { task, token, came });
        }
        if self.now_ms() == resumes_ms {
            self.pause_shows(task.process());
        }
        match (task, came) {
            (Task::Delivery { delivery, .. }, Came::Stored { stored, lost }) => {
                self.webhook_stored(delivery, stored, lost);
            }
            (Task::Projector(projector), Came::Projector(came)) => self.projector_goes_on(projector, came),
            (Task::Worker { writer, worker }, Came::Work(came)) => self.work_goes_on(writer, worker, came),
            (Task::Turn { reader, turn }, Came::Reading(came)) => self.turn_goes_on(reader, turn, came),
            (task, came) => panic!("{task:?} does not wait for {came:?}"),
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.agenda.now_ms()
    }

    fn answer(&mut self, after_ms: i64, task: Task, token: u64, came: Came) {
        if self.awaits(task) == token {
            self.trace.note(self.agenda.now_ms(), task.who(), "answered", came.number(), &came);
        }
        self.agenda.note(self.now_ms() + after_ms, Event::Step { task, token, came });
    }

    fn token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens
    }

    pub(crate) fn shape(&self) -> Shape {
        let companies = &self.setting.companies;
        Shape {
            calls: companies.iter().map(|company| company.calls).sum(),
            parties: companies.iter().map(Company::parties).sum(),
            writers: self.setting.writers,
            records: self.archive.len() + self.log.read_after(0, usize::MAX).len(),
            requests: self.offices.iter().map(|office| office.front.requests_seen()).sum(),
            simulated_ms: self.now_ms() - HISTORY_STARTS_S * 1000,
        }
    }

    /// Deals with a fault by a chance of its own, so that without it everything else goes on by the same chances.
    fn by_own_chance<T>(&mut self, number: u64, deal: impl FnOnce(&mut Self) -> T) -> T {
        let own = Dice::of(self.seed ^ (number << 32), 6);
        let usual = std::mem::replace(&mut self.dice, own);
        let dealt = deal(self);
        self.dice = usual;
        dealt
    }

    /// Whether log, outbox and fences have no leader now; who asks meets that.
    fn is_leaderless(&mut self) -> bool {
        if self.now_ms() >= self.leader_back_ms {
            return false;
        }
        if let Some(number) = self.leader_gone.take() {
            self.faults.count(Kind::LeaderGone, number);
        }
        true
    }

    fn leader_goes(&mut self, number: u64) {
        let gap_ms = self.by_own_chance(number, |engine| engine.dice.between(2_000, 30_000));
        if self.now_ms() < self.leader_back_ms {
            return;
        }
        self.trace.say(self.agenda.now_ms(), Who::World, "leader", format_args!("gone for {gap_ms} ms"));
        (self.leader_back_ms, self.leader_gone) = (self.now_ms() + gap_ms, Some(number));
    }

    /// Appends, and wakes who waits for records. False when a record is too large for the log, which takes none then.
    fn append(&mut self, who: Who, place: usize, entries: Vec<Entry>) -> bool {
        if entries
            .iter()
            .any(|entry| self.is_too_large(entry.bytes, "port: the log refused what is too large"))
        {
            return false;
        }
        self.offices[place].is_open = true;
        let account = self.offices[place].name.clone();
        let group = entries.into_iter().map(|entry| {
            let kind = Arc::from(entry.record.body.kind());
            NewRecord { account: Arc::clone(&account), kind, body: Arc::new(entry) }
        });
        let group: Vec<_> = group.collect();
        for record in &group {
            let at_ms = record.body.record.received_at.as_millis();
            let line = Line(&record.account, &record.body);
            self.trace.note(self.agenda.now_ms(), who, "appends", at_ms.unsigned_abs(), line);
            if let (Some(lost), RecordBody::EffectSettled(fact)) = (&mut self.lost, &record.body.record.body)
            {
                lost.settled(self.agenda.now_ms(), fact);
            }
            if let RecordBody::EffectsDecided(decided) = &record.body.record.body {
                self.meddle(place, decided);
                self.crowd(place, decided);
            }
        }
        self.log.append(group);
        self.log.sync();
        self.wake_projectors();
        true
    }

    /// The real ports refuse by size, and do so each time.
    fn is_too_large(&mut self, bytes: usize, mark: &'static str) -> bool {
        let refused = bytes > BODY_BYTES_MAX;
        if refused {
            *self.marks.entry(mark).or_default() += 1;
        }
        refused
    }
}
