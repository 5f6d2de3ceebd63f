//! The reader with its ports in memory, between a simulated Aircall and the engine of the day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use calltrail_aircall::rest::RawAnswer;
use calltrail_aircall_reader::{
    Asked, Came, Job, Jobs, Keeping, Operation, Place, Question, Rate, Reading, Recovery, Settings, Value,
    Watch, Written, ended_in,
};
use calltrail_domain::ids::CallId;
use calltrail_domain::record::RecordBody;
use calltrail_domain::time::Timestamp;
use calltrail_simulator::aircall::{Api, ApiOptions, random_calls};
use calltrail_simulator::front::{Front, Ledger, Request};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::day::{Engine, Rules, company};

/// When the reader begins.
const NOW_S: i64 = 1_767_600_000;
const REQUEST_MS: i64 = 120;
const STORE_MS: i64 = 2;
/// A reader that has done so many operations makes no progress.
const OPERATIONS_MAX: usize = 20_000;
/// Where Aircall posts to.
pub(super) const WEBHOOK_URL: &str = "https://calls.example.com/webhooks/acme/aircall";
/// The window of Aircall's limit, and half of it.
const WINDOW_MS: i64 = 60_000;
const SHARE: f64 = 0.5;
const LIMIT: usize = 120;
/// How long it takes until a reader that died is started again: longer than a claim lasts.
const RESTART: Duration = Duration::from_secs(35);

/// What Aircall knows, and how it behaves.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) calls: u32,
    /// The first call began then.
    pub(super) from_s: i64,
    pub(super) total_is_capped: bool,
    pub(super) front_requests_per_minute: u32,
    /// What is read goes on to Front.
    pub(super) to_front: bool,
}

impl Plan {
    /// So many calls, the first of them 100 days ago.
    pub(super) fn of(calls: u32) -> Self {
        let from_s = NOW_S - 100 * 86_400;
        Self { calls, from_s, total_is_capped: false, front_requests_per_minute: 50, to_front: false }
    }

    pub(super) fn to_s(&self) -> i64 {
        NOW_S
    }
}

pub(super) struct World {
    api: Api,
    values: BTreeMap<&'static str, (Value, u64)>,
    revision: u64,
    records: Vec<RecordBody>,
    engine: Engine,
    to_front: bool,
    now_ms: i64,
    /// When each request was sent.
    requests: Vec<i64>,
    pub(super) recovery: Recovery,
    pub(super) rate: Rate,
    /// Another reader is quicker with the next change of this.
    pub(super) loses: Option<Place>,
    /// Webhooks are taken.
    pub(super) receivers_run: bool,
    /// When the next check begins.
    check_at_ms: i64,
}

impl World {
    pub(super) fn new(plan: &Plan) -> Self {
        crate::world::switch_off();
        let options = ApiOptions { total_is_capped: plan.total_is_capped, ..ApiOptions::default() };
        let mut api = Api::new(options);
        for call in random_calls(11, plan.calls, plan.calls / 5, plan.from_s) {
            call.events().iter().for_each(|event| api.give_call(&event.body));
        }
        let rules = Rules {
            front_webhooks: true,
            requests_per_minute: plan.front_requests_per_minute,
            import_reopens: false,
            import_assigns: true,
            front_tags: false,
            comments_on_unanswered: false,
        };
        let front = Front::new(company::front(&[], rules), 3);
        let now_ms = NOW_S * 1_000;
        let engine = Engine::start(now_ms, front, company::policy(rules), company::settings(), 5);
        let (values, records, requests) = Default::default();
        Self {
            api,
            values,
            revision: 0,
            records,
            engine,
            to_front: plan.to_front,
            now_ms,
            requests,
            recovery: Recovery::Automatic,
            rate: Rate::Share(SHARE),
            loses: None,
            receivers_run: true,
            check_at_ms: now_ms,
        }
    }

    /// Asks for a job, as a command does.
    pub(super) fn wants(&mut self, asked: Asked) -> u64 {
        let mut jobs = self.jobs();
        let id = jobs.ask(asked, self.now_ms).expect("there is room");
        self.put(Value::Jobs(Box::new(jobs)));
        id
    }

    pub(super) fn job(&self, id: u64) -> Job {
        self.jobs().get(id).expect("it is remembered").clone()
    }

    /// Reads until no job is open; the reader dies after so many operations, each counted from its start.
    pub(super) fn read_through(&mut self, deaths: &[usize]) {
        let mut deaths = deaths.iter();
        for life in 0.. {
            let dies_after = deaths.next().copied();
            let name = format!("reader{life}");
            let mut left = dies_after.unwrap_or(OPERATIONS_MAX);
            while self.jobs().open().next().is_some() && left > 0 {
                let before = left;
                self.turn(&name, &mut left);
                assert!(before > left, "a turn does something");
            }
            if self.jobs().open().next().is_none() {
                return;
            }
            assert!(dies_after.is_some(), "the reader makes no progress");
            self.wait(RESTART);
        }
    }

    /// One reader for so many operations; its job, if it got one.
    pub(super) fn read(&mut self, operations: usize, name: &str) -> Option<Job> {
        let mut left = operations;
        self.turn(name, &mut left)
    }

    pub(super) fn settings(&self, webhook_url: &str) -> Arc<Settings> {
        Arc::new(Settings {
            account: "acme".parse().expect("a good account id"),
            rate: self.rate,
            alone: false,
            recovery: self.recovery,
            check_every: None,
            history_after: Duration::from_hours(72),
            webhook_url: Some(webhook_url.to_owned()),
        })
    }

    /// Aircall posts to [`WEBHOOK_URL`].
    pub(super) fn connect_webhook(&mut self) {
        self.api.connect_webhook(WEBHOOK_URL);
    }

    /// Aircall knows of this event, and posts nothing.
    pub(super) fn give(&mut self, body: &str) {
        self.api.give_call(&serde_json::from_str(body).expect("a webhook is JSON"));
    }

    /// Calls that were read as missed, and not only for what came late.
    pub(super) fn missed_calls(&self) -> BTreeSet<u64> {
        self.read_calls(false)
    }

    /// Calls that were read for what came late.
    pub(super) fn updated_calls(&self) -> BTreeSet<u64> {
        self.read_calls(true)
    }

    fn read_calls(&self, update: bool) -> BTreeSet<u64> {
        let read = self.records.iter().filter_map(|body| match body {
            RecordBody::AircallRead(read) if read.update == update => {
                calltrail_aircall::ended_call_read(read)
            }
            _ => None,
        });
        read.map(|call| call.0).collect()
    }

    /// Aircall has switched the webhook off.
    pub(super) fn switch_webhook_off(&mut self) {
        self.api.webhooks_mut().iter_mut().for_each(|webhook| webhook.active = false);
    }

    /// The event of this webhook happens at Aircall.
    pub(super) fn happen(&mut self, body: &str) {
        self.api.happen(self.now_ms, body);
    }

    /// What is due is posted; where nobody listens it fails.
    pub(super) fn deliver(&mut self) {
        for delivery in self.api.drain_deliveries(self.now_ms) {
            if self.receivers_run {
                let received = calltrail_aircall::receive(delivery.body.as_bytes()).expect("a webhook");
                self.records.push(RecordBody::AircallEvent(received.into_event()));
            }
            self.api.delivery_answered(self.now_ms, delivery.number, self.receivers_run);
        }
    }

    /// A check of the webhook, when one is due and the reader runs: on the machine of the receivers.
    pub(super) fn keep(&mut self, every: Duration) {
        self.keep_until(every, |_| false);
    }

    /// The same by a reader that dies once it has done something.
    pub(super) fn keep_until(&mut self, every: Duration, dies_after: impl Fn(&Operation) -> bool) {
        if !self.receivers_run || self.now_ms < self.check_at_ms {
            return;
        }
        let mut keeping = Keeping::new(self.settings(WEBHOOK_URL), every);
        let mut operation = keeping.next(self.now(), Came::Begun);
        for _ in 0..OPERATIONS_MAX {
            if let Operation::Rest(pause) = operation {
                self.check_at_ms = self.now_ms + i64::try_from(pause.as_millis()).expect("a short span");
                return;
            }
            let dies = dies_after(&operation);
            let came = self.perform(operation);
            if dies {
                self.check_at_ms = self.now_ms;
                return;
            }
            operation = keeping.next(self.now(), came);
        }
        panic!("a check does not end");
    }

    /// Time passes until then.
    pub(super) fn until(&mut self, at_s: i64) {
        self.now_ms = self.now_ms.max(at_s * 1_000);
    }

    pub(super) fn now_s(&self) -> i64 {
        self.now_ms.div_euclid(1_000)
    }

    pub(super) fn is_webhook_on(&self) -> bool {
        self.api.webhooks().iter().all(|webhook| webhook.active)
    }

    pub(super) fn calls_known(&self) -> usize {
        self.api.calls_known()
    }

    pub(super) fn watch(&self) -> Watch {
        match self.values.get(word(Place::Watch)) {
            Some((Value::Watch(watch), _)) => (**watch).clone(),
            other => panic!("no check was noted: {other:?}"),
        }
    }

    /// The calls of whose end the log tells.
    pub(super) fn ended_calls(&self) -> BTreeSet<CallId> {
        self.records.iter().filter_map(ended_in).collect()
    }

    /// One reader that is paused once before it does such a thing, while something else happens.
    pub(super) fn read_paused(
        &mut self,
        name: &str,
        before: fn(&Operation) -> bool,
        meanwhile: impl FnOnce(&mut Self),
    ) {
        let mut reading = Reading::new(self.settings(WEBHOOK_URL), name.to_owned());
        let mut operation = reading.next(self.now(), Came::Begun);
        let mut meanwhile = Some(meanwhile);
        for _ in 0..OPERATIONS_MAX {
            if matches!(operation, Operation::Rest(_)) {
                return;
            }
            if let Some(meanwhile) = meanwhile.take_if(|_| before(&operation)) {
                meanwhile(self);
            }
            let came = self.perform(operation);
            operation = reading.next(self.now(), came);
        }
        panic!("a turn does not end");
    }

    /// One reader until it has no slot within its patience. No time passes for its rest.
    pub(super) fn read_to_the_limit(&mut self, name: &str) {
        let mut reading = Reading::new(self.settings(WEBHOOK_URL), name.to_owned());
        let mut operation = reading.next(self.now(), Came::Begun);
        for _ in 0..OPERATIONS_MAX {
            if matches!(operation, Operation::Rest(_)) {
                return;
            }
            let came = self.perform(operation);
            operation = reading.next(self.now(), came);
        }
        panic!("a turn does not end");
    }

    /// One reader until it has sent a request.
    pub(super) fn read_once(&mut self, name: &str) {
        let mut reading = Reading::new(self.settings(WEBHOOK_URL), name.to_owned());
        let mut operation = reading.next(self.now(), Came::Begun);
        let sent = self.requests.len();
        while self.requests.len() == sent {
            assert!(!matches!(operation, Operation::Rest(_)), "there is a slot");
            let came = self.perform(operation);
            operation = reading.next(self.now(), came);
        }
    }

    fn turn(&mut self, name: &str, left: &mut usize) -> Option<Job> {
        let mut reading = Reading::new(self.settings(WEBHOOK_URL), name.to_owned());
        let mut operation = reading.next(self.now(), Came::Begun);
        while *left > 0 {
            *left -= 1;
            if let Operation::Rest(pause) = operation {
                self.wait(pause);
                break;
            }
            let came = self.perform(operation);
            operation = reading.next(self.now(), came);
        }
        reading.job().cloned()
    }

    fn perform(&mut self, operation: Operation) -> Came {
        self.now_ms += STORE_MS;
        match operation {
            Operation::Get(place) => Came::Found(self.values.get(word(place)).cloned()),
            Operation::Put { value, .. } if self.loses == Some(value.place()) => {
                self.loses = None;
                Came::Put(Written::Conflict)
            }
            Operation::Put { value, expected } => {
                let known = self.values.get(word(value.place())).map(|(_, revision)| *revision);
                if known != expected {
                    return Came::Put(Written::Conflict);
                }
                Came::Put(Written::Revision(self.put(value)))
            }
            Operation::ReadStoreTime => Came::StoreTime(self.now_ms),
            Operation::Send(question) => self.send(&question),
            Operation::Append(records) => {
                self.engine.run_until(self.now_ms);
                for record in records {
                    self.records.push(record.body.clone());
                    if self.to_front {
                        self.engine.take(record.body);
                    }
                }
                Came::Appended
            }
            Operation::ReadFrontKnown => Came::FrontKnown(None),
            Operation::Sleep(span) => {
                self.wait(span);
                Came::Slept
            }
            Operation::ReadTail => Came::Tail(self.records.len() as u64),
            Operation::ReadHeard { after } => {
                let after = usize::try_from(after).expect("a short log");
                Came::Heard(self.records[after..].iter().filter_map(ended_in).collect())
            }
            Operation::Rest(_) => panic!("a rest ends the turn"),
        }
    }

    fn send(&mut self, question: &Question) -> Came {
        self.requests.push(self.now_ms);
        let credential = "Basic YWlyY2FsbC1hcGktaWQ6YWlyY2FsbC1hcGktdG9rZW4=";
        let (method, path_and_query, body) = question.request();
        let request = Request {
            method: method.to_owned(),
            path_and_query,
            headers: vec![("authorization".to_owned(), credential.to_owned())],
            body: body.to_vec(),
        };
        let response = self.api.step(self.now_ms, &request);
        self.now_ms += REQUEST_MS;
        let status = StatusCode::from_u16(response.status).expect("a known status");
        let raw = RawAnswer { status, headers: headers_of(&response.headers), body: response.body };
        let (result, rate) = question.read(raw);
        Came::Answered { result, rate }
    }

    /// Time passes for everybody.
    pub(super) fn wait(&mut self, span: Duration) {
        self.now_ms += i64::try_from(span.as_millis()).expect("a short span").max(1);
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    /// What was asked for, and is not over.
    pub(super) fn open_jobs(&self) -> usize {
        self.jobs().open().count()
    }

    fn jobs(&self) -> Jobs {
        match self.values.get(word(Place::Jobs)) {
            Some((Value::Jobs(jobs), _)) => (**jobs).clone(),
            _ => Jobs::default(),
        }
    }

    fn put(&mut self, value: Value) -> u64 {
        self.revision += 1;
        // What is stored is what is read again.
        let (place, bytes) = (value.place(), value.encode().expect("it has a form"));
        let value = Value::decode(place, &bytes).expect("it is read again");
        self.values.insert(word(place), (value, self.revision));
        self.revision
    }

    /// When each request was sent.
    pub(super) fn requests(&self) -> &[i64] {
        &self.requests
    }

    /// In no minute was more than our share asked.
    pub(super) fn check_rate(&self) {
        let most = (LIMIT as f64 * SHARE) as usize;
        for sent in self.requests.windows(most + 1) {
            assert!(sent[most] - sent[0] >= WINDOW_MS, "{} requests from {} on", most + 1, sent[0]);
        }
    }

    /// How often each call is in the log.
    pub(super) fn records_by_call(&self) -> BTreeMap<u64, usize> {
        let mut calls = BTreeMap::new();
        for body in &self.records {
            let RecordBody::AircallRead(read) = body else { panic!("a reader appends what it has read") };
            let call = calltrail_aircall::ended_call_read(read).expect("these calls are over");
            *calls.entry(call.0).or_default() += 1;
        }
        calls
    }

    /// What Front shows when nothing is left to be done.
    pub(super) fn in_front(&mut self) -> Ledger {
        self.engine.run_until(self.now_ms);
        self.engine.run_dry();
        self.engine.in_front(|_, front| front.ledger())
    }
}

fn word(place: Place) -> &'static str {
    match place {
        Place::Budget => "budget",
        Place::Jobs => "jobs",
        Place::Watch => "watch",
    }
}

fn headers_of(pairs: &[(String, String)]) -> HeaderMap {
    let header = |(name, value): &(String, String)| {
        let name: HeaderName = name.parse().expect("a header's name");
        (name, HeaderValue::from_str(value).expect("a header's value"))
    };
    pairs.iter().map(header).collect()
}
