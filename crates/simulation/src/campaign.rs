//! Many seeds: run on all cores, added up, and judged as a whole.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::check::Lenient;
use crate::fault::Kind;
use crate::limits::{AGAIN_EVERY, WITHOUT_EVERY};
use crate::run::{Outcomes, run};
use crate::trace::Trace;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    pub first: u64,
    pub seeds: u64,
    pub threads: usize,
    /// Ends with the first seed that fails.
    pub until_found: bool,
}

/// What came of all seeds.
#[derive(Debug, Default)]
pub struct Sum {
    pub seeds: u64,
    pub faults: Vec<u64>,
    pub events: u64,
    pub records: u64,
    pub requests: u64,
    pub simulated_ms: i64,
    pub calls: Vec<usize>,
    pub parties: Vec<usize>,
    pub writers: Vec<usize>,
    pub tallies: BTreeMap<&'static str, u64>,
    /// Subjects judged leniently, by the words of the reason.
    pub lenient: BTreeMap<&'static str, u64>,
    /// Seeds that failed, with what was found in each.
    pub failed: BTreeMap<u64, Vec<String>>,
    /// The seed that failed last.
    pub failed_last: Option<u64>,
    /// Seeds that were run twice.
    pub twice: u64,
    /// Faults of which the seed was run again without them.
    pub left_out: u64,
    pub took: Duration,
}

/// Runs the seeds. `tell` is called now and then with how many are done.
pub fn play(campaign: Campaign, tell: impl Fn(u64, &Sum) + Sync) -> Sum {
    let (next, stop, sum) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Sum::default()));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..campaign.threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= campaign.seeds || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let seen = look(campaign.first + place);
                    let mut sum = sum.lock().expect("nobody panics with it");
                    sum.add(seen);
                    if campaign.until_found && !sum.failed.is_empty() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    tell(campaign.seeds, &sum);
                }
            });
        }
    });
    let mut sum = sum.into_inner().expect("nobody panics with it");
    sum.took = started.elapsed();
    sum
}

/// One seed, and what it is compared with.
struct Seen {
    outcomes: Result<Outcomes, String>,
    seed: u64,
    twice: u64,
    left_out: u64,
    more: Vec<String>,
}

fn look(seed: u64) -> Seen {
    let outcomes = run_or_panic(seed, None);
    let mut seen = Seen { outcomes, seed, twice: 0, left_out: 0, more: Vec::new() };
    let Ok(outcomes) = &seen.outcomes else { return seen };
    let hash = outcomes.trace.hash();
    if seed.is_multiple_of(AGAIN_EVERY) {
        seen.twice = 1;
        if run_or_panic(seed, None).map(|again| again.trace.hash()) != Ok(hash) {
            seen.more.push("determinism: the seed was run twice, and the traces differ".to_owned());
        }
    }
    if seed.is_multiple_of(WITHOUT_EVERY) {
        for (number, kind) in &outcomes.numbers {
            seen.left_out += 1;
            if run_or_panic(seed, Some(*number)).map(|without| without.trace.hash()) == Ok(hash) {
                let words = kind.words();
                seen.more.push(format!("counting: the trace is the same without fault {number}, `{words}`"));
            }
        }
    }
    seen
}

/// A core that panics has found a state that it holds to be impossible.
fn run_or_panic(seed: u64, without: Option<u64>) -> Result<Outcomes, String> {
    std::panic::catch_unwind(|| run(seed, without, Trace::default())).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without words").to_owned()
    })
}

impl Sum {
    fn add(&mut self, seen: Seen) {
        self.seeds += 1;
        (self.twice, self.left_out) = (self.twice + seen.twice, self.left_out + seen.left_out);
        let mut found = seen.more;
        match seen.outcomes {
            Ok(outcomes) => {
                found.extend(outcomes.verdict.violations.iter().map(ToString::to_string));
                self.add_outcomes(&outcomes);
            }
            Err(words) => found.push(format!("panic: {words}")),
        }
        if !found.is_empty() {
            self.failed.insert(seen.seed, found);
            self.failed_last = Some(seen.seed);
        }
    }

    fn add_outcomes(&mut self, outcomes: &Outcomes) {
        self.faults.resize(Kind::ALL.len(), 0);
        for (sum, faults) in self.faults.iter_mut().zip(&outcomes.faults) {
            *sum += u64::from(*faults);
        }
        let shape = outcomes.shape;
        self.events += outcomes.trace.events();
        self.records += shape.records as u64;
        self.requests += shape.requests as u64;
        self.simulated_ms += shape.simulated_ms;
        self.calls.push(shape.calls);
        self.parties.push(shape.parties);
        self.writers.push(shape.writers);
        let judged = outcomes.verdict.tallies.named();
        for (mark, count) in outcomes.marks.iter().map(|(mark, count)| (*mark, *count)).chain(judged) {
            *self.tallies.entry(mark).or_default() += count;
        }
        for (reason, count) in Lenient::ALL.iter().zip(outcomes.verdict.tallies.subjects_lenient) {
            *self.lenient.entry(reason.words()).or_default() += count;
        }
    }

    /// The subjects that were judged leniently, and all that were judged.
    #[must_use]
    pub fn subjects(&self) -> (u64, u64) {
        let of = |name: &str| self.tallies.get(name).copied().unwrap_or(0);
        let lenient = self.lenient.values().sum();
        (lenient, lenient + of("subjects kept") + of("subjects opened"))
    }

    /// All faults that were counted.
    #[must_use]
    pub fn faults_counted(&self) -> u64 {
        self.faults.iter().sum()
    }
}

/// The middle one; 0 of none.
#[must_use]
pub fn median(values: &[usize]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}
