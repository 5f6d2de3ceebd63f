//! A spool and the log behind it, which goes wrong in the ways that a test says.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};
use calltrail_ingest::{ForwardLimits, Forwarder, Intake, ServerLimits, Spool, SpoolNow, SpoolOptions};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::site::{EVENT, NOW, Site};

/// Only a spool that is stuck makes a test wait so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short waits, so that much goes wrong in little time.
pub(crate) const IMPATIENT: ForwardLimits = ForwardLimits {
    timeout: Duration::from_millis(20),
    pause_min: Duration::from_millis(1),
    pause_max: Duration::from_millis(4),
    flush_timeout: Duration::from_millis(200),
};

/// What becomes of a group.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Taken,
    /// It is taken, and answered with an error.
    TakenWithoutAnswer,
    Refused(LogError),
    Hangs,
}

type Plan = Box<dyn FnMut(&[u64]) -> Fate + Send>;

/// A log on another machine: it takes a group under one id once, and holds the senders to that.
pub(crate) struct Elsewhere {
    plan: Mutex<Plan>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// Every group that was ever sent, by its id.
    sent: BTreeMap<String, Vec<NewRecord>>,
    taken: BTreeMap<String, ()>,
    records: Vec<NewRecord>,
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elsewhere").finish_non_exhaustive()
    }
}

impl Elsewhere {
    /// The plan is told the calls in a group, and says what becomes of it.
    pub(crate) fn new(plan: impl FnMut(&[u64]) -> Fate + Send + 'static) -> Arc<Self> {
        Arc::new(Self { plan: Mutex::new(Box::new(plan)), inside: Mutex::default() })
    }

    pub(crate) fn change(&self, plan: impl FnMut(&[u64]) -> Fate + Send + 'static) {
        *self.plan.lock().expect("no test panics with it") = Box::new(plan);
    }

    /// The calls that it has of an account, in order.
    pub(crate) fn calls(&self, account: &str) -> Vec<u64> {
        self.inside().records.iter().filter(|record| record.account == account).map(call_of).collect()
    }

    /// The ids under which groups were sent.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.inside().sent.keys().cloned().collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("no test panics with it")
    }

    fn take(&self, id: &str, group: Vec<NewRecord>) {
        let mut inside = self.inside();
        if inside.taken.insert(id.to_owned(), ()).is_none() {
            inside.records.extend(group);
        }
    }
}

#[async_trait]
impl EventLog for Elsewhere {
    async fn append(&self, _group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        panic!("what is forwarded has an id");
    }

    async fn append_once(&self, id: &str, group: Vec<NewRecord>) -> Result<(), LogError> {
        let before = self.inside().sent.insert(id.to_owned(), group.clone());
        assert!(before.is_none_or(|before| before == group), "{id} is used for two groups");
        let calls: Vec<u64> = group.iter().map(call_of).collect();
        let fate = (*self.plan.lock().expect("no test panics with it"))(&calls);
        match fate {
            Fate::Taken => self.take(id, group),
            Fate::TakenWithoutAnswer => {
                self.take(id, group);
                return Err(LogError::storage("the connection broke"));
            }
            Fate::Refused(refusal) => return Err(refusal),
            Fate::Hangs => pending().await,
        }
        Ok(())
    }

    async fn read_after(&self, _sequence: u64, _max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        panic!("a forwarder does not read the log");
    }

    async fn tail(&self) -> Result<u64, LogError> {
        panic!("a forwarder does not ask for the tail");
    }

    async fn erase(&self, _sequences: &[u64]) -> Result<(), LogError> {
        panic!("a forwarder does not erase from the log");
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        panic!("a forwarder does not trim the log to {before}");
    }
}

/// A webhook about this call.
pub(crate) fn event(call: u64) -> String {
    EVENT.replace("812", &call.to_string())
}

pub(crate) fn call_in(body: &[u8]) -> u64 {
    let record = Record::decode(body).expect("ingest writes records");
    let RecordBody::AircallEvent(event) = record.body else { panic!("the tests send events of Aircall") };
    let event: Value = serde_json::from_str(&event.body).expect("events are JSON");
    event["data"]["id"].as_u64().expect("events are about calls")
}

fn call_of(record: &NewRecord) -> u64 {
    call_in(&record.body)
}

pub(crate) async fn open(folder: &Path, options: SpoolOptions) -> Spool {
    Spool::open(folder, options).await.expect("the spool opens")
}

/// Bounds that no test reaches.
pub(crate) fn roomy() -> SpoolOptions {
    SpoolOptions { disk_free_min_bytes: 0, ..SpoolOptions::default() }
}

pub(crate) async fn site_on(spool: &Spool) -> Site {
    Site::start_on(Intake::Spool(spool.clone()), ServerLimits::default(), Arc::new(|| NOW)).await
}

/// A forwarder that runs.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(spool: &Spool, log: &Arc<Elsewhere>) -> Self {
        let forwarder = Forwarder::new(spool.clone(), Arc::clone(log) as Arc<dyn EventLog>);
        let (stop, stopped) = watch::channel(false);
        Self { stop, ended: tokio::spawn(forwarder.with_limits(IMPATIENT).run(stopped)) }
    }

    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.ended).await.expect("it stops").expect("it does not panic");
    }
}

/// Waits until this holds of the spool.
pub(crate) async fn until(spool: &Spool, holds: impl Fn(&SpoolNow) -> bool) -> SpoolNow {
    let wait = async {
        loop {
            let now = spool.now();
            if holds(&now) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("stuck with {:?}", spool.now()))
}
