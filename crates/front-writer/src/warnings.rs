//! What the process's log is told of Front's failures and refusals, and how often: state without a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use calltrail_domain::effect::{EffectSettled, Outcome};
use calltrail_domain::ids::{AccountId, EffectKind, PartyId};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Ambiguous, Answer, NotApplied};
use tracing::{info, warn};

use crate::condition::Change;
use crate::limits::{REFUSALS_MAX, WARNING_EVERY};

/// What one writer has told so far.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    failing: Pace,
    no_claim: Pace,
    outage: Option<Outage>,
    /// The last ordinal whose refusal was told, by party: facts come in order.
    refusals: BTreeMap<PartyId, u64>,
    /// Parties of which a value was too large.
    too_large: BTreeSet<PartyId>,
}

/// When a line was told last.
#[derive(Debug, Default)]
struct Pace(Option<Timestamp>);

/// Failures since Front did something last.
#[derive(Debug)]
struct Outage {
    since: Timestamp,
    failures: u64,
    told: bool,
}

/// A line about Front as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Failing { cause: Cause, lasting: Duration, failures: u64 },
    Recovered { lasted: Duration, failures: u64 },
}

/// How an attempt failed: a word, and the status when there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cause {
    reason: &'static str,
    status: Option<u16>,
}

impl Warnings {
    /// The line that is due after this answer. An end is told of an outage alone that was told.
    pub(crate) fn answered(&mut self, now: Timestamp, answer: &Answer) -> Option<Line> {
        match answer {
            Answer::Done(_) => {
                let ended = self.outage.take().filter(|outage| outage.told)?;
                Some(Line::Recovered { lasted: now.since(ended.since), failures: ended.failures })
            }
            _ => self.failed(now, Cause::of(answer)?),
        }
    }

    /// True when it is time to tell that nothing can be claimed: each worker meets it every few seconds.
    pub(crate) fn is_no_claim_due(&mut self, now: Timestamp) -> bool {
        self.no_claim.is_due(now)
    }

    fn failed(&mut self, now: Timestamp, cause: Cause) -> Option<Line> {
        let outage = self.outage.get_or_insert(Outage { since: now, failures: 0, told: false });
        outage.failures += 1;
        if !self.failing.is_due(now) {
            return None;
        }
        outage.told = true;
        Some(Line::Failing { cause, lasting: now.since(outage.since), failures: outage.failures })
    }

    /// True when the fact is a refusal that was not told yet: a claim that lost its fence tells its facts again. A status
    /// that could not be read for too long is none: the outage has a line of its own.
    pub(crate) fn is_news(&mut self, settled: &EffectSettled) -> bool {
        let Outcome::Rejected { status, .. } = settled.outcome else { return false };
        if status == 0 && settled.key.kind == EffectKind::Observe {
            return false;
        }
        if self.refusals.len() >= REFUSALS_MAX && !self.refusals.contains_key(&settled.party) {
            // Forgetting may tell a refusal twice, and nothing worse.
            self.refusals.pop_first();
        }
        let told = self.refusals.entry(settled.party.clone()).or_default();
        let news = *told < settled.ordinal;
        *told = settled.ordinal.max(*told);
        news
    }

    /// True when nothing of the party's item was too large before.
    pub(crate) fn is_first_too_large(&mut self, party: &PartyId) -> bool {
        if self.too_large.len() >= REFUSALS_MAX && !self.too_large.contains(party) {
            self.too_large.pop_first();
        }
        self.too_large.insert(party.clone())
    }

    /// The party's item is done: none of its facts is told again.
    pub(crate) fn forget(&mut self, party: &PartyId) {
        self.refusals.remove(party);
        self.too_large.remove(party);
    }
}

impl Pace {
    fn is_due(&mut self, now: Timestamp) -> bool {
        // A line that is yet to come was told before the clock was set back.
        let due = self.0.is_none_or(|last| last > now || now.since(last) >= WARNING_EVERY);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

impl Cause {
    /// None when Front has answered, whatever it said.
    fn of(answer: &Answer) -> Option<Self> {
        let (reason, status) = match answer {
            // Refused, unreachable, without a name or without TLS: the client does not tell them apart.
            Answer::NotApplied { reason: NotApplied::NoConnection, .. } => ("no_connection", None),
            Answer::Ambiguous { reason } => match reason {
                Ambiguous::Status(status @ 500..=599) => ("5xx", Some(*status)),
                Ambiguous::Status(status) => ("unexpected_status", Some(*status)),
                Ambiguous::Page { status, .. } => ("not_front", Some(*status)),
                Ambiguous::Timeout => ("timeout", None),
                Ambiguous::ConnectionLost => ("connection_lost", None),
                Ambiguous::Malformed => ("malformed_answer", None),
            },
            Answer::NotApplied { reason: NotApplied::TooMany | NotApplied::TooLate, .. }
            | Answer::Done(_)
            | Answer::Rejected(_)
            | Answer::BadToken
            | Answer::Moved(_) => return None,
        };
        Some(Self { reason, status })
    }
}

impl Line {
    pub(crate) fn tell(self, account: &AccountId) {
        match self {
            Self::Failing { cause: Cause { reason, status }, lasting, failures } => {
                let lasting_s = lasting.as_secs();
                warn!(%account, reason, status, failures, lasting_s, "front gives no answer; work waits and is tried again");
            }
            Self::Recovered { lasted, failures } => {
                let lasted_s = lasted.as_secs();
                info!(%account, lasted_s, failures, "front answers again");
            }
        }
    }
}

/// Logged once when work begins to wait for an operator, and once when it goes on.
pub(crate) fn tell_change(account: &AccountId, change: Change) {
    match change {
        Change::Begun(condition) => {
            let (word, wrong) = (condition.word(), condition.to_string());
            warn!(%account, condition = word, wrong, "work waits for an operator");
        }
        Change::Ended { condition, lasted } => {
            let (word, subject, lasted_s) = (condition.word(), condition.subject(), lasted.as_secs());
            info!(%account, condition = word, subject, lasted_s, "work waits no longer for an operator");
        }
    }
}

/// Told once the fact is in the log. The reason has no personal data, and a party's name is a hash.
pub(crate) fn tell_refusal(account: &AccountId, settled: &EffectSettled) {
    let Outcome::Rejected { status, reason } = &settled.outcome else { return };
    let (party, effect, ordinal) = (&settled.party, settled.key, settled.ordinal);
    let see = format!("calltrail trail {party}");
    warn!(%account, %party, %effect, ordinal, status, reason, see, "an effect is refused for good");
}

#[cfg(test)]
mod tests {
    use calltrail_domain::ids::{CallId, EffectKey};
    use calltrail_front::{Refusal, Reply};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn status(status: u16) -> Answer {
        Answer::Ambiguous { reason: Ambiguous::Status(status) }
    }

    fn not_applied(reason: NotApplied) -> Answer {
        Answer::NotApplied { reason, retry_after: None }
    }

    fn done() -> Answer {
        Answer::Done(Reply::Nothing)
    }

    /// The reason's word, how long it lasts and how many failures; or the end of it.
    fn told(warnings: &mut Warnings, seconds: i64, answer: &Answer) -> Option<(&'static str, u64, u64)> {
        match warnings.answered(at(seconds), answer)? {
            Line::Failing { cause, lasting, failures } => Some((cause.reason, lasting.as_secs(), failures)),
            Line::Recovered { lasted, failures } => Some(("recovered", lasted.as_secs(), failures)),
        }
    }

    #[test]
    fn an_outage_is_told_once_a_minute_and_its_end_once() {
        let mut warnings = Warnings::default();
        assert_eq!(told(&mut warnings, 100, &status(503)), Some(("5xx", 0, 1)));
        assert_eq!(told(&mut warnings, 101, &status(503)), None);
        assert_eq!(told(&mut warnings, 159, &not_applied(NotApplied::NoConnection)), None);
        let refused = not_applied(NotApplied::NoConnection);
        assert_eq!(told(&mut warnings, 160, &refused), Some(("no_connection", 60, 4)));
        assert_eq!(told(&mut warnings, 190, &done()), Some(("recovered", 90, 4)));
        assert_eq!(told(&mut warnings, 191, &done()), None);
    }

    #[test]
    fn front_that_fails_every_other_time_fills_no_log() {
        let mut warnings = Warnings::default();
        let lines: Vec<_> = (0..60)
            .filter_map(|second| {
                let answer = if second % 2 == 0 { status(500) } else { done() };
                told(&mut warnings, second, &answer)
            })
            .collect();
        assert_eq!(lines, [("5xx", 0, 1), ("recovered", 1, 1)]);
        assert_eq!(told(&mut warnings, 60, &status(500)), Some(("5xx", 0, 1)));
    }

    #[test]
    fn each_failure_has_its_word_and_what_front_says_is_none() {
        let word = |answer: Answer| Cause::of(&answer).map(|cause| (cause.reason, cause.status));
        let ambiguous = |reason| Answer::Ambiguous { reason };
        assert_eq!(word(status(503)), Some(("5xx", Some(503))));
        assert_eq!(word(status(408)), Some(("unexpected_status", Some(408))));
        assert_eq!(word(ambiguous(Ambiguous::Timeout)), Some(("timeout", None)));
        assert_eq!(word(ambiguous(Ambiguous::ConnectionLost)), Some(("connection_lost", None)));
        assert_eq!(word(ambiguous(Ambiguous::Malformed)), Some(("malformed_answer", None)));
        assert_eq!(word(not_applied(NotApplied::NoConnection)), Some(("no_connection", None)));
        let refusal = Refusal { status: 404, message: String::new(), contacts: Vec::new() };
        for answer in [
            not_applied(NotApplied::TooMany),
            not_applied(NotApplied::TooLate),
            Answer::Rejected(refusal),
            Answer::BadToken,
        ] {
            assert_eq!(word(answer), None);
        }
    }

    fn refused(party: &str, ordinal: u64, kind: EffectKind, status: u16) -> EffectSettled {
        EffectSettled {
            party: PartyId::new(party),
            ordinal,
            key: EffectKey { call: CallId(7), kind },
            attempts: 1,
            outcome: Outcome::Rejected { status, reason: "no".to_owned() },
        }
    }

    #[test]
    fn a_refusal_is_told_once_also_when_its_fact_is_told_again() {
        let mut warnings = Warnings::default();
        let (first, second) =
            (refused("p1", 4, EffectKind::Call, 422), refused("p1", 5, EffectKind::Duration, 422));
        assert!(warnings.is_news(&first));
        assert!(!warnings.is_news(&first));
        assert!(warnings.is_news(&second));
        assert!(!warnings.is_news(&first));
        assert!(warnings.is_news(&refused("p2", 4, EffectKind::Call, 422)));
        warnings.forget(&PartyId::new("p1"));
        assert!(warnings.is_news(&second));
    }

    #[test]
    fn a_status_that_could_not_be_read_is_no_refusal() {
        let mut warnings = Warnings::default();
        assert!(!warnings.is_news(&refused("p1", 1, EffectKind::Observe, 0)));
        assert!(warnings.is_news(&refused("p1", 1, EffectKind::Observe, 403)));
        assert!(warnings.is_news(&refused("p1", 2, EffectKind::Assign, 0)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut warnings = Warnings::default();
        for party in 0..=REFUSALS_MAX {
            warnings.is_news(&refused(&format!("p{party}"), 1, EffectKind::Call, 422));
        }
        assert_eq!(warnings.refusals.len(), REFUSALS_MAX);
    }
}
