//! The simulated ports beside the embedded backend: whatever is asked, both answer the same.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use calltrail_event_log::conformance::{Fixture, Ports};
use calltrail_event_log::limits::HOLD_MAX;
use calltrail_event_log::ports::{Claim, Class, LogError, LoggedRecord, NewItem, NewRecord, Versioned};
use proptest::proptest;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed};

use crate::conformance::SimulatedFixture;
use crate::embedded::EmbeddedFixture;
use crate::script::{LANES, Lane, PLACES, Place, Step, script};

proptest! {
    #![proptest_config(same_every_time())]

    #[test]
    fn the_simulated_ports_answer_what_the_embedded_backend_answers(script in script()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut both = Both::open().await;
            for (number, step) in script.into_iter().enumerate() {
                both.play(number, step).await;
            }
            both.compare_what_is_left().await;
        });
    }
}

/// One seed: every run of the test asks the same.
fn same_every_time() -> Config {
    let rng_seed = RngSeed::Fixed(20);
    Config { cases: 250, rng_seed, failure_persistence: None, ..Config::default() }
}

/// Both backends, and what they gave so far.
struct Both {
    simulated: SimulatedFixture,
    embedded: EmbeddedFixture,
    ports: [Ports; 2],
    sequences: Numbers,
    tickets: Numbers,
    revisions: Numbers,
    last_revisions: BTreeMap<Place, [u64; 2]>,
    claims: Vec<[Box<dyn Claim>; 2]>,
}

/// The numbers that both gave to the same things: the same ones up to a renaming that keeps the order.
#[derive(Debug)]
struct Numbers(Vec<[u64; 2]>);

impl Numbers {
    fn meet(&mut self, given: [u64; 2]) {
        if !self.0.contains(&given) {
            let last = self.0[self.0.len() - 1];
            assert!(given[0] > last[0] && given[1] > last[1], "{given:?} in {:?}", self.0);
            self.0.push(given);
        }
    }

    fn meet_all(&mut self, [ours, theirs]: [Vec<u64>; 2]) {
        assert_eq!(ours.len(), theirs.len());
        ours.into_iter().zip(theirs).for_each(|(ours, theirs)| self.meet([ours, theirs]));
    }

    /// One of those given, or the 0 that stands for none.
    fn pick(&self, index: &Index) -> [u64; 2] {
        *index.get(&self.0)
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self(vec![[0, 0]])
    }
}

impl Both {
    async fn open() -> Self {
        let (simulated, embedded) =
            (SimulatedFixture::open(HOLD_MAX).await, EmbeddedFixture::open(HOLD_MAX).await);
        let ports = [simulated.ports(), embedded.ports()];
        let (sequences, tickets, revisions, last_revisions, claims) = Default::default();
        Self { simulated, embedded, ports, sequences, tickets, revisions, last_revisions, claims }
    }

    async fn restart(&mut self) {
        self.claims.clear();
        self.simulated.restart().await;
        self.embedded.restart().await;
        self.ports = [self.simulated.ports(), self.embedded.ports()];
    }

    /// Asks both in turn; `None` when both refuse for the same reason.
    async fn ask<T: Debug>(&self, ask: impl AsyncFn(&Ports, usize) -> Result<T, LogError>) -> Option<[T; 2]> {
        agreed([ask(&self.ports[0], 0).await, ask(&self.ports[1], 1).await])
    }

    async fn play(&mut self, number: usize, step: Step) {
        let body = Bytes::from(format!("step {number}"));
        match step {
            Step::Append { account, kinds } => self.append(account, &kinds, &body).await,
            Step::Read { after, max } => self.read(self.sequences.pick(&after), max).await,
            Step::Erase(which) => self.erase(&which).await,
            Step::Publish { lane, id } => self.publish(lane, id, &body).await,
            Step::Holds { lane, ticket } => self.holds(lane, self.tickets.pick(&ticket)).await,
            Step::Claim(lane) => drop(self.claim(lane).await),
            Step::Extend(which) if !self.claims.is_empty() => self.extend(&which).await,
            Step::Done(which) if !self.claims.is_empty() => self.done(&which).await,
            Step::Release(which) if !self.claims.is_empty() => self.release(&which, Duration::ZERO).await,
            Step::Delay(which) if !self.claims.is_empty() => self.release(&which, HOLD_MAX).await,
            Step::Extend(_) | Step::Done(_) | Step::Release(_) | Step::Delay(_) => {}
            Step::Get(place) => self.get(place).await,
            Step::Create(place) => {
                let created =
                    self.ask(async |ports, _| ports.key_value.create(place.0, place.1, body.clone()).await);
                let created = created.await;
                self.note_revision(place, created);
            }
            Step::Update(place, which) => {
                let of = self.pick_revision(place, &which);
                let updated = self
                    .ask(async |ports, side| {
                        ports.key_value.update(place.0, place.1, body.clone(), of[side]).await
                    })
                    .await;
                self.note_revision(place, updated);
            }
            Step::Delete(place, which) => {
                let of = self.pick_revision(place, &which);
                self.ask(async |ports, side| ports.key_value.delete(place.0, place.1, of[side]).await).await;
            }
            Step::Restart => self.restart().await,
        }
    }

    async fn append(&mut self, account: &str, kinds: &[&str], body: &Bytes) {
        let record = |kind: &&str| NewRecord {
            account: account.to_owned(),
            kind: (*kind).to_owned(),
            body: body.clone(),
        };
        let group: Vec<_> = kinds.iter().map(record).collect();
        if let Some(sequences) = self.ask(async |ports, _| ports.log.append(group.clone()).await).await {
            self.sequences.meet_all(sequences);
        }
        self.tail().await;
    }

    async fn tail(&mut self) -> [u64; 2] {
        let tails = self.ask(async |ports, _| ports.log.tail().await).await.expect("the tail is known");
        self.sequences.meet(tails);
        tails
    }

    /// Reading waits for what is not there, so it is not asked for.
    async fn read(&mut self, after: [u64; 2], max: usize) {
        let tails = self.tail().await;
        if max > 0 && tails[0] <= after[0] {
            assert!(tails[1] <= after[1], "only one of them has records after {after:?}: {tails:?}");
            return;
        }
        let read = self.ask(async |ports, side| ports.log.read_after(after[side], max).await).await;
        let read = read.expect("reading works");
        let contents = |records: &Vec<LoggedRecord>| -> Vec<LoggedRecord> {
            records.iter().cloned().map(|record| LoggedRecord { sequence: 0, ..record }).collect()
        };
        assert_eq!(contents(&read[0]), contents(&read[1]));
        self.sequences.meet_all(read.map(|records| records.iter().map(|record| record.sequence).collect()));
    }

    async fn erase(&mut self, which: &[Index]) {
        let erased: Vec<_> = which.iter().map(|index| self.sequences.pick(index)).collect();
        self.ask(async |ports, side| {
            ports.log.erase(&erased.iter().map(|sequences| sequences[side]).collect::<Vec<_>>()).await
        })
        .await;
        self.tail().await;
    }

    async fn publish(&mut self, lane: Lane, id: &str, body: &Bytes) {
        let item =
            NewItem { account: lane.0.to_owned(), class: class(lane), id: id.to_owned(), body: body.clone() };
        if let Some(tickets) = self.ask(async |ports, _| ports.outbox.publish(item.clone()).await).await {
            self.tickets.meet(tickets);
        }
    }

    async fn holds(&self, lane: Lane, tickets: [u64; 2]) {
        let ask =
            async |ports: &Ports, side: usize| ports.outbox.holds(lane.0, class(lane), tickets[side]).await;
        if let Some([ours, theirs]) = self.ask(ask).await {
            assert_eq!(ours, theirs, "whether {tickets:?} are held in {lane:?}");
        }
    }

    /// True when an item was handed out.
    async fn claim(&mut self, lane: Lane) -> bool {
        let ask = async |ports: &Ports, _| ports.outbox.claim(lane.0, class(lane), Duration::ZERO).await;
        match self.ask(ask).await {
            Some([Some(ours), Some(theirs)]) => {
                assert_eq!((ours.id(), ours.body()), (theirs.id(), theirs.body()));
                self.claims.push([ours, theirs]);
                true
            }
            Some([None, None]) | None => false,
            Some(differ) => panic!("only one of them has an item in {lane:?}: {differ:?}"),
        }
    }

    async fn extend(&self, which: &Index) {
        let [ours, theirs] = which.get(&self.claims);
        agreed([ours.extend().await, theirs.extend().await]);
    }

    async fn done(&mut self, which: &Index) {
        let [ours, theirs] = self.claims.remove(which.index(self.claims.len()));
        agreed([ours.done().await, theirs.done().await]);
    }

    async fn release(&mut self, which: &Index, after: Duration) {
        let [ours, theirs] = self.claims.remove(which.index(self.claims.len()));
        agreed([ours.release(after).await, theirs.release(after).await]);
    }

    async fn get(&mut self, place: Place) {
        let found = self.ask(async |ports, _| ports.key_value.get(place.0, place.1).await).await;
        if let Some([ours, theirs]) = found {
            let value = |found: &Option<Versioned>| found.as_ref().map(|found| found.value.clone());
            assert_eq!(value(&ours), value(&theirs), "{place:?}");
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                self.revisions.meet([ours.revision, theirs.revision]);
            }
        }
    }

    fn note_revision(&mut self, place: Place, given: Option<[u64; 2]>) {
        if let Some(given) = given {
            self.revisions.meet(given);
            self.last_revisions.insert(place, given);
        }
    }

    /// As often the last revision of this place as any of any place.
    fn pick_revision(&self, place: Place, which: &Index) -> [u64; 2] {
        let mut given = self.revisions.0.clone();
        if let Some(last) = self.last_revisions.get(&place) {
            given.extend(std::iter::repeat_n(*last, given.len()));
        }
        *which.get(&given)
    }

    /// A restart frees every item, so that all of them are seen.
    async fn compare_what_is_left(&mut self) {
        self.restart().await;
        self.read([0, 0], usize::MAX).await;
        for lane in LANES {
            while self.claim(lane).await {}
        }
        for place in PLACES {
            self.get(place).await;
        }
    }
}

/// What both answer; `None` when both refuse for the same reason.
fn agreed<T: Debug>(answers: [Result<T, LogError>; 2]) -> Option<[T; 2]> {
    match answers {
        [Ok(ours), Ok(theirs)] => Some([ours, theirs]),
        [Err(ours), Err(theirs)] => {
            assert_eq!(ours.to_string(), theirs.to_string());
            None
        }
        differ => panic!("they differ: {differ:?}"),
    }
}

fn class((_, is_live): Lane) -> Class {
    if is_live { Class::Live } else { Class::Bulk }
}
