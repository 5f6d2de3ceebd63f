//! Every rule is held by a test: with the rule switched off, a test of its row turns red.
//!
//! `just rules` prints the table, after a run of the same tests in which every rule holds. Each line is this test binary once
//! more, in which one rule does not hold. Without `just rules` such a run ends at its first red test, which is all the proof
//! that is needed: the others may have to time out first.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use calltrail_domain::rule::Rule;

use crate::world::RULE_OFF;

/// Runs at the same time: they mostly wait.
const RUNS: usize = 3;
/// Where the tests of rows are, and those of the reader.
const FOLDERS: [&str; 2] = ["acceptance", "backfill"];
/// Tests at the same time in each run.
const THREADS: &str = "--test-threads=4";
/// The variable with which every test of a row is run to its end, so that all that turn red are counted.
const COUNT_ALL: &str = "CALLTRAIL_TEST_COUNT_RED";

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
    // Tests that are ended early leave their folders behind.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut run = Command::new(program)
        .args([&format!("::{row}_"), THREADS])
        .env(RULE_OFF, format!("{rule:?}"))
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test binary runs");
    let printed = BufReader::new(run.stdout.take().expect("its output is piped"));
    let counts_all = std::env::var_os(COUNT_ALL).is_some();
    let mut line = Line { row, rule, red: 0, all: 0 };
    let is_result =
        |line: &String| FOLDERS.iter().any(|folder| line.starts_with(&format!("test {folder}::")));
    for result in printed.lines().map_while(Result::ok).filter(is_result) {
        line.red += usize::from(result.ends_with("FAILED"));
        line.all += usize::from(result.ends_with("FAILED") || result.ends_with("ok"));
        if line.red > 0 && !counts_all {
            run.kill().expect("the run is our own");
            break;
        }
    }
    run.wait().expect("the run ends");
    line
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
