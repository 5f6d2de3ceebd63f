//! Many parties, a few workers and a small budget, in simulated time: every request is sent once.

use std::collections::BTreeMap;

use calltrail_domain::effect::{ConversationStatus, WorkItem};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::Class;
use calltrail_front_writer::Rate;
use calltrail_front_writer::budget::{Ask, Budget, Offer};
use calltrail_front_writer::command::{Command, Input};
use calltrail_front_writer::machine::Machine;

use crate::world::{World, item, look_up, reopen};

const PARTIES: usize = 40;
const WORKERS: usize = 4;
const TURNS_MAX: usize = 100_000;
/// From a command that needs no wait to its input.
const QUICK_MS: i64 = 2;

struct Worker {
    party: usize,
    machine: Machine,
    command: Command,
    ready_ms: i64,
}

/// A world per party, all of them under one budget.
struct Rush {
    rate: Rate,
    budget: Budget,
    item: WorkItem,
    worlds: Vec<World>,
    /// When each party's item may be claimed.
    outbox: BTreeMap<usize, i64>,
    workers: Vec<Worker>,
    now_ms: i64,
}

impl Rush {
    fn new(limit: u32, item: WorkItem) -> Self {
        let worlds: Vec<_> = (0..PARTIES).map(|_| archived()).collect();
        let now_ms = worlds[0].now.as_millis();
        let outbox = (0..PARTIES).map(|party| (party, now_ms)).collect();
        let (budget, workers) = Default::default();
        Self { rate: Rate::RequestsPerMinute(limit), budget, item, worlds, outbox, workers, now_ms }
    }

    /// Runs until every item is done.
    fn run(mut self) -> Vec<World> {
        for _ in 0..TURNS_MAX {
            self.claim();
            let next = (0..self.workers.len()).min_by_key(|index| self.workers[*index].ready_ms);
            let claimable = self.outbox.values().min().copied();
            let next_ms = next.map(|index| self.workers[index].ready_ms);
            match (next, claimable) {
                (None, None) => return self.worlds,
                (_, Some(at_ms)) if self.workers.len() < WORKERS && next_ms.is_none_or(|ms| at_ms < ms) => {
                    self.now_ms = self.now_ms.max(at_ms);
                }
                (Some(next), _) => self.turn(next),
                (None, Some(_)) => unreachable!("an idle worker claims what can be claimed"),
            }
        }
        panic!("{} parties are never done", self.outbox.len() + self.workers.len());
    }

    fn claim(&mut self) {
        while self.workers.len() < WORKERS {
            let ready = self.outbox.iter().find(|(_, at_ms)| **at_ms <= self.now_ms);
            let Some(party) = ready.map(|(party, _)| *party) else { return };
            self.outbox.remove(&party);
            let mut machine = self.worlds[party].claim(&self.item);
            let command = machine.step(Timestamp::from_millis(self.now_ms), Input::Claimed);
            self.workers.push(Worker { party, machine, command, ready_ms: self.now_ms });
        }
    }

    fn turn(&mut self, index: usize) {
        let mut worker = self.workers.swap_remove(index);
        self.now_ms = self.now_ms.max(worker.ready_ms);
        let world = &mut self.worlds[worker.party];
        world.now = Timestamp::from_millis(self.now_ms);
        let (input, after_ms) = match worker.command.clone() {
            Command::Done => return,
            Command::Release { after, .. } => {
                let after_ms = i64::try_from(after.as_millis()).expect("a short delay");
                self.outbox.insert(worker.party, self.now_ms + after_ms);
                return;
            }
            Command::Reserve { resource, patient } => {
                let ask = Ask { class: Class::Live, resource, patient };
                let offer = self.budget.offer(self.now_ms, ask, self.rate);
                self.budget.take(self.now_ms, ask, offer);
                match offer {
                    Offer::Slot { at_ms } => (Input::Slot { store_now_ms: at_ms }, at_ms - self.now_ms),
                    Offer::Again { .. } => unreachable!("a live claim reserves what it waits for"),
                    Offer::Later { wait } => (Input::NoSlot { wait }, QUICK_MS),
                }
            }
            command => {
                let input = world.perform(command);
                (input, (world.now.as_millis() - self.now_ms).max(QUICK_MS))
            }
        };
        worker.ready_ms = self.now_ms + after_ms;
        worker.command = worker.machine.step(Timestamp::from_millis(worker.ready_ms), input);
        self.workers.push(worker);
    }
}

fn archived() -> World {
    let mut world = World::new();
    world.front.open_room("cnv_5", ConversationStatus::Archived);
    world
}

/// Each party's requests are these, and no others.
fn check(limit: u32, item: WorkItem, requests: &[&str], facts: &[&str]) {
    for world in Rush::new(limit, item).run() {
        assert_eq!(world.requests, requests, "at {limit} requests a minute");
        assert_eq!(world.outcomes(), facts);
    }
}

#[test]
fn a_look_up_takes_two_requests_however_small_the_budget_is() {
    for limit in [2, 4, 10, 25] {
        let item = item(None, vec![look_up(7, &[])]);
        check(limit, item, &["get_contact", "create_contact"], &["7:contact created crd_1"]);
    }
}

#[test]
fn a_reopening_takes_three_requests_when_its_slots_come_soon() {
    let requests = ["get_conversation", "list_conversation_events", "open_conversation"];
    check(200, item(Some("cnv_5"), vec![reopen(7)]), &requests, &["7:reopen applied cnv_5"]);
}

#[test]
fn a_reopening_whose_slots_come_late_reads_once_more_and_is_done_all_the_same() {
    for limit in [1, 2, 4] {
        for world in Rush::new(limit, item(Some("cnv_5"), vec![reopen(7)])).run() {
            assert_eq!(world.outcomes(), ["7:reopen applied cnv_5"]);
            let count = |name: &str| world.requests.iter().filter(|request| **request == name).count();
            assert_eq!(count("open_conversation"), 1);
            assert!(count("get_conversation") <= 2, "at {limit} a minute: {:?}", world.requests);
        }
    }
}
