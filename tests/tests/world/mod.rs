//! A simulated Front, the whole engine on a temporary folder, and the calls and people of a scenario between them.

mod given;
mod page;
mod script;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Once;
use std::time::{Duration, Instant};

use calltrail::engine::{Engine, Role, projection_in};
use calltrail_aircall_reader::{Asked, By, Kind};
use calltrail_domain::effect::{EffectSettled, Outcome};
use calltrail_domain::ids::{CallId, EffectKey};
use calltrail_domain::record::{Record, RecordBody};
use calltrail_domain::rule::{self, Rule};
use calltrail_event_log::ports::LoggedRecord;
use calltrail_simulator::aircall::{Api, ApiOptions};
use calltrail_simulator::front::{Act, Action, Front, FrontOptions, Ledger, Subject};
use calltrail_simulator::http::{AircallHandle, Clock, Handle, serve, serve_aircall};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) use given::{Given, given};
pub(crate) use page::blocks_of;
pub(crate) use script::{
    BILLING, CALLER, IRIS, MENU, NOOR, OTHER, PAVEL, Step, answered, bodies, call, call_of, calls, changed,
    give_up, history, inbound, inbound_on, missed, outbound, person, restart, retry, told, trouble,
};
pub(crate) use view::{
    Expect, activity, breaks, commented, contacts, conversations, events, left_out, observed, requests,
    shown, times,
};

use view::View;

/// The variable that names a rule which does not hold.
pub(crate) const RULE_OFF: &str = "CALLTRAIL_TEST_RULE_OFF";
const ACCOUNT: &str = "acme";
/// Rules ids and lags in Front.
const SEED: u64 = 7;
/// Who acts in Front.
const PERSON: &str = "tea_2";
/// A scenario that hangs fails then; it is no measure of speed.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longer than the shortest silence that can be configured.
const SILENCE: Duration = Duration::from_millis(1_500);
/// Longer than the shortest period between two polls that can be configured.
const POLL_PATIENCE: Duration = Duration::from_secs(8);
/// From the answer to a poll until the log has what it found.
const POLL_NOTED: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// More than any scenario has.
const RECORDS_MAX: usize = 10_000;
/// Front's times are milliseconds: what a person does next is later.
const BETWEEN_ACTS: Duration = Duration::from_millis(3);

/// Lets everything happen, one after the other, and compares what Front shows in the end.
pub(crate) async fn check(given: Given, steps: &[Step], expect: &[Expect]) {
    let mut world = World::start(given).await;
    for step in steps {
        world.happen(step).await;
    }
    world.compare(expect).await;
    world.stop().await;
}

/// The same with Front's webhooks and without, when the conversation is read before each call.
pub(crate) async fn check_both(given: Given, steps: &[Step], expect: &[Expect]) {
    let without = check(given.clone().without_front_webhooks(), steps, expect);
    tokio::join!(without, check(given, steps, expect));
}

/// What Front shows and what is expected of it, as texts that can be compared.
pub(crate) fn compared(
    company: &FrontOptions,
    ledger: &Ledger,
    left_out: &BTreeMap<String, u64>,
    expect: &Expect,
) -> (String, String) {
    View { company, ledger, left_out }.beside(expect)
}

/// How many requests the last step takes, after everything before it has come to rest.
pub(crate) async fn requests_of(given: Given, before: &[Step], step: &Step) -> usize {
    let mut world = World::start(given).await;
    for step in before {
        world.happen(step).await;
    }
    let seen = world.ledger().requests.len();
    world.happen(step).await;
    let requests = world.ledger().requests.len() - seen;
    world.stop().await;
    requests
}

struct World {
    given: Given,
    front: Handle,
    aircall: AircallHandle,
    engine: Option<Engine>,
    folder: TempDir,
    http: reqwest::Client,
    /// Who called last.
    caller: String,
    /// On which a person acted last.
    conversation: Option<String>,
    /// Refusals that the operator has had retried or dropped.
    dealt_with: BTreeSet<(EffectKey, u64)>,
}

fn named(settled: EffectSettled) -> (EffectKey, u64) {
    (settled.key, settled.ordinal)
}

impl World {
    async fn start(given: Given) -> Self {
        switch_off();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on 127.0.0.1");
        let front = Front::new(given.front.clone(), SEED);
        let front = serve(listener, front, Clock::system()).await.expect("Front is served on loopback");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on 127.0.0.1");
        // The calls of a scenario began at a fixed date.
        let options = ApiOptions { listed_days: 36_500, ..ApiOptions::default() };
        let aircall = serve_aircall(listener, Api::new(options), Clock::system());
        let aircall = aircall.await.expect("Aircall is served on loopback");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client for loopback");
        let (caller, conversation) = (String::new(), None);
        let mut world = Self {
            given,
            front,
            aircall,
            engine: None,
            folder,
            http,
            caller,
            conversation,
            dealt_with: BTreeSet::new(),
        };
        world.start_engine().await;
        world
    }

    async fn start_engine(&mut self) {
        let config = self.given.config(self.folder.path(), &self.front.base_url(), &self.aircall.base_url());
        self.engine = Some(Engine::start(&config, Role::Up).await.expect("the engine starts"));
        if !self.given.without_front_webhooks {
            let url = self.webhooks_url("front");
            self.front.connect_webhook(&url).await.expect("the engine takes Front's webhook");
        }
    }

    async fn stop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.stop().await.expect("the engine stops");
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("the engine runs between its starts")
    }

    fn webhooks_url(&self, service: &str) -> String {
        let address = self.engine().webhooks_at.expect("the receivers run");
        format!("http://{address}/webhooks/{ACCOUNT}/{service}")
    }

    async fn happen(&mut self, step: &Step) {
        match step {
            Step::Webhooks(bodies) => self.post(bodies).await,
            Step::Meanwhile(bodies, actions) => {
                self.post_until(bodies, shown_activities).await;
                for action in actions {
                    self.act(Subject::Contact(self.caller.clone()), action).await;
                }
            }
            Step::RestartMeanwhile(bodies, given) => {
                self.post_until(bodies, sent_activities).await;
                self.restart(given, false).await;
            }
            Step::People(actions) => {
                for action in actions {
                    let trashed = self.conversation.clone().filter(|_| *action == Action::Restore);
                    let on = trashed.map_or(Subject::Contact(self.caller.clone()), Subject::Conversation);
                    self.act(on, action).await;
                }
            }
            Step::PersonOn(contact, action) => {
                self.act(Subject::Contact((*contact).to_owned()), action).await;
            }
            Step::MergeInto(contact) => {
                let survivor = self.conversation_of(contact);
                self.act(Subject::Contact(self.caller.clone()), &Action::MergeInto(survivor)).await;
            }
            Step::Mass(action, with_event) => {
                let (id, now_ms) = (self.conversation_of(&self.caller), self.front.clock().now_ms());
                let done =
                    self.front.front(|front| front.mass_action(now_ms, PERSON, &id, *action, *with_event));
                done.expect("the conversation is there");
                tokio::time::sleep(BETWEEN_ACTS).await;
            }
            Step::Unheard(action) => {
                let on = Subject::Contact(self.caller.clone());
                let act = Act { by: PERSON.to_owned(), on, action: action.clone() };
                let now_ms = self.front.clock().now_ms();
                let done = self.front.front(|front| front.act_unheard(now_ms, &act));
                done.expect("the person can do that");
                tokio::time::sleep(BETWEEN_ACTS).await;
            }
            Step::Poll => self.until_polled().await,
            Step::MoveNumber(number, name) => {
                self.front.front(|front| front.move_number(number, name));
            }
            Step::MergeContacts(number, into) => {
                self.front.front(|front| front.merge_contacts_of(number, into));
            }
            Step::Restart(given) => self.restart(given, false).await,
            Step::RestartFromLog(given) => self.restart(given, true).await,
            Step::Trouble(fault) => self.front.front(|front| front.plan_fault(fault.clone())),
            Step::Read(bodies, kind) => self.read(bodies, *kind).await,
            Step::ReadNow(id) => self.read_now(*id).await,
            Step::Reconsider(calls, history) => self.reconsider(calls, *history).await,
            Step::DealWith(effects, is_retried) => self.deal_with(effects, *is_retried).await,
            Step::SlowAnswersMs(slow_ms) => self.slow_answers(*slow_ms),
            Step::InFront(change) => {
                let now_ms = self.front.clock().now_ms();
                self.front.front(|front| change(front, now_ms));
            }
            Step::Waits(bodies, condition) => {
                self.post(bodies).await;
                return self.until_waiting(condition).await;
            }
            Step::Until(activity) => self.until(activity).await,
            Step::Silence => tokio::time::sleep(SILENCE).await,
        }
        self.settled().await;
    }

    async fn reconsider(&self, calls: &[u64], history: bool) {
        let calls: Vec<_> = calls.iter().copied().map(CallId).collect();
        let taken = self.engine().reconsider(ACCOUNT, &calls, history).await;
        taken.expect("the log takes the record");
    }

    /// The operator has these effects retried, or gives them up.
    async fn deal_with(&mut self, effects: &[&str], is_retried: bool) {
        let effects = self.settled_last(effects).await;
        self.dealt_with.extend(effects.clone());
        let taken = if is_retried {
            self.engine().retry(ACCOUNT, effects).await
        } else {
            self.engine().give_up(ACCOUNT, effects).await
        };
        taken.expect("the log takes the record");
    }

    /// What the log says of effects that have ended.
    async fn facts(&self) -> Vec<EffectSettled> {
        let log = self.engine().log().expect("the log is open");
        let records = log.read_after(0, RECORDS_MAX).await.expect("the log is read");
        let fact = |record: LoggedRecord| match Record::decode(&record.body).ok()?.body {
            RecordBody::EffectSettled(settled) => Some(settled),
            _ => None,
        };
        records.into_iter().filter_map(fact).collect()
    }

    /// The ordinals under which these effects were settled last.
    async fn settled_last(&self, effects: &[&str]) -> BTreeMap<EffectKey, u64> {
        let last: BTreeMap<_, _> = self.facts().await.into_iter().map(named).collect();
        let keys = effects.iter().map(|key| key.parse().expect("a key"));
        keys.map(|key| (key, *last.get(&key).expect("it was settled"))).collect()
    }

    fn slow_answers(&self, slow_ms: u64) {
        self.front.front(|front| {
            let mut faults = front.faults().clone();
            faults.slow_ms = slow_ms;
            front.set_faults(faults);
        });
    }

    /// Waits for a poll, or for so long that one would have come, and until what it found is in the log.
    async fn until_polled(&self) {
        let polls = |ledger: &Ledger| {
            let answered = ledger.requests.iter().filter(|request| request.status == Some(200));
            answered.filter(|request| request.path.starts_with("/events")).count()
        };
        let (started, before) = (Instant::now(), polls(&self.ledger()));
        while polls(&self.ledger()) == before && started.elapsed() < POLL_PATIENCE {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        tokio::time::sleep(POLL_NOTED).await;
    }

    /// Health stays good, and status and metrics name the condition.
    async fn until_waiting(&self, condition: &str) {
        let started = Instant::now();
        loop {
            let status = self.engine().status().await.expect("the engine tells its status");
            let writer = status.accounts[ACCOUNT].live.as_ref().and_then(|live| live.writer.as_ref());
            let conditions = writer.map(|writer| writer.conditions.as_slice()).unwrap_or_default();
            let rejected =
                writer.and_then(|writer| writer.outcomes.get("rejected")).copied().unwrap_or_default();
            assert_eq!(rejected, 0, "nothing waits:\n{status}");
            if conditions.iter().any(|one| one.condition == condition) {
                assert!(status.to_string().contains("for an operator"), "{status}");
                return self.shows_waiting(condition).await;
            }
            assert!(started.elapsed() < PATIENCE, "no work waits for {condition}:\n{status}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The process is ready all the same, and says what is wrong.
    async fn shows_waiting(&self, condition: &str) {
        let operator = self.engine().operator_at;
        let get = |path: &str| self.http.get(format!("http://{operator}{path}")).send();
        let ready = get("/health/ready").await.expect("the operator listener answers");
        assert_eq!(ready.status(), 200);
        let said = ready.text().await.expect("a text");
        assert!(said.contains("account acme waits for"), "{said}");
        let metrics = get("/metrics").await.expect("the operator listener answers");
        let metrics = metrics.text().await.expect("a text");
        let sample =
            format!("calltrail_operator_condition_seconds{{account=\"acme\",condition=\"{condition}\"");
        assert!(metrics.contains(&sample), "{metrics}");
    }

    /// Aircall's deliveries, one after the other. Every one is taken.
    async fn post(&mut self, bodies: &[String]) {
        let url = self.webhooks_url("aircall");
        for body in bodies {
            let sent = self.http.post(&url).header("content-type", "application/json").body(body.clone());
            let answer = sent.send().await.expect("the receiver answers");
            assert_eq!(answer.status(), 200, "an Aircall webhook was refused");
            let body: serde_json::Value = serde_json::from_str(body).expect("webhooks are JSON");
            self.aircall.api(|api| api.give_call(&body));
            let digits = body["data"]["raw_digits"].as_str().unwrap_or_default();
            self.caller = digits.replace(' ', "");
        }
    }

    /// The caller's missed call that begins now.
    async fn read_now(&mut self, id: i64) {
        let at_s = self.front.clock().now_ms().div_euclid(1_000);
        let script = script::inbound_at(id, CALLER, at_s);
        self.read(&bodies(&[script]), Kind::Recover).await;
    }

    /// Nothing is posted: the reader finds the calls.
    async fn read(&mut self, bodies: &[String], kind: Kind) {
        for body in bodies {
            let body: serde_json::Value = serde_json::from_str(body).expect("webhooks are JSON");
            self.aircall.api(|api| api.give_call(&body));
            self.caller = body["data"]["raw_digits"].as_str().unwrap_or_default().replace(' ', "");
        }
        let asked = Asked {
            kind,
            from_s: 0,
            to_s: i64::from(u32::MAX),
            overlap_s: 0,
            calls: Vec::new(),
            ended_from_s: None,
            history_after_s: (kind == Kind::Recover).then_some(i64::from(u32::MAX)),
            by: By::Command,
        };
        let (started, engine) = (Instant::now(), self.engine());
        let job = engine.read_calls(ACCOUNT, asked).await.expect("the job is taken");
        while !engine.has_read(ACCOUNT, job).await.expect("the store answers") {
            assert!(started.elapsed() < PATIENCE, "the calls are never read");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Posts the bodies and returns when Front's `count` has grown.
    async fn post_until(&mut self, bodies: &[String], count: fn(&Ledger) -> usize) {
        let before = count(&self.ledger());
        self.post(bodies).await;
        let started = Instant::now();
        while count(&self.ledger()) == before {
            assert!(started.elapsed() < PATIENCE, "Front got no activity");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn until(&self, activity: &str) {
        let started = Instant::now();
        while !self.ledger().messages().iter().any(|message| view::key(message) == activity) {
            assert!(started.elapsed() < PATIENCE, "Front never shows {activity}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn act(&mut self, on: Subject, action: &Action) {
        let act = Act { by: PERSON.to_owned(), on, action: action.clone() };
        let now_ms = self.front.clock().now_ms();
        let conversation = self.front.front(|front| front.act(now_ms, &act));
        self.conversation = Some(conversation.expect("the person can do that"));
        tokio::time::sleep(BETWEEN_ACTS).await;
    }

    async fn restart(&mut self, given: &Given, forget_projection: bool) {
        self.stop().await;
        self.given = given.clone();
        if forget_projection {
            let store = projection_in(&self.folder.path().join("data"));
            std::fs::remove_dir_all(store).expect("the projection store is a folder");
        }
        self.start_engine().await;
    }

    fn conversation_of(&self, handle: &str) -> String {
        let ledger = self.ledger();
        let owns = |id: &str| {
            let contact = ledger.contacts.iter().find(|contact| contact.id == id);
            contact.is_some_and(|contact| contact.handles.iter().any(|known| known.handle == handle))
        };
        let found = ledger.conversations.iter().rev().find(|row| owns(&row.contact));
        found.map(|row| row.id.clone()).expect("the contact has a conversation")
    }

    fn ledger(&self) -> Ledger {
        self.front.front(|front| front.ledger())
    }

    /// Waits until nothing is left to be decided, sent or told. One look is not enough: what was told after it had
    /// counted the waiting calls may be folded before it compares the positions.
    async fn settled(&self) {
        let started = Instant::now();
        let mut before = None;
        loop {
            let status = self.engine().status().await.expect("the engine tells its status");
            let (untold, requests) = self.front.front(|front| {
                let webhooks = front.ledger().webhooks;
                let untold = webhooks.iter().filter(|webhook| !webhook.delivered && !webhook.lost).count();
                (untold, front.requests_seen())
            });
            let rests = status.waiting() == Some(0) && untold == 0 && status.is_folded();
            let now = rests.then_some((status.records, requests));
            if now.is_some() && now == before {
                return;
            }
            before = now;
            assert!(
                started.elapsed() < PATIENCE,
                "not settled, {untold} webhooks of Front untold:\n{status}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What was expected, and what holds at the end of every scenario: nothing is there twice, no write was refused
    /// for good, and the log alone gives the same state.
    async fn compare(&self, expect: &[Expect]) {
        let ledger = self.ledger();
        let status = self.engine().status().await.expect("the engine tells its status");
        let account = &status.accounts[ACCOUNT];
        let folded = account.folded.as_ref().expect("a projector runs");
        let view = View { company: &self.given.front, ledger: &ledger, left_out: &folded.left_out };
        let mode = if self.given.without_front_webhooks { "without" } else { "with" };
        for expect in expect {
            let (found, expected) = view.beside(expect);
            assert_eq!(
                found, expected,
                "{mode} Front's webhooks, found (left) is not what is expected (right)"
            );
        }
        let messages = ledger.messages();
        let distinct: BTreeSet<_> = messages.iter().map(|message| view::key(message)).collect();
        assert_eq!(distinct.len(), messages.len(), "an activity is there twice");
        let comments = ledger.conversations.iter().flat_map(|row| &row.comments);
        let markers: Vec<_> = comments.filter_map(|comment| view::marker(&comment.body)).collect();
        let distinct: BTreeSet<_> = markers.iter().collect();
        assert_eq!(distinct.len(), markers.len(), "a comment is there twice");
        let writer = account.live.as_ref().and_then(|live| live.writer.as_ref()).expect("a writer runs");
        let is_refused = |fact: &EffectSettled| matches!(fact.outcome, Outcome::Rejected { .. });
        let refused: BTreeSet<_> = self.facts().await.into_iter().filter(is_refused).map(named).collect();
        assert!(refused.is_subset(&self.dealt_with), "{refused:?} were rejected:\n{status}");
        assert_eq!(folded.rejected, 0, "the operator has dealt with all of them:\n{status}");
        assert!(writer.conditions.is_empty(), "what was repaired is still shown:\n{status}");
        let replayed = self.engine().verify().await.expect("the log can be replayed");
        assert_eq!(replayed.live_hash, replayed.replayed_hash, "the log gives another state");
    }
}

/// Switches off the rule that [`RULE_OFF`] names.
pub(crate) fn switch_off() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(wanted) = std::env::var(RULE_OFF) else { return };
        let named = Rule::ALL.into_iter().find(|rule| format!("{rule:?}") == wanted);
        rule::switch_off(named.unwrap_or_else(|| panic!("{RULE_OFF} names no rule: {wanted}")));
    });
}

fn shown_activities(ledger: &Ledger) -> usize {
    ledger.messages().len()
}

fn sent_activities(ledger: &Ledger) -> usize {
    ledger.requests.iter().filter(|request| request.path.ends_with("/imported_messages")).count()
}
