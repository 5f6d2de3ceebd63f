//! What a check found: how it is, what it is, and how to fix it.

use std::fmt;

use serde::Serialize;

/// The longest word of a state.
const STATE_CHARS: usize = 7;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// It works, and something will be missing.
    Warning,
    /// Calls do not come to Front, or not all of them.
    Problem,
    /// It could not be looked at.
    Skipped,
}

impl State {
    const ALL: [Self; 4] = [Self::Ok, Self::Warning, Self::Problem, Self::Skipped];

    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Skipped => "skipped",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// None when it concerns the whole process.
    pub account: Option<String>,
    pub state: State,
    pub what: String,
    /// None when nothing is to be done.
    pub mend: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, account: None, state: State::Ok, what: what.into(), mend: None }
    }

    pub(super) fn warning(check: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { state: State::Warning, mend: Some(mend.into()), ..Self::ok(check, what) }
    }

    pub(crate) fn problem(check: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { state: State::Problem, mend: Some(mend.into()), ..Self::ok(check, what) }
    }

    pub(super) fn skipped(check: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { state: State::Skipped, mend: Some(mend.into()), ..Self::ok(check, what) }
    }

    fn name(&self) -> String {
        match &self.account {
            Some(account) => format!("{account}: {}", self.check),
            None => self.check.to_owned(),
        }
    }
}

/// Everything that was found, in the order in which it is best mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report(pub Vec<Finding>);

impl Report {
    /// True when calls do not come to Front, or not all of them.
    #[must_use]
    pub fn has_problem(&self) -> bool {
        self.0.iter().any(|finding| finding.state == State::Problem)
    }

    fn count(&self, state: State) -> usize {
        self.0.iter().filter(|finding| finding.state == state).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|finding| finding.name().chars().count()).max().unwrap_or(0);
        for finding in &self.0 {
            let mut lines = finding.what.lines();
            let first = lines.next().unwrap_or_default();
            writeln!(f, "{:STATE_CHARS$} {:width$}  {first}", finding.state.as_str(), finding.name())?;
            let mend = finding.mend.iter().map(|mend| format!("= {mend}"));
            for line in lines.map(str::to_owned).chain(mend) {
                let indent = if line.is_empty() { 0 } else { STATE_CHARS + 1 + width + 2 };
                writeln!(f, "{:indent$}{line}", "")?;
            }
        }
        let counts = State::ALL.map(|state| (self.count(state), state.as_str()));
        let counts =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        let word = if self.0.len() == 1 { "finding" } else { "findings" };
        writeln!(f, "\n{} {word}: {}", self.0.len(), counts.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_an_aligned_list_with_their_mends_below_them() {
        let acme = Finding { account: Some("acme".to_owned()), ..Finding::ok("rate", "fine") };
        let disk = Finding::problem("disk", "10 bytes\nare free", "make room");
        let expect = "ok      acme: rate  fine\n\
                      problem disk        10 bytes\n                    are free\n                    = make room\n\
                      \n2 findings: 1 ok, 1 problem\n";
        let report = Report(vec![acme, disk]);
        assert_eq!(report.to_string(), expect);
        assert!(report.has_problem());
    }
}
