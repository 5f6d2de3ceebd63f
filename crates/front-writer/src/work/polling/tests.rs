//! Polls against a store and a Front that are values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::ids::InboxId;
use calltrail_domain::policy::Locale;
use calltrail_domain::record::FrontEvent;
use calltrail_front::{Exchange, RateLimit, Refusal};

use super::*;
use crate::settings::{Confirm, Inboxes, Rate, Timing};

const EVERY: Duration = Duration::from_secs(60);
const PAGE: usize = 15;

/// One replica's poll after the other; Front's events with their times.
#[derive(Default)]
struct World {
    now_ms: i64,
    values: BTreeMap<Place, (Value, u64)>,
    shared: Shared,
    events: Vec<(String, i64)>,
    /// Ids in the log.
    log: Vec<String>,
    requests: Vec<(i64, Option<String>)>,
    refuses: Option<u16>,
    loses_appends: bool,
    /// What another replica does before the note that a poll is due.
    is_overtaken: bool,
}

fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        account: "acme".parse().expect("a good account id"),
        confirm: Confirm::Item,
        inboxes: Inboxes { default: InboxId::new("inb_1"), by_line: BTreeMap::new() },
        locale: Locale::En,
        rate: Rate::RequestsPerMinute(1_000),
        timing: Timing::default(),
    })
}

/// A world in which it was noted that there will be polls, and the first one is due.
fn world() -> World {
    let mut world = World { now_ms: 1_000_000_000_000, ..World::default() };
    assert_eq!(world.poll(), EVERY);
    assert!(world.requests.is_empty(), "history is not asked for");
    world.now_ms += millis(EVERY);
    world
}

impl World {
    fn happens(&mut self, id: &str, before_now_s: i64) {
        self.events.push((id.to_owned(), self.now_ms - before_now_s * 1_000));
    }

    /// One poll from its first operation to its last; after what time comes the next.
    fn poll(&mut self) -> Duration {
        let mut polling = Polling::new(settings(), EVERY);
        let mut operation = polling.begin();
        loop {
            if let Operation::Release { after, .. } = operation {
                return after;
            }
            let came = self.perform(operation);
            operation = polling.next(Timestamp::from_millis(self.now_ms), &mut self.shared, came);
        }
    }

    fn perform(&mut self, operation: Operation) -> Came {
        match operation {
            Operation::Get(place) => Came::Found(self.values.get(&place).cloned()),
            Operation::ReadStoreTime => Came::StoreTime(self.now_ms),
            Operation::Put { place, value, expected } => {
                if place == Place::Events && std::mem::take(&mut self.is_overtaken) {
                    return Came::Put(Written::Conflict);
                }
                assert_eq!(self.values.get(&place).map(|(_, revision)| *revision), expected);
                let revision = expected.unwrap_or_default() + 1;
                self.values.insert(place, (value, revision));
                Came::Put(Written::Revision(revision))
            }
            Operation::Sleep(span) => {
                self.now_ms += millis(span);
                Came::Slept
            }
            Operation::Append(_) if self.loses_appends => Came::Failed,
            Operation::Append(records) => {
                for record in records {
                    let RecordBody::FrontPolled(event) = record.body else { panic!("Front's events") };
                    self.log.push(event.body);
                }
                Came::Appended
            }
            Operation::Send { request, .. } => Came::Exchanged(self.exchange(request)),
            other => panic!("{other:?} is not asked for"),
        }
    }

    fn exchange(&mut self, request: Request) -> Exchange {
        let Request::ListEvents { after, page } = request else { panic!("{request:?}") };
        self.requests.push((after.as_millis(), page.clone()));
        let answer = match self.refuses {
            Some(status) => {
                Answer::Rejected(Refusal { status, message: String::new(), contacts: Vec::new() })
            }
            None => self.answer(after, page),
        };
        Exchange { answer, rate: RateLimit::default() }
    }

    fn answer(&self, after: Timestamp, page: Option<String>) -> Answer {
        let mut events: Vec<_> =
            self.events.iter().filter(|(_, at_ms)| *at_ms >= after.as_millis()).collect();
        events.sort_by_key(|(_, at_ms)| *at_ms);
        let from: usize = page.map_or(0, |token| token.parse().expect("a place"));
        let next = (events.len() > from + PAGE).then(|| (from + PAGE).to_string());
        let shown = events.into_iter().skip(from).take(PAGE).map(|(id, at_ms)| PolledEvent {
            id: id.clone(),
            at: Timestamp::from_millis(*at_ms),
            event: FrontEvent { body: id.clone() },
        });
        Answer::Done(Reply::CompanyEvents(EventPage { events: shown.collect(), next }))
    }

    fn next_period(&mut self) {
        let after = self.poll();
        self.now_ms += millis(after.max(EVERY));
    }
}

#[test]
fn an_event_is_appended_once_however_often_it_is_listed() {
    let mut world = world();
    world.happens("a", 20);
    world.next_period();
    world.happens("b", 20);
    // Listed after a later one.
    world.happens("late", 90);
    world.next_period();
    world.next_period();
    assert_eq!(world.log, ["a", "late", "b"]);
    assert_eq!(world.requests.len(), 3);
}

#[test]
fn one_of_several_replicas_polls_in_a_period() {
    let mut world = world();
    world.happens("a", 20);
    assert_eq!(world.poll(), EVERY);
    world.now_ms += 20_000;
    assert_eq!(world.poll(), Duration::from_secs(40));
    world.now_ms += 40_000;
    world.is_overtaken = true;
    assert_eq!(world.poll(), EVERY);
    assert_eq!(world.requests.len(), 1);
}

#[test]
fn more_than_one_poll_takes_is_gone_on_with() {
    let mut world = world();
    let most = PAGE * EVENT_PAGES_MAX as usize;
    for number in 0..most + 20 {
        world.happens(&number.to_string(), 30);
    }
    world.next_period();
    assert_eq!(world.log.len(), most);
    world.next_period();
    assert_eq!(world.log.len(), most + 20);
    assert_eq!(world.requests.len(), EVENT_PAGES_MAX as usize + 2);
}

#[test]
fn a_page_that_front_does_not_know_any_more_costs_nothing() {
    let mut world = world();
    let most = PAGE * EVENT_PAGES_MAX as usize;
    for number in 0..most + 20 {
        world.happens(&number.to_string(), 30 - i64::try_from(number).expect("small") / 10);
    }
    world.next_period();
    world.refuses = Some(400);
    world.next_period();
    world.refuses = None;
    world.next_period();
    world.next_period();
    let mut distinct = world.log.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((world.log.len(), distinct.len()), (most + 20, most + 20));
}

#[test]
fn what_was_not_appended_is_asked_for_again() {
    let mut world = world();
    world.happens("a", 20);
    world.loses_appends = true;
    world.next_period();
    world.loses_appends = false;
    world.next_period();
    assert_eq!(world.log, ["a"]);
}

#[test]
fn an_outage_is_made_up_for_up_to_a_bound() {
    let mut world = world();
    world.happens("a", 20);
    world.next_period();
    world.now_ms += 7 * millis(EVENTS_BACK_MAX);
    world.happens("too old", 2 * 86_400);
    world.happens("b", 86_000);
    world.next_period();
    assert_eq!(world.log, ["a", "b"]);
}

#[test]
fn a_missing_right_is_told_and_not_asked_about_by_every_poll() {
    let mut world = world();
    world.refuses = Some(403);
    world.next_period();
    let lasting = world.shared.conditions.now();
    assert_eq!(lasting.len(), 1);
    assert_eq!(lasting[0].condition, Condition::MissingScope("events:*:read"));
    world.refuses = None;
    world.happens("a", 20);
    for _ in 0..3 {
        world.next_period();
    }
    assert!(world.shared.conditions.now().is_empty());
    assert_eq!(world.log, ["a"]);
}

#[test]
fn a_clock_that_was_set_back_holds_no_poll() {
    let mut world = world();
    world.next_period();
    world.now_ms -= 10 * millis(EVERY);
    assert_eq!(world.poll(), EVERY);
    assert_eq!(world.requests.len(), 2);
}
