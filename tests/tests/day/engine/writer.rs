//! The front-writer's part: workers with a machine each, and what their commands do in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::PartyId;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::Class;
use calltrail_front::{Answer, NotApplied, Reply, Request, RequestKind, Resource};
use calltrail_front_writer::budget::{self, Ask, Budget, Offer};
use calltrail_front_writer::command::{Command, Fetched, Input};
use calltrail_front_writer::directory::Directory;
use calltrail_front_writer::fence::{self, Fence};
use calltrail_front_writer::limits::{HELD_WAIT_MAX, TOO_MANY_DELAY};
use calltrail_front_writer::machine::Machine;
use calltrail_front_writer::{DeadLetter, Settings, dead_letter};

use super::wire::Exchange;
use super::{Engine, Event};

/// All workers of one process, and what they share.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(super) settings: Arc<Settings>,
    workers: Vec<Option<Worker>>,
    directory: Directory,
    sightings: BTreeMap<PartyId, (u64, Timestamp)>,
    claims: u64,
}

/// A worker at its item, and what it does when its time has come.
#[derive(Debug)]
struct Worker {
    machine: Machine,
    item: WorkItem,
    turn: Turn,
}

enum Turn {
    /// The machine gets its input.
    Input(Input),
    /// The request arrives at Front.
    Arrival(Request),
}

/// Shows nothing personal: inputs and requests hold names and numbers.
impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Input(_) => "Input(…)",
            Self::Arrival(_) => "Arrival(…)",
        })
    }
}

impl Writer {
    pub(super) fn new(settings: Settings, workers: usize) -> Self {
        let workers = (0..workers).map(|_| None).collect();
        let (directory, sightings) = Default::default();
        Self { settings: Arc::new(settings), workers, directory, sightings, claims: 0 }
    }

    fn sight(&mut self, party: &PartyId, revision: u64, now: Timestamp) -> Timestamp {
        let sighting = self.sightings.entry(party.clone()).or_insert((revision, now));
        if sighting.0 != revision {
            *sighting = (revision, now);
        }
        sighting.1
    }

    fn learn(&mut self, request: &Request, answer: &Answer, now: Timestamp) {
        match answer {
            Answer::Done(Reply::Teammates(teammates)) => self.directory.replace(teammates, now),
            Answer::Rejected(_) if request.kind() == RequestKind::ListTeammates => self.directory.keep(now),
            _ => {}
        }
    }
}

impl Engine {
    /// Every idle worker takes what may be claimed.
    pub(super) fn claim(&mut self) {
        let now = self.agenda.now();
        for place in 0..self.writer.workers.len() {
            if self.writer.workers[place].is_some() {
                continue;
            }
            let Some(item) = self.outbox.claim(now) else { return };
            self.writer.claims += 1;
            let name = format!("claim{}", self.writer.claims);
            let machine = Machine::new(Arc::clone(&self.writer.settings), name, item.clone());
            let worker = Worker { machine, item, turn: Turn::Input(Input::Claimed) };
            self.busy(place, worker, 0);
        }
    }

    /// The worker's time has come.
    pub(super) fn work(&mut self, place: usize) {
        let Some(mut worker) = self.writer.workers[place].take() else { return };
        match worker.turn {
            Turn::Arrival(request) => {
                let exchange = self.exchange(&request);
                let after_ms = self.latency_ms() + i64::try_from(exchange.delay_ms).expect("a short delay");
                self.note_rate(&exchange);
                self.writer.learn(&request, &exchange.answer, self.agenda.now());
                worker.turn = Turn::Input(Input::Answered(exchange.answer));
                self.busy(place, worker, after_ms);
            }
            Turn::Input(input) => {
                let command = worker.machine.step(self.agenda.now(), input);
                self.perform(place, worker.machine, worker.item, command);
            }
        }
    }

    fn busy(&mut self, place: usize, worker: Worker, after_ms: i64) {
        self.writer.workers[place] = Some(worker);
        self.agenda.note(self.agenda.now_ms() + after_ms, Event::Worker(place));
    }

    fn perform(&mut self, place: usize, machine: Machine, item: WorkItem, command: Command) {
        let now = self.agenda.now();
        let store_ms = self.store_ms();
        let (turn, after_ms) = match command {
            Command::Done => {
                self.writer.sightings.remove(&item.party);
                return self.claim();
            }
            Command::Release { after, .. } => {
                let from = self.outbox.release(now, &item, after);
                self.agenda.note(from.as_millis(), Event::Outbox);
                return self.claim();
            }
            Command::ReadFence => (Turn::Input(self.read_fence(&item.party)), store_ms),
            Command::WriteFence { fence, expected } => {
                (Turn::Input(self.write_fence(&item.party, &fence, expected)), store_ms)
            }
            Command::Reserve { resource, patient } => {
                let (input, wait_ms) = self.reserve(resource, patient);
                (Turn::Input(input), wait_ms.max(store_ms))
            }
            Command::Send { deadline, .. } if now >= deadline => {
                let answer = Answer::NotApplied { reason: NotApplied::TooLate, retry_after: None };
                (Turn::Input(Input::Answered(answer)), 0)
            }
            Command::Send { request, .. } => (Turn::Arrival(request), self.latency_ms()),
            // This engine sends links.
            Command::FetchAudio { .. } => (Turn::Input(Input::Audio(Fetched::Never)), 0),
            Command::ReadStoreTime => (Turn::Input(Input::StoreTime { now_ms: now.as_millis() }), store_ms),
            Command::FindTeammate { email } => {
                (Turn::Input(Input::Teammate(self.writer.directory.find(&email, now))), 0)
            }
            Command::Append(records) => {
                self.append(records);
                (Turn::Input(Input::Appended), store_ms)
            }
            Command::KeepDeadLetter(letter) => {
                self.keep(&letter);
                (Turn::Input(Input::Kept), store_ms)
            }
            Command::WaitUntil(at) => (Turn::Input(Input::Woke), millis(at.since(now).min(HELD_WAIT_MAX))),
        };
        self.busy(place, Worker { machine, item, turn }, after_ms);
    }

    fn read_fence(&mut self, party: &PartyId) -> Input {
        let now = self.agenda.now();
        let key = fence::key(&self.writer.settings.account, party);
        let Some((value, revision)) = self.store.get(fence::BUCKET, &key) else {
            return Input::Fence { found: None, first_seen: now };
        };
        let found: Fence = serde_json::from_value(value).expect("a fence reads back");
        let first_seen = self.writer.sight(party, revision, now);
        Input::Fence { found: Some((Box::new(found), revision)), first_seen }
    }

    fn write_fence(&mut self, party: &PartyId, fence: &Fence, expected: Option<u64>) -> Input {
        let key = fence::key(&self.writer.settings.account, party);
        let value = serde_json::to_value(fence).expect("a fence has a JSON form");
        match self.store.swap(fence::BUCKET, &key, value, expected) {
            Some(revision) => {
                self.writer.sight(party, revision, self.agenda.now());
                Input::Written { revision }
            }
            None => Input::Conflict,
        }
    }

    /// The input, and how long after now it comes: a slot is waited for.
    fn reserve(&mut self, resource: Resource, patient: bool) -> (Input, i64) {
        let now_ms = self.agenda.now_ms();
        let rate = self.writer.settings.rate;
        let mut wait_ms = 0;
        let ask = Ask { class: Class::Live, resource, patient };
        let input = self.change_budget(|budget| {
            let offer = budget.offer(now_ms, ask, rate);
            budget.take(now_ms, ask, offer);
            match offer {
                Offer::Slot { at_ms } => {
                    wait_ms = at_ms - now_ms;
                    Input::Slot { store_now_ms: at_ms }
                }
                Offer::Again { wait } | Offer::Later { wait } => Input::NoSlot { wait },
            }
        });
        (input, wait_ms)
    }

    /// What Front says about the rate counts for all workers.
    fn note_rate(&mut self, exchange: &Exchange) {
        let now = self.agenda.now();
        let refused = match &exchange.answer {
            Answer::NotApplied { reason: NotApplied::TooMany, retry_after } => {
                Some(retry_after.unwrap_or(TOO_MANY_DELAY))
            }
            _ => None,
        };
        self.change_budget(|budget| budget.learn(now.as_millis(), &exchange.rate, refused, now));
    }

    fn change_budget<T>(&mut self, change: impl FnOnce(&mut Budget) -> T) -> T {
        let key = self.writer.settings.account.as_str();
        let found = self.store.get(budget::BUCKET, key);
        let (value, revision) = found.map_or((None, None), |(value, revision)| (Some(value), Some(revision)));
        let mut budget: Budget =
            value.map_or_else(Budget::default, |value| serde_json::from_value(value).expect("a budget"));
        let result = change(&mut budget);
        let value = serde_json::to_value(&budget).expect("a budget has a JSON form");
        self.store.swap(budget::BUCKET, key, value, revision).expect("nobody else is at the store");
        result
    }

    fn keep(&mut self, letter: &DeadLetter) {
        let key = DeadLetter::key(&self.writer.settings.account, letter.effect.key);
        let revision = self.store.get(dead_letter::BUCKET, &key).map(|(_, revision)| revision);
        let value = serde_json::to_value(letter).expect("a dead letter has a JSON form");
        self.store.swap(dead_letter::BUCKET, &key, value, revision).expect("nobody else is at the store");
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).expect("a short span")
}
