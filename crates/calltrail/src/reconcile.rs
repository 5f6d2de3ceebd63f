//! Calls at Aircall, in the log and in Front, side by side: what is missing where, and why.

use std::collections::BTreeMap;
use std::fmt;

use calltrail_aircall::rest::ReadCall;
use calltrail_domain::call::Call;
use calltrail_domain::decision::Verdict;
use calltrail_domain::effect::Outcome;
use calltrail_domain::ids::{CallId, ConversationId};
use calltrail_domain::state::{Backing, State};
use calltrail_front::Message;
use serde::Serialize;

use crate::trail::clock_time;

/// Rows that a person reads; all are in the JSON form.
const ROWS_MAX: usize = 50;

/// What the comparison showed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Reconciled {
    pub(crate) account: String,
    /// Calls that are over, by Aircall's list.
    at_aircall: u64,
    in_log: u64,
    in_front: u64,
    /// Left out on purpose, by reason.
    left_out: BTreeMap<&'static str, u64>,
    pub(crate) gaps: Vec<Gap>,
    /// Conversations that were read, and what is wrong with them. None when Front was not asked.
    conversations: Option<u64>,
    pub(crate) faults: Vec<Fault>,
}

/// A call that is not where it should be.
#[derive(Debug, Serialize)]
pub(crate) struct Gap {
    pub(crate) call: CallId,
    began: Option<String>,
    pub(crate) missing: Missing,
    why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Missing {
    /// Reading it from Aircall brings it.
    InLog,
    /// It comes by itself.
    NotYetInFront,
    /// Front refused it.
    InFront,
}

/// Something in a conversation that should not be so.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    conversation: ConversationId,
    what: String,
}

/// What one of our conversations should hold: for each call its subject.
pub(crate) type Expected = BTreeMap<ConversationId, BTreeMap<CallId, String>>;

impl Reconciled {
    /// Compares Aircall's list with the folded log; returns what Front's conversations should hold besides.
    pub(crate) fn of<B: Backing>(
        account: &str,
        listed: &[ReadCall],
        state: Option<&State<B>>,
    ) -> anyhow::Result<(Self, Expected)>
    where
        B::Error: Send + Sync + 'static,
    {
        let mut reconciled = Self { account: account.to_owned(), ..Self::default() };
        let mut expected = Expected::new();
        for listed in listed.iter().filter(|call| call.is_over) {
            reconciled.at_aircall += 1;
            let call = state.map(|state| state.call(listed.id)).transpose()?.flatten();
            reconciled.compare(listed, call.as_ref(), &mut expected);
        }
        Ok((reconciled, expected))
    }

    fn compare(&mut self, listed: &ReadCall, call: Option<&Call>, expected: &mut Expected) {
        let id = listed.id;
        let Some(call) = call.filter(|call| call.settled.is_some()) else {
            let why = if call.is_some() { "its end was not told" } else { "no webhook told of it" };
            return self.miss(listed, Missing::InLog, why);
        };
        self.in_log += 1;
        match &call.verdict {
            Some(Verdict::LeftOut { reason }) => *self.left_out.entry(reason.as_str()).or_default() += 1,
            Some(Verdict::Logged(logged)) => match call.own_outcome(id) {
                Some(Outcome::Applied { conversation, .. }) => {
                    self.in_front += 1;
                    if let Some(conversation) = conversation {
                        let calls = expected.entry(conversation.clone()).or_default();
                        calls.insert(id, logged.subject.clone());
                    }
                }
                Some(Outcome::Rejected { status, reason }) => {
                    self.miss(listed, Missing::InFront, &format!("Front refused it ({status}): {reason}"));
                }
                Some(_) => self.miss(listed, Missing::InFront, "it was given up"),
                None => self.miss(listed, Missing::NotYetInFront, "it waits for Front"),
            },
            Some(Verdict::ReadFirst | Verdict::Added) | None => {
                self.miss(listed, Missing::NotYetInFront, "it waits for a decision");
            }
        }
    }

    fn miss(&mut self, listed: &ReadCall, missing: Missing, why: &str) {
        let began = listed.started_at.map(clock_time);
        self.gaps.push(Gap { call: listed.id, began, missing, why: why.to_owned() });
    }

    /// Takes in what a conversation really holds; `None` when Front does not have it.
    pub(crate) fn look(
        &mut self,
        conversation: &ConversationId,
        calls: &BTreeMap<CallId, String>,
        messages: Option<&[Message]>,
    ) {
        *self.conversations.get_or_insert(0) += 1;
        let mut fault = |what: String| self.faults.push(Fault { conversation: conversation.clone(), what });
        let Some(messages) = messages else {
            return fault(format!("Front does not have it; {} calls were in it", calls.len()));
        };
        let mut shown: BTreeMap<&str, u64> = BTreeMap::new();
        for marker in messages.iter().filter_map(|message| message.last_line.as_deref()) {
            *shown.entry(marker).or_default() += 1;
        }
        for (marker, times) in
            shown.iter().filter(|(marker, times)| **times > 1 && marker.starts_with("Aircall "))
        {
            fault(format!("{marker} stands {times} times"));
        }
        for (call, subject) in calls {
            let markers = [format!("Aircall #{call}"), format!("Aircall call {call}")];
            let own = messages.iter().find(|message| {
                message.last_line.as_deref().is_some_and(|line| markers.iter().any(|marker| marker == line))
            });
            match own {
                None => fault(format!("Aircall #{call} is not in it any more")),
                Some(message) if message.subject.as_ref().is_some_and(|shown| shown != subject) => {
                    fault(format!("Aircall #{call} has another subject than it was given"));
                }
                Some(_) => {}
            }
        }
    }

    /// Nothing is missing and nothing is wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.gaps.is_empty() && self.faults.is_empty()
    }

    /// Calls that Aircall has and the log lacks.
    pub(crate) fn lacking(&self) -> Vec<CallId> {
        self.gaps.iter().filter(|gap| gap.missing == Missing::InLog).map(|gap| gap.call).collect()
    }
}

impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, at_aircall, in_log, in_front, .. } = self;
        writeln!(f, "account {account}")?;
        writeln!(f, "  at Aircall  {at_aircall} calls that are over")?;
        writeln!(f, "  in the log  {in_log}")?;
        writeln!(f, "  in Front    {in_front}")?;
        for (reason, count) in &self.left_out {
            writeln!(f, "  left out    {count} on purpose: {reason}")?;
        }
        if let Some(conversations) = self.conversations {
            writeln!(f, "  looked at   {conversations} conversations in Front")?;
        }
        for Gap { call, began, missing, why } in self.gaps.iter().take(ROWS_MAX) {
            let place = match missing {
                Missing::InLog => "not in the log",
                Missing::NotYetInFront => "not yet in Front",
                Missing::InFront => "not in Front",
            };
            let began = began.as_deref().unwrap_or("at an unknown time");
            writeln!(f, "  call {call}, began {began} UTC: {place}, {why}")?;
        }
        for Fault { conversation, what } in self.faults.iter().take(ROWS_MAX) {
            writeln!(f, "  {conversation}: {what}")?;
        }
        let more = self.gaps.len().saturating_sub(ROWS_MAX) + self.faults.len().saturating_sub(ROWS_MAX);
        if more > 0 {
            writeln!(f, "  and {more} more; --format json has all of them")?;
        }
        if self.is_good() { writeln!(f, "  nothing is missing") } else { Ok(()) }
    }
}
