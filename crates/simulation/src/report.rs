//! What a person reads after a campaign.

use std::fmt::Write as _;

use calltrail_domain::rule::Rule;

use crate::campaign::{Sum, median};
use crate::fault::{Kind, RARE};
use crate::marks;
use crate::run::Outcomes;

/// Each kind of fault is at least so much of all, in thousandths.
const SHARE_PERMILLE_MIN: u64 = 7;
/// The same for what is a burst by itself.
const SHARE_OF_RARE_PERMILLE_MIN: u64 = 0;
/// The smallest median run: calls, parties, writers.
const SHAPE_MIN: [usize; 3] = [20, 3, 2];
/// The most subjects that may be judged leniently, in thousandths.
const LENIENT_PERMILLE_MAX: u64 = 50;
/// With fewer seeds than this a rare thing need not have happened.
const SEEDS_FOR_COVERAGE: u64 = 2_000;
/// Seeds that are shown with what was found.
const FAILED_SHOWN: usize = 10;
const MS_PER_YEAR: f64 = 365.25 * 86_400_000.0;

/// The outcome of one seed.
#[must_use]
pub fn one(outcomes: &Outcomes) -> String {
    let mut text = String::new();
    let shape = outcomes.shape;
    let faults: u32 = outcomes.faults.iter().sum();
    let _ = writeln!(
        text,
        "seed {}: {} calls, {} parties, {} writers, {} records, {} requests, {} events, {faults} faults, trace {:016x}",
        outcomes.seed,
        shape.calls,
        shape.parties,
        shape.writers,
        shape.records,
        shape.requests,
        outcomes.trace.events(),
        outcomes.trace.hash(),
    );
    for violation in &outcomes.verdict.violations {
        let _ = writeln!(text, "VIOLATION {violation}");
    }
    text
}

/// The outcome of many seeds.
#[must_use]
pub fn sum(sum: &Sum, threads: usize) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<52} {value:>15}");
    };
    line("seeds", grouped(sum.seeds));
    line("wall-clock time, seconds", format!("{:.1}", sum.took.as_secs_f64()));
    line("threads", threads.to_string());
    line("simulated time, years", format!("{:.1}", sum.simulated_ms as f64 / MS_PER_YEAR));
    line("events", grouped(sum.events));
    line("records in the logs", grouped(sum.records));
    line("requests to Front", grouped(sum.requests));
    line("median run: calls, parties, writers", shape(sum).map(|of| of.to_string()).join(", "));
    line("seeds run twice, with the same trace", grouped(sum.twice));
    line("faults left out, with another trace", grouped(sum.left_out));
    line("faults", grouped(sum.faults_counted()));
    for (kind, faults) in Kind::ALL.iter().zip(&sum.faults) {
        let share = *faults as f64 * 100.0 / sum.faults_counted().max(1) as f64;
        let _ = writeln!(text, "  {:<50} {:>15} {share:>5.1} %", kind.words(), grouped(*faults));
    }
    let _ = writeln!(text, "what happened");
    for (mark, count) in &sum.tallies {
        let _ = writeln!(text, "  {mark:<50} {:>15}", grouped(*count));
    }
    let (lenient, judged) = sum.subjects();
    let share = lenient as f64 * 100.0 / judged.max(1) as f64;
    let _ = writeln!(text, "{:<52} {:>15}", "subjects judged leniently", format!("{share:.1} %"));
    for (reason, count) in &sum.lenient {
        let _ = writeln!(text, "  {reason:<66} {:>9}", grouped(*count));
    }
    for failure in failures(sum) {
        let _ = writeln!(text, "FAILED {failure}");
    }
    let _ = writeln!(text, "{:<52} {:>15}", "seeds that failed", grouped(sum.failed.len() as u64));
    text
}

/// Everything that is wrong with a campaign, in words.
#[must_use]
pub fn failures(sum: &Sum) -> Vec<String> {
    let mut failures = Vec::new();
    for (seed, found) in sum.failed.iter().take(FAILED_SHOWN) {
        let more = if found.len() > 1 { format!(" (and {} more)", found.len() - 1) } else { String::new() };
        let first = found.first().map_or("", String::as_str);
        failures.push(format!("seed {seed}: {first}{more}"));
    }
    for (of, (is, min)) in ["calls", "parties", "writers"].iter().zip(shape(sum).into_iter().zip(SHAPE_MIN)) {
        if is < min {
            failures.push(format!("the median run has {is} {of}; it should have at least {min}"));
        }
    }
    let (lenient, judged) = sum.subjects();
    if lenient * 1000 > judged * LENIENT_PERMILLE_MAX {
        failures.push(format!(
            "{lenient} of {judged} subjects were judged leniently; it should be one in twenty"
        ));
    }
    if sum.seeds < SEEDS_FOR_COVERAGE {
        return failures;
    }
    let all = sum.faults_counted();
    for (kind, faults) in Kind::ALL.iter().zip(&sum.faults) {
        let least = if RARE.contains(kind) { SHARE_OF_RARE_PERMILLE_MIN } else { SHARE_PERMILLE_MIN };
        if faults * 1000 < all * least {
            failures.push(format!(
                "{faults} of {all} faults are `{}`; it should be {least} in a thousand",
                kind.words()
            ));
        }
    }
    let missing = marks::EXPECTED.iter().filter(|mark| !sum.tallies.contains_key(*mark));
    failures.extend(missing.map(|mark| format!("`{mark}` has never happened")));
    failures
}

/// One planted bug, and what it took to find it: seeds from `first_seed` on, one after the other, or the one that is known to.
#[must_use]
pub fn bug(rule: Rule, first_seed: Option<u64>, sum: &Sum) -> String {
    let name = format!("{rule:?}");
    match sum.failed.iter().next() {
        Some((seed, found)) => {
            let first = found.first().map_or("", String::as_str);
            match first_seed {
                Some(from) => {
                    format!("{name:<40} found after {:>6} seeds: {first}", grouped(seed - from + 1))
                }
                None => format!("{name:<40} found by seed {:>10}: {first}", grouped(*seed)),
            }
        }
        None => format!("{name:<40} NOT FOUND in {} seeds", grouped(sum.seeds)),
    }
}

fn shape(sum: &Sum) -> [usize; 3] {
    [median(&sum.calls), median(&sum.parties), median(&sum.writers)]
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
