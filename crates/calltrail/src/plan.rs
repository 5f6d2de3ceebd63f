//! What a backfill would do, without doing it: how many calls there are, how long they take within both limits, and what
//! Front would show of the first of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use calltrail_aircall::rest::{Client, ReadCall};
use calltrail_domain::fact::Fact;
use calltrail_domain::policy::Policy;
use calltrail_domain::record::{AccountCreated, AircallRead, PartyKey, RecordBody};
use calltrail_domain::state::{Account, Memory, State, StateError};
use calltrail_domain::time::Timestamp;
use calltrail_projector::fact_of;
use serde::Serialize;

use crate::dry::{Dry, Shown};
use crate::jobs::span;
use crate::listing::{Pages, list};
use crate::status::FoldedStatus;

/// Calls of a page of Aircall's list.
const PAGE_CALLS: u64 = 50;

/// What would be done.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) account: String,
    from: String,
    to: String,
    calls: u64,
    requests_to_aircall: u64,
    aircall_per_minute: u64,
    aircall_s: u64,
    /// Calls whose effects were worked out; the figures below are of these.
    sampled: u64,
    logged: BTreeMap<String, u64>,
    left_out: BTreeMap<String, u64>,
    conversations: u64,
    requests_to_front: u64,
    /// For all calls, at the sample's rate.
    front_s: u64,
    front_per_minute: u64,
    subjects: Vec<String>,
}

/// The two limits, in requests a minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) aircall: u64,
    pub(crate) front: u64,
}

/// Asks Aircall how many calls there are, and works out what Front would show of the first page of each window.
pub(crate) async fn plan(
    client: &Client,
    account: &str,
    policy: Policy,
    (from, to): (Timestamp, Timestamp),
    limits: Limits,
) -> anyhow::Result<Plan> {
    let listed = list(client, (from, to), Pages::First, limits.aircall, |_, _| {}).await?;
    let Sample { calls, account: totals, shown } =
        Sample::of(policy, listed.calls).map_err(anyhow::Error::from)?;
    let folded = FoldedStatus::new(&totals, calltrail_projector::Pending::default());
    let requests_to_aircall = listed.requests - 1 + listed.total.div_ceil(PAGE_CALLS).max(1);
    let whole = |sampled: u64| (sampled * listed.total).checked_div(calls).unwrap_or(0);
    let time = |at: Timestamp| {
        jiff::Timestamp::from_millisecond(at.as_millis()).map(|at| at.to_string()).unwrap_or_default()
    };
    Ok(Plan {
        account: account.to_owned(),
        from: time(from),
        to: time(to),
        calls: listed.total,
        requests_to_aircall,
        aircall_per_minute: limits.aircall,
        aircall_s: requests_to_aircall * 60 / limits.aircall.max(1),
        sampled: calls,
        logged: folded.logged,
        left_out: folded.left_out,
        conversations: shown.conversations,
        requests_to_front: shown.requests,
        front_s: whole(shown.requests) * 60 / limits.front.max(1),
        front_per_minute: limits.front,
        subjects: shown.subjects,
    })
}

/// What would come of some calls.
struct Sample {
    calls: u64,
    account: Account,
    shown: Shown,
}

impl Sample {
    fn of(policy: Policy, calls: Vec<ReadCall>) -> Result<Self, StateError<Infallible>> {
        let (sampled, now) = (calls.len() as u64, crate::engine::now());
        let mut dry = Dry::after(0, State::new(Memory::default()), now);
        dry.take(&Fact::AccountCreated(AccountCreated { party_key: PartyKey::from_random([0; 32]) }))?;
        dry.take(&Fact::PolicyChanged(policy))?;
        for call in calls {
            let read = AircallRead { number: call.number, body: call.body, history: true, update: false };
            dry.take(&fact_of(now, RecordBody::AircallRead(read)))?;
            dry.run()?;
        }
        Ok(Self { calls: sampled, account: dry.state.account()?, shown: dry.shown })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = |counts: &BTreeMap<String, u64>| {
            let shown: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
            if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
        };
        writeln!(f, "plan for account {}, nothing is done", self.account)?;
        writeln!(f, "  calls       {} from {} to {}", self.calls, self.from, self.to)?;
        writeln!(
            f,
            "  Aircall     {} requests, {} at {} a minute",
            self.requests_to_aircall,
            span(self.aircall_s),
            self.aircall_per_minute
        )?;
        if self.sampled == 0 {
            return Ok(());
        }
        writeln!(
            f,
            "  Front       about {} at {} requests a minute",
            span(self.front_s),
            self.front_per_minute
        )?;
        writeln!(
            f,
            "of the first {} calls, as history (archived, without rules, nobody is assigned):",
            self.sampled
        )?;
        writeln!(f, "  logged      {}", counts(&self.logged))?;
        writeln!(f, "  left out    {}", counts(&self.left_out))?;
        writeln!(
            f,
            "  in          {} new conversations, {} requests",
            self.conversations, self.requests_to_front
        )?;
        self.subjects.iter().try_for_each(|subject| writeln!(f, "  subject     {subject}"))
    }
}
