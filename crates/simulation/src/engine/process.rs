//! Processes: what runs on a machine of its own, with a clock of its own, and may be killed or paused.

use calltrail_domain::time::Timestamp;

use super::{Engine, Event};
use crate::fault::{Kind, Struck};
use crate::limits::CLOCK_WRONG_MS_MAX;
use crate::trace::Who;

/// A process by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Id {
    Ingest(usize),
    Projector(usize),
    Writer(usize),
    Reader(usize),
}

/// Something in a process that waits for the answer to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Delivery { ingest: usize, delivery: usize },
    Projector(usize),
    Worker { writer: usize, worker: usize },
    Turn { reader: usize, turn: usize },
}

impl Task {
    pub(crate) fn process(self) -> Id {
        match self {
            Self::Delivery { ingest, .. } => Id::Ingest(ingest),
            Self::Projector(place) => Id::Projector(place),
            Self::Worker { writer, .. } => Id::Writer(writer),
            Self::Turn { reader, .. } => Id::Reader(reader),
        }
    }

    pub(crate) fn who(self) -> Who {
        match self {
            Self::Delivery { ingest, .. } => Who::Ingest(ingest),
            Self::Projector(place) => Who::Projector(place),
            Self::Worker { writer, worker } => Who::Worker(writer, worker),
            Self::Turn { reader, turn } => Who::Reader(reader, turn),
        }
    }
}

/// What every process has.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub(super) is_down: bool,
    pub(super) paused_until_ms: i64,
    /// How far its clock is ahead, and was when it was looked at last.
    pub(super) ahead_ms: i64,
    seen_ahead_ms: i64,
    /// The fault that made the clock wrong, and the one that paused the process, until they show.
    clock_fault: Option<Struck>,
    pause_fault: Option<Struck>,
    /// The same where the pause came before an operation: it shows when that arrives, unless the process is killed first.
    pause_before: Option<Struck>,
}

impl Process {
    /// Its clock shows an hour before, from now on.
    pub(super) fn set_back(&mut self, by_ms: i64, number: u64) {
        self.ahead_ms -= by_ms;
        self.clock_fault = Some(Struck { kind: Kind::ClockSetBack, number });
    }
}

impl Engine {
    pub(super) fn process(&mut self, id: Id) -> &mut Process {
        match id {
            Id::Ingest(place) => &mut self.ingests[place],
            Id::Projector(place) => &mut self.projectors[place].process,
            Id::Writer(place) => &mut self.writers[place].process,
            Id::Reader(place) => &mut self.readers[place].process,
        }
    }

    /// The time by the process's own clock.
    pub(super) fn clock(&mut self, id: Id) -> Timestamp {
        let now_ms = self.now_ms();
        let process = self.process(id);
        let (ahead_ms, fault) = (process.ahead_ms, process.clock_fault.take());
        let before_ms = std::mem::replace(&mut process.seen_ahead_ms, ahead_ms);
        if let Some(Struck { kind, number }) = fault.filter(|_| before_ms != ahead_ms) {
            self.faults.count(kind, number);
        }
        Timestamp::from_millis(now_ms + ahead_ms)
    }

    /// Something had to wait for the process to go on.
    pub(super) fn pause_shows(&mut self, id: Id) {
        if let Some(Struck { kind, number }) = self.process(id).pause_fault.take() {
            self.faults.count(kind, number);
        }
    }

    /// What was sent late because of a pause arrives, and somebody waits for its answer.
    pub(super) fn late_arrival_shows(&mut self, task: Task, token: u64, is_met: bool) {
        let (now_ms, awaited) = (self.now_ms(), self.awaits(task) == token);
        let process = self.process(task.process());
        let arrived = now_ms >= process.paused_until_ms;
        let before = process.pause_before.take_if(|_| arrived && awaited);
        if let Some(Struck { kind, number }) = before.filter(|_| is_met) {
            self.faults.count(kind, number);
        }
    }

    pub(super) fn awaits(&self, task: Task) -> u64 {
        match task {
            Task::Delivery { delivery, .. } => self.deliveries[delivery].awaits,
            Task::Projector(place) => self.projectors[place].awaits,
            Task::Worker { writer, worker } => self.writers[writer].awaits(worker),
            Task::Turn { reader, turn } => self.readers[reader].awaits(turn),
        }
    }

    pub(super) fn start_processes(&mut self) {
        for place in 0..self.setting.projectors.len() {
            self.add_projector(place);
        }
        for _ in 0..self.setting.writers {
            self.add_writer();
        }
        for _ in 0..self.setting.readers {
            self.add_reader();
        }
    }

    fn ids(&self) -> Vec<Id> {
        let ingests = (0..self.ingests.len()).map(Id::Ingest);
        let projectors = (0..self.projectors.len()).map(Id::Projector);
        ingests.chain(projectors).chain((0..self.writers.len()).map(Id::Writer)).collect()
    }

    /// Wrong clocks, jumps and absences of the leader, by the clock.
    pub(super) fn plan_accidents(&mut self, starts_ms: i64) {
        for number in self.faults.plan(Kind::ClockSkewed) {
            self.by_own_chance(number, |engine| engine.set_clock(Struck { kind: Kind::ClockSkewed, number }));
        }
        type Accident = (Kind, fn(u64) -> Event);
        let accidents: [Accident; 11] = [
            (Kind::CrashLoop, |number| Event::Crash { number, until_ms: 0 }),
            (Kind::ClockSetBack, |number| Event::ClockIsSetBack { number }),
            (Kind::TailLost, |number| Event::TailIsLost { number }),
            (Kind::ClockJumps, |number| Event::ClockJumps { number }),
            (Kind::LeaderGone, |number| Event::LeaderGoes { number }),
            (Kind::FrontAway, |number| Event::FrontGoes { number }),
            (Kind::InboxGone, |number| Event::FrontWithholds { kind: Kind::InboxGone, number }),
            (Kind::ScopeGone, |number| Event::FrontWithholds { kind: Kind::ScopeGone, number }),
            (Kind::ProjectionLost, |number| Event::ProjectionIsLost { number }),
            (Kind::LogTrimmed, |number| Event::Snapshot { number }),
            (Kind::ReceiversDown, |number| Event::ReceiversGo { number }),
        ];
        for (kind, event) in accidents {
            // Each in a time of its own, so that none stands for another.
            let times = self.faults.times(kind);
            let span_ms = (self.faults_end_ms - starts_ms) / i64::try_from(times.max(1)).unwrap_or(1);
            for (place, number) in (0..).zip(self.faults.plan_times(times)) {
                let Some(number) = number else { continue };
                let after_ms = self.by_own_chance(number, |engine| engine.dice.between(0, span_ms * 4 / 5));
                self.agenda.note(starts_ms + place * span_ms + after_ms, event(number));
            }
        }
    }

    /// How wrong a clock is: by seconds mostly, at times by almost as much as the engine bears.
    fn wrong_by_ms(&mut self) -> i64 {
        let span_ms = if self.dice.percent(80) { 5_000 } else { CLOCK_WRONG_MS_MAX };
        self.dice.between(-span_ms, span_ms)
    }

    pub(super) fn clock_jumps(&mut self, number: u64) {
        self.by_own_chance(number, |engine| engine.set_clock(Struck { kind: Kind::ClockJumps, number }));
    }

    /// Some machine's clock is wrong from now on, or wrong by something else.
    fn set_clock(&mut self, struck: Struck) {
        let ids = self.ids();
        let id = ids[self.dice.place(ids.len())];
        let ahead_ms = self.wrong_by_ms();
        let process = self.process(id);
        (process.ahead_ms, process.clock_fault) = (ahead_ms, Some(struck));
        self.trace.say(
            self.agenda.now_ms(),
            Who::World,
            "clock",
            format_args!("of {id:?} is {ahead_ms} ms ahead"),
        );
    }

    /// Nothing in the process's memory is left; it starts again after a while.
    pub(super) fn kill(&mut self, id: Id) {
        let after_ms = match self.dice.percent(70) {
            true => self.dice.between(200, 3_000),
            false => self.dice.between(3_000, 60_000),
        };
        self.kill_for(id, after_ms);
    }

    pub(super) fn kill_for(&mut self, id: Id, after_ms: i64) {
        self.trace.say(self.agenda.now_ms(), Who::World, "kill", format_args!("{id:?}, for {after_ms} ms"));
        let process = self.process(id);
        (process.is_down, process.paused_until_ms) = (true, 0);
        (process.pause_fault, process.pause_before) = (None, None);
        match id {
            Id::Ingest(place) => self.connections_break(place),
            Id::Projector(place) => self.projectors[place].kill(),
            Id::Writer(place) => self.writers[place].kill(),
            Id::Reader(place) => self.readers[place].kill(),
        }
        self.agenda.note(self.now_ms() + after_ms, Event::Restart(id));
    }

    /// Pauses the process right before its next operation, or right after; returns by how much the operation is later.
    pub(super) fn pause_around(&mut self, id: Id, struck: Struck) -> i64 {
        let for_ms = self.pause(id);
        if self.dice.percent(50) {
            self.process(id).pause_before = Some(struck);
            return for_ms;
        }
        self.process(id).pause_fault = Some(struck);
        0
    }

    /// The process does nothing for a while, and knows nothing of it.
    fn pause(&mut self, id: Id) -> i64 {
        let for_ms = match self.dice.below(10) {
            0..5 => self.dice.between(500, 20_000),
            5..7 => self.dice.between(20_000, 60_000),
            _ => self.dice.between(60_000, 240_000),
        };
        self.trace.say(self.agenda.now_ms(), Who::World, "pause", format_args!("{id:?}, for {for_ms} ms"));
        let until_ms = self.now_ms() + for_ms;
        self.process(id).paused_until_ms = until_ms;
        for_ms
    }

    pub(super) fn restart(&mut self, id: Id) {
        self.process(id).is_down = false;
        match id {
            Id::Ingest(_) => {}
            Id::Projector(place) => self.start_projector(place),
            Id::Writer(_) => self.note_claim(self.now_ms()),
            Id::Reader(place) => self.start_reader(place),
        }
    }
}
