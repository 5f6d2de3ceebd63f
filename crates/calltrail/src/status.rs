//! How far each part has come, and what waits or was refused.

use std::collections::BTreeMap;
use std::fmt;

use calltrail_domain::state::Account;
use calltrail_event_log::ports::EventLog;
use calltrail_projector::Pending;
use serde::{Deserialize, Serialize};

use crate::history::{History, parties};

/// What `calltrail status` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    /// An engine runs on this folder; its counters count since it started.
    pub running: bool,
    pub records: u64,
    /// The sequence up to which the running projector has folded.
    pub folded: Option<u64>,
    pub accounts: BTreeMap<String, AccountStatus>,
}

/// One account's part.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AccountStatus {
    /// Calls logged, by type.
    pub logged: BTreeMap<String, u64>,
    /// Calls left out, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Activities and changes that Front refused for good.
    pub rejected: u64,
    /// Calls that wait for a decision, their first one or about what came late.
    pub waiting_calls: usize,
    /// Decided effects that are not settled in Front.
    pub pending_effects: usize,
    pub live: Option<Live>,
}

/// What only a running engine knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Live {
    pub webhooks: calltrail_ingest::CountersNow,
    /// Requests to Front, by kind and class of answer.
    pub requests: BTreeMap<String, u64>,
    pub requests_total: u64,
    /// Effects, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Work items given back, by reason.
    pub releases: BTreeMap<String, u64>,
    /// Comments that stand in Front more than once, since the start.
    #[serde(default)]
    pub duplicate_comments: u64,
}

impl Status {
    /// The status of a folder on which nothing runs.
    pub async fn at_rest(log: &dyn EventLog) -> anyhow::Result<Self> {
        let history = History::of(log).await?;
        let mut accounts = BTreeMap::new();
        for (name, state) in &history.accounts {
            let mut pending = Pending::default();
            parties(state).iter().for_each(|(_, party)| pending.add(party));
            accounts.insert(name.clone(), AccountStatus::new(&state.account()?, pending, None));
        }
        let records = history.records;
        Ok(Self { version: version(), running: false, records, folded: None, accounts })
    }
}

impl AccountStatus {
    /// The parts put together.
    #[must_use]
    pub fn new(account: &Account, pending: Pending, live: Option<Live>) -> Self {
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let logged = account.logged.iter();
        Self {
            logged: logged.map(|(call_type, count)| (word(serde_json::json!(call_type)), *count)).collect(),
            left_out: account.left_out.iter().map(|(why, count)| (why.as_str().to_owned(), *count)).collect(),
            rejected: account.rejected,
            waiting_calls: pending.calls,
            pending_effects: pending.effects,
            live,
        }
    }
}

/// This release.
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.running { "running" } else { "not running" };
        writeln!(f, "calltrail {} ({state})", self.version)?;
        let folded = self.folded.map(|folded| format!(", folded up to {folded}")).unwrap_or_default();
        writeln!(f, "log         {} records{folded}", self.records)?;
        for (name, account) in &self.accounts {
            writeln!(f, "\naccount {name}")?;
            row(f, "logged", &counts(&account.logged))?;
            row(f, "left out", &counts(&account.left_out))?;
            if account.rejected > 0 {
                let rejected = format!(
                    "{} effects, for good; `calltrail trail` of the caller says why",
                    account.rejected
                );
                row(f, "rejected", &rejected)?;
            }
            let waiting = format!(
                "{} calls for a decision, {} effects for Front",
                account.waiting_calls, account.pending_effects
            );
            row(f, "waiting", &waiting)?;
            if let Some(live) = &account.live {
                write!(f, "{live}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused =
            self.webhooks.refused.iter().map(|(reason, count)| (reason.as_str().to_owned(), *count));
        let received = format!(
            "{} received, {} stored, refused: {}",
            self.webhooks.received,
            self.webhooks.stored,
            counts(&refused.collect())
        );
        row(f, "webhooks", &received)?;
        row(f, "requests", &format!("{} to Front: {}", self.requests_total, counts(&self.requests)))?;
        row(f, "effects", &counts(&self.outcomes))?;
        row(f, "given back", &counts(&self.releases))?;
        if self.duplicate_comments > 0 {
            let twice = format!("{} comments, see the log of the process", self.duplicate_comments);
            row(f, "twice", &twice)?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, label: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {label:<10} {value}")
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let shown: Vec<_> =
        counts.iter().filter(|(_, count)| **count > 0).map(|(word, n)| format!("{n} {word}")).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}
