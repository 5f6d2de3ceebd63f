//! Jobs: which calls are to be read, and how far that is. One value per account, shared by all readers.

use std::collections::VecDeque;
use std::time::Duration;

use calltrail_domain::ids::CallId;
use calltrail_domain::rule::{self, Rule};
use serde::{Deserialize, Serialize};

use crate::budget::millis;
use crate::limits::{CALLS_PER_JOB_MAX, CLAIM_MAX, JOBS_OPEN_MAX, JOBS_OVER_MAX, WINDOWS_MAX};

/// The jobs of an account, in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Jobs {
    /// The last id given.
    last: u64,
    jobs: Vec<Job>,
}

/// What is to be read, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub id: u64,
    pub asked: Asked,
    /// When it was asked for, by the store's clock.
    pub asked_at_ms: i64,
    /// What is left, first first.
    pub windows: VecDeque<Window>,
    /// Calls that are left to be read one by one.
    pub calls: VecDeque<CallId>,
    /// Calls that Aircall says there are, as far as it was asked.
    pub expected: u64,
    /// Calls that were read.
    pub read: u64,
    /// Calls that could not be read, that Aircall does not have, or that the log does not take.
    pub unreadable: u64,
    pub requests: u64,
    pub started_at_ms: Option<i64>,
    pub over_at_ms: Option<i64>,
    /// It was cancelled.
    #[serde(default)]
    pub cancelled: bool,
    /// Why it does not go on, in words, and since when.
    pub trouble: Option<Trouble>,
    pub claim: Option<Claim>,
}

/// What was requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub kind: Kind,
    /// Calls that began from this second until `to_s`.
    pub from_s: i64,
    pub to_s: i64,
    /// Calls that began this long before `from_s` are read for what came late.
    pub overlap_s: i64,
    /// Single calls, whenever they were.
    #[serde(default)]
    pub calls: Vec<CallId>,
    /// Calls that ended before this second are read for what came late, as those of the overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_from_s: Option<i64>,
    /// Calls that ended longer ago are history. `None`: all are.
    pub history_after_s: Option<i64>,
    pub by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Old calls, as history.
    Backfill,
    /// What was missed: after Front's events, and as if it had come in time.
    Recover,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Command,
    Keeper,
}

/// Calls that began from one second until another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub from_s: i64,
    pub to_s: i64,
    /// Only calls that the log knows.
    #[serde(default)]
    pub update: bool,
    /// Its calls are counted in what is expected.
    #[serde(default)]
    pub counted: bool,
    /// Where the page before led to, as Aircall gave it.
    #[serde(default)]
    pub page: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub since_ms: i64,
    pub why: String,
    pub failures: u32,
}

/// Who reads, by the store's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub by: String,
    pub until_ms: i64,
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("{JOBS_OPEN_MAX} jobs wait already; wait for one to end, or cancel one")]
    TooMany,
    #[error("it begins where it ends, or later; give an earlier begin")]
    Empty,
    #[error("more than {CALLS_PER_JOB_MAX} single calls; ask for them in several jobs")]
    TooManyCalls,
}

impl Asked {
    /// The windows in the order in which they are read: what came late first, since it belongs to earlier calls.
    fn windows(&self) -> VecDeque<Window> {
        let window = |from_s, to_s, update| Window { from_s, to_s, update, counted: false, page: None };
        let late = (self.overlap_s > 0).then(|| window(self.from_s - self.overlap_s, self.from_s, true));
        let own = (self.from_s < self.to_s).then(|| window(self.from_s, self.to_s, false));
        late.into_iter().chain(own).collect()
    }
}

impl Jobs {
    /// Adds a job and returns its id.
    pub fn ask(&mut self, asked: Asked, now_ms: i64) -> Result<u64, NotTaken> {
        if self.open().count() >= JOBS_OPEN_MAX {
            return Err(NotTaken::TooMany);
        }
        if asked.calls.len() > CALLS_PER_JOB_MAX {
            return Err(NotTaken::TooManyCalls);
        }
        if asked.from_s >= asked.to_s && asked.calls.is_empty() {
            return Err(NotTaken::Empty);
        }
        self.last += 1;
        self.jobs.push(Job {
            id: self.last,
            asked_at_ms: now_ms,
            windows: if asked.calls.is_empty() { asked.windows() } else { VecDeque::new() },
            calls: asked.calls.iter().copied().collect(),
            expected: asked.calls.len() as u64,
            read: 0,
            unreadable: 0,
            requests: 0,
            started_at_ms: None,
            over_at_ms: None,
            cancelled: false,
            trouble: None,
            claim: None,
            asked,
        });
        Ok(self.last)
    }

    /// Cancels a job; false when it has ended or does not exist.
    pub fn cancel(&mut self, id: u64, now_ms: i64) -> bool {
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id && job.over_at_ms.is_none()) else {
            return false;
        };
        (job.cancelled, job.over_at_ms, job.claim) = (true, Some(now_ms), None);
        true
    }

    /// All that are remembered, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Job] {
        &self.jobs
    }

    /// The job of this id.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Those that are not over.
    pub fn open(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.over_at_ms.is_none())
    }

    /// Gives `reader` the next unclaimed job, recoveries before backfills. `alone`: no other reader is running.
    pub fn take(&mut self, reader: &str, now_ms: i64, alone: bool) -> Option<Job> {
        let is_free = |job: &Job| job.over_at_ms.is_none() && (alone || job.is_free(reader, now_ms));
        let free = || self.jobs.iter().filter(|job| is_free(job));
        let id = free().find(|job| job.asked.kind == Kind::Recover).or_else(|| free().next())?.id;
        let job = self.jobs.iter_mut().find(|job| job.id == id)?;
        job.hold(reader, now_ms);
        Some(job.clone())
    }

    /// Replaces the job by what its reader made of it; false when it is that reader's no more.
    pub fn put(&mut self, job: &Job) -> bool {
        let reader = |job: &Job| job.claim.as_ref().map(|claim| claim.by.clone());
        let known = self.jobs.iter_mut().find(|known| known.id == job.id && known.over_at_ms.is_none());
        let Some(known) = known.filter(|known| reader(known) == reader(job)) else { return false };
        known.clone_from(job);
        if known.over_at_ms.is_some() {
            known.claim = None;
            self.forget();
        }
        true
    }

    fn forget(&mut self) {
        let excess = self.jobs.iter().filter(|job| job.over_at_ms.is_some()).count();
        let mut excess = excess.saturating_sub(JOBS_OVER_MAX);
        self.jobs.retain(|job| {
            let goes = job.over_at_ms.is_some() && excess > 0;
            excess -= usize::from(goes);
            !goes
        });
    }
}

impl Job {
    /// Unclaimed, or claimed by a reader that has let its claim lapse. A claim that ends too far ahead was made before the
    /// clock was set back.
    fn is_free(&self, reader: &str, now_ms: i64) -> bool {
        self.claim.as_ref().is_none_or(|claim| {
            let left_ms = claim.until_ms - now_ms;
            let has_lapsed = !(1..=millis(CLAIM_MAX)).contains(&left_ms);
            claim.by == reader || has_lapsed && rule::holds(Rule::LapsedClaimIsTakenOver)
        })
    }

    /// Notes who reads.
    pub fn hold(&mut self, reader: &str, now_ms: i64) {
        self.claim = Some(Claim { by: reader.to_owned(), until_ms: now_ms + millis(CLAIM_MAX) });
        self.started_at_ms.get_or_insert(now_ms);
    }

    /// Nothing is left to be read.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.windows.is_empty() && self.calls.is_empty()
    }

    /// Replaces the first window by its halves; false when it cannot be split.
    pub fn split(&mut self) -> bool {
        let Some(window) = self.windows.front() else { return false };
        let middle_s = window.from_s + (window.to_s - window.from_s) / 2;
        if middle_s == window.from_s || self.windows.len() >= WINDOWS_MAX {
            return false;
        }
        let Some(window) = self.windows.pop_front() else { return false };
        let half = |from_s, to_s| Window { from_s, to_s, page: None, counted: true, ..window.clone() };
        self.windows.push_front(half(middle_s, window.to_s));
        self.windows.push_front(half(window.from_s, middle_s));
        true
    }

    /// Notes that something failed; returns how long to wait.
    pub(crate) fn fail(&mut self, now_ms: i64, why: String, first: Duration, longest: Duration) -> Duration {
        let trouble =
            self.trouble.get_or_insert(Trouble { since_ms: now_ms, why: String::new(), failures: 0 });
        trouble.why = why;
        trouble.failures = trouble.failures.saturating_add(1);
        first.saturating_mul(1 << trouble.failures.saturating_sub(1).min(16)).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, By, JOBS_OPEN_MAX, JOBS_OVER_MAX, Jobs, Kind, NotTaken};

    fn asked(kind: Kind) -> Asked {
        Asked {
            kind,
            from_s: 1_000,
            to_s: 2_000,
            overlap_s: 100,
            calls: Vec::new(),
            ended_from_s: None,
            history_after_s: None,
            by: By::Command,
        }
    }

    #[test]
    fn a_recovery_goes_first_and_a_job_has_one_reader() {
        let mut jobs = Jobs::default();
        let backfill = jobs.ask(asked(Kind::Backfill), 0).expect("taken");
        let recover = jobs.ask(asked(Kind::Recover), 0).expect("taken");
        let mut taken = |reader: &str, now_ms, alone| jobs.take(reader, now_ms, alone).expect("a job");
        let first = taken("a", 0, false);
        assert_eq!(first.id, recover);
        assert_eq!(taken("b", 1, false).id, backfill);
        assert_eq!(taken("b", 1, true).id, recover, "nobody else lives");
        assert_eq!(taken("c", 30_001, false).id, recover, "the claim has lapsed");
        assert_eq!(taken("d", -1_000_000, false).id, recover, "the clock was set back");
        assert!(!jobs.put(&first), "another reader has it by now");
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let mut jobs = Jobs::default();
        jobs.ask(asked(Kind::Recover), 5).expect("taken");
        jobs.ask(Asked { calls: vec![calltrail_domain::ids::CallId(7)], ..asked(Kind::Backfill) }, 6)
            .expect("taken");
        let mut job = jobs.take("a", 7, false).expect("a job");
        job.fail(8, "Aircall is away".to_owned(), std::time::Duration::ZERO, std::time::Duration::ZERO);
        assert!(jobs.put(&job));
        let stored = serde_json::to_vec(&jobs).expect("it has a form");
        assert_eq!(serde_json::from_slice::<Jobs>(&stored).expect("it is read"), jobs);
    }

    #[test]
    fn a_window_is_split_until_it_is_a_second() {
        let mut jobs = Jobs::default();
        let id = jobs.ask(Asked { overlap_s: 0, to_s: 1_003, ..asked(Kind::Backfill) }, 0).expect("taken");
        let mut job = jobs.get(id).expect("there").clone();
        let ranges = |job: &super::Job| {
            job.windows.iter().map(|window| (window.from_s, window.to_s)).collect::<Vec<_>>()
        };
        assert!(job.split());
        assert_eq!(ranges(&job), [(1_000, 1_001), (1_001, 1_003)]);
        assert!(!job.split());
    }

    #[test]
    fn jobs_are_bounded() {
        let mut jobs = Jobs::default();
        assert_eq!(jobs.ask(Asked { to_s: 1_000, ..asked(Kind::Backfill) }, 0), Err(NotTaken::Empty));
        let ids: Vec<_> =
            (0..JOBS_OPEN_MAX).map(|_| jobs.ask(asked(Kind::Backfill), 0).expect("taken")).collect();
        assert_eq!(jobs.ask(asked(Kind::Backfill), 0), Err(NotTaken::TooMany));
        for _ in 0..3 * JOBS_OVER_MAX {
            let mut job = jobs.take("a", 0, true).expect("one is open");
            job.over_at_ms = Some(5);
            assert!(jobs.put(&job));
            jobs.ask(asked(Kind::Backfill), 0).expect("there is room again");
        }
        assert_eq!(jobs.all().len(), JOBS_OPEN_MAX + JOBS_OVER_MAX);
        assert!(jobs.get(ids[0]).is_none(), "the oldest was forgotten");
        let open = jobs.open().next().expect("one is open").id;
        assert!(jobs.cancel(open, 9) && !jobs.cancel(open, 9));
    }
}
