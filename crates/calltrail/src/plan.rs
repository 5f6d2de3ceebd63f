//! What a backfill would do, without doing it: how many calls there are, how long they take within both limits, and what
//! Front would show of the first of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use calltrail_aircall::rest::{Client, ReadCall};
use calltrail_domain::decide::decide;
use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::{Action, ConversationStatus, EffectSettled, Outcome, WorkItem};
use calltrail_domain::fact::Fact;
use calltrail_domain::fold::{Output, Place, fold};
use calltrail_domain::ids::{ContactId, ConversationId, PartyId};
use calltrail_domain::policy::Policy;
use calltrail_domain::record::{AccountCreated, AircallRead, PartyKey, RecordBody};
use calltrail_domain::state::{Account, Memory, State, StateError};
use calltrail_domain::time::Timestamp;
use calltrail_projector::fact_of;
use serde::Serialize;

use crate::jobs::span;
use crate::listing::{Pages, list};
use crate::status::FoldedStatus;

/// Subjects that are shown.
const SUBJECTS_MAX: usize = 10;
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
    let shown = Shown::of(policy, listed.calls).map_err(anyhow::Error::from)?;
    let folded = FoldedStatus::new(&shown.account, calltrail_projector::Pending::default());
    let requests_to_aircall = listed.requests - 1 + listed.total.div_ceil(PAGE_CALLS).max(1);
    let whole = |sampled: u64| (sampled * listed.total).checked_div(shown.calls).unwrap_or(0);
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
        sampled: shown.calls,
        logged: folded.logged,
        left_out: folded.left_out,
        conversations: shown.conversations,
        requests_to_front: shown.requests,
        front_s: whole(shown.requests) * 60 / limits.front.max(1),
        front_per_minute: limits.front,
        subjects: shown.subjects,
    })
}

/// The engine's fold and decisions over some calls, with a Front that does whatever it is told.
#[derive(Debug, Default)]
struct Shown {
    calls: u64,
    account: Account,
    conversations: u64,
    requests: u64,
    subjects: Vec<String>,
}

struct Dry {
    state: State<Memory>,
    sequence: u64,
    now: Timestamp,
    touched: Vec<PartyId>,
    items: Vec<WorkItem>,
    shown: Shown,
}

type Dried<T> = Result<T, StateError<Infallible>>;

impl Shown {
    fn of(policy: Policy, calls: Vec<ReadCall>) -> Dried<Self> {
        let mut dry = Dry {
            state: State::new(Memory::default()),
            sequence: 0,
            now: crate::engine::now(),
            touched: Vec::new(),
            items: Vec::new(),
            shown: Self { calls: calls.len() as u64, ..Self::default() },
        };
        dry.take(&Fact::AccountCreated(AccountCreated { party_key: PartyKey::from_random([0; 32]) }))?;
        dry.take(&Fact::PolicyChanged(policy))?;
        for call in calls {
            let read = AircallRead { number: call.number, body: call.body, history: true, update: false };
            dry.take(&fact_of(dry.now, RecordBody::AircallRead(read)))?;
            dry.run()?;
        }
        dry.shown.account = dry.state.account()?;
        Ok(dry.shown)
    }
}

impl Dry {
    fn take(&mut self, fact: &Fact) -> Dried<()> {
        self.sequence += 1;
        let place = Place { sequence: self.sequence, received_at: self.now };
        for output in fold(&mut self.state, place, fact)? {
            match output {
                Output::Publish(item) => self.items.push(item),
                Output::Touched(party) => self.touched.push(party),
            }
        }
        self.state.commit();
        Ok(())
    }

    fn run(&mut self) -> Dried<()> {
        loop {
            if let Some(party) = self.touched.pop() {
                if let Some(decision) = decide(&self.state, &party)? {
                    let (through, decisions) = (self.sequence, vec![decision]);
                    let decided = EffectsDecided { through, basis: None, decisions, complete: false };
                    self.take(&Fact::EffectsDecided(decided))?;
                }
            } else if let Some(item) = self.items.pop() {
                self.settle(&item)?;
            } else {
                return Ok(());
            }
        }
    }

    fn settle(&mut self, item: &WorkItem) -> Dried<()> {
        let conversation =
            item.conversation.clone().unwrap_or_else(|| ConversationId::new(format!("cnv_{}", item.party)));
        // One look for all imports of the item.
        self.shown.requests += 1;
        for numbered in &item.effects {
            let outcome = self.outcome(&numbered.effect.action, item, &conversation);
            self.take(&Fact::EffectSettled(EffectSettled {
                party: item.party.clone(),
                ordinal: numbered.ordinal,
                key: numbered.effect.key,
                attempts: 1,
                outcome,
            }))?;
        }
        Ok(())
    }

    fn outcome(&mut self, action: &Action, item: &WorkItem, conversation: &ConversationId) -> Outcome {
        let applied = || Outcome::Applied {
            conversation: Some(conversation.clone()),
            message_uid: None,
            at: self.now,
            unconfirmed: true,
            comment: None,
        };
        self.shown.requests += 1;
        match action {
            Action::LookUpContact(_) => {
                self.shown.requests += 1;
                let contact = ContactId::new(format!("crd_{}", item.party));
                Outcome::ContactFound { contact, created: true, replaces: None }
            }
            Action::ObserveConversation(observe) => Outcome::Observed {
                conversation: observe.conversation.clone(),
                status: ConversationStatus::Archived,
                at: self.now,
                acts: Vec::new(),
                inboxes: Vec::new(),
                contact: None,
            },
            Action::ImportActivity(import) => {
                let outcome = applied();
                if item.conversation.is_none()
                    && item.effects.first().is_some_and(|first| first.effect.action == *action)
                {
                    self.shown.conversations += 1;
                    if self.shown.subjects.len() < SUBJECTS_MAX {
                        self.shown.subjects.push(import.subject.clone());
                    }
                }
                outcome
            }
            Action::AddComment(_)
            | Action::TagConversation(_)
            | Action::AssignConversation(_)
            | Action::ReopenConversation(_) => applied(),
        }
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
