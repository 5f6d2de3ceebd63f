//! When the operator is told of what repeats: one line a minute, however often it happens.

use std::collections::BTreeMap;
use std::mem;

use calltrail_domain::ids::AccountId;
use calltrail_domain::time::Timestamp;

use crate::limits;
use crate::refusal::Reason;

/// The pace of one kind of line.
#[derive(Debug, Default)]
pub struct Pace {
    told_at: Option<Timestamp>,
    untold: u64,
}

impl Pace {
    /// Counts one more. When a line is due, returns how many there were since the last line, this one included.
    pub fn count(&mut self, now: Timestamp) -> Option<u64> {
        self.untold = self.untold.saturating_add(1);
        let is_due = self.told_at.is_none_or(|told_at| is_due(told_at, now));
        is_due.then(|| {
            self.told_at = Some(now);
            mem::take(&mut self.untold)
        })
    }
}

/// Also due after a clock was put back, or it would be silent until the clock has caught up.
fn is_due(told_at: Timestamp, now: Timestamp) -> bool {
    now.since(told_at).max(told_at.since(now)) >= limits::LINE_INTERVAL
}

/// The paces of the refusals of each account, each reason on its own.
#[derive(Debug, Default)]
pub(crate) struct RefusalPaces {
    /// Only accounts of this process, so that no sender can make it grow.
    paces: BTreeMap<(AccountId, Reason), Pace>,
    elsewhere: BTreeMap<Reason, Pace>,
}

impl RefusalPaces {
    /// As `Pace::count`, of requests to no account.
    pub(crate) fn count_elsewhere(&mut self, reason: Reason, now: Timestamp) -> Option<u64> {
        self.elsewhere.entry(reason).or_default().count(now)
    }

    /// As `Pace::count`; always `None` for a reason that is not the operator's concern.
    pub(crate) fn count(&mut self, account: &AccountId, reason: Reason, now: Timestamp) -> Option<u64> {
        if !reason.concerns_operator() {
            return None;
        }
        self.paces.entry((account.clone(), reason)).or_default().count(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: i64 = 1_700_000_000_000;
    const INTERVAL_MS: i64 = 60_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(START_MS + millis)
    }

    fn account(id: &str) -> AccountId {
        id.parse().expect("an account id")
    }

    #[test]
    fn the_first_is_told_at_once_and_the_rest_of_the_minute_in_one_line_after_it() {
        let mut pace = Pace::default();
        assert_eq!(pace.count(at(0)), Some(1));
        assert_eq!(pace.count(at(0)), None);
        assert_eq!(pace.count(at(INTERVAL_MS - 1)), None);
        assert_eq!(pace.count(at(INTERVAL_MS)), Some(3));
        assert_eq!(pace.count(at(INTERVAL_MS + 1)), None, "the minute counts from the last line");
        assert_eq!(pace.count(at(2 * INTERVAL_MS)), Some(2));
        assert_eq!(pace.count(at(9 * INTERVAL_MS)), Some(1), "what was told is not told again");
    }

    #[test]
    fn a_clock_put_back_by_hours_silences_nothing_and_a_late_reading_tells_nothing_twice() {
        let mut pace = Pace::default();
        assert_eq!(pace.count(at(0)), Some(1));
        assert_eq!(pace.count(at(-5)), None);
        assert_eq!(pace.count(at(-60 * INTERVAL_MS)), Some(2));
    }

    #[test]
    fn each_account_and_reason_has_a_pace_of_its_own() {
        let mut paces = RefusalPaces::default();
        for (id, reason, expect) in [
            ("acme", Reason::Unauthenticated, Some(1)),
            ("acme", Reason::Unauthenticated, None),
            ("acme", Reason::Malformed, Some(1)),
            ("plain", Reason::Unauthenticated, Some(1)),
        ] {
            assert_eq!(paces.count(&account(id), reason, at(0)), expect, "{id}, {}", reason.as_str());
        }
        assert_eq!(paces.count(&account("acme"), Reason::Unauthenticated, at(INTERVAL_MS)), Some(2));
    }

    #[test]
    fn the_operator_is_told_of_these_reasons_and_no_others() {
        let mut paces = RefusalPaces::default();
        let told = Reason::ALL.into_iter().filter(|reason| {
            let line = paces.count(&account("acme"), *reason, at(0));
            line.is_some()
        });
        let expect = [
            Reason::TooLarge,
            Reason::UnsupportedEncoding,
            Reason::Malformed,
            Reason::Unauthenticated,
            Reason::Overloaded,
            Reason::LogUnavailable,
            Reason::SpoolFull,
            Reason::DiskShort,
        ];
        assert_eq!(told.collect::<Vec<_>>(), expect);
    }
}
