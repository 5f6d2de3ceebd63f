//! What must hold after every run, whatever went wrong in it.
//!
//! **Invariant:** nothing here folds, decides, renders or sends anything: the checkers read what Front holds, what
//! Aircall and people did, and what the log says, and know the rules from the documents alone.

mod apart;
mod archive;
mod chain;
mod convergence;
mod erasure;
mod front;
mod gate;
mod limits;
mod log;
mod loss;
mod once;
mod order;
mod pace;
mod parties;
mod people;
mod quiet;
mod rate;
mod reading;
mod records;
mod replay;
mod segment;
mod status;
mod subject;
#[cfg(test)]
mod tests;
mod thread;
mod view;

use std::fmt;

use crate::evidence::Evidence;
use segment::LENIENT_REASONS;
pub use segment::Lenient;
use view::View;

/// What the checkers say about one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub violations: Vec<Violation>,
    pub tallies: Tallies,
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub checker: &'static str,
    pub account: Option<String>,
    /// One sentence; it names calls, sequences, conversations and times, and no phone number.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            Some(account) => write!(f, "{} ({account}): {}", self.checker, self.what),
            None => write!(f, "{}: {}", self.checker, self.what),
        }
    }
}

/// What was looked at, and how strictly: a run that judges nothing strictly shows nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Calls that were told to be over.
    pub calls: u64,
    /// Messages and comments of calls in Front.
    pub activities: u64,
    pub comments: u64,
    /// Activities and comments that are missing rightly: Front refused them, or what they need.
    pub refused: u64,
    /// Activities and comments that are missing rightly: they were deleted with their conversation, or came late for it.
    pub deleted: u64,
    /// Decisions that did not count, because the conversation was gone.
    pub undone: u64,
    /// Calls that are missing rightly: first told more than 12 hours after their end.
    pub old_calls: u64,
    /// Comments too many, in the window that nothing can close.
    pub late_comment_copies: u64,
    /// Calls whose subject must be that of the open segment, or their own.
    pub subjects_kept: u64,
    pub subjects_opened: u64,
    /// Calls whose subject may be either, by the place of the reason in [`Lenient::ALL`].
    pub subjects_lenient: [u64; LENIENT_REASONS],
    /// Activities that came late and stand under the segment's subject, of those that could be judged.
    pub late_activities: u64,
    /// Conversations whose assignee is explained by one act, and by one of several.
    pub assignees_strict: u64,
    pub assignees_lenient: u64,
    /// Archivings by people that had to last to the end.
    pub archivings_kept: u64,
    /// Reopenings of ours that could be judged, and those that had an archiving under way beside them.
    pub reopenings_strict: u64,
    pub reopenings_lenient: u64,
    /// Requests answered 429: Calltrail asked too much, or Front saw them later than they were sent.
    pub refused_429: u64,
    /// Decisions of a step that another record had decided before.
    pub second_decisions: u64,
    /// Effects that were decided by a party that was joined meanwhile, and so never settled.
    pub dropped_effects: u64,
    /// Effects whose wait was judged.
    pub waits_judged: u64,
    /// Pairs of folds at one sequence.
    pub folds_compared: u64,
    /// Calls into a conversation that was quiet for long and that a mass action had changed.
    pub quiet_calls: u64,
    /// Calls that were read from Aircall's list.
    pub calls_read: u64,
    /// Conversations that have nothing but history.
    pub conversations_of_history: u64,
    /// Bulk items that were published, and those that were claimed while a live one waited.
    pub bulk_items: u64,
    pub bulk_ahead: u64,
}

impl Tallies {
    /// Each tally with its name, in a fixed order.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("calls", self.calls),
            ("activities", self.activities),
            ("comments", self.comments),
            ("refused", self.refused),
            ("deleted", self.deleted),
            ("undone", self.undone),
            ("old calls", self.old_calls),
            ("late comment copies", self.late_comment_copies),
            ("subjects kept", self.subjects_kept),
            ("subjects opened", self.subjects_opened),
            ("subjects lenient", self.subjects_lenient.iter().sum()),
            ("late activities", self.late_activities),
            ("assignees strict", self.assignees_strict),
            ("assignees lenient", self.assignees_lenient),
            ("archivings kept", self.archivings_kept),
            ("reopenings strict", self.reopenings_strict),
            ("reopenings lenient", self.reopenings_lenient),
            ("refused 429", self.refused_429),
            ("second decisions", self.second_decisions),
            ("dropped effects", self.dropped_effects),
            ("waits judged", self.waits_judged),
            ("folds compared", self.folds_compared),
            ("quiet calls", self.quiet_calls),
            ("calls read", self.calls_read),
            ("conversations of history", self.conversations_of_history),
            ("bulk items", self.bulk_items),
            ("bulk ahead of live", self.bulk_ahead),
        ]
    }
}

/// The name of a checker and what it does.
type Checker = (&'static str, fn(&View<'_>, &mut Findings));

const CHECKERS: [Checker; 16] = [
    ("loss", loss::check),
    ("once", once::check),
    ("order", order::check),
    ("subject", subject::check),
    ("archive", archive::check),
    ("people", people::check),
    ("replay", replay::check),
    ("convergence", convergence::check),
    ("rate", rate::check),
    ("apart", apart::check),
    ("log", log::check),
    ("gate", gate::check),
    ("pace", pace::check),
    ("quiet", quiet::check),
    ("erasure", erasure::check),
    ("reading", reading::check),
];

/// Judges one run.
#[must_use]
pub fn check(evidence: &Evidence) -> Verdict {
    let view = View::of(evidence);
    let mut findings = Findings { checker: "", verdict: Verdict::default() };
    for (name, check) in CHECKERS {
        findings.checker = name;
        check(&view, &mut findings);
    }
    findings.verdict
}

/// What the checkers write to.
#[derive(Debug)]
struct Findings {
    checker: &'static str,
    verdict: Verdict,
}

impl Findings {
    fn tallies(&mut self) -> &mut Tallies {
        &mut self.verdict.tallies
    }

    /// A violation in one account.
    fn of(&mut self, account: &str, what: String) {
        self.push(Some(account.to_owned()), what);
    }

    /// A violation of no account.
    fn push(&mut self, account: Option<String>, what: String) {
        self.verdict.violations.push(Violation { checker: self.checker, account, what });
    }
}
