//! The whole engine in one thread and in virtual time: the real cores, with ports in memory between them.
//!
//! **Invariant:** nothing here reads a clock, sleeps or opens a socket, and nothing knows what a test expects. The same
//! options and the same deliveries at the same times give the same log, byte for byte.

mod agenda;
mod log;
mod outbox;
mod projector;
mod store;
mod wire;
mod writer;

use calltrail_aircall::{Tokens, receive};
use calltrail_domain::ids::PhoneNumber;
use calltrail_domain::policy::Policy;
use calltrail_domain::record::{AccountCreated, FrontEvent, PartyKey, Record, RecordBody};
use calltrail_front::Request;
use calltrail_front_writer::{Settings, dead_letter};
use calltrail_simulator::aircall::WEBHOOK_TOKEN;
use calltrail_simulator::front::Front;

use super::limits::{
    ANSWER_MS_MAX, ANSWER_MS_MIN, EVENTS_MAX, FOLD_MS_MAX, FOLD_MS_MIN, STORE_MS_MAX, STORE_MS_MIN, WORKERS,
};
use crate::dice::Dice;
use agenda::Agenda;
use log::Log;
use outbox::Outbox;
use projector::Projector;
pub(crate) use projector::Rest;
use store::Store;
use wire::{Exchange, exchange};
use writer::Writer;

/// What the engine does next at some time.
#[derive(Debug)]
enum Event {
    /// The projector reads the log up to its tail.
    Projector,
    /// A call has been waited for long enough.
    Timer,
    /// An item may be claimed again.
    Outbox,
    /// It is this worker's turn.
    Worker(usize),
    /// Something happens in Front by itself.
    Front,
}

/// One account's engine, and its Front.
#[derive(Debug)]
pub(crate) struct Engine {
    agenda: Agenda<Event>,
    log: Log,
    outbox: Outbox,
    store: Store,
    projector: Projector,
    writer: Writer,
    front: Front,
    dice: Dice,
    tokens: Tokens,
    /// Whether the projector's next turn stands in the agenda, and for when the next timer's and Front's: an earlier note
    /// of theirs that something else has overtaken means nothing.
    reading: bool,
    timer_ms: Option<i64>,
    front_ms: Option<i64>,
}

impl Engine {
    /// An engine that starts on an empty log.
    pub(crate) fn start(now_ms: i64, front: Front, policy: Policy, settings: Settings, seed: u64) -> Self {
        let mut engine = Self {
            agenda: Agenda::starting_at(now_ms),
            log: Log::default(),
            outbox: Outbox::default(),
            store: Store::default(),
            projector: Projector::new(),
            writer: Writer::new(settings, WORKERS),
            front,
            dice: Dice(seed),
            tokens: Tokens::new([WEBHOOK_TOKEN]),
            reading: false,
            timer_ms: None,
            front_ms: None,
        };
        let party_key = PartyKey::from_random([7; 32]);
        engine.append_now(RecordBody::AccountCreated(AccountCreated { party_key }));
        engine.append_now(RecordBody::PolicyChanged(policy));
        engine
    }

    /// Lets everything happen that is due by `until_ms`.
    pub(crate) fn run_until(&mut self, until_ms: i64) {
        while let Some(event) = self.agenda.next(Some(until_ms)) {
            self.happen(&event);
        }
    }

    /// Runs until nothing is left to be done.
    pub(crate) fn run_dry(&mut self) {
        for _ in 0..EVENTS_MAX {
            let Some(event) = self.agenda.next(None) else { return };
            self.happen(&event);
        }
        panic!("the engine never comes to rest");
    }

    /// An Aircall webhook arrives.
    pub(crate) fn deliver(&mut self, body: &str) {
        let received = receive(body.as_bytes()).expect("a webhook of Aircall");
        assert!(received.is_from(&self.tokens), "a webhook without the token");
        self.append_now(RecordBody::AircallEvent(received.into_event()));
    }

    /// Something that was read from Aircall comes into the log.
    pub(crate) fn take(&mut self, body: RecordBody) {
        self.append_now(body);
    }

    /// Somebody else deals with Front now.
    pub(crate) fn in_front<T>(&mut self, deal: impl FnOnce(i64, &mut Front) -> T) -> T {
        let now_ms = self.agenda.now_ms();
        self.front.tick(now_ms);
        let result = deal(now_ms, &mut self.front);
        self.watch_front();
        result
    }

    /// Whether anything is under way for this number.
    pub(crate) fn rest(&self, number: &PhoneNumber) -> Rest {
        if self.projector.folded() < self.log.tail() { Rest::Busy } else { self.projector.rest(number) }
    }

    /// The same for whoever made this call, which has no number.
    pub(crate) fn rest_of_call(&self, call: i64) -> Rest {
        if self.projector.folded() < self.log.tail() { Rest::Busy } else { self.projector.rest_of_call(call) }
    }

    /// The keys of everything that Front refused for good.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.store.keys(dead_letter::BUCKET).map(str::to_owned).collect()
    }

    /// Every record of the log as its bytes.
    pub(crate) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.log.read_after(0).iter().map(|record| &record.body[..])
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.agenda.now_ms()
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Projector => self.fold_and_decide(),
            Event::Timer => self.elapse(),
            Event::Outbox => self.claim(),
            Event::Worker(place) => self.work(*place),
            Event::Front => self.take_front_webhooks(),
        }
    }

    /// One commit group of the projector, and what it decides at the head.
    fn fold_and_decide(&mut self) {
        self.reading = false;
        let now = self.agenda.now();
        for record in self.log.read_after(self.projector.folded()) {
            for item in self.projector.fold(record) {
                self.outbox.publish(now, &item);
            }
        }
        self.claim();
        if let Some(decided) = self.projector.decide() {
            self.append_now(RecordBody::EffectsDecided(decided));
        }
        self.watch_timers();
    }

    /// A timer counts only once everything that could have been awaited is folded.
    fn elapse(&mut self) {
        if self.timer_ms != Some(self.agenda.now_ms()) {
            return;
        }
        self.timer_ms = None;
        if self.projector.folded() < self.log.tail() {
            self.watch_timers();
            return;
        }
        let due = self.projector.timers_due(self.agenda.now());
        if due.is_empty() {
            self.watch_timers();
        }
        for timer in due {
            self.append_now(RecordBody::TimerElapsed(timer));
        }
    }

    fn watch_timers(&mut self) {
        let Some(due_ms) = self.projector.next_timer_ms() else { return };
        // Later than the projector's next turn, which may be about the awaited thing.
        let now_ms = self.agenda.now_ms();
        let at_ms = due_ms.max(if self.reading { now_ms + FOLD_MS_MAX } else { now_ms });
        if self.timer_ms.is_none_or(|noted_ms| at_ms < noted_ms) {
            self.timer_ms = Some(at_ms);
            self.agenda.note(at_ms, Event::Timer);
        }
    }

    /// What Front has to tell is taken, every time.
    fn take_front_webhooks(&mut self) {
        let now_ms = self.agenda.now_ms();
        if self.front_ms != Some(now_ms) {
            return;
        }
        self.front_ms = None;
        for webhook in self.front.drain_webhooks(now_ms) {
            let body = String::from_utf8(webhook.body).expect("a webhook of Front is text");
            self.append_now(RecordBody::FrontEvent(FrontEvent { body }));
            self.front.webhook_answered(now_ms, webhook.number, true);
        }
        self.watch_front();
    }

    fn watch_front(&mut self) {
        let Some(due_ms) = self.front.next_due_ms() else { return };
        let due_ms = due_ms.max(self.agenda.now_ms());
        if self.front_ms.is_none_or(|noted_ms| due_ms < noted_ms) {
            self.front_ms = Some(due_ms);
            self.agenda.note(due_ms, Event::Front);
        }
    }

    fn exchange(&mut self, request: &Request) -> Exchange {
        let exchange = exchange(&mut self.front, self.agenda.now_ms(), request);
        self.watch_front();
        exchange
    }

    fn append_now(&mut self, body: RecordBody) {
        self.append([Record { received_at: self.agenda.now(), body }]);
    }

    /// The projector reads soon after.
    fn append(&mut self, records: impl IntoIterator<Item = Record>) {
        self.log.append(records);
        if !self.reading {
            self.reading = true;
            let after_ms = self.span_ms(FOLD_MS_MIN, FOLD_MS_MAX);
            self.agenda.note(self.agenda.now_ms() + after_ms, Event::Projector);
        }
    }

    /// How long a request or its answer is on its way.
    fn latency_ms(&mut self) -> i64 {
        self.span_ms(ANSWER_MS_MIN, ANSWER_MS_MAX)
    }

    fn store_ms(&mut self) -> i64 {
        self.span_ms(STORE_MS_MIN, STORE_MS_MAX)
    }

    fn span_ms(&mut self, min_ms: i64, max_ms: i64) -> i64 {
        min_ms + i64::try_from(self.dice.roll(max_ms.abs_diff(min_ms))).expect("a short span")
    }
}
