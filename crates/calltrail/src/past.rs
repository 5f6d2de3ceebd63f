//! The state as it was at a place of the log.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, ensure};
use calltrail_domain::decision::Verdict;
use calltrail_domain::ids::{CallId, PartyId};
use calltrail_domain::record::Record;
use calltrail_domain::state::{PARTY_PREFIX, State};
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::EventLog;
use calltrail_projector::{AccountPieces, Pending, Scan as _, Scratch};
use serde::{Deserialize, Serialize};

use crate::cli::{NumberOrParty, Until};
use crate::status::FoldedStatus;
use crate::trail::{clock_time, find};

/// The start of every key of a call piece.
const CALL_PREFIX: &str = "call/";
/// Records read at once where only their times matter.
const BATCH_RECORDS: usize = 1_000;

/// What `calltrail replay --until` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Past {
    /// The last record that counts.
    pub(crate) until: u64,
    pub(crate) received_at: Option<Timestamp>,
    /// Records that were folded.
    pub(crate) records: u64,
    pub(crate) state_hash: String,
    pub(crate) accounts: BTreeMap<String, FoldedStatus>,
    /// The party that was asked about, in each account that knew it.
    pub(crate) parties: Vec<PastParty>,
    #[serde(skip)]
    asked: bool,
}

/// A party as it was then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PastParty {
    pub(crate) account: String,
    pub(crate) party: PartyId,
    pub(crate) contact: Option<String>,
    pub(crate) conversation: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) calls: Vec<PastCall>,
}

/// A call as it was then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PastCall {
    pub(crate) call: CallId,
    pub(crate) verdict: String,
    /// By their keys, with what had come of each.
    pub(crate) effects: Vec<(String, String)>,
}

impl Past {
    /// Folds the log up to `until` in a store in `scratch`. `progress` hears the position, and how far it goes.
    ///
    /// # Errors
    /// When the log cannot be read, or there is no room for the scratch store.
    pub(crate) async fn of(
        log: &dyn EventLog,
        until: Until,
        asked: Option<&NumberOrParty>,
        scratch: &Path,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> anyhow::Result<Self> {
        let end = end(log, until).await?;
        let mut scratch = Scratch::new(scratch, log).await?;
        let began_at = scratch.began_at();
        ensure!(
            began_at <= end,
            "the records up to {began_at} were trimmed off the log, and only the state at {began_at} is in it; name the archive \
             with --archive"
        );
        scratch.fold_to(log, end, &mut |at| progress(at, end)).await?;
        let mut past = Self {
            until: end,
            received_at: received_at(log, end).await?,
            records: scratch.records(),
            state_hash: scratch.state_hash()?,
            accounts: BTreeMap::new(),
            parties: Vec::new(),
            asked: asked.is_some(),
        };
        for (name, state) in scratch.accounts() {
            past.accounts.insert(name.to_owned(), totals(state)?);
            if let Some(party) = asked.map(|asked| find(state, asked)).transpose()?.flatten() {
                past.parties.push(PastParty::of(name, state, party)?);
            }
        }
        Ok(past)
    }
}

/// The last record that counts: by its sequence, or the one before the first that was received later.
pub(crate) async fn end(log: &dyn EventLog, until: Until) -> anyhow::Result<u64> {
    let tail = log.tail().await.context("the log cannot be read")?;
    let time = match until {
        Until::Sequence(sequence) => return Ok(sequence.min(tail)),
        Until::Time(time) => time,
    };
    let (mut after, mut last) = (0, 0);
    while after < tail {
        let batch = log.read_after(after, BATCH_RECORDS).await.context("the log cannot be read")?;
        for record in batch.iter().take_while(|record| record.sequence <= tail) {
            if Record::decode(&record.body).is_ok_and(|record| record.received_at > time) {
                return Ok(last);
            }
            last = record.sequence;
        }
        after = batch.last().map_or(tail, |record| record.sequence);
    }
    Ok(last)
}

async fn received_at(log: &dyn EventLog, sequence: u64) -> anyhow::Result<Option<Timestamp>> {
    if sequence == 0 {
        return Ok(None);
    }
    let read = log.read_after(sequence - 1, 1).await.context("the log cannot be read")?;
    let record = read.first().filter(|record| record.sequence == sequence);
    Ok(record.and_then(|record| Record::decode(&record.body).ok()).map(|record| record.received_at))
}

fn totals(state: &State<AccountPieces>) -> anyhow::Result<FoldedStatus> {
    let mut pending = Pending::default();
    for entry in state.backing().scan(PARTY_PREFIX, None) {
        let (_, piece) = entry?;
        if let Some(party) = piece.party() {
            pending.add(state, party)?;
        }
    }
    Ok(FoldedStatus::new(&state.account()?, pending))
}

impl PastParty {
    fn of(account: &str, state: &State<AccountPieces>, id: PartyId) -> anyhow::Result<Self> {
        let (_, party) = state.party(&id)?.context("the party was just found")?;
        let thread = party.thread.as_ref();
        let mut calls = Vec::new();
        for entry in state.backing().scan(CALL_PREFIX, None) {
            let (key, piece) = entry?;
            let Some(call) = piece.call() else { continue };
            let Some(settled) = &call.settled else { continue };
            let is_ours = state.party(&settled.party)?.is_some_and(|(of, _)| of == id);
            if let Ok(number) = key[CALL_PREFIX.len()..].parse()
                && is_ours
            {
                calls.push((settled.sequence, PastCall::of(CallId(number), call)));
            }
        }
        calls.sort_by_key(|(sequence, _)| *sequence);
        Ok(Self {
            account: account.to_owned(),
            party: id,
            contact: party.contact.as_ref().map(ToString::to_string),
            conversation: thread.and_then(|thread| thread.conversation.as_ref()).map(ToString::to_string),
            status: thread.map(|thread| format!("{:?}", thread.status).to_lowercase()),
            subject: thread.map(|thread| thread.segment.subject.clone()),
            calls: calls.into_iter().map(|(_, call)| call).collect(),
        })
    }
}

impl PastCall {
    fn of(id: CallId, call: &calltrail_domain::call::Call) -> Self {
        let verdict = match &call.verdict {
            None => "waits for a decision".to_owned(),
            Some(Verdict::LeftOut { reason }) => format!("left out ({})", reason.as_str()),
            Some(Verdict::Logged(logged)) => format!("logged as {:?}", logged.subject),
            Some(Verdict::ReadFirst | Verdict::Added) => "logged".to_owned(),
        };
        let mut effects: Vec<_> = call.effects.iter().collect();
        effects.sort_by_key(|(_, effect)| effect.ordinal);
        let outcome = |outcome: &Option<_>| match outcome {
            None => "waits".to_owned(),
            Some(outcome) => word_of(outcome),
        };
        let effects = effects.into_iter().map(|(key, effect)| (key.to_string(), outcome(&effect.outcome)));
        Self { call: id, verdict, effects: effects.collect() }
    }
}

/// The name under which an outcome is stored.
fn word_of(outcome: &calltrail_domain::effect::Outcome) -> String {
    let stored = serde_json::to_value(outcome).unwrap_or_default();
    stored["outcome"].as_str().unwrap_or("settled").to_owned()
}

impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.received_at.map(|at| format!(", received {}", clock_time(at))).unwrap_or_default();
        writeln!(f, "the state at record {}{at}", self.until)?;
        writeln!(f, "{} records folded, state hash {}", self.records, self.state_hash)?;
        for (name, account) in &self.accounts {
            writeln!(f, "\naccount {name}")?;
            write!(f, "{account}")?;
        }
        if self.asked && self.parties.is_empty() {
            writeln!(f, "\nnothing was known then of what was asked about")?;
        }
        self.parties.iter().try_for_each(|party| write!(f, "\n{party}"))
    }
}

impl fmt::Display for PastParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |text: &Option<String>| text.as_deref().unwrap_or("none yet").to_owned();
        writeln!(f, "account {}, party {}", self.account, self.party)?;
        writeln!(f, "  contact       {}", or_none(&self.contact))?;
        let status = self.status.as_ref().map(|status| format!(", {status}")).unwrap_or_default();
        writeln!(f, "  conversation  {}{status}", or_none(&self.conversation))?;
        writeln!(f, "  subject       {}", or_none(&self.subject))?;
        for call in &self.calls {
            writeln!(f, "  call {}: {}", call.call, call.verdict)?;
            for (effect, outcome) in &call.effects {
                writeln!(f, "    {effect}: {outcome}")?;
            }
        }
        Ok(())
    }
}
