//! The projectors: the real machine says what to do, and this does it.

use std::fmt;
use std::sync::Arc;

use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::{Action, WorkItem};
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::Place;
use calltrail_domain::party::PartyEntry;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::state::{PARTY_PREFIX, Piece, TIMER_PREFIX};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::Class;
use calltrail_projector::limits::TIMER_TICK;
use calltrail_projector::{AccountInMemory, AccountRules, Folding, InMemory, Pieces as _, Scan as _};
use calltrail_projector::{Came as ProjectorCame, Machine, Operation as ProjectorOperation};

use super::process::{Id, Process, Task};
use super::{Came, Engine, Entry, Event, Meeting, Operation};
use crate::evidence::{DecidedThrough, Publication};
use crate::fault::{Kind, Struck};
use crate::limits::{LOOK_EVERY, RECORDS_AT_ONCE_MAX, REPUBLISH_AFTER};
use crate::setting::Release;
use crate::trace::Who;

/// What came, for a line of the trace.
struct Word<'a>(&'a ProjectorCame);

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

/// What a record means. Webhooks are translated where they are delivered.
pub(super) fn meaning(record: &Record) -> Arc<Fact> {
    Arc::new(match &record.body {
        RecordBody::AccountCreated(created) => Fact::AccountCreated(created.clone()),
        RecordBody::PolicyChanged(policy) => Fact::PolicyChanged(policy.clone()),
        RecordBody::AircallEvent(event) => calltrail_aircall::facts(event, record.received_at),
        RecordBody::FrontEvent(event) => calltrail_front::events::facts(event, record.received_at),
        RecordBody::EffectsDecided(decided) => Fact::EffectsDecided(decided.clone()),
        RecordBody::EffectSettled(settled) => Fact::EffectSettled(settled.clone()),
        RecordBody::ConversationMerged(merged) => Fact::ConversationMerged(merged.clone()),
        RecordBody::TimerElapsed(timer) => Fact::TimerElapsed(timer.clone()),
        RecordBody::Unknown { .. } => Fact::Other,
    })
}

impl Projector {
    pub(super) fn kill(&mut self) {
        (self.machine, self.awaits, self.reads_after, self.tick_ms) = (None, 0, None, None);
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

    /// When a look at the time may find something to do: at the next timer, and soon while anything is open.
    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let names = self.disk.accounts().unwrap_or_default();
        let accounts = names.iter().map(|name| self.disk.account(name));
        accounts.filter_map(|pieces| next_due(&pieces, now)).min()
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
        let mark = match (projector.disk.checkpoint().unwrap_or(0), tail) {
            (_, 0) => "projector: started on an empty log",
            (0, _) => "projector: rebuilt from the first record",
            (_, _) => "projector: started in the middle",
        };
        *self.marks.entry(mark).or_default() += 1;
        let machine = Machine::new(projector.disk.clone(), rules, keys(life)).expect("memory can be read");
        projector.machine = Some(machine);
        self.projector_goes_on(place, ProjectorCame::Started);
    }

    /// The projector's disk is gone, and the projector with it.
    pub(super) fn projection_is_lost(&mut self, number: u64) {
        let place = self.dice.place(self.projectors.len());
        if self.projectors[place].folded() == 0 {
            return;
        }
        self.projectors[place].disk = InMemory::default();
        self.faults.count(Kind::ProjectionLost, number);
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

    fn issue_projector(&mut self, place: usize, operation: ProjectorOperation) {
        let (task, token) = (Task::Projector(place), self.token());
        self.projectors[place].awaits = token;
        self.note_publication(place, &operation);
        self.note_decision(place, &operation);
        let struck = self.faults.draw(self.now_ms(), kinds_of(&operation));
        let mut delay_ms = self.dice.between(1, 4);
        match struck {
            Some(Struck { kind: Kind::ProjectorPaused, number }) => {
                self.faults.count(Kind::ProjectorPaused, number);
                delay_ms += self.pause_around(Id::Projector(place));
                self.send_projector(task, token, operation, delay_ms, None);
            }
            Some(Struck { kind: Kind::ProjectorKilled, number }) => {
                self.faults.count(Kind::ProjectorKilled, number);
                if self.dice.percent(50) {
                    self.send_projector(task, token, operation, delay_ms, None);
                }
                self.kill(Id::Projector(place));
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

    /// The operation reaches its port. Who issued it may be gone.
    pub(super) fn projector_arrives(
        &mut self,
        task: Task,
        token: u64,
        operation: ProjectorOperation,
        struck: Option<Struck>,
    ) {
        let meeting = self.meet(struck);
        let came = match operation {
            _ if meeting == Meeting::Refused => ProjectorCame::Refused,
            ProjectorOperation::ReadTail => ProjectorCame::Tail(self.log.tail()),
            ProjectorOperation::Read { after, max } => return self.read(task, token, after, max),
            ProjectorOperation::Publish { account, item } => self.publish(task, &account, item),
            ProjectorOperation::Holds { account, ticket } => {
                ProjectorCame::Holds(self.outbox.holds(&account, Class::Live, ticket))
            }
            ProjectorOperation::Append { account, records } => self.append_records(task, &account, records),
            ProjectorOperation::Sleep(_) => ProjectorCame::Slept,
        };
        let came = if meeting == Meeting::Unheard { ProjectorCame::Refused } else { came };
        let after_ms = self.dice.between(1, 4);
        self.answer(after_ms, task, token, Came::Projector(came));
    }

    fn append_records(&mut self, task: Task, account: &str, records: Vec<Record>) -> ProjectorCame {
        let place = self.setting.companies.iter().position(|company| company.id == account);
        let Some(account) = place else { return ProjectorCame::Refused };
        let release = match task {
            Task::Projector(place) => self.projectors[place].release,
            Task::Delivery { .. } | Task::Worker { .. } => Release::Present,
        };
        let appended_ms = self.now_ms();
        let entry = |record: Record| {
            let record = if release == Release::Later { reworded(record) } else { record };
            Entry { appended_ms, fact: meaning(&record), record }
        };
        let entries = records.into_iter().map(entry).collect();
        self.append(task.who(), account, entries);
        ProjectorCame::Appended
    }

    fn publish(&mut self, task: Task, account: &str, item: WorkItem) -> ProjectorCame {
        let now_ms = self.now_ms();
        let id = item.message_id();
        let published = self.outbox.publish(now_ms, account, Class::Live, &id, Arc::new(item));
        let line = format_args!("{id} of {account}, new {}", published.is_new);
        self.trace.note(now_ms, task.who(), "publishes", published.ticket, line);
        if published.is_new {
            self.lose_or_hand_out_again(published.ticket);
        }
        self.note_claim(now_ms + 1);
        ProjectorCame::Published { ticket: published.ticket }
    }

    fn lose_or_hand_out_again(&mut self, ticket: u64) {
        match self.faults.draw(self.now_ms(), &[Kind::ItemLost, Kind::DeliveredTwice]) {
            Some(Struck { kind: Kind::ItemLost, number }) => {
                self.outbox.lose(ticket);
                self.faults.count(Kind::ItemLost, number);
            }
            Some(Struck { number, .. }) => {
                let at_ms = self.now_ms() + self.dice.between(5, 20_000);
                self.agenda.note(at_ms, Event::HandOutAgain { ticket, number });
            }
            None => {}
        }
    }

    pub(super) fn hand_out_again(&mut self, ticket: u64, number: u64) {
        if self.outbox.deliver_again(ticket) {
            self.handed_out_again.insert(ticket, number);
            self.note_claim(self.now_ms());
        }
    }

    /// Records at once, else when there are some, or at a tick.
    fn read(&mut self, task: Task, token: u64, after: u64, max: usize) {
        let Task::Projector(place) = task else { return };
        if self.projectors[place].awaits != token {
            return;
        }
        self.projectors[place].reads_after = Some((after, max));
        self.watch_timers(place);
        self.hand_records(place);
    }

    pub(super) fn wake_projectors(&mut self) {
        for place in 0..self.projectors.len() {
            self.hand_records(place);
        }
    }

    fn hand_records(&mut self, place: usize) {
        let Some((after, max)) = self.projectors[place].reads_after else { return };
        if self.log.tail() <= after {
            return;
        }
        let at_once = usize::try_from(self.dice.between(1, RECORDS_AT_ONCE_MAX)).unwrap_or(1);
        let records: Vec<_> = self.log.read_after(after, max.min(at_once)).iter().map(folding).collect();
        let token = self.projectors[place].awaits;
        self.projectors[place].reads_after = None;
        let after_ms = self.dice.between(1, 6);
        self.answer(
            after_ms,
            Task::Projector(place),
            token,
            Came::Projector(ProjectorCame::Records(records)),
        );
    }

    /// The next tick at which there is something to do: those between change nothing.
    fn watch_timers(&mut self, place: usize) {
        let now = self.clock(Id::Projector(place));
        let now_ms = self.now_ms();
        let projector = &self.projectors[place];
        let Some(due) = projector.next_due(now) else { return };
        let wait_ms =
            (due.as_millis() - now.as_millis()).max(i64::try_from(TIMER_TICK.as_millis()).unwrap_or(0));
        let at_ms = now_ms + wait_ms;
        if projector.tick_ms.is_none_or(|noted_ms| noted_ms <= now_ms || at_ms < noted_ms) {
            self.projectors[place].tick_ms = Some(at_ms);
            self.agenda.note(at_ms, Event::Tick(place));
        }
    }

    pub(super) fn tick(&mut self, place: usize) {
        let now_ms = self.now_ms();
        let projector = &mut self.projectors[place];
        if projector.tick_ms != Some(now_ms) || projector.reads_after.take().is_none() {
            return;
        }
        projector.tick_ms = None;
        let token = projector.awaits;
        self.answer(0, Task::Projector(place), token, Came::Projector(ProjectorCame::Tick));
    }

    /// What folding the log from its first record gives, in groups of another size.
    pub(super) fn fold_again(&self, group: usize) -> InMemory {
        let disk = InMemory::default();
        let mut machine = Machine::new(disk.clone(), self.rules(), || [0; 32]).expect("memory can be read");
        let mut next = |came| machine.next(Timestamp::from_millis(0), came).expect("memory can be read");
        let mut operation = next(ProjectorCame::Started);
        loop {
            operation = match operation {
                // The gate never opens.
                ProjectorOperation::ReadTail => next(ProjectorCame::Tail(u64::MAX)),
                ProjectorOperation::Read { after, max } => {
                    let records: Vec<_> =
                        self.log.read_after(after, max.min(group)).iter().map(folding).collect();
                    if records.is_empty() {
                        return disk;
                    }
                    next(ProjectorCame::Records(records))
                }
                ProjectorOperation::Publish { .. } => next(ProjectorCame::Published { ticket: 0 }),
                operation => panic!("nothing but reading is done before the gate: {operation:?}"),
            };
        }
    }
}

fn folding(logged: &crate::ports::Logged<Arc<Entry>>) -> Folding {
    let place = Place { sequence: logged.sequence, received_at: logged.body.record.received_at };
    let meaning = Some((place, Arc::clone(&logged.body.fact)));
    Folding { sequence: logged.sequence, account: Arc::clone(&logged.account), meaning }
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

/// What may go wrong with an operation.
fn kinds_of(operation: &ProjectorOperation) -> &'static [Kind] {
    const LOG: &[Kind] =
        &[Kind::LogRefused, Kind::LogAnswerLost, Kind::ProjectorKilled, Kind::ProjectorPaused];
    const OUTBOX: &[Kind] =
        &[Kind::OutboxRefused, Kind::OutboxAnswerLost, Kind::ProjectorKilled, Kind::ProjectorPaused];
    match operation {
        ProjectorOperation::Append { .. } => LOG,
        ProjectorOperation::Publish { .. } | ProjectorOperation::Holds { .. } => OUTBOX,
        ProjectorOperation::ReadTail | ProjectorOperation::Read { .. } => {
            &[Kind::LogRefused, Kind::ProjectorKilled, Kind::ProjectorPaused]
        }
        ProjectorOperation::Sleep(_) => &[],
    }
}

/// A later release says a line more.
fn reworded(mut record: Record) -> Record {
    if let RecordBody::EffectsDecided(EffectsDecided { decisions, .. }) = &mut record.body {
        for effect in decisions.iter_mut().flat_map(|decision| &mut decision.effects) {
            if let Action::ImportActivity(import) = &mut Arc::make_mut(effect).action {
                import.body = format!("Logged by a later release\n{}", import.body);
            }
        }
    }
    record
}

/// Tells answers apart.
pub(super) fn number_of(came: &ProjectorCame) -> u64 {
    match came {
        ProjectorCame::Started => 1,
        ProjectorCame::Tail(tail) => tail << 8 | 2,
        ProjectorCame::Records(records) => (records.len() as u64) << 8 | 3,
        ProjectorCame::Tick => 4,
        ProjectorCame::Published { ticket } => ticket << 8 | 5,
        ProjectorCame::Holds(held) => u64::from(*held) << 8 | 6,
        ProjectorCame::Appended => 7,
        ProjectorCame::Slept => 8,
        ProjectorCame::Refused => 9,
    }
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ProjectorCame::Records(records) => write!(f, "{} records", records.len()),
            ProjectorCame::Started => f.write_str("started"),
            ProjectorCame::Tail(tail) => write!(f, "tail {tail}"),
            ProjectorCame::Tick => f.write_str("tick"),
            ProjectorCame::Published { ticket } => write!(f, "published, ticket {ticket}"),
            ProjectorCame::Holds(held) => write!(f, "the outbox holds it: {held}"),
            ProjectorCame::Appended => f.write_str("appended"),
            ProjectorCame::Slept => f.write_str("slept"),
            ProjectorCame::Refused => f.write_str("refused"),
        }
    }
}
