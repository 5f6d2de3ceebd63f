//! The program as its users meet it: what it prints, and when it fails.

use std::process::{Command, Output};

use calltrail_simulation::bugs::PLANTED;

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_calltrail-simulation"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("the program prints text")
}

#[test]
fn seeds_pass_and_are_added_up() {
    let output = program(&["--seeds", "12"]);
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    for line in ["seeds                                                             12", "seeds that failed"]
    {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
}

#[test]
fn a_seed_shows_its_trace_and_the_same_one_every_time() {
    let arguments = ["--seed", "7", "--trace"];
    let text = printed(&program(&arguments));
    for what in ["effects.decided", "effect.settled", "ImportMessage", "claims", "seed 7: 24 calls"] {
        assert!(text.contains(what), "{what:?} is missing in the trace");
    }
    assert_eq!(text, printed(&program(&arguments)));
}

#[test]
fn no_number_of_a_caller_stands_in_a_trace() {
    let text = printed(&program(&["--seed", "7", "--trace"]));
    assert!(
        !text.contains("7700900") && !text.contains("447700"),
        "numbers are made-up, and yet not to be shown"
    );
}

#[test]
fn lost_answers_are_shown_by_kind_of_request() {
    let output = program(&["--lost-answers", "--seeds", "2"]);
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    for line in ["create a contact", "read a status", "import", "comment"] {
        assert!(text.lines().any(|shown| shown.starts_with(line)), "{line:?} is missing in\n{text}");
    }
}

#[test]
fn the_share_of_lenient_judgements_is_shown_with_its_reasons() {
    let text = printed(&program(&["--seeds", "12"]));
    let line = text.lines().find(|line| line.starts_with("subjects judged leniently")).expect("it is shown");
    assert!(line.ends_with('%'), "{line}");
    assert!(text.contains("the conversation was merged into another since the segment began"), "{text}");
}

#[test]
fn a_planted_bug_makes_it_fail() {
    let output = program(&["--seeds", "40", "--bug", "AFenceIsComparedAndSet"]);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("FAILED seed"), "{text}");
}

#[test]
fn nonsense_is_refused_with_what_to_do_about_it() {
    let unknown = program(&["--bug", "NoSuchRule"]);
    assert!(!unknown.status.success());
    let words = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(
        words.contains("there is no planted bug `NoSuchRule`; --bugs prints the names of all"),
        "{words}"
    );
    assert!(!program(&["--trace"]).status.success(), "a trace is of one seed");
    assert!(!program(&["--seeds", "many"]).status.success());
    assert!(!program(&["--seeds", "0"]).status.success(), "no seeds show nothing");
}

#[test]
fn there_are_more_than_twenty_planted_bugs_each_with_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = PLANTED.iter().map(|rule| format!("{rule:?}")).collect();
    assert_eq!(names.len(), PLANTED.len());
    assert!(names.len() >= 20, "{}", names.len());
}
