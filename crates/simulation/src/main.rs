//! `calltrail-simulation`: runs seeds, shows the trace of one, or looks for planted bugs.

#![expect(clippy::print_stdout, reason = "the report is what the program is for")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use calltrail_simulation::bugs::{self, PLANTED};
use calltrail_simulation::campaign::{Campaign, Sum, play};
use calltrail_simulation::lost_answers;
use calltrail_simulation::report;
use calltrail_simulation::run::run;
use calltrail_simulation::trace::Trace;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use mimalloc::MiMalloc;

/// A run is many small pieces of memory: a fifth of its time with the system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Runs the whole engine under every fault, in virtual time, and judges what comes of it.
///
/// One seed is one run of some 24 calls with its own faults, and the same run every time. It fails when anything is lost,
/// comes twice, late or in another order, when a subject is wrong, or when the faults were not what they should be.
#[derive(Debug, Parser)]
#[command(name = "calltrail-simulation", version, after_long_help = EXAMPLES)]
struct Arguments {
    /// How many seeds to run, one after the other.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Runs this one seed.
    #[arg(long, conflicts_with_all = ["seeds", "first", "bugs"])]
    seed: Option<u64>,
    /// Shows everything that happens in the run of `--seed`.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Looks for each planted bug, with at most this many seeds, and prints how many it took.
    #[arg(long)]
    bugs: bool,
    /// Plants this bug: the name of a rule that does not hold, as --bugs prints it.
    #[arg(long, value_name = "RULE", conflicts_with = "bugs")]
    bug: Option<String>,
    /// Prints how long an effect takes after one lost answer of Front, by the kind of request, from this many seeds each.
    #[arg(long, conflicts_with_all = ["seed", "bugs", "trace"])]
    lost_answers: bool,
    /// Runs at the same time; by default one for each core.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    threads: Option<u64>,
}

const EXAMPLES: &str = "\
Examples:
  calltrail-simulation --seeds 100000
  calltrail-simulation --seed 4711 --trace | less
  calltrail-simulation --bugs --seeds 20000
  calltrail-simulation --lost-answers --seeds 100
  calltrail-simulation --seeds 1000 --bug AFenceIsComparedAndSet";

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(name) = &arguments.bug {
        let Some(rule) = bugs::named(name) else {
            anyhow::bail!("there is no planted bug `{name}`; --bugs prints the names of all");
        };
        bugs::plant(rule);
    }
    if arguments.lost_answers {
        print!("{}", lost_answers::table(arguments.first, arguments.seeds));
        return Ok(ExitCode::SUCCESS);
    }
    let passed = match arguments.seed {
        Some(seed) => one(seed, arguments.trace),
        None if arguments.bugs => look_for_bugs(&arguments),
        None => many(&arguments),
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn one(seed: u64, with_trace: bool) -> bool {
    let trace = if with_trace { Trace::with_lines() } else { Trace::default() };
    let outcomes = run(seed, None, trace);
    outcomes.trace.lines().iter().for_each(|line| println!("{line}"));
    print!("{}", report::one(&outcomes));
    outcomes.verdict.violations.is_empty()
}

fn many(arguments: &Arguments) -> bool {
    let sum = play(campaign(arguments, false), progress(arguments.seeds));
    print!("{}", report::sum(&sum, threads(arguments)));
    report::failures(&sum).is_empty()
}

/// Every bug has to be found.
fn look_for_bugs(arguments: &Arguments) -> bool {
    let mut missed = 0;
    for rule in PLANTED {
        bugs::plant(rule);
        let known = bugs::known_seed(rule).map(|seed| play(one_seed(seed), |_, _| {}));
        let (first, sum) = match known.filter(|sum| !sum.failed.is_empty()) {
            Some(sum) => (None, sum),
            None => (Some(arguments.first), play(campaign(arguments, true), |_, _| {})),
        };
        println!("{}", report::bug(rule, first, &sum));
        missed += u32::from(sum.failed.is_empty());
    }
    println!("{} planted bugs, {} found", PLANTED.len(), PLANTED.len() as u32 - missed);
    missed == 0
}

fn campaign(arguments: &Arguments, until_found: bool) -> Campaign {
    let Arguments { first, seeds, .. } = *arguments;
    Campaign { first, seeds, threads: threads(arguments), until_found }
}

fn one_seed(first: u64) -> Campaign {
    Campaign { first, seeds: 1, threads: 1, until_found: true }
}

fn threads(arguments: &Arguments) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    arguments.threads.and_then(|threads| usize::try_from(threads).ok()).unwrap_or_else(cores)
}

fn progress(seeds: u64) -> impl Fn(u64, &Sum) {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} seeds, {msg} failed, {eta} left");
    let bar = ProgressBar::new(seeds).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let told = AtomicUsize::new(0);
    move |_, sum| {
        bar.set_position(sum.seeds);
        // Whoever waits for the rest may look at it meanwhile.
        if let Some(seed) =
            sum.failed_last.filter(|_| told.swap(sum.failed.len(), Relaxed) < sum.failed.len())
        {
            let found = sum.failed[&seed].first().map_or("", String::as_str);
            bar.suspend(|| println!("seed {seed}: {found}"));
        }
        if sum.seeds.is_multiple_of(100) {
            bar.set_message(sum.failed.len().to_string());
        }
    }
}
