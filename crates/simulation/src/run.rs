//! One seed, one run.

use calltrail_domain::effect::Outcome;
use calltrail_domain::record::RecordBody;

use crate::check::{self, Verdict};
use crate::engine::Engine;
use crate::evidence::Evidence;
use crate::fault::Kind;
use crate::marks::{self, Marks};
use crate::trace::Trace;

/// What came of a run.
#[derive(Debug)]
pub struct Outcomes {
    pub seed: u64,
    pub verdict: Verdict,
    pub trace: Trace,
    /// Counted faults, by the place of their kind in [`Kind::ALL`].
    pub faults: Vec<u32>,
    /// The number of each of them, with which it can be left out.
    pub numbers: Vec<(u64, Kind)>,
    pub shape: Shape,
    pub marks: Marks,
}

/// How large a run is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shape {
    pub calls: usize,
    pub parties: usize,
    pub writers: usize,
    pub records: usize,
    pub requests: usize,
    /// From the first event to the last.
    pub simulated_ms: i64,
}

/// Runs a seed and judges it; `without` leaves out the fault of that number.
#[must_use]
pub fn run(seed: u64, without: Option<u64>, trace: Trace) -> Outcomes {
    let mut engine = Engine::new(seed, without, trace);
    let at_rest = engine.run();
    let mut trace = std::mem::take(&mut engine.trace);
    let (faults, numbers) = (engine.faults.counted().to_vec(), engine.faults.numbers().to_vec());
    let (shape, mut marks) = (engine.shape(), std::mem::take(&mut engine.marks));
    let evidence = engine.into_evidence(at_rest);
    let verdict = check::check(&evidence);
    marks::of_log(&evidence, &mut marks);
    seal(&mut trace, &evidence);
    Outcomes { seed, verdict, trace, faults, numbers, shape, marks }
}

/// The log's outcomes and every message belong to the trace.
fn seal(trace: &mut Trace, evidence: &Evidence) {
    for logged in &evidence.log {
        if let RecordBody::EffectSettled(settled) = &logged.record.body {
            trace.seal(settled.ordinal << 8 | u64::from(matches!(settled.outcome, Outcome::Applied { .. })));
        }
    }
    for account in &evidence.accounts {
        for event in &account.front.events {
            trace.seal(event.at_ms.unsigned_abs());
        }
        for message in account.front.conversations.iter().flat_map(|row| &row.messages) {
            trace.seal(message.number as u64 ^ message.imported_at_ms.unsigned_abs());
        }
    }
    evidence.folds.iter().for_each(|(_, through, hash)| trace.seal(through ^ hash));
}
