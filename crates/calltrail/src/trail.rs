//! The whole trail of one party: webhook, decision, effect, attempts, Front ids.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, bail};
use calltrail_aircall::{Outside, event_name, outside};
use calltrail_domain::decision::{Decision, Verdict};
use calltrail_domain::effect::{EffectSettled, Outcome};
use calltrail_domain::fact::{ConversationChange, Fact};
use calltrail_domain::fold::{party_of_conversation, party_of_number};
use calltrail_domain::ids::{CallId, ConversationId, EffectKey, PartyId};
use calltrail_domain::record::{AircallEvent, Record, RecordBody};
use calltrail_domain::state::{Backing, Memory, State};
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;
use calltrail_event_log::ports::{EventLog, LoggedRecord};
use calltrail_projector::translate;
use serde::{Deserialize, Serialize};

use crate::cli::NumberOrParty;
use crate::history::{History, for_each_record};
use crate::output::OneLine;

/// Said of decisions that were made on another log than this one.
const NOT_COUNTED: &str = " (made before the log was restored: it does not count)";

/// Everything that the log holds of one party, in the log's order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Trail {
    pub(crate) account: String,
    pub(crate) party: PartyId,
    pub(crate) contact: Option<String>,
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) subject: Option<String>,
    pub(crate) entries: Vec<Entry>,
}

/// One record's meaning for the party.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) received_at: Timestamp,
    pub(crate) kind: String,
    pub(crate) call: Option<CallId>,
    pub(crate) what: String,
}

impl Trail {
    /// The trails of the party in each account that knows it.
    ///
    /// # Errors
    /// When the log cannot be read, or no account knows the party.
    pub(crate) async fn of(log: &dyn EventLog, asked: &NumberOrParty) -> anyhow::Result<Vec<Self>> {
        let history = History::of(log).await?;
        let mut trails = Vec::new();
        for (account, state) in &history.accounts {
            if let Some(party) = find(state, asked)? {
                trails.push(Self::begin(account, state, party)?);
            }
        }
        if trails.is_empty() {
            bail!(
                "nothing is known of this number, call, conversation or party, or no call of it has ended yet; give a \
                 number with its country code (+44…), Aircall's id of a call, Front's of a conversation (cnv_…), or a \
                 party's name as log lines show it"
            );
        }
        for_each_record(log, |record| {
            for trail in trails.iter_mut().filter(|trail| trail.account == record.account) {
                if let Some(state) = history.accounts.get(&trail.account) {
                    let mut entry = trail.entry(state, record)?;
                    if let Some(entry) =
                        entry.as_mut().filter(|entry| history.stale.contains(&entry.sequence))
                    {
                        entry.what.push_str(NOT_COUNTED);
                    }
                    trail.entries.extend(entry);
                }
            }
            Ok(())
        })
        .await?;
        Ok(trails)
    }

    fn begin(account: &str, state: &State<Memory>, party: PartyId) -> anyhow::Result<Self> {
        let (_, entry) = state.party(&party)?.context("the party was just found")?;
        Ok(Self {
            account: account.to_owned(),
            party,
            contact: entry.contact.map(|contact| contact.to_string()),
            conversation: entry.thread.as_ref().and_then(|thread| thread.conversation.clone()),
            subject: entry.thread.map(|thread| thread.segment.subject),
            entries: Vec::new(),
        })
    }

    fn entry(&self, state: &State<Memory>, record: &LoggedRecord) -> anyhow::Result<Option<Entry>> {
        let (Ok(Record { received_at, body }), Ok((_, fact))) =
            (Record::decode(&record.body), translate(record))
        else {
            return Ok(None);
        };
        let told = self.tell(state, &body, &fact)?;
        Ok(told.map(|(call, what)| Entry {
            sequence: record.sequence,
            received_at,
            kind: record.kind.clone(),
            call,
            what,
        }))
    }

    /// What the record means for this party; `None` when it is about others.
    fn tell(
        &self,
        state: &State<Memory>,
        body: &RecordBody,
        fact: &Fact,
    ) -> anyhow::Result<Option<(Option<CallId>, String)>> {
        Ok(match (body, fact) {
            (RecordBody::AircallEvent(event), Fact::CallSnapshot(snapshot)) => {
                let ours = self.is_of_call(state, snapshot.call)?;
                ours.then(|| (Some(snapshot.call), format!("webhook {}", named(event))))
            }
            (RecordBody::AircallRead(read), Fact::CallSnapshot(snapshot)) => {
                let ours = self.is_of_call(state, snapshot.call)?;
                let how = if read.history { ", as history" } else { "" };
                ours.then(|| (Some(snapshot.call), format!("read from Aircall{how}")))
            }
            (_, Fact::ConversationChanged(changed)) => {
                let ours = self.conversation.as_ref() == Some(&changed.conversation);
                let how = if matches!(body, RecordBody::FrontPolled(_)) { ", polled" } else { "" };
                ours.then(|| (None, format!("{} {}{how}", changed.conversation, change(&changed.change))))
            }
            (_, Fact::ConversationMerged(merged)) => {
                let ours = self.conversation.as_ref() == Some(&merged.into);
                ours.then(|| (None, format!("{} was merged into {}", merged.from, merged.into)))
            }
            (_, Fact::EffectsDecided(decided)) => {
                let ours = |decision: &&Decision| self.is_of_call(state, decision.call).unwrap_or(false);
                let told: Vec<_> = decided.decisions.iter().filter(ours).map(decision).collect();
                let call = decided.decisions.iter().find(ours).map(|decision| decision.call);
                (!told.is_empty()).then(|| (call, told.join("; ")))
            }
            (_, Fact::EffectSettled(settled)) => {
                let ours = self.is_of_call(state, settled.key.call)?;
                ours.then(|| (Some(settled.key.call), outcome(settled)))
            }
            (_, Fact::TimerElapsed(timer)) => {
                let (call, awaited) = match timer {
                    Timer::CallEnd { call } => (*call, "its end"),
                    Timer::MediaLink { call } => (*call, "the link of what was recorded"),
                    Timer::WorkItem { party, item, publication } => {
                        let what = format!("work item {item} published again, number {publication}");
                        return Ok((*party == self.party).then_some((None, what)));
                    }
                };
                self.is_of_call(state, call)?
                    .then(|| (Some(call), format!("waited long enough for {awaited}")))
            }
            (_, Fact::PartyErased(erased)) => {
                let ours = erased.parties.contains(&self.party);
                ours.then(|| (None, format!("erased, with {} records", erased.records.len())))
            }
            (_, Fact::CallsReconsidered(again)) => {
                let ours = again.calls.iter().filter(|call| self.is_of_call(state, **call).unwrap_or(false));
                let ours: Vec<_> = ours.copied().collect();
                let how = if again.history { ", as history" } else { "" };
                let each: Vec<_> = ours.iter().map(|call| format!("call {call}")).collect();
                let what = || format!("an operator asked to decide {} again{how}", each.join(", "));
                ours.first().map(|call| (Some(*call), what()))
            }
            (_, Fact::EffectsRetried(again)) => self.of_operator(state, "retry", &again.effects),
            (_, Fact::EffectsDropped(dropped)) => self.of_operator(state, "drop", &dropped.effects),
            (
                _,
                Fact::CallSnapshot(_)
                | Fact::AccountCreated(_)
                | Fact::PolicyChanged(_)
                | Fact::Later(_)
                | Fact::Other,
            ) => None,
        })
    }

    fn of_operator(
        &self,
        state: &State<Memory>,
        what: &str,
        effects: &BTreeMap<EffectKey, u64>,
    ) -> Option<(Option<CallId>, String)> {
        let is_ours = |key: &&EffectKey| self.is_of_call(state, key.call).unwrap_or(false);
        let ours: Vec<_> = effects.keys().filter(is_ours).collect();
        let each: Vec<_> = ours.iter().map(ToString::to_string).collect();
        ours.first().map(|key| (Some(key.call), format!("an operator asked to {what} {}", each.join(", "))))
    }

    fn is_of_call(&self, state: &State<Memory>, call: CallId) -> anyhow::Result<bool> {
        Ok(party_of_call(state, call)?.as_ref() == Some(&self.party))
    }
}

fn party_of_call<B: Backing>(state: &State<B>, call: CallId) -> anyhow::Result<Option<PartyId>>
where
    B::Error: Send + Sync + 'static,
{
    let Some(call) = state.call(call)? else { return Ok(None) };
    Ok(match (call.settled, call.told.number()) {
        (Some(settled), _) => state.party(&settled.party)?.map(|(id, _)| id),
        (None, Some(number)) => party_of_number(state, number)?,
        (None, None) => None,
    })
}

/// A party's name, a number as people write it, a call's id in Aircall or a conversation's in Front.
pub(crate) fn find<B: Backing>(state: &State<B>, asked: &NumberOrParty) -> anyhow::Result<Option<PartyId>>
where
    B::Error: Send + Sync + 'static,
{
    if let Some(party) = state.party(&PartyId::new(asked.as_str()))? {
        return Ok(Some(party.0));
    }
    if let Outside::Number(number) = outside(asked.as_str(), None)
        && let Some(party) = party_of_number(state, &number)?
    {
        return Ok(Some(party));
    }
    match asked.as_str().parse() {
        Ok(call) => party_of_call(state, CallId(call)),
        Err(_) => Ok(party_of_conversation(state, &ConversationId::new(asked.as_str()))?),
    }
}

fn named(event: &AircallEvent) -> String {
    event_name(event).unwrap_or_else(|| "of an unknown kind".to_owned())
}

fn change(change: &ConversationChange) -> String {
    match change {
        ConversationChange::Archived => "was archived".to_owned(),
        ConversationChange::Reopened => "was reopened by a person".to_owned(),
        ConversationChange::ReopenedByApi => "was reopened through the API".to_owned(),
        ConversationChange::Merged => "was merged with another".to_owned(),
        ConversationChange::Snoozed => "was snoozed".to_owned(),
        ConversationChange::Trashed => "was trashed".to_owned(),
        ConversationChange::Restored => "was restored".to_owned(),
        ConversationChange::Moved { inbox } => format!("was moved to {inbox}"),
        ConversationChange::Assigned { teammate } => format!("was assigned to {teammate}"),
        ConversationChange::Unassigned => "was unassigned".to_owned(),
        ConversationChange::Other => "had another event".to_owned(),
    }
}

fn decision(decision: &Decision) -> String {
    let effects: Vec<_> = decision.effects.iter().map(|effect| effect.key.to_string()).collect();
    let effects = effects.join(", ");
    match &decision.verdict {
        Verdict::ReadFirst => format!("decided step {}: read first ({effects})", decision.step),
        Verdict::Added => format!("decided step {}: add what came late ({effects})", decision.step),
        Verdict::LeftOut { reason } => {
            format!("decided step {}: left out ({})", decision.step, reason.as_str())
        }
        Verdict::Logged(logged) => {
            let segment = if logged.opens_segment { "a new segment" } else { "the open segment" };
            let unread = if logged.status_unread { ", status could not be read" } else { "" };
            let step = decision.step;
            format!("decided step {step}: log as {:?} in {segment}{unread} ({effects})", logged.subject)
        }
    }
}

fn outcome(settled: &EffectSettled) -> String {
    let what = match &settled.outcome {
        Outcome::ContactFound { contact, created: true, .. } => format!("created contact {contact}"),
        Outcome::ContactFound { contact, created: false, .. } => format!("found contact {contact}"),
        Outcome::Observed { conversation, status, .. } => format!("saw {conversation} {status:?}"),
        Outcome::Applied { conversation, message_uid, unconfirmed, comment, .. } => {
            let conversation = conversation.as_ref().map_or("Front", |id| id.as_str());
            let id = message_uid.as_ref().map(|uid| uid.as_str()).or(comment.as_ref().map(|id| id.as_str()));
            let uid = id.map(|id| format!(" as {id}")).unwrap_or_default();
            let doubt = if *unconfirmed { ", not looked for" } else { "" };
            format!("applied in {conversation}{uid}{doubt}")
        }
        Outcome::Rejected { status, reason } => format!("rejected with {status}: {reason}"),
        Outcome::Overtaken { found } => format!("overtaken by a person: {found}"),
        Outcome::Skipped { because_of } => format!("skipped because of {because_of}"),
        Outcome::Gone { conversation, .. } => {
            format!("not done: Front does not have {conversation} any more")
        }
    };
    let requests =
        if settled.attempts == 1 { "1 request".to_owned() } else { format!("{} requests", settled.attempts) };
    format!("{} (ordinal {}): {what}, {requests}", settled.key, settled.ordinal)
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "account {}, party {}", self.account, self.party)?;
        let or_none = |text: Option<&str>| OneLine(text.unwrap_or("none yet")).to_string();
        writeln!(f, "contact {}", or_none(self.contact.as_deref()))?;
        let conversation = self.conversation.as_ref().map(ConversationId::as_str);
        writeln!(
            f,
            "conversation {}, subject {}\n",
            or_none(conversation),
            or_none(self.subject.as_deref())
        )?;
        for entry in &self.entries {
            let call = entry.call.map(|call| format!("call {call}")).unwrap_or_default();
            writeln!(
                f,
                "{:>6}  {}  {call:<15}  {}",
                entry.sequence,
                clock_time(entry.received_at),
                OneLine(&entry.what)
            )?;
        }
        Ok(())
    }
}

/// UTC, to the millisecond.
pub(crate) fn clock_time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| at.as_millis().to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
}
