//! What only an operator can repair, and since when: state without a clock, shared by all works of a process.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_domain::ids::InboxId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Answer, Request};

use crate::delays;
use crate::limits::CONDITIONS_MAX;

/// Something that is wrong between this account and its Front. Nothing personal is in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Front does not know the token (401).
    BadToken,
    /// The token lacks this right.
    MissingScope(&'static str),
    /// The token may not use this inbox or conversation.
    NotShared(String),
    /// Front does not have this inbox, or does not show it to the token.
    UnknownInbox(InboxId),
    /// Aircall does not take the credential by which recordings are fetched.
    AircallCredential,
}

/// A condition, and since when work waits for its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lasting {
    pub condition: Condition,
    pub since: Timestamp,
}

/// That a condition has begun or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Begun(Condition),
    Ended { condition: Condition, lasted: Duration },
}

/// All that lasts.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    lasting: BTreeMap<Condition, Probes>,
    changes: Vec<Change>,
}

/// How often it was looked whether a condition is over, and from when on it may be looked at again.
#[derive(Debug)]
struct Probes {
    since: Timestamp,
    probes: u32,
    next_at: Timestamp,
}

impl Condition {
    /// The word that metrics show.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::BadToken => "bad_token",
            Self::MissingScope(_) => "missing_scope",
            Self::NotShared(_) => "not_shared",
            Self::UnknownInbox(_) => "unknown_inbox",
            Self::AircallCredential => "aircall_credential",
        }
    }

    /// The right, the inbox or the conversation that it is about; empty for the token.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::BadToken | Self::AircallCredential => "",
            Self::MissingScope(scope) => scope,
            Self::NotShared(place) => place,
            Self::UnknownInbox(inbox) => inbox.as_str(),
        }
    }

    /// True when the request meets the condition as long as it lasts.
    fn concerns(&self, request: &Request) -> bool {
        match self {
            Self::BadToken => true,
            Self::MissingScope(scope) => request.kind().scope() == *scope,
            Self::NotShared(place) => {
                let conversation = request.conversation().is_some_and(|id| id.as_str() == place);
                conversation || request.inbox().is_some_and(|id| id.as_str() == place)
            }
            Self::UnknownInbox(inbox) => request.inbox() == Some(inbox),
            Self::AircallCredential => false,
        }
    }

    /// True when this answer, to a request that the condition concerns, shows that it is over.
    fn is_over(&self, answer: &Answer) -> bool {
        match answer {
            Answer::Done(_) | Answer::Moved(_) => true,
            Answer::Rejected(refusal) => match self {
                Self::BadToken => true,
                Self::MissingScope(_) => refusal.status != 403,
                Self::NotShared(_) | Self::UnknownInbox(_) | Self::AircallCredential => false,
            },
            Answer::NotApplied { .. } | Answer::BadToken | Answer::Ambiguous { .. } => false,
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadToken => f.write_str("Front does not take the API token; replace `account.front.api_token`"),
            Self::MissingScope(scope) => {
                write!(f, "the API token lacks {scope}; give it this right in Front")
            }
            Self::NotShared(place) => {
                write!(f, "the API token may not use {place}; give it access in Front")
            }
            Self::UnknownInbox(inbox) => write!(
                f,
                "Front does not have the inbox {inbox}; correct `default_inbox` or `[account.inboxes]`, or give the \
                 API token access to it"
            ),
            Self::AircallCredential => f.write_str(
                "Aircall does not take the credential, so recordings are not fetched; replace `api_id` and `api_token`",
            ),
        }
    }
}

impl Conditions {
    /// Work has met the condition at `now`; returns after what time it may look again.
    pub(crate) fn meet(&mut self, now: Timestamp, condition: Condition) -> Duration {
        if !self.lasting.contains_key(&condition) {
            if self.lasting.len() >= CONDITIONS_MAX {
                return delays::condition(1);
            }
            self.changes.push(Change::Begun(condition.clone()));
        }
        let first = Probes { since: now, probes: 0, next_at: now };
        let probes = self.lasting.entry(condition).or_insert(first);
        probes.wait(now);
        probes.next_at.since(now)
    }

    /// How long this request must not be sent, because it would meet a condition. Of several that wait one looks.
    pub(crate) fn bars(&mut self, now: Timestamp, request: &Request) -> Option<Duration> {
        if !rule::holds(Rule::ConditionsAreProbedOnce) {
            return None;
        }
        let concerned = || self.lasting.iter().filter(|(condition, _)| condition.concerns(request));
        let until = concerned().map(|(_, probes)| probes.next_at).max()?;
        // A time further away than any wait was noted before the clock was set back.
        let left = until.since(now).min(delays::condition(u32::MAX));
        if !left.is_zero() {
            return Some(left);
        }
        self.lasting
            .iter_mut()
            .filter(|(condition, _)| condition.concerns(request))
            .for_each(|(_, probes)| probes.next_at = now.plus(delays::condition(probes.probes)));
        None
    }

    /// Notes what the answer says about conditions that last.
    pub(crate) fn answered(&mut self, now: Timestamp, request: &Request, answer: &Answer) {
        let ended = self
            .lasting
            .extract_if(.., |condition, _| condition.concerns(request) && condition.is_over(answer));
        for (condition, probes) in ended {
            self.changes.push(Change::Ended { condition, lasted: now.since(probes.since) });
        }
    }

    /// Aircall has accepted the credential.
    pub(crate) fn aircall_answered(&mut self, now: Timestamp) {
        if let Some(probes) = self.lasting.remove(&Condition::AircallCredential) {
            let lasted = now.since(probes.since);
            self.changes.push(Change::Ended { condition: Condition::AircallCredential, lasted });
        }
    }

    /// What has begun and ended since this was asked for last.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub(crate) fn now(&self) -> Vec<Lasting> {
        let lasting = self.lasting.iter();
        lasting
            .map(|(condition, probes)| Lasting { condition: condition.clone(), since: probes.since })
            .collect()
    }
}

impl Probes {
    fn wait(&mut self, now: Timestamp) {
        self.probes = self.probes.saturating_add(1);
        self.next_at = now.plus(delays::condition(self.probes));
    }
}

#[cfg(test)]
mod tests {
    use calltrail_front::{Refusal, Reply};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn token_lacks() -> Condition {
        Condition::MissingScope("teammates:read")
    }

    #[test]
    fn one_of_many_looks_whether_a_condition_is_over() {
        let mut conditions = Conditions::default();
        assert_eq!(conditions.meet(at(100), token_lacks()), Duration::from_secs(5));
        assert_eq!(conditions.bars(at(101), &Request::ListInboxes), None, "another right");
        assert_eq!(conditions.bars(at(102), &Request::ListTeammates), Some(Duration::from_secs(3)));
        assert_eq!(conditions.bars(at(105), &Request::ListTeammates), None, "one looks");
        assert!(
            conditions.bars(at(105), &Request::ListTeammates).is_some(),
            "the others wait for what it finds"
        );
        assert_eq!(conditions.meet(at(105), token_lacks()), Duration::from_secs(10));
        assert_eq!(conditions.now(), [Lasting { condition: token_lacks(), since: at(100) }]);
        conditions.answered(at(115), &Request::ListTeammates, &Answer::Done(Reply::Nothing));
        let ended = Change::Ended { condition: token_lacks(), lasted: Duration::from_secs(15) };
        assert_eq!(conditions.take_changes(), [Change::Begun(token_lacks()), ended]);
        assert_eq!(conditions.bars(at(115), &Request::ListTeammates), None);
    }

    #[test]
    fn only_an_answer_that_shows_it_ends_a_condition() {
        let refused =
            |status| Answer::Rejected(Refusal { status, message: String::new(), contacts: Vec::new() });
        let ends = |condition: Condition, request: &Request, answer: &Answer| {
            let mut conditions = Conditions::default();
            conditions.meet(at(1), condition);
            conditions.answered(at(2), request, answer);
            conditions.now().is_empty()
        };
        assert!(ends(Condition::BadToken, &Request::ListInboxes, &refused(404)));
        assert!(!ends(Condition::BadToken, &Request::ListInboxes, &Answer::BadToken));
        assert!(!ends(token_lacks(), &Request::ListTeammates, &refused(403)));
        assert!(ends(token_lacks(), &Request::ListTeammates, &refused(404)));
        assert!(!ends(token_lacks(), &Request::ListInboxes, &Answer::Done(Reply::Nothing)));
    }

    #[test]
    fn clock_set_back_bars_no_longer_than_the_pace() {
        let mut conditions = Conditions::default();
        conditions.meet(at(10_000), Condition::BadToken);
        assert!(conditions.bars(at(100), &Request::Me) <= Some(Duration::from_secs(60)));
    }
}
