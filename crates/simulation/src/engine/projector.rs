//! The projectors: the real machine says what to do, and this does it.

pub(super) mod again;
mod arriving;
mod kinds;
pub(super) mod words;

use std::sync::Arc;

use calltrail_domain::party::PartyEntry;
use calltrail_domain::record::RecordBody;
use calltrail_domain::state::{PARTY_PREFIX, Piece, TIMER_PREFIX};
use calltrail_domain::time::Timestamp;
use calltrail_projector::{AccountInMemory, AccountRules, InMemory, Pieces as _, Scan as _};
use calltrail_projector::{Came as ProjectorCame, Machine, Operation as ProjectorOperation};

use super::process::{Id, Process, Task};
use super::snapshots::fill;
use super::{Came, Engine, Event, Operation};
use crate::evidence::{DecidedThrough, Publication};
use crate::fault::{Kind, Struck};
use crate::limits::{LOOK_EVERY, REPUBLISH_AFTER};
use crate::setting::Release;
use crate::trace::Who;
use kinds::kinds_of;
use words::Word;

/// A projector process, and its disk.
pub(super) struct Projector {
    pub(super) process: Process,
    release: Release,
    disk: InMemory,
    machine: Option<Machine<InMemory>>,
    pub(super) awaits: u64,
    /// It waits for records after this sequence.
    reads_after: Option<(u64, usize)>,
    tick_ms: Option<i64>,
    /// The tail of the log when it started, and the last that it was told.
    started_at_tail: u64,
    told_tail: u64,
}

impl Projector {
    pub(super) fn kill(&mut self) {
        (self.machine, self.awaits, self.reads_after, self.tick_ms) = (None, 0, None, None);
    }

    /// What it was told of the tail is not true any more.
    pub(super) fn forget_tail(&mut self, tail: u64) {
        (self.started_at_tail, self.told_tail) = (self.started_at_tail.min(tail), self.told_tail.min(tail));
    }

    /// Everything is folded, nothing is open and no timer runs.
    pub(super) fn is_at_rest(&self, tail: u64) -> bool {
        self.folded() == tail && self.machine.is_some() && self.next_due(Timestamp::from_millis(0)).is_none()
    }

    pub(super) fn folded(&self) -> u64 {
        self.disk.checkpoint().unwrap_or(0)
    }

    pub(super) fn disk(&self) -> &InMemory {
        &self.disk
    }

    /// When a look at the time may find something to do: at the next timer, soon while anything is open, and at once
    /// while the machine waits for a tick.
    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let names = self.disk.accounts().unwrap_or_default();
        let accounts = names.iter().map(|name| self.disk.account(name));
        let waits = self.machine.as_ref().is_some_and(Machine::waits_for_tick);
        accounts.filter_map(|pieces| next_due(&pieces, now)).chain(waits.then_some(now)).min()
    }
}

fn next_due(pieces: &AccountInMemory, now: Timestamp) -> Option<Timestamp> {
    let first = pieces.scan(TIMER_PREFIX, None).next().and_then(Result::ok);
    let timer = first.and_then(|(key, _)| key.strip_prefix(TIMER_PREFIX)?.split('/').next()?.parse().ok());
    let is_open = |(_, piece): (String, Arc<Piece>)| match &*piece {
        Piece::Party(PartyEntry::Party(party)) => {
            !party.is_drained()
                || !party.queue.is_empty()
                || party.joining.is_some()
                || !party.awaits.is_empty()
        }
        _ => false,
    };
    let open = pieces.scan(PARTY_PREFIX, None).filter_map(Result::ok).any(is_open);
    let soon = open.then(|| now.plus(LOOK_EVERY));
    timer.map(Timestamp::from_millis).into_iter().chain(soon).min()
}

impl Engine {
    pub(super) fn add_projector(&mut self, place: usize) {
        self.projectors.push(Projector {
            process: Process::default(),
            release: self.setting.projectors[place],
            disk: InMemory::default(),
            machine: None,
            awaits: 0,
            reads_after: None,
            tick_ms: None,
            started_at_tail: 0,
            told_tail: 0,
        });
        self.start_projector(place);
    }

    fn rules(&self) -> Vec<AccountRules> {
        let rules = self.setting.companies.iter().map(|company| AccountRules {
            id: company.id.to_owned(),
            policy: company.policy(),
            republish_after: REPUBLISH_AFTER,
        });
        rules.collect()
    }

    pub(super) fn start_projector(&mut self, place: usize) {
        let rules = self.rules();
        let (tail, life) = (self.log.tail(), self.token());
        let projector = &mut self.projectors[place];
        projector.started_at_tail = tail;
        let was_empty = projector.disk.checkpoint() == Ok(0);
        if was_empty {
            fill(&projector.disk, &self.log);
        }
        let mark = match (projector.disk.checkpoint().unwrap_or(0), tail) {
            (_, 0) => "projector: started on an empty log",
            (0, _) => "projector: rebuilt from the first record",
            (_, _) if was_empty => "projector: rebuilt from a snapshot",
            (_, _) => "projector: started in the middle",
        };
        *self.marks.entry(mark).or_default() += 1;
        let machine = Machine::new(projector.disk.clone(), rules, keys(life)).expect("memory can be read");
        projector.machine = Some(machine);
        self.projector_goes_on(place, ProjectorCame::Started);
    }

    /// The projector's disk is gone, and the projector with it.
    pub(super) fn projection_is_lost(&mut self, number: u64) {
        let projectors = self.projectors.len();
        let place = self.by_own_chance(number, |engine| engine.dice.place(projectors));
        if self.projectors[place].folded() == 0 {
            return;
        }
        self.faults.count(Kind::ProjectionLost, number);
        self.by_own_chance(number, |engine| engine.lose_projection(place));
    }

    pub(super) fn lose_projection(&mut self, place: usize) {
        self.projectors[place].disk = InMemory::default();
        if !self.projectors[place].process.is_down {
            self.kill(Id::Projector(place));
        }
    }

    pub(super) fn projector_goes_on(&mut self, place: usize, came: ProjectorCame) {
        let now = self.clock(Id::Projector(place));
        let clock = now.as_millis().unsigned_abs();
        self.trace.note(self.agenda.now_ms(), Who::Projector(place), "told", clock, Word(&came));
        let projector = &mut self.projectors[place];
        if let ProjectorCame::Tail(tail) = &came {
            projector.told_tail = *tail;
        }
        let Some(machine) = &mut projector.machine else { return };
        let operation = machine.next(now, came).expect("memory can be read");
        self.issue_projector(place, operation);
    }

    /// The log is not the one that this projector has folded.
    fn projector_folds_again(&mut self, place: usize) {
        *self.marks.entry("projector: folds another log again").or_default() += 1;
        self.folded_again += 1;
        self.projectors[place].kill();
        self.projectors[place].disk = InMemory::default();
        self.start_projector(place);
    }

    fn issue_projector(&mut self, place: usize, operation: ProjectorOperation) {
        if let ProjectorOperation::FoldAgain(_) = operation {
            return self.projector_folds_again(place);
        }
        let (task, token) = (Task::Projector(place), self.token());
        self.projectors[place].awaits = token;
        self.note_publication(place, &operation);
        self.note_decision(place, &operation);
        let in_between_ms = self.come_in_between(place, &operation);
        let struck = self.faults.draw(self.now_ms(), kinds_of(&operation));
        let mut delay_ms = self.dice.between(1, 4) + in_between_ms;
        match struck {
            Some(struck @ Struck { kind: Kind::ProjectorPaused, number }) => {
                delay_ms +=
                    self.by_own_chance(number, |engine| engine.pause_around(Id::Projector(place), struck));
                self.send_projector(task, token, operation, delay_ms, None);
            }
            Some(Struck { kind: Kind::ProjectorKilled, number }) => {
                self.faults.count(Kind::ProjectorKilled, number);
                if self.by_own_chance(number, |engine| engine.dice.percent(50)) {
                    self.send_projector(task, token, operation, delay_ms, None);
                }
                self.by_own_chance(number, |engine| engine.kill(Id::Projector(place)));
            }
            struck => self.send_projector(task, token, operation, delay_ms, struck),
        }
    }

    fn note_publication(&mut self, place: usize, operation: &ProjectorOperation) {
        let ProjectorOperation::Publish { account, item } = operation else { return };
        self.publications.push(Publication {
            projector: place,
            started_at_tail: self.projectors[place].started_at_tail,
            account: account.clone(),
            party: item.party.clone(),
            ordinals: item.effects.iter().map(|effect| effect.ordinal).collect(),
            is_bulk: item.bulk,
        });
    }

    fn note_decision(&mut self, place: usize, operation: &ProjectorOperation) {
        let ProjectorOperation::Append { account, records } = operation else { return };
        for record in records {
            if let RecordBody::EffectsDecided(decided) = &record.body {
                self.decided.push(DecidedThrough {
                    projector: place,
                    account: account.clone(),
                    through: decided.through,
                    tail: self.projectors[place].told_tail,
                });
            }
        }
    }

    fn send_projector(
        &mut self,
        task: Task,
        token: u64,
        operation: ProjectorOperation,
        delay_ms: i64,
        struck: Option<Struck>,
    ) {
        let operation = match operation {
            ProjectorOperation::Sleep(span) => {
                let after_ms = i64::try_from(span.as_millis()).expect("a short span");
                return self.answer(after_ms, task, token, Came::Projector(ProjectorCame::Slept));
            }
            operation => Operation::Projector(operation),
        };
        self.agenda.note(self.now_ms() + delay_ms, Event::Arrive { task, token, operation, struck });
    }
}

/// Keys of party names: no life of a projector draws those of another, nor one for two accounts.
fn keys(life: u64) -> impl FnMut() -> [u8; 32] + Send + Sync + 'static {
    let mut drawn = 0;
    move || {
        drawn += 1;
        let mut key = [drawn; 32];
        key[..8].copy_from_slice(&life.to_le_bytes());
        key
    }
}
