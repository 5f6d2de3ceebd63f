//! The ports of one piece of work, without any I/O: a key-value store, a log, a clock, and the world's Front.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::EffectKind;
use calltrail_event_log::ports::Class;
use calltrail_front::{Exchange, RateLimit};
use calltrail_front_writer::budget::Budget;
use calltrail_front_writer::command::{Fetched, Why};
use calltrail_front_writer::{Came, Operation, Place, Shared, Value, Work, Written};

use crate::world::{World, import, item};

pub(crate) const CONFLICT: &Came = &Came::Put(Written::Conflict);
/// What was written, or not, is not known.
pub(crate) const UNKNOWN: &Came = &Came::Put(Written::Unknown);

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Goes,
    /// It is not done, and this comes of it.
    Comes(&'static Came),
    /// It is done, and this comes of it.
    DoneBut(&'static Came),
    /// The process ends before it, or right after it.
    CrashBefore,
    CrashAfter,
}

/// How work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    Released(Duration, Option<Why>),
    Crashed,
}

pub(crate) struct Ports {
    pub(crate) world: World,
    pub(crate) values: BTreeMap<Place, (Value, u64)>,
    /// What all works of the process share.
    pub(crate) shared: Shared,
    pub(crate) rate: RateLimit,
    /// The operations so far, by the words of `word`.
    pub(crate) operations: Vec<String>,
    revision: u64,
    claims: u64,
}

impl Ports {
    pub(crate) fn new() -> Self {
        let (values, shared, rate, operations) = Default::default();
        Self { world: World::new(), values, shared, rate, operations, revision: 0, claims: 0 }
    }

    pub(crate) fn claim(&mut self, class: Class, item: &WorkItem) -> Work {
        self.claims += 1;
        let (settings, claim) = (Arc::new(self.world.settings.clone()), format!("claim{}", self.claims));
        Work::new(settings, claim, class, item.clone())
    }

    /// One claim from its first operation to its last.
    pub(crate) fn run(&mut self, item: &WorkItem) -> Ended {
        self.run_beside(item, |_, _| Turn::Goes)
    }

    /// One claim while `act` says what becomes of each operation, and does what others do before it.
    pub(crate) fn run_beside(
        &mut self,
        item: &WorkItem,
        act: impl FnMut(&mut Self, &Operation) -> Turn,
    ) -> Ended {
        let mut work = self.claim(Class::Live, item);
        self.drive(&mut work, act)
    }

    pub(crate) fn drive(
        &mut self,
        work: &mut Work,
        mut act: impl FnMut(&mut Self, &Operation) -> Turn,
    ) -> Ended {
        let mut came = Came::Claimed;
        for _ in 0..10_000 {
            let operation = work.next(self.world.now, &mut self.shared, came);
            self.operations.push(word(&operation));
            match operation {
                Operation::Done => return Ended::Done,
                Operation::Release { after, why } => return Ended::Released(after, why),
                _ => {}
            }
            came = match act(self, &operation) {
                Turn::Goes => self.perform(operation),
                Turn::Comes(came) => came.clone(),
                Turn::DoneBut(came) => {
                    self.perform(operation);
                    came.clone()
                }
                Turn::CrashBefore => return Ended::Crashed,
                Turn::CrashAfter => {
                    self.perform(operation);
                    return Ended::Crashed;
                }
            };
        }
        panic!("the work never ends");
    }

    /// Claims until the item is done.
    pub(crate) fn run_to_end(&mut self, item: &WorkItem) {
        for _ in 0..200 {
            match self.run(item) {
                Ended::Done => return,
                Ended::Released(after, _) => self.pause(after),
                Ended::Crashed => unreachable!("nothing crashes here"),
            }
        }
        panic!("the item is never done");
    }

    pub(crate) fn pause(&mut self, span: Duration) {
        self.world.now = self.world.now.plus(span);
    }

    /// Stores a value, as another writer does.
    pub(crate) fn store(&mut self, place: Place, value: Value) {
        self.revision += 1;
        self.values.insert(place, (value, self.revision));
    }

    pub(crate) fn budget(&self) -> Budget {
        match self.values.get(&Place::Budget) {
            Some((Value::Budget(budget), _)) => (**budget).clone(),
            _ => Budget::default(),
        }
    }

    pub(crate) fn perform(&mut self, operation: Operation) -> Came {
        match operation {
            Operation::Get(place) => Came::Found(self.values.get(&place).cloned()),
            Operation::Put { place, value, expected } => Came::Put(self.put(place, value, expected)),
            Operation::ReadStoreTime => Came::StoreTime(self.world.now.as_millis()),
            Operation::Append(records) => {
                self.world.log.extend(records);
                Came::Appended
            }
            Operation::Send { request, timeout } => {
                let answer = self.world.send(&request, self.world.now.plus(timeout));
                Came::Exchanged(Exchange { answer, rate: self.rate })
            }
            Operation::Sleep(span) => {
                self.pause(span);
                Came::Slept
            }
            Operation::FetchAudio { .. } => Came::Audio(Fetched::Never),
            Operation::Release { .. } | Operation::Done => unreachable!("they end the claim"),
        }
    }

    /// What is stored has gone through its stored form.
    fn put(&mut self, place: Place, value: Value, expected: Option<u64>) -> Written {
        if self.values.get(&place).map(|(_, revision)| *revision) != expected {
            return Written::Conflict;
        }
        let stored = value.encode().expect("a value has a stored form");
        let read = Value::decode(&place, &stored).expect("the stored form reads back");
        assert!(read == value, "what is read is what was stored");
        self.store(place, read);
        Written::Revision(self.revision)
    }
}

pub(crate) fn word(operation: &Operation) -> String {
    match operation {
        Operation::Get(place) => format!("get {}", place.bucket()),
        Operation::Put { place, .. } => format!("put {}", place.bucket()),
        Operation::ReadStoreTime => "store time".to_owned(),
        Operation::Append(_) => "append".to_owned(),
        Operation::Send { request, .. } => request.kind().as_str().to_owned(),
        Operation::Sleep(_) => "sleep".to_owned(),
        Operation::FetchAudio { .. } => "fetch audio".to_owned(),
        Operation::Release { .. } => "release".to_owned(),
        Operation::Done => "done".to_owned(),
    }
}

pub(crate) fn first_call() -> WorkItem {
    item(None, vec![import(7, EffectKind::Call)])
}

/// Does `act` at the first operation for which `at` is true.
pub(crate) fn once(
    at: impl Fn(&Operation) -> bool,
    mut act: impl FnMut(&mut Ports) -> Turn,
) -> impl FnMut(&mut Ports, &Operation) -> Turn {
    let mut is_over = false;
    move |ports, operation| {
        if is_over || !at(operation) {
            return Turn::Goes;
        }
        is_over = true;
        act(ports)
    }
}

pub(crate) fn is_put(operation: &Operation, wanted: &Place) -> bool {
    matches!(operation, Operation::Put { place, .. } if place == wanted)
}

pub(crate) fn count(ports: &Ports, word: &str) -> usize {
    ports.operations.iter().filter(|operation| *operation == word).count()
}
