//! What was decided, beside what this release would decide at the same places of the log.
//!
//! The log is read once to note how far each record of decisions had folded, and once to fold it. What is folded are the
//! recorded decisions, so that each is compared on the state on which it was made: one that would differ changes none after it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use calltrail_domain::decide::{decide, decide_under};
use calltrail_domain::decision::{Decision, EffectsDecided, Verdict};
use calltrail_domain::effect::{Action, Effect};
use calltrail_domain::ids::{CallId, PartyId};
use calltrail_domain::policy::Policy;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_event_log::ports::{EventLog, LoggedRecord};
use serde::{Deserialize, Serialize};

use crate::limits::{BATCH_RECORDS_MAX, CHANGES_KEPT_MAX, LINE_CHARS_MAX};
use crate::projector::ProjectorError;
use crate::scratch::Scratch;
use crate::translate::Folding;

/// The kind of record that is compared.
const DECIDED: &str = "effects.decided";

/// What a comparison showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Records that were folded.
    pub records: u64,
    /// Decisions that were compared.
    pub decisions: u64,
    /// Those that would be the same, to the last letter.
    #[serde(rename = "same_decisions")]
    pub same: u64,
    /// Those that would differ, by how; one that differs in several ways counts in each.
    pub verdict: u64,
    pub subject: u64,
    pub body: u64,
    pub effects: u64,
    /// Recorded decisions that do not count, because another projector was first.
    pub superseded: u64,
    /// What would differ, in the order of the log, up to [`CHANGES_KEPT_MAX`].
    pub changes: Vec<Changed>,
}

/// A decision that would be another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub account: String,
    pub party: PartyId,
    pub call: CallId,
    pub step: u64,
    /// Its record.
    pub sequence: u64,
    pub how: Vec<How>,
}

/// In what a decision would differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "in")]
pub enum How {
    /// Whether the call is logged, read first, left out or waits.
    Verdict {
        recorded: String,
        now: String,
    },
    Subject {
        recorded: String,
        now: String,
    },
    /// The text of an activity or a comment, by the key of its effect: the first line in which it would differ.
    Body {
        effect: String,
        recorded: String,
        now: String,
    },
    /// An effect that would be there or not, or be another one than its text shows.
    Effect {
        effect: String,
        what: EffectChange,
    },
}

/// How an effect would differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectChange {
    New,
    Gone,
    Other,
}

/// Records of decisions, by how far their projector had folded: (`through`, the record's own place), in that order.
#[derive(Debug, Default)]
struct Notes(Vec<(u64, u64)>);

/// Folds the log of `log` up to `end` in `scratch` and decides again what was decided, under `policies` (by account; one that is
/// not named decides under what is recorded). Nothing is written. `progress` hears each position, of both passes together.
///
/// # Errors
/// When the log cannot be read, or there is no room for the scratch store.
pub async fn compare(
    log: &dyn EventLog,
    end: u64,
    scratch: &Path,
    policies: &BTreeMap<String, Policy>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Comparison, ProjectorError> {
    let notes = Notes::of(log, end, progress).await?;
    let mut scratch = Scratch::new(scratch, log).await?;
    // The state on which earlier ones were made is not to be had any more.
    let began_at = scratch.began_at();
    let mut due = notes.0.iter().filter(|(through, _)| *through > began_at).peekable();
    let mut comparison = Comparison::default();
    while scratch.read_to() < end {
        let batch = scratch.read(log, end).await?;
        for record in &batch {
            scratch.fold(&Folding::of(record))?;
            while let Some((_, sequence)) = due.next_if(|(through, _)| *through <= record.sequence) {
                // Nearly always in the same batch.
                let near = batch.binary_search_by_key(sequence, |record| record.sequence).ok();
                let found = match near {
                    Some(index) => Some(batch[index].clone()),
                    None => log.read_after(*sequence - 1, 1).await?.into_iter().next(),
                };
                if let Some(recorded) = found.filter(|found| found.sequence == *sequence) {
                    comparison.take(&scratch, &recorded, policies)?;
                }
            }
        }
        scratch.commit()?;
        progress(end + scratch.read_to());
        tokio::task::yield_now().await;
    }
    comparison.records = scratch.records();
    Ok(comparison)
}

impl Notes {
    async fn of(
        log: &dyn EventLog,
        end: u64,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Self, ProjectorError> {
        let mut notes = Vec::new();
        let mut after = 0;
        while after < end {
            let batch = log.read_after(after, BATCH_RECORDS_MAX).await?;
            after = batch.last().map_or(end, |record| record.sequence);
            for record in batch.iter().filter(|record| record.sequence <= end) {
                if let Some(decided) = decided(record).filter(|decided| !decided.decisions.is_empty()) {
                    notes.push((decided.through, record.sequence));
                }
            }
            progress(after.min(end));
            tokio::task::yield_now().await;
        }
        notes.sort_unstable();
        Ok(Self(notes))
    }
}

/// Without decoding what is no decision.
fn decided(record: &LoggedRecord) -> Option<EffectsDecided> {
    let decoded = (record.kind == DECIDED).then(|| Record::decode(&record.body))?;
    match decoded.ok()?.body {
        RecordBody::EffectsDecided(decided) => Some(decided),
        _ => None,
    }
}

impl Comparison {
    fn take(
        &mut self,
        scratch: &Scratch,
        record: &LoggedRecord,
        policies: &BTreeMap<String, Policy>,
    ) -> Result<(), ProjectorError> {
        let folding = Folding::of(record);
        let Some(decided) = decided(record) else { return Ok(()) };
        let projection = scratch.projection();
        if projection.lineage().stale(&folding).is_some() {
            self.superseded += decided.decisions.len() as u64;
            return Ok(());
        }
        let Some(account) = projection.accounts().get(&record.account) else { return Ok(()) };
        let policy = policies.get(&record.account);
        for recorded in &decided.decisions {
            let party = account.state.party(&recorded.party)?.filter(|(id, _)| *id == recorded.party);
            let step = party.map_or(0, |(_, party)| party.step);
            if step + 1 != recorded.step {
                self.superseded += 1;
                continue;
            }
            let now = match policy {
                Some(policy) => decide_under(&account.state, policy, &recorded.party)?,
                None => decide(&account.state, &recorded.party)?,
            };
            self.count(&record.account, record.sequence, recorded, now.as_ref());
        }
        Ok(())
    }

    fn count(&mut self, account: &str, sequence: u64, recorded: &Decision, now: Option<&Decision>) {
        let how = differences(recorded, now);
        self.decisions += 1;
        self.same += u64::from(how.is_empty());
        let any = |is: fn(&How) -> bool| u64::from(how.iter().any(is));
        self.verdict += any(|how| matches!(how, How::Verdict { .. }));
        self.subject += any(|how| matches!(how, How::Subject { .. }));
        self.body += any(|how| matches!(how, How::Body { .. }));
        self.effects += any(|how| matches!(how, How::Effect { .. }));
        if !how.is_empty() && self.changes.len() < CHANGES_KEPT_MAX {
            self.changes.push(Changed {
                account: account.to_owned(),
                party: recorded.party.clone(),
                call: recorded.call,
                step: recorded.step,
                sequence,
                how,
            });
        }
    }

    /// True when every decision would be made again as it was.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.same == self.decisions
    }
}

fn differences(recorded: &Decision, now: Option<&Decision>) -> Vec<How> {
    let verdicts = (verdict(recorded), now.map_or_else(|| "waits".to_owned(), verdict));
    let (Some(now), true) = (now, verdicts.0 == verdicts.1) else {
        return vec![How::Verdict { recorded: verdicts.0, now: verdicts.1 }];
    };
    let mut how = Vec::new();
    if let (Verdict::Logged(before), Verdict::Logged(after)) = (&recorded.verdict, &now.verdict)
        && before.subject != after.subject
    {
        how.push(How::Subject { recorded: before.subject.clone(), now: after.subject.clone() });
    }
    for effect in &recorded.effects {
        let same_key = now.effects.iter().find(|other| other.key == effect.key);
        how.extend(same_key.map_or_else(
            || Some(How::Effect { effect: effect.key.to_string(), what: EffectChange::Gone }),
            |other| effect_difference(effect, other),
        ));
    }
    let is_new = |effect: &&Arc<Effect>| recorded.effects.iter().all(|other| other.key != effect.key);
    let new = now.effects.iter().filter(is_new);
    how.extend(new.map(|effect| How::Effect { effect: effect.key.to_string(), what: EffectChange::New }));
    how
}

fn verdict(decision: &Decision) -> String {
    match &decision.verdict {
        Verdict::ReadFirst => "read first".to_owned(),
        Verdict::Added => "added".to_owned(),
        Verdict::LeftOut { reason } => format!("left out ({})", reason.as_str()),
        Verdict::Logged(logged) => format!("logged as {:?} in {}", logged.call_type, logged.inbox),
    }
}

/// The subject of an import is that of the decision: it is not shown once for each part.
fn effect_difference(recorded: &Effect, now: &Effect) -> Option<How> {
    if recorded == now {
        return None;
    }
    let effect = recorded.key.to_string();
    match (text(&recorded.action), text(&now.action)) {
        (Some(before), Some(after)) if before != after => {
            let (recorded, now) = first_difference(before, after);
            Some(How::Body { effect, recorded, now })
        }
        _ => {
            let differs = without_subject(recorded) != without_subject(now);
            differs.then_some(How::Effect { effect, what: EffectChange::Other })
        }
    }
}

/// The first line in which two texts differ, cut where it is long.
fn first_difference(recorded: &str, now: &str) -> (String, String) {
    let cut = |line: Option<&str>| line.unwrap_or_default().chars().take(LINE_CHARS_MAX).collect();
    let (mut before, mut after) = (recorded.lines(), now.lines());
    loop {
        let (one, other) = (before.next(), after.next());
        if one != other || one.is_none() {
            return (cut(one), cut(other));
        }
    }
}

fn text(action: &Action) -> Option<&str> {
    match action {
        Action::ImportActivity(import) => Some(&import.body),
        Action::AddComment(comment) => Some(&comment.body),
        Action::LookUpContact(_)
        | Action::ObserveConversation(_)
        | Action::AssignConversation(_)
        | Action::ReopenConversation(_)
        | Action::TagConversation(_) => None,
    }
}

fn without_subject(effect: &Effect) -> Effect {
    let mut effect = effect.clone();
    if let Action::ImportActivity(import) = &mut effect.action {
        import.subject.clear();
    }
    effect
}
