//! What the oracle says about a day, in sentences that a person can follow up.

use std::collections::BTreeSet;

use calltrail_simulator::front::Ledger;

use super::oracle::calls::{Call, calls};
use super::oracle::{Counts, differences, expect, shown};
use super::play::Played;
use super::who::Who;

/// So many differences, and the stories of so many callers, are told.
const DIFFERENCES_TOLD_MAX: usize = 40;
const STORIES_TOLD_MAX: usize = 3;

/// The differences between what has to be and what is.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) calls: Vec<Call>,
    pub(crate) counts: Counts,
    pub(crate) differences: Vec<String>,
    stories: Vec<String>,
}

impl Verdict {
    pub(crate) fn of(played: &Played) -> Self {
        Self::of_ledger(played, &played.ledger, &played.refused)
    }

    /// The verdict if this had been there in the end.
    pub(crate) fn of_ledger(played: &Played, ledger: &Ledger, refused: &[String]) -> Self {
        let calls = calls(&played.deliveries, &played.callers, played.rules);
        let (expected, counts) = expect(&played.callers, played.rules, &calls, &played.deeds);
        let differences = differences(&expected, &shown(ledger, refused, &played.callers));
        let names: BTreeSet<_> =
            differences.iter().flat_map(|difference| difference.split([' ', ':', ','])).collect();
        let everybody: BTreeSet<_> = calls.iter().map(|call| call.who).collect();
        let met = everybody.into_iter().filter(|who| {
            let name = who.name(&played.callers);
            names.contains(name.split(' ').next_back().unwrap_or_default())
        });
        let stories = met.take(STORIES_TOLD_MAX).map(|who| story(who, played, &calls)).collect();
        Self { calls, counts, differences, stories }
    }

    /// Fails with everything that somebody needs who wants to know why.
    pub(crate) fn accept(&self) {
        let told = self.differences.iter().take(DIFFERENCES_TOLD_MAX).cloned().collect::<Vec<_>>();
        assert!(
            self.differences.is_empty(),
            "{} differences:\n{}\n{}",
            self.differences.len(),
            told.join("\n"),
            self.stories.join("\n")
        );
    }
}

/// What happened to a caller, in the order of time.
fn story(who: Who, played: &Played, calls: &[Call]) -> String {
    let mut lines = Vec::new();
    for call in calls.iter().filter(|call| call.who == who) {
        lines.push((call.settled_at_ms, format!("call {} settles, {:?}", call.id, call.kind)));
        lines.extend(call.parts.iter().map(|(at_ms, part)| (*at_ms, format!("call {}: {part:?}", call.id))));
    }
    let deeds = played.deeds.iter().filter(|deed| deed.who == who);
    lines.extend(deeds.map(|deed| (deed.at_ms, format!("{:?}", deed.done))));
    lines.sort_by_key(|(at_ms, _)| *at_ms);
    let lines: String = lines.into_iter().map(|(at_ms, what)| format!("  {at_ms} {what}\n")).collect();
    format!("{}\n{lines}", who.name(&played.callers))
}
