//! Every rule is held by a test: with the rule switched off, a test of its row turns red.
//!
//! `just rules` prints the table, after a run of the same tests in which every rule holds. Each line is this test binary once more, in which one rule does not hold.

use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use calltrail_domain::rule::Rule;

use crate::world::RULE_OFF;

/// Runs at the same time: they mostly wait.
const RUNS: usize = 3;
/// Tests at the same time in each run.
const THREADS: &str = "--test-threads=4";

/// One row under one rule that does not hold.
#[derive(Debug)]
struct Line {
    row: &'static str,
    rule: Rule,
    red: usize,
    all: usize,
}

#[test]
fn every_rule_has_a_test_of_its_row_that_turns_red_without_it() {
    let rows = Rule::ALL.into_iter().flat_map(|rule| rule.rows().iter().map(move |row| (*row, rule)));
    let (todo, lines) = (Mutex::new(rows.collect::<VecDeque<_>>()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..RUNS {
            scope.spawn(|| {
                let next = || todo.lock().expect("nobody panics with it").pop_front();
                while let Some((row, rule)) = next() {
                    let line = run_without(row, rule);
                    lines.lock().expect("nobody panics with it").push(line);
                }
            });
        }
    });
    let mut lines = lines.into_inner().expect("nobody panics with it");
    lines.sort_by_key(|line| line.row);
    println!("\n{:<5} {:<42} tests of the row that turn red", "row", "rule switched off");
    for Line { row, rule, red, all } in &lines {
        println!("{:<5} {:<42} {red} of {all}", row.to_uppercase(), words(*rule));
    }
    let held: Vec<_> = lines.iter().filter(|line| line.red == 0).collect();
    assert!(held.is_empty(), "nothing turns red without these rules: {held:#?}");
}

/// The row's tests in a process in which the rule does not hold.
fn run_without(row: &'static str, rule: Rule) -> Line {
    let program = std::env::current_exe().expect("a running test has a program");
    let run = Command::new(program)
        .args([&format!("::{row}_"), THREADS])
        .env(RULE_OFF, format!("{rule:?}"))
        .stderr(Stdio::null())
        .output();
    let printed = String::from_utf8_lossy(&run.expect("the test binary runs").stdout).into_owned();
    let count = |word: &str| {
        let results = printed.lines().filter(|line| line.starts_with("test acceptance::"));
        results.filter(|line| line.ends_with(word)).count()
    };
    Line { row, rule, red: count("FAILED"), all: count("FAILED") + count("ok") }
}

/// `AnImportHasOneExternalId` as "an import has one external id".
fn words(rule: Rule) -> String {
    let name = format!("{rule:?}");
    let spaced = name.char_indices().flat_map(|(at, c)| {
        let gap = (at > 0 && c.is_uppercase()).then_some(' ');
        gap.into_iter().chain(c.to_lowercase())
    });
    spaced.collect()
}
