//! The trace of a run: every event that a core, a port or Front took part in. As a hash always, as lines on demand.

use std::fmt;

use crate::dice::mixed;

/// What happened, in order.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    events: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// A trace that also keeps a line for each event.
    #[must_use]
    pub fn with_lines() -> Self {
        Self { lines: Some(Vec::new()), ..Self::default() }
    }

    /// Equal for equal traces, and for no others but by chance.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    /// Notes an event of `who` at `at_ms`; `value` stands for what the event was about.
    pub(crate) fn note(&mut self, at_ms: i64, who: Who, what: &str, value: u64, line: impl fmt::Display) {
        self.events += 1;
        let word = what.bytes().fold(0_u64, |word, byte| word.rotate_left(7) ^ u64::from(byte));
        for part in [at_ms.unsigned_abs(), who.number(), word, value] {
            self.hash = mixed(self.hash ^ part);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>10.3}  {who:<12} {what:<10} {line}", seconds(at_ms)));
        }
    }

    /// Keeps a line about a fault. It is no part of the trace: what a fault changes has to show by itself.
    pub(crate) fn say(&mut self, at_ms: i64, who: Who, what: &str, line: impl fmt::Display) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>10.3}  {who:<12} {what:<10} {line}", seconds(at_ms)));
        }
    }

    /// Notes what the run left behind, which has no time.
    pub(crate) fn seal(&mut self, value: u64) {
        self.hash = mixed(self.hash ^ value);
    }
}

/// Seconds of the run's day, which begins at midnight of some day.
fn seconds(at_ms: i64) -> f64 {
    at_ms.rem_euclid(86_400_000) as f64 / 1000.0
}

/// Who took part in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Ingest(usize),
    Projector(usize),
    Worker(usize, usize),
    Reader(usize, usize),
    Front(usize),
    Person(usize),
    World,
}

impl Who {
    fn number(self) -> u64 {
        let (kind, place) = match self {
            Self::Ingest(place) => (1, place),
            Self::Projector(place) => (2, place),
            Self::Worker(process, worker) => (3, process * 16 + worker),
            Self::Front(place) => (4, place),
            Self::Person(place) => (5, place),
            Self::World => (6, 0),
            Self::Reader(process, turn) => (7, process * 16 + turn),
        };
        kind << 32 | place as u64
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Ingest(place) => format!("ingest {place}"),
            Self::Projector(place) => format!("projector {place}"),
            Self::Worker(process, worker) => format!("writer {process}.{worker}"),
            Self::Reader(process, turn) => format!("reader {process}.{turn}"),
            Self::Front(place) => format!("front {place}"),
            Self::Person(place) => format!("person {place}"),
            Self::World => "world".to_owned(),
        };
        f.pad(&name)
    }
}
