//! Jobs of the reader, as commands ask for them and show them.

use std::fmt;
use std::time::Duration;

use calltrail_aircall_reader::{Asked, By, Job, Jobs, Kind};
use calltrail_domain::ids::AccountId;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::KeyValue;
use serde::{Deserialize, Serialize};

/// A job that a command asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub account: String,
    pub asked: Asked,
}

/// A job of an account, by its number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JobOf {
    pub account: String,
    pub id: u64,
}

/// How far a job is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobLine {
    pub account: String,
    pub id: u64,
    pub kind: Kind,
    pub by: By,
    /// RFC 3339; of a job of single calls, when it was asked for.
    pub from: String,
    pub to: String,
    pub state: JobState,
    /// Calls that were read, of so many that Aircall says there are.
    pub read: u64,
    pub expected: u64,
    /// Calls that could not be read.
    pub unreadable: u64,
    pub requests: u64,
    /// Calls a minute, and how long the rest takes at that rate.
    pub per_minute: Option<u64>,
    pub left_s: Option<u64>,
    /// Why it does not go on.
    pub trouble: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Waiting,
    Running,
    Done,
    Cancelled,
}

/// The jobs that are shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct JobLines(pub(crate) Vec<JobLine>);

impl JobLine {
    pub(crate) fn of(job: &Job, now: Timestamp) -> Self {
        let time =
            |seconds: i64| jiff::Timestamp::from_second(seconds).map(|at| at.to_string()).unwrap_or_default();
        let state = match (job.over_at_ms, job.cancelled, job.started_at_ms) {
            (Some(_), true, _) => JobState::Cancelled,
            (Some(_), false, _) => JobState::Done,
            (None, _, Some(_)) => JobState::Running,
            (None, _, None) => JobState::Waiting,
        };
        let until_ms = job.over_at_ms.unwrap_or(now.as_millis());
        let spent_ms = job.started_at_ms.map_or(0, |started| (until_ms - started).max(0)).unsigned_abs();
        let per_minute = (spent_ms >= 1_000).then(|| job.read * 60_000 / spent_ms);
        let left = job.expected.saturating_sub(job.read);
        let left_s =
            per_minute.filter(|rate| *rate > 0 && state == JobState::Running).map(|rate| left * 60 / rate);
        Self {
            account: String::new(),
            id: job.id,
            kind: job.asked.kind,
            by: job.asked.by,
            from: time(job.asked.from_s),
            to: time(job.asked.to_s),
            state,
            read: job.read,
            expected: job.expected,
            unreadable: job.unreadable,
            requests: job.requests,
            per_minute,
            left_s,
            trouble: job.trouble.as_ref().map(|trouble| trouble.why.clone()),
        }
    }

    /// True when nothing more comes of it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, JobState::Done | JobState::Cancelled)
    }
}

impl fmt::Display for JobLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Backfill => "backfill",
            Kind::Recover => "recover",
        };
        let state = match self.state {
            JobState::Waiting => "waits",
            JobState::Running => "reads",
            JobState::Done => "done",
            JobState::Cancelled => "cancelled",
        };
        write!(f, "job {}, {kind} {} to {}: {state}", self.id, self.from, self.to)?;
        write!(f, ", {} of {} calls in {} requests", self.read, self.expected, self.requests)?;
        if self.unreadable > 0 {
            write!(f, ", {} could not be read", self.unreadable)?;
        }
        if let (Some(rate), Some(left_s)) = (self.per_minute, self.left_s) {
            write!(f, ", {rate} a minute, about {} left", span(left_s))?;
        }
        if let Some(why) = self.trouble.as_ref().filter(|_| !self.is_over()) {
            write!(f, "\n    {why}")?;
        }
        Ok(())
    }
}

/// Hours and minutes, or seconds.
pub(crate) fn span(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

impl fmt::Display for JobLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "no jobs; `calltrail backfill` and `calltrail recover` make some");
        }
        self.0.iter().try_for_each(|job| writeln!(f, "account {}, {job}", job.account))
    }
}

/// Asks for a job; returns it.
pub(crate) async fn ask(store: &dyn KeyValue, wanted: &Wanted) -> anyhow::Result<JobOf> {
    let account: AccountId = wanted.account.parse()?;
    let id = calltrail_aircall_reader::ask(store, &account, &wanted.asked).await?;
    Ok(JobOf { account: wanted.account.clone(), id })
}

/// Cancels a job; false when it has ended or does not exist.
pub(crate) async fn cancel(store: &dyn KeyValue, job: &JobOf) -> anyhow::Result<bool> {
    Ok(calltrail_aircall_reader::cancel(store, &job.account.parse()?, job.id).await?)
}

/// The jobs of these accounts.
pub(crate) async fn list(store: &dyn KeyValue, accounts: &[String]) -> anyhow::Result<JobLines> {
    let now = Timestamp::from_millis(store.now_ms().await?);
    let mut lines = Vec::new();
    for account in accounts {
        let jobs: Jobs = calltrail_aircall_reader::jobs(store, &account.parse()?).await?;
        lines.extend(
            jobs.all().iter().map(|job| JobLine { account: account.clone(), ..JobLine::of(job, now) }),
        );
    }
    Ok(JobLines(lines))
}

/// How often who waits for a job looks at it.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);
