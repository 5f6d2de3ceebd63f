//! How far each part has come, and what waits or was refused.

use std::collections::BTreeMap;
use std::fmt;

use calltrail_domain::state::Account;
use calltrail_domain::time::Timestamp;
use calltrail_domain::vocabulary;
use calltrail_front_writer::{Counters, Lasting};
use calltrail_ingest::{ConnectionsNow, CountersNow, SpoolNow};
use calltrail_projector::Pending;
use serde::{Deserialize, Serialize};

use crate::engine::{Role, Stores, TokenStatus};
use crate::history::{History, parties};
use crate::output::OneLine;
use crate::reader_status::ReaderStatus;
use crate::trail::clock_time;

/// What `calltrail status` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    /// A process runs on this folder; its counters count since it started.
    pub running: bool,
    /// What only a running process knows of itself.
    #[serde(default)]
    pub process: Option<ProcessStatus>,
    /// The sequence of the last record: so many were ever appended. None while the log is out of reach, and from a
    /// process that does not read it.
    pub records: Option<u64>,
    /// The sequence up to which the running projector has folded. None while that is more than the log has, because the log
    /// was restored: it is folded again.
    pub folded: Option<u64>,
    pub accounts: BTreeMap<String, AccountStatus>,
}

/// What a running process knows of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProcessStatus {
    pub role: Role,
    /// Why it cannot do its part now; nothing when it can.
    pub not_ready: Vec<String>,
    /// The projector has folded what was in the log when it started. None without a projector.
    pub caught_up: Option<bool>,
    /// The connection to the servers of the log. None when the log is a file of this process.
    pub connection: Option<ConnectionStatus>,
    /// The webhooks that wait for the log. None where they go straight into it, or where none are received.
    pub spool: Option<SpoolStatus>,
    /// Room on the disk of `log.path`.
    pub disk_free_bytes: Option<u64>,
    /// Webhooks are refused because that is too little. None where the log is elsewhere: then the spool says so.
    #[serde(default)]
    pub disk_short: Option<bool>,
    /// Requests to the receivers that belong to no account. None where none are received.
    #[serde(default)]
    pub elsewhere: Option<CountersNow>,
    /// Connections to the receivers. None where none are received.
    #[serde(default)]
    pub connections: Option<ConnectionsNow>,
}

/// How the connection to the servers of the log is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ConnectionStatus {
    pub connected: bool,
    /// Times that it was made again.
    pub reconnects: u64,
    /// How long it has been lost, or sought for from the start on. None while it stands.
    pub disconnected_ms: Option<u64>,
}

/// What the spool holds and has done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpoolStatus {
    #[serde(flatten)]
    pub now: SpoolNow,
    /// How long the oldest record has waited; 0 when none waits.
    pub oldest_ms: u64,
}

/// One account's part.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AccountStatus {
    /// It is in the configuration. One that is not, and is in the log, has been removed or renamed.
    #[serde(default = "yes")]
    pub configured: bool,
    /// What the folded log says; nothing from a process that folds none, or is too busy to tell.
    #[serde(flatten)]
    pub folded: Option<FoldedStatus>,
    pub live: Option<Live>,
}

/// What the folded log says of an account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FoldedStatus {
    /// Calls logged, by type.
    pub logged: BTreeMap<String, u64>,
    /// Calls left out, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Activities and changes that Front refused for good.
    pub rejected: u64,
    /// Calls that wait for a decision, their first one or about what came late.
    pub waiting_calls: usize,
    /// When the latest record came of the one that has waited longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    /// Decided effects that are not settled in Front.
    pub pending_effects: usize,
    /// Work items that were published again and again without an effect of them being settled.
    #[serde(default)]
    pub lost_items: usize,
    /// Work items that the outbox refuses for now.
    #[serde(default)]
    pub refused_publications: usize,
    /// Work items and decisions that are too large to pass.
    #[serde(default)]
    pub too_large: usize,
    /// Records of decisions, folded since the process began, that were made before the log was restored: they do not count.
    #[serde(default)]
    pub stale_decisions: u64,
    /// Records of a later release, which this one cannot read: nothing is decided while there are any.
    #[serde(default)]
    pub later_records: u64,
    /// The vocabulary of a release that can read all of the log.
    #[serde(default)]
    pub needs_vocabulary: Option<u32>,
}

/// What only a running process knows, each of its parts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Live {
    /// The recorded policy is not what the configuration of this process says. None without a projector.
    #[serde(default)]
    pub policy_differs: Option<bool>,
    #[serde(default)]
    pub webhooks: Option<CountersNow>,
    /// Where it is not configured, and webhooks are received.
    #[serde(default)]
    pub webhook_token: Option<TokenStatus>,
    /// What is read from Aircall, where this process does so.
    #[serde(default)]
    pub reader: Option<ReaderStatus>,
    #[serde(flatten)]
    pub writer: Option<WriterStatus>,
}

/// What a writer counts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WriterStatus {
    /// Requests to Front, by kind and class of answer.
    pub requests: BTreeMap<String, u64>,
    pub requests_total: u64,
    /// Effects, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Work items given back, by reason.
    pub releases: BTreeMap<String, u64>,
    /// Time spent waiting for slots of the budget, all workers together.
    #[serde(default)]
    pub budget_wait_ms: u64,
    /// Effects in flight that were taken over from another claim.
    #[serde(default)]
    pub takeovers: u64,
    /// Fences that another writer changed first.
    #[serde(default)]
    pub conflicts: u64,
    /// Comments that stand in Front more than once, since the start.
    #[serde(default)]
    pub duplicate_comments: u64,
    /// Work items whose effects the fence knew and the log did not, since the start.
    #[serde(default)]
    pub newer_fences: u64,
    /// Events of Front that a poll brought, since the start.
    #[serde(default)]
    pub polled_events: u64,
    /// What only an operator can repair, and work waits for.
    #[serde(default)]
    pub conditions: Vec<ConditionStatus>,
}

/// Something that only an operator can repair.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConditionStatus {
    /// Which kind: `unknown_inbox`.
    pub condition: String,
    /// The inbox, the right or the conversation that it is about.
    pub subject: String,
    /// What is wrong and what to do.
    pub wrong: String,
    /// Since when, in seconds since the Unix epoch.
    pub since: i64,
    pub lasting_s: u64,
}

impl ConditionStatus {
    pub(crate) fn of(lasting: &Lasting, now: Timestamp) -> Self {
        Self {
            condition: lasting.condition.word().to_owned(),
            subject: lasting.condition.subject().to_owned(),
            wrong: lasting.condition.to_string(),
            since: lasting.since.as_seconds(),
            lasting_s: now.since(lasting.since).as_secs(),
        }
    }
}

impl Status {
    /// The status of a log that no process of this folder works on.
    pub(crate) async fn at_rest(stores: &Stores) -> anyhow::Result<Self> {
        let records = Some(stores.tail().await?);
        let history = History::of(&*stores.log).await?;
        let mut accounts = BTreeMap::new();
        for (name, state) in &history.accounts {
            let mut pending = Pending::default();
            for (_, party) in parties(state) {
                pending.add(state, &party)?;
            }
            let folded = Some(FoldedStatus::new(&state.account()?, pending));
            accounts.insert(name.clone(), AccountStatus { configured: true, folded, live: None });
        }
        Ok(Self { version: version(), running: false, process: None, records, folded: None, accounts })
    }

    /// Calls that wait for a decision and effects that wait for Front, of all accounts; none when that is not told.
    #[must_use]
    pub fn waiting(&self) -> Option<usize> {
        let waiting = |account: &AccountStatus| {
            account.folded.as_ref().map(|folded| folded.waiting_calls + folded.pending_effects)
        };
        self.accounts.values().map(waiting).sum()
    }

    /// True when every record is folded.
    #[must_use]
    pub fn is_folded(&self) -> bool {
        self.records.is_some() && self.folded >= self.records
    }
}

impl SpoolStatus {
    pub(crate) fn of(spool: SpoolNow, now: Timestamp) -> Self {
        let waited = spool.oldest_at.map(|oldest_at| now.since(oldest_at)).unwrap_or_default();
        Self { now: spool, oldest_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX) }
    }
}

impl FoldedStatus {
    /// The parts put together.
    #[must_use]
    pub fn new(account: &Account, pending: Pending) -> Self {
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let logged = account.logged.iter();
        Self {
            logged: logged.map(|(call_type, count)| (word(serde_json::json!(call_type)), *count)).collect(),
            left_out: account.left_out.iter().map(|(why, count)| (why.as_str().to_owned(), *count)).collect(),
            rejected: account.rejected,
            waiting_calls: pending.calls,
            waiting_since: pending.waiting_since,
            pending_effects: pending.effects,
            lost_items: pending.lost_items,
            refused_publications: pending.troubles.refused_publications,
            too_large: pending.troubles.too_large,
            stale_decisions: pending.troubles.stale_decisions,
            later_records: account.later.map_or(0, |later| later.count),
            needs_vocabulary: account.later.map(|later| later.needs),
        }
    }
}

impl WriterStatus {
    pub(crate) fn of(counters: &Counters, now: Timestamp) -> Self {
        let named = |counts: Vec<(&'static str, u64)>| {
            counts.into_iter().map(|(word, n)| (word.to_owned(), n)).collect()
        };
        let requests = counters.requests().into_iter();
        Self {
            requests: requests.map(|(kind, class, n)| (format!("{kind} {class}"), n)).collect(),
            requests_total: counters.requests_total(),
            outcomes: named(counters.outcomes()),
            releases: named(counters.releases()),
            budget_wait_ms: counters.budget_wait_ms(),
            takeovers: counters.takeovers(),
            conflicts: counters.conflicts(),
            duplicate_comments: counters.duplicate_comments(),
            newer_fences: counters.newer_fences(),
            polled_events: counters.polled_events(),
            conditions: counters.conditions().iter().map(|one| ConditionStatus::of(one, now)).collect(),
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
        let state = match &self.process {
            Some(process) if process.role == Role::Up => "running".to_owned(),
            Some(process) => format!("{}, running", process.role),
            None => "not running".to_owned(),
        };
        writeln!(f, "calltrail {} ({state})", self.version)?;
        for reason in self.process.iter().flat_map(|process| &process.not_ready) {
            writeln!(f, "not ready   {reason}")?;
        }
        let folded = self.folded.map(|folded| format!(", folded up to {folded}")).unwrap_or_default();
        let process = self.process.as_ref();
        let connection = process.and_then(|process| process.connection);
        match (self.records, connection) {
            (Some(records), _) => writeln!(f, "log         {records} records{folded}")?,
            // Not every role reads the log.
            (None, Some(connection)) if connection.connected => writeln!(f, "log         connected{folded}")?,
            (None, _) => writeln!(f, "log         out of reach{folded}")?,
        }
        if let Some(spool) = process.and_then(|process| process.spool.as_ref()) {
            spool.fmt(f)?;
        }
        if let Some(elsewhere) = process.and_then(|process| process.elsewhere.as_ref())
            && elsewhere.received > 0
        {
            let refused = refusals(elsewhere);
            writeln!(
                f,
                "no account  {} requests refused: {refused}; compare the address",
                elsewhere.received
            )?;
        }
        for (name, account) in &self.accounts {
            writeln!(f, "\naccount {name}")?;
            if !account.configured {
                row(f, "removed", "it is in the log, and in the configuration no more: its work waits")?;
            }
            if self.folded.is_some() && account.folded.is_none() {
                row(f, "waiting", "not known: the projector is busy, or waits for the log")?;
            }
            account.folded.iter().try_for_each(|folded| folded.fmt(f))?;
            account.live.iter().try_for_each(|live| live.fmt(f))?;
        }
        Ok(())
    }
}

impl fmt::Display for SpoolStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SpoolNow { records, bytes, forwarded, set_aside, .. } = &self.now;
        let waited = self.oldest_ms / 1_000;
        writeln!(
            f,
            "spool       {records} records ({bytes} bytes) wait, the oldest for {waited} s; {forwarded} are in the log"
        )?;
        if *set_aside > 0 {
            writeln!(f, "set aside   {set_aside} records that the log refuses; see the log of the process")?;
        }
        Ok(())
    }
}

impl fmt::Display for FoldedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, "logged", &counts(&self.logged))?;
        row(f, "left out", &counts(&self.left_out))?;
        if self.rejected > 0 {
            let rejected = format!(
                "{} effects, for good; `calltrail dead-letters list` says which and why",
                self.rejected
            );
            row(f, "rejected", &rejected)?;
        }
        let since = self.waiting_since.map(|since| format!(", the first since {}", clock_time(since)));
        let waiting = format!(
            "{} calls for a decision{}, {} effects for Front",
            self.waiting_calls,
            since.unwrap_or_default(),
            self.pending_effects
        );
        row(f, "waiting", &waiting)?;
        if self.lost_items > 0 {
            let lost =
                format!("{} work items, published again and again; see CalltrailItemsLost", self.lost_items);
            row(f, "lost", &lost)?;
        }
        if self.refused_publications > 0 {
            row(f, "refused", &format!("{} work items, by the outbox, for now", self.refused_publications))?;
        }
        if self.too_large > 0 {
            row(
                f,
                "too large",
                &format!("{} work items or decisions; see the log of the process", self.too_large),
            )?;
        }
        if self.stale_decisions > 0 {
            let stale =
                format!("{} records from before the log was restored; decided again", self.stale_decisions);
            row(f, "stale", &stale)?;
        }
        if let Some(needs) = self.needs_vocabulary {
            let later = format!(
                "{} records of a later release (vocabulary {needs}, this one has {}); nothing is decided, see \
                 CalltrailLaterRecords",
                self.later_records,
                vocabulary::VERSION
            );
            row(f, "later", &later)?;
        }
        Ok(())
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.policy_differs == Some(true) {
            row(f, "policy", "another one decides than this process is configured with")?;
        }
        if let Some(condition) = self.webhook_token.as_ref().and_then(TokenStatus::condition) {
            row(f, "aircall", &condition)?;
        }
        if let Some(webhooks) = &self.webhooks {
            let refused = refusals(webhooks);
            let received =
                format!("{} received, {} stored, refused: {refused}", webhooks.received, webhooks.stored);
            row(f, "webhooks", &received)?;
            if webhooks.unreadable_calls > 0 {
                let calls =
                    format!("{} webhooks about calls, kept in the log alone", webhooks.unreadable_calls);
                row(f, "unreadable", &calls)?;
            }
            if webhooks.unreadable_times > 0 {
                row(f, "unreadable", &format!("times in {} webhooks", webhooks.unreadable_times))?;
            }
        }
        self.reader.iter().try_for_each(|reader| reader.rows().iter().try_for_each(|(a, b)| row(f, a, b)))?;
        self.writer.iter().try_for_each(|writer| writer.fmt(f))
    }
}

impl fmt::Display for WriterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ConditionStatus { wrong, lasting_s, .. } in &self.conditions {
            row(f, "waits", &format!("for {lasting_s} s for an operator: {wrong}"))?;
        }
        row(f, "requests", &format!("{} to Front: {}", self.requests_total, counts(&self.requests)))?;
        row(f, "effects", &counts(&self.outcomes))?;
        row(f, "given back", &counts(&self.releases))?;
        if self.duplicate_comments > 0 {
            let twice = format!("{} comments, see the log of the process", self.duplicate_comments);
            row(f, "twice", &twice)?;
        }
        if self.newer_fences > 0 {
            row(
                f,
                "log behind",
                &format!("{} items were done again, see the log of the process", self.newer_fences),
            )?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, label: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {label:<10} {}", OneLine(value))
}

fn refusals(webhooks: &CountersNow) -> String {
    let refused = webhooks.refused.iter();
    counts(&refused.map(|(reason, count)| (reason.as_str().to_owned(), *count)).collect())
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let shown: Vec<_> =
        counts.iter().filter(|(_, count)| **count > 0).map(|(word, n)| format!("{n} {word}")).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

/// Earlier releases told of configured accounts alone.
fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use calltrail_domain::state::{Account, LaterRecords};
    use calltrail_projector::Pending;

    use super::FoldedStatus;

    #[test]
    fn records_of_a_later_release_are_shown() {
        let shown = |later| {
            let account = Account { later, ..Account::default() };
            FoldedStatus::new(&account, Pending::default()).to_string()
        };
        assert!(!shown(None).contains("later"));
        let status = shown(Some(LaterRecords { count: 2, last: 8, needs: 3 }));
        assert!(status.contains("2 records of a later release (vocabulary 3, this one has"), "{status}");
    }
}
