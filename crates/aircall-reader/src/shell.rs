//! The shell: turns at the jobs and checks of the webhook, one after the other, until told to stop.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use calltrail_aircall::rest::Client;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog, KeyValue};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::front_known::FrontKnown;
use crate::job::Job;
use crate::keeping::Keeping;
use crate::operation::{Came, Operation};
use crate::perform::{Clock, Performer};
use crate::reading::Reading;
use crate::settings::Settings;
use crate::watch::Watch;

/// What a reader is started with.
pub struct ReaderOptions {
    pub settings: Settings,
    pub client: Client,
    /// This reader's name, not given twice.
    pub reader: String,
    pub clock: Clock,
    pub front_known: Arc<dyn FrontKnown>,
    pub seen: Arc<Seen>,
}

impl std::fmt::Debug for ReaderOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReaderOptions").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a reader of this process last saw, for status and metrics.
#[derive(Debug, Default)]
pub struct Seen(Mutex<SeenNow>);

/// The same at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenNow {
    /// The job that this reader worked on last.
    pub job: Option<Job>,
    /// What the last check of this reader showed.
    pub watch: Option<Watch>,
    /// Why the last check could not be made, and since when none could.
    pub trouble: Option<(Timestamp, String)>,
    /// Requests to Aircall since the start.
    pub requests: u64,
    /// Records appended since the start.
    pub records: u64,
}

impl Seen {
    #[must_use]
    pub fn now(&self) -> SeenNow {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut SeenNow)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn count(&self, operation: &Operation) {
        match operation {
            Operation::Send(_) => self.change(|seen| seen.requests += 1),
            Operation::Append(records) => self.change(|seen| seen.records += records.len() as u64),
            _ => {}
        }
    }
}

/// Reads until told to stop. What is under way then is gone on with at the next start, or by another reader.
pub async fn run(
    options: ReaderOptions,
    log: Arc<dyn EventLog>,
    store: Arc<dyn KeyValue>,
    mut stopped: watch::Receiver<bool>,
) {
    let ReaderOptions { settings, client, reader, clock, front_known, seen } = options;
    let performer = Performer { settings: Arc::new(settings), client, log, store, clock, front_known };
    tokio::select! {
        () = read(&performer, &reader, &seen) => {}
        () = keep(&performer, &seen) => {}
        // An error means that the sender is gone, so no stop will come.
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

async fn read(performer: &Performer, reader: &str, seen: &Seen) {
    loop {
        let mut reading = Reading::new(Arc::clone(&performer.settings), reader.to_owned());
        let mut operation = reading.next(performer.now(), Came::Begun);
        let pause = loop {
            if let Operation::Rest(pause) = operation {
                break pause;
            }
            seen.count(&operation);
            let came = performer.perform(operation).await;
            operation = reading.next(performer.now(), came);
        };
        if let Some(job) = reading.job() {
            tell(performer, seen, job);
        }
        tokio::time::sleep(pause).await;
    }
}

/// One line when a job begins to fail, and one when it is over.
fn tell(performer: &Performer, seen: &Seen, job: &Job) {
    let account = &performer.settings.account;
    let before = seen.now().job.filter(|before| before.id == job.id);
    let had_trouble = before.as_ref().is_some_and(|before| before.trouble.is_some());
    match &job.trouble {
        Some(trouble) if !had_trouble => {
            warn!(%account, job = job.id, why = trouble.why, "calls cannot be read from aircall; trying again");
        }
        _ => {}
    }
    let was_over = before.is_some_and(|before| before.over_at_ms.is_some());
    if job.over_at_ms.is_some() && !was_over {
        let (id, read, unreadable, requests) = (job.id, job.read, job.unreadable, job.requests);
        info!(%account, job = id, read, unreadable, requests, "calls read from aircall");
    }
    seen.change(|seen| seen.job = Some(job.clone()));
}

async fn keep(performer: &Performer, seen: &Seen) {
    let Some(every) = performer.settings.check_every else { return std::future::pending().await };
    loop {
        let mut keeping = Keeping::new(Arc::clone(&performer.settings), every);
        let mut operation = keeping.next(performer.now(), Came::Begun);
        let pause = loop {
            if let Operation::Rest(pause) = operation {
                break pause;
            }
            seen.count(&operation);
            let came = performer.perform(operation).await;
            operation = keeping.next(performer.now(), came);
        };
        tell_check(performer, seen, &keeping);
        tokio::time::sleep(pause.max(PAUSE_MIN)).await;
    }
}

/// Between two looks whether a check is due.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// One line at the start and at the end of what is wrong, and one for each gap.
fn tell_check(performer: &Performer, seen: &Seen, keeping: &Keeping) {
    // What was known stays, so that no count falls and no fault seems repaired.
    let Some(watch) = keeping.watch() else { return };
    let (account, now, before) = (&performer.settings.account, performer.now(), seen.now());
    let fault = |watch: &Watch| watch.fault.as_ref().map(|fault| fault.what);
    let known = before.watch.as_ref();
    match (known.and_then(fault), fault(watch)) {
        (before, Some(what)) if before != Some(what) => warn!(%account, "{what}"),
        (Some(_), None) => info!(%account, "aircall's webhook is as it should be again"),
        _ => {}
    }
    // Whoever did it says so, also in the first check after a start: that is when an outage is over.
    if keeping.has_mended() {
        warn!(%account, "aircall's webhook was switched off or lacked events; it is on again");
    }
    if keeping.has_recovered() {
        warn!(%account, missed = watch.missed, "webhooks were missed; the calls are read from aircall");
    }
    if watch.gap.is_some() && known.is_none_or(|known| known.gap.is_none()) {
        warn!(%account, "webhooks were missed; run `calltrail recover`");
    }
    let trouble = keeping.trouble().map(str::to_owned);
    if let (Some(why), None) = (&trouble, &before.trouble) {
        warn!(%account, why, "the webhook cannot be checked; trying again");
    }
    seen.change(|seen| {
        seen.watch = Some(watch.clone());
        seen.trouble = trouble.map(|why| (before.trouble.map_or(now, |(since, _)| since), why));
    });
}
