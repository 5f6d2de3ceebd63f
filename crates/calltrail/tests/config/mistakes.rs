//! What is printed for each mistake. A case is a file of `mistakes/`: the configuration, the variables, what is printed.

use std::path::Path;

use calltrail::config::{Environment, load};

use crate::written;

const VARIABLES: &str = "--- variables\n";
const PRINTED: &str = "--- printed\n";

/// What loading `text` with these variables prints, with the folder taken out of the paths.
fn printed(text: &str, variables: &[(&str, &str)]) -> String {
    let (folder, path) = written(text);
    let environment = Environment::from_pairs([("TOKEN", "t")].iter().chain(variables).copied());
    match load(&path, &environment) {
        Ok(_) => "nothing: it is a configuration".to_owned(),
        Err(error) => error.to_string().replace(&format!("{}/", folder.path().display()), ""),
    }
}

#[track_caller]
fn check(name: &str, case: &str) {
    let (text, rest) = case.split_once(VARIABLES).expect("the variables follow the configuration");
    let (variables, expect) = rest.split_once(PRINTED).expect("what is printed follows the variables");
    let variables: Vec<_> = variables.lines().filter_map(|line| line.split_once('=')).collect();
    let printed = printed(text, &variables);
    assert!(printed == expect.trim_end(), "{name} printed:\n{printed}\n\nexpected:\n{expect}");
}

#[test]
fn each_mistake_is_told_with_its_place_and_its_mend() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/mistakes");
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        check(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap());
        cases += 1;
    }
    assert!(cases >= 20, "{cases} cases are there");
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_way_to_get_one() {
    let error = load(Path::new("nowhere/calltrail.toml"), &Environment::default()).unwrap_err();
    let expect = "there is no configuration `nowhere/calltrail.toml`\n  = write one with `calltrail init`, or name \
                  yours with `--config PATH` or the variable CALLTRAIL_CONFIG";
    assert_eq!(error.to_string(), expect);
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let (_folder, path) = written("");
    std::fs::write(&path, b"[log]\n\xff").unwrap();
    let error = load(&path, &Environment::default()).unwrap_err().to_string();
    assert!(error.contains("is not UTF-8: byte 6 begins no character"), "{error}");
}
