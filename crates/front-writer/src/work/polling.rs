//! One poll of Front's events, which closes the gaps that webhooks leave. One result in, one operation out; it never awaits
//! and reads no clock.
//!
//! A poll is due once in a period, and belongs to the replica whose compare-and-set says so. Front's order and its delays
//! are not documented, so each poll goes back over an overlap and knows events again by their ids. An event that comes
//! twice all the same, or by its webhook too, changes nothing the second time.

use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::ids::AccountId;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{Class, KeyValue, LogError};
use calltrail_front::{Answer, EventPage, PolledEvent, Reply, Request, RequestKind};
use serde::{Deserialize, Serialize};

use crate::budget::Ask;
use crate::clock::millis;
use crate::command::Input;
use crate::condition::Condition;
use crate::limits::{
    ATTEMPT_DEFAULT, EVENT_PAGES_MAX, EVENTS_BACK_MAX, EVENTS_OVERLAP, EVENTS_SEEN_MAX, STORE_TROUBLE_DELAY,
};
use crate::operation::{Came, Operation, Place, Value, Written};
use crate::settings::Settings;
use crate::work::learning::Learning;
use crate::work::reservation::Reservation;
use crate::work::{Shared, Step};

/// How far the events of an account have been polled, by all replicas together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Polled {
    /// When the last poll began, by the store's clock.
    at_ms: i64,
    /// The latest event, by Front's clock; before the first one, when polling began.
    through_ms: i64,
    /// The events of the overlap that are in the log.
    seen: Vec<Seen>,
    /// Where the last poll stopped, if it did before the end.
    page: Option<NextPage>,
    /// When the last poll began that came to the end of what there was. An older release did not write it.
    #[serde(default)]
    whole_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    id: String,
    at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NextPage {
    after_ms: i64,
    token: String,
}

/// Up to when Front's events are known to be in the log, by the store's clock; 0 before the first whole poll.
pub async fn front_known_ms(store: &dyn KeyValue, account: &AccountId) -> Result<i64, LogError> {
    let place = Place::Events;
    let stored = store.get(place.bucket(), &place.key(account)).await?;
    let value = stored.and_then(|stored| Value::decode(&place, &stored.value).ok());
    Ok(match value {
        Some(Value::Events(polled)) => polled.whole_at_ms,
        Some(_) | None => 0,
    })
}

/// A poll, from the look whether it is due to the note of what it found.
#[derive(Debug)]
pub(crate) struct Polling {
    settings: Arc<Settings>,
    every: Duration,
    polled: Polled,
    revision: Option<u64>,
    after: Timestamp,
    page: Option<String>,
    pages: u32,
    found: u64,
    /// The last page was read.
    is_whole: bool,
    stage: Stage,
}

/// What the poll waits for.
#[derive(Debug)]
enum Stage {
    State,
    Time,
    Due { is_first: bool },
    Slot(Reservation),
    Answer,
    Learned(Learning, Box<Answer>),
    Appended,
    Noted,
}

impl Polling {
    pub(crate) fn new(settings: Arc<Settings>, every: Duration) -> Self {
        Self {
            settings,
            every,
            polled: Polled::default(),
            revision: None,
            after: Timestamp::from_millis(0),
            page: None,
            pages: 0,
            found: 0,
            is_whole: false,
            stage: Stage::State,
        }
    }

    /// The first operation.
    pub(crate) fn begin(&self) -> Operation {
        Operation::Get(Place::Events)
    }

    /// Events that were appended.
    pub(crate) fn found(&self) -> u64 {
        self.found
    }

    /// True when more was there than one poll takes: the next one goes on from there.
    pub(crate) fn is_behind(&self) -> bool {
        self.polled.page.is_some()
    }

    /// The next operation; a release says when to poll again.
    pub(crate) fn next(&mut self, now: Timestamp, shared: &mut Shared, came: Came) -> Operation {
        match (std::mem::replace(&mut self.stage, Stage::State), came) {
            (Stage::Learned(mut learning, answer), came) => match learning.next(now, came) {
                Some(operation) => self.wait(Stage::Learned(learning, answer), operation),
                None => self.answered(now, shared, *answer),
            },
            (_, Came::Failed | Came::TooLarge) => again(self.every.max(STORE_TROUBLE_DELAY)),
            (Stage::State, Came::Found(found)) => self.read(found),
            (Stage::Time, Came::StoreTime(now_ms)) => self.look(now_ms),
            (Stage::Due { is_first }, Came::Put(Written::Revision(revision))) => {
                self.revision = Some(revision);
                if is_first { again(self.every) } else { self.reserve(now, shared) }
            }
            // Somebody else polls in this period.
            (Stage::Due { .. } | Stage::Noted, Came::Put(_)) => again(self.every),
            (Stage::Slot(mut reservation), came) => {
                let step = reservation.next(came);
                self.reserved(reservation, step)
            }
            (Stage::Answer, Came::Exchanged(exchange)) => {
                shared.conditions.answered(now, &self.request(), &exchange.answer);
                let learning = Learning::new(&exchange);
                self.wait(Stage::Learned(learning, Box::new(exchange.answer)), Operation::Get(Place::Budget))
            }
            (Stage::Appended, Came::Appended) => self.go_on(now, shared),
            (stage, came) => panic!("{came:?} does not answer {stage:?}"),
        }
    }

    fn read(&mut self, found: Option<(Value, u64)>) -> Operation {
        if let Some((value, revision)) = found {
            let Value::Events(polled) = value else { panic!("{value:?} does not say what was polled") };
            (self.polled, self.revision) = (*polled, Some(revision));
        }
        self.wait(Stage::Time, Operation::ReadStoreTime)
    }

    /// Whether a poll is due. The first one comes a period after it was noted that there will be any: history is not asked
    /// for, and neither is what is older than a bound.
    fn look(&mut self, now_ms: i64) -> Operation {
        let is_first = self.revision.is_none();
        let left_ms = self.polled.at_ms.saturating_add(millis(self.every)).saturating_sub(now_ms);
        // A poll that is further away than a period was noted before the clock was set back.
        if !is_first && (1..=millis(self.every)).contains(&left_ms) {
            return again(Duration::from_millis(left_ms.unsigned_abs()));
        }
        self.polled.at_ms = now_ms;
        let earliest_ms = if is_first { now_ms } else { now_ms.saturating_sub(millis(EVENTS_BACK_MAX)) };
        self.polled.through_ms = self.polled.through_ms.max(earliest_ms);
        let next = self.polled.page.take().filter(|page| page.after_ms >= earliest_ms);
        let (after_ms, page) = match next {
            Some(NextPage { after_ms, token }) => (after_ms, Some(token)),
            None => (self.polled.through_ms.saturating_sub(millis(EVENTS_OVERLAP)), None),
        };
        (self.after, self.page) = (Timestamp::from_millis(after_ms), page);
        self.put(Stage::Due { is_first })
    }

    fn request(&self) -> Request {
        Request::ListEvents { after: self.after, page: self.page.clone() }
    }

    fn reserve(&mut self, now: Timestamp, shared: &mut Shared) -> Operation {
        if shared.conditions.bars(now, &self.request()).is_some() {
            return self.note();
        }
        let ask = Ask { class: Class::Bulk, resource: RequestKind::ListEvents.resource(), patient: false };
        let reservation = Reservation::new(ask, self.settings.rate);
        self.wait(Stage::Slot(reservation), Operation::Get(Place::Budget))
    }

    fn reserved(&mut self, reservation: Reservation, step: Step) -> Operation {
        match step {
            Step::Tell(Input::Slot { .. }) => {
                let send = Operation::Send { request: self.request(), timeout: ATTEMPT_DEFAULT };
                self.wait(Stage::Answer, send)
            }
            // The budget has nothing for this now.
            Step::Tell(_) | Step::Do(Operation::Release { .. }) => self.note(),
            Step::Do(operation) => self.wait(Stage::Slot(reservation), operation),
        }
    }

    fn answered(&mut self, now: Timestamp, shared: &mut Shared, answer: Answer) -> Operation {
        match answer {
            Answer::Done(Reply::CompanyEvents(EventPage { events, next })) => {
                self.page = next;
                self.is_whole = self.page.is_none();
                self.append(now, shared, events)
            }
            Answer::Rejected(refusal) => {
                if refusal.status == FORBIDDEN {
                    let scope = RequestKind::ListEvents.scope();
                    shared.conditions.meet(now, Condition::MissingScope(scope));
                } else {
                    // Perhaps the page is too old to be asked for.
                    self.page = None;
                }
                self.note()
            }
            Answer::BadToken => {
                shared.conditions.meet(now, Condition::BadToken);
                self.note()
            }
            Answer::Done(_) | Answer::NotApplied { .. } | Answer::Ambiguous { .. } | Answer::Moved(_) => {
                self.note()
            }
        }
    }

    fn append(&mut self, now: Timestamp, shared: &mut Shared, events: Vec<PolledEvent>) -> Operation {
        let news: Vec<_> = events.into_iter().filter(|event| self.polled.see(event)).collect();
        self.found += news.len() as u64;
        self.pages += 1;
        if news.is_empty() {
            return self.go_on(now, shared);
        }
        let record =
            |event: PolledEvent| Record { received_at: now, body: RecordBody::FrontPolled(event.event) };
        self.wait(Stage::Appended, Operation::Append(news.into_iter().map(record).collect()))
    }

    fn go_on(&mut self, now: Timestamp, shared: &mut Shared) -> Operation {
        if self.page.is_some() && self.pages < EVENT_PAGES_MAX {
            self.reserve(now, shared)
        } else {
            self.note()
        }
    }

    /// Notes how far it came.
    fn note(&mut self) -> Operation {
        let after_ms = self.after.as_millis();
        self.polled.page = self.page.take().map(|token| NextPage { after_ms, token });
        if self.is_whole && self.polled.page.is_none() {
            self.polled.whole_at_ms = self.polled.at_ms;
        }
        self.polled.forget();
        self.put(Stage::Noted)
    }

    fn put(&mut self, stage: Stage) -> Operation {
        let value = Value::Events(Box::new(self.polled.clone()));
        self.wait(stage, Operation::Put { place: Place::Events, value, expected: self.revision })
    }

    fn wait(&mut self, stage: Stage, operation: Operation) -> Operation {
        self.stage = stage;
        operation
    }
}

/// A token that lacks a right.
const FORBIDDEN: u16 = 403;

impl Polled {
    /// Notes the event; false when it was noted before.
    fn see(&mut self, event: &PolledEvent) -> bool {
        if self.seen.iter().any(|seen| seen.id == event.id) {
            return false;
        }
        let at_ms = event.at.as_millis();
        self.seen.push(Seen { id: event.id.clone(), at_ms });
        self.through_ms = self.through_ms.max(at_ms.min(self.at_ms));
        true
    }

    /// Drops what no later poll asks for again, and the oldest beyond the bound.
    fn forget(&mut self) {
        let from_ms = self.through_ms.saturating_sub(millis(EVENTS_OVERLAP));
        self.seen.retain(|seen| seen.at_ms >= from_ms);
        let excess = self.seen.len().saturating_sub(EVENTS_SEEN_MAX);
        self.seen.drain(..excess);
    }
}

/// The poll is over.
fn again(after: Duration) -> Operation {
    Operation::Release { after, why: None }
}

#[cfg(test)]
mod tests;
