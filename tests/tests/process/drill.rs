//! The outage drill: every process is down for a day that is scaled to seconds, while calls, comments, archivings and moves go on
//! on both sides. It is started again and nobody runs a command. Beside it runs the same day without an outage; what stands in Front
//! afterwards is the same, apart from what is named here and in `docs/MAPPING.md`.

use std::time::{Duration, Instant};

use calltrail_event_log::testing::NatsServer;
use calltrail_simulator::aircall::{CallEvent, Patience};
use calltrail_simulator::front::Act;
use serde_json::Value;
use tokio::sync::Mutex;

use super::company::{Company, NOWHERE};
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::machines::fleet::Fleet;
use super::machines::gateway::Gateway;
use super::machines::history::{Day, caller::CALLS_AGAIN_FIRST};
use super::machines::replica::Balancer;
use super::machines::shown::{Shown, differences, shown};
use super::reading::{has_logged, now_s};
use super::site::{ACCOUNT, lines_of};

const SEED: u64 = 5;
const REQUESTS_PER_MINUTE: u32 = 3_600;
/// Twelve hours of Aircall's patience are two seconds, and the pauses between tries accordingly.
const TIMES_FASTER: i64 = 21_600;
/// The keeper checks so often.
const KEEPER_EVERY_S: u32 = 5;
/// One drill at a time: the largest has thirteen processes.
static TURN: Mutex<()> = Mutex::const_new(());
/// Two acts have two times in Front.
const BETWEEN_ACTS: Duration = Duration::from_millis(20);

/// A company with an engine.
struct Side {
    company: Company,
    fleet: Fleet,
}

impl Side {
    /// Where nothing will go wrong: one process on a file, without a keeper, so that there is none that could help.
    async fn calm() -> Self {
        let side = Self::start_with(None, 0).await;
        side.company.aircall(|api| api.options_mut().patience = Patience::default().unbroken());
        side
    }

    /// Where everything will be down: on NATS with so many replicas of each role; without, one process on a file.
    async fn hit(nats: Option<(&NatsServer, usize)>) -> Self {
        let side = Self::start_with(nats, KEEPER_EVERY_S).await;
        side.company.aircall(|api| {
            api.options_mut().patience =
                Patience { success_switches_on: false, ..Patience::default().scaled(TIMES_FASTER) }
        });
        side.checked().await;
        side
    }

    async fn start_with(nats: Option<(&NatsServer, usize)>, keeper_every_s: u32) -> Self {
        let (company, gateway) = (Company::new(REQUESTS_PER_MINUTE).await, Gateway::open().await);
        let webhooks = format!("http://{}/webhooks/{ACCOUNT}", gateway.address());
        let nats_url = nats.map(|(server, _)| server.url());
        company.configure(|text| configuration(&text, &gateway, keeper_every_s, nats_url));
        company.aircall(|api| api.connect_webhook(&format!("{webhooks}/aircall")));
        let fleet = match nats {
            Some((_, count)) => Fleet::of_each(count, company.folder(), gateway).await,
            None => Fleet::alone(company.folder(), gateway).await,
        };
        let connected = company.front().connect_webhook(&format!("{webhooks}/front")).await;
        connected.expect("the engine takes Front's webhook");
        Self { company, fleet }
    }

    async fn status(&self, role: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for path in self.fleet.paths(role) {
            let ran = self.company.run(&["status", "--path", path, "--format", "json"]).await;
            all.push(ran.with_code(0).json()["accounts"][ACCOUNT].clone());
        }
        all
    }

    /// Returns when `is_so` of what each process of this role says.
    async fn until(&self, role: &str, is_so: impl Fn(&Value) -> bool) {
        let started = Instant::now();
        loop {
            let status = self.status(role).await;
            if status.iter().all(&is_so) {
                return;
            }
            assert!(started.elapsed() < QUIET_MAX, "it never comes to that: {status:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Aircall's webhook was looked at, and is good.
    async fn checked(&self) {
        self.until("reader", |status| status["live"]["reader"]["webhook_good"] == true).await;
    }

    /// So many calls are logged, nothing waits, and Front has so many comments.
    async fn rests(&self, calls: u64, comments: usize) {
        wait_for("the comments", || self.comments() >= comments).await;
        self.until("projector", has_logged(calls)).await;
    }

    fn comments(&self) -> usize {
        self.company.ledger().conversations.iter().map(|row| row.comments.len()).sum()
    }

    fn shown(&self) -> Shown {
        shown(&self.company.ledger())
    }

    fn act(&self, act: &Act) {
        let now_ms = self.company.front().clock().now_ms();
        let acted = self.company.front().front(|front| front.act(now_ms, act));
        acted.unwrap_or_else(|error| panic!("{act:?}: {error}"));
    }

    fn is_webhook_on(&self) -> bool {
        self.company.aircall(|api| api.webhooks().iter().all(|webhook| webhook.active))
    }

    /// Every webhook of Aircall's is taken or given up.
    async fn has_delivered(&self) {
        wait_for("Aircall's webhooks", || self.company.aircall(|api| api.deliveries_open()) == 0).await;
    }

    /// Every webhook of Front's is taken.
    async fn has_heard(&self) {
        let heard = || self.company.ledger().webhooks.iter().all(|webhook| webhook.delivered);
        wait_for("Front's webhooks", heard).await;
    }

    /// The log has an event about this caller's conversation that Front was asked for.
    async fn has_polled(&self, caller: &str) {
        let handle = caller.replace(' ', "");
        let conversation = self.company.front().front(|front| front.conversation_with(&handle));
        let conversation = conversation.expect("the caller has a conversation");
        let path = self.fleet.paths("projector")[0];
        let started = Instant::now();
        loop {
            let ran = self.company.run(&["log", "tail", "--path", path, "--format", "json"]).await;
            let records = lines_of(&ran.with_code(0));
            let mut polled = records.iter().filter(|record| record["kind"] == "front.polled");
            if polled.any(|record| record.to_string().contains(&conversation)) {
                return;
            }
            assert!(started.elapsed() < QUIET_MAX, "Front is never asked what people did");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A replay of the log gives each projector's state.
    async fn verify(&self) {
        let mut hashes = Vec::new();
        for path in self.fleet.paths("projector") {
            let words = ["replay", "--verify", "--format", "json", "--path", path];
            hashes.push(self.company.run(&words).await.with_code(0).json()["live_hash"].clone());
        }
        hashes.dedup();
        assert_eq!(hashes.len(), 1, "several states of one log: {hashes:?}");
    }
}

fn configuration(text: &str, gateway: &Gateway, keeper_every_s: u32, nats: Option<String>) -> String {
    let front = "signing_key = { env = \"FRONT_SIGNING_KEY\" }\nevents_poll_seconds = 5\ndefault_inbox";
    let text = text
        .replace(NOWHERE, &format!("http://{}", gateway.address()))
        .replace("[account.front]", &format!("webhook_check_seconds = {keeper_every_s}\n[account.front]"))
        .replace("default_inbox", front);
    let text = text + "[account.calls]\ntags = \"front_tags\"\n[account.timing]\ngrace_seconds = 1\n";
    match nats {
        // Claims of the killed lapse soon.
        Some(url) => {
            let log = "backend = \"jetstream\"\nack_wait_seconds = 5\n";
            text.replace("[http]", &format!("{log}[log.jetstream]\nurl = \"{url}\"\n[http]"))
        }
        None => text,
    }
}

async fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < QUIET_MAX, "{what}: it never comes to that");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// One day on two sides: one of them has an outage.
struct Drill {
    day: Day,
    /// Where nothing goes wrong.
    calm: Side,
    hit: Side,
}

impl Drill {
    /// Lets events happen on both sides, each at its second.
    async fn happen(&self, mut events: Vec<CallEvent>) {
        events.sort_by_key(|event| event.at_s);
        for event in events {
            let until_ms = u64::try_from(event.at_s * 1_000 - self.calm.company.front().clock().now_ms());
            tokio::time::sleep(Duration::from_millis(until_ms.unwrap_or(0))).await;
            for side in [&self.calm, &self.hit] {
                side.company.happen(&event.body.to_string());
            }
        }
        self.calm.has_delivered().await;
    }

    /// People act on both sides, and the calm one hears of it.
    async fn act(&self, acts: &[Act]) {
        for act in acts {
            self.calm.act(act);
            self.hit.act(act);
            tokio::time::sleep(BETWEEN_ACTS).await;
        }
        self.calm.has_heard().await;
    }

    async fn calm_rests(&self, comments: usize) {
        self.calm.rests(self.day.calls(), comments).await;
    }

    /// Calls come; everything is killed while the last of them are on their way into Front.
    async fn before(&mut self) {
        let events = self.day.morning(now_s() + 1);
        self.happen(events).await;
        self.hit.has_delivered().await;
        self.calm_rests(0).await;
        self.hit.rests(self.day.calls(), 0).await;
        let events = self.day.last_before(now_s() + 1);
        self.happen(events).await;
        self.hit.has_delivered().await;
        self.hit.fleet.kill().await;
        self.calm_rests(0).await;
    }

    /// Both sides go on without it, until Aircall has lost its patience.
    async fn outage(&mut self) {
        let acts = self.day.first_acts();
        self.act(&acts).await;
        let events = self.day.during(now_s() + 1);
        self.happen(events).await;
        self.calm_rests(2).await;
        let acts = self.day.second_acts();
        self.act(&acts).await;
        let events = self.day.afternoon(now_s() + 1);
        self.happen(events).await;
        self.calm_rests(3).await;
        wait_for("Aircall's patience", || !self.hit.is_webhook_on()).await;
        self.hit.has_delivered().await;
    }

    /// Aircall's API fails at first, and its retries of one call come through, after what people did has become known.
    async fn a_call_comes_first(&mut self) {
        self.hit.company.aircall(|api| api.plan_failures(u32::MAX));
        self.hit.fleet.start_again(self.hit.company.folder()).await;
        self.hit.has_polled(CALLS_AGAIN_FIRST).await;
        let balancer = Balancer::new();
        balancer.add(self.hit.fleet.gateway().address());
        for event in self.day.first_after(now_s() - 10) {
            let body = event.body.to_string();
            self.calm.company.happen(&body);
            self.hit.company.aircall(|api| api.give_call(&event.body));
            balancer.deliver(ACCOUNT, &body).await;
        }
        let in_front = |row: &&_| is_of(row, "301:duration");
        wait_for("call 301", || self.hit.company.ledger().messages().iter().any(in_front)).await;
        self.calm_rests(3).await;
        self.hit.company.aircall(|api| api.plan_failures(0));
    }

    /// The keeper does what is needed, and a usual evening follows.
    async fn after(&mut self) {
        // A comment is lost for good.
        self.hit.rests(self.day.calls(), 2).await;
        assert!(self.hit.is_webhook_on(), "it is on again");
        let events = self.day.evening(now_s() + 1);
        self.happen(events).await;
        self.hit.has_delivered().await;
        self.calm_rests(4).await;
        self.hit.rests(self.day.calls(), 3).await;
    }
}

fn is_of(row: &calltrail_simulator::front::MessageEntry, part: &str) -> bool {
    row.external_id == format!("calltrail:{ACCOUNT}:{part}")
}

/// One thing that is otherwise after an outage.
struct Cost {
    why: &'static str,
    what: &'static str,
    /// What stands there after it, from what stands there without.
    becomes: fn(&str) -> String,
}

/// What every outage costs: see `docs/MAPPING.md`, "History and what was missed".
const COSTS: &[Cost] = &[
    Cost {
        why: "Aircall's API does not tell who rang",
        what: "+447700900312, 209:call, text",
        becomes: |text| without(text, &["Rang: "]),
    },
    Cost {
        why: "Aircall's API does not tell of transfers, nor who had the call first",
        what: "+447700900311, 205:call, text",
        becomes: |text| without(text, &["Answered by: ", "Transferred to: "]),
    },
    Cost {
        why: "a tag that was given after the call is there when the call is read",
        what: "+447700900311, 205:call, text",
        becomes: |text| text.replace("Aircall #205", "Tags: Refund  \nAircall #205"),
    },
    Cost {
        why: "calls that began more than 14 hours before the gap are not read again",
        what: "+447700900308, comments",
        becomes: |_| String::new(),
    },
    Cost {
        why: "whom a person assigned is not known when an earlier call is read",
        what: "+447700900309, assignee",
        becomes: |text| text.replace("tea_3", "tea_2"),
    },
];
/// What it costs besides when a later call of the same caller was logged before the missed one is read.
const COSTS_OF_ORDER: &[Cost] = &[
    Cost {
        why: "the later call opens the segment",
        what: "+447700900307, 301:call, subject",
        becomes: |_| LATER_SUBJECT.to_owned(),
    },
    Cost {
        why: "the later call opens the segment, for each of its parts",
        what: "+447700900307, 301:duration, subject",
        becomes: |_| LATER_SUBJECT.to_owned(),
    },
    Cost {
        why: "the missed call goes into the segment of the later one",
        what: "+447700900307, 207:call, subject",
        becomes: |_| LATER_SUBJECT.to_owned(),
    },
    Cost {
        why: "the missed call comes after the later one",
        what: "+447700900307, order",
        becomes: |_| "107:call 301:call 301:duration 207:call".to_owned(),
    },
];
const LATER_SUBJECT: &str = "Inbound call - Support line";

fn without(text: &str, starts: &[&str]) -> String {
    let is_kept = |line: &&str| !starts.iter().any(|start| line.starts_with(start));
    text.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
}

fn check_costs(calm: &Side, hit: &Side, costs: &[&Cost]) {
    let mut expect = calm.shown();
    for cost in costs {
        let text =
            expect.get_mut(cost.what).unwrap_or_else(|| panic!("{}: {} is not there", cost.why, cost.what));
        let becomes = (cost.becomes)(text);
        assert_ne!(*text, becomes, "{}: {} costs nothing", cost.why, cost.what);
        *text = becomes;
    }
    let found = hit.shown();
    let differences = differences(&expect, &found);
    assert!(differences.is_empty(), "otherwise than without an outage, and not named: {differences:#?}");
}

async fn drill(nats: Option<(&NatsServer, usize)>, comes_first: bool) {
    let _turn = TURN.lock().await;
    let (calm, hit) = tokio::join!(Side::calm(), Side::hit(nats));
    let mut drill = Drill { day: Day::of(SEED), calm, hit };
    drill.before().await;
    drill.outage().await;
    if comes_first {
        drill.a_call_comes_first().await;
    } else {
        drill.hit.fleet.start_again(drill.hit.company.folder()).await;
    }
    drill.after().await;
    let Drill { calm, hit, .. } = drill;
    for side in [&calm, &hit] {
        side.verify().await;
    }
    let is_told = |status: &Value| {
        let reader = &status["live"]["reader"];
        reader["webhook_mended"] == 1
            && reader["recoveries"].as_u64() >= Some(1)
            && reader["conditions"] == Value::Array(Vec::new())
    };
    hit.until("reader", is_told).await;
    let costs: Vec<_> = COSTS.iter().chain(COSTS_OF_ORDER.iter().filter(|_| comes_first)).collect();
    check_costs(&calm, &hit, &costs);
    calm.fleet.terminate().await;
    let said = hit.fleet.terminate().await;
    for line in ["it is on again", "webhooks were missed; the calls are read from aircall"] {
        assert!(said.contains(line), "no line says {line:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_log_recovers_from_a_day_without_anybody() {
    drill(None, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_of_each_role_recovers_from_a_day_without_anybody() {
    drill(Some((&NatsServer::start(), 1)), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_of_each_role_recover_from_a_day_without_anybody() {
    drill(Some((&NatsServer::start(), 2)), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_of_each_role_recover_from_a_day_without_anybody() {
    drill(Some((&NatsServer::start(), 3)), true).await;
}
